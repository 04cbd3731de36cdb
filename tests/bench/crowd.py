"""Many Rollouts beside the one that is real: their pods and their gateway are played, as the fault tests play them.

A real gateway would need minutes to route for thousands of Rollouts, and it is not what is measured. The API server,
its controllers and all objects are real.
"""

import json
import socket
import ssl
import threading
from pathlib import Path

from cluster import Cluster
from cluster.client import ApiError
from cluster.control_plane import API_PORT
from journal import KINDS, Api, Change, Journal, Object
from played import Hands
from story import Story
from wire import Hangup

NAMESPACE = "crowd"
ROLLOUTS = f"/apis/sluice.dev/v1alpha1/namespaces/{NAMESPACE}/rollouts"
BATCH = 100  # Rollouts that are made at once
KEPT = {  # what belongs to a Rollout: where the store has it, and where the API server serves it
    "sluice.dev/rollouts": "/apis/sluice.dev/v1alpha1/rollouts",
    "deployments": "/apis/apps/v1/deployments",
    "services/specs": "/api/v1/services",
    "endpointslices": "/apis/discovery.k8s.io/v1/endpointslices",
    "pods": "/api/v1/pods",
    "gateway.networking.k8s.io/httproutes": "/apis/gateway.networking.k8s.io/v1/httproutes",
}
METRICS = ("errors", "timeouts", "refusals")  # of an active Rollout


class Board(Journal):
    """What pods and routes there are now. Without their past, which nobody asks for here."""

    def start(self) -> None:
        for kind in ("pods", "httproutes"):
            threading.Thread(target=self._follow, args=(kind, KINDS[kind]), daemon=True).start()
        for _ in range(2):
            self.synced.acquire()

    def find(self, kind: str, namespace: str, name: str) -> Object | None:
        with self._lock:
            return self._objects.get((namespace, name), {}).get(kind, {}).get(name)

    def _note(self, change: Change) -> None:
        metadata = change.object["metadata"]
        if metadata["namespace"] != NAMESPACE:
            return
        with self._lock:
            objects = self._objects.setdefault((NAMESPACE, metadata["name"]), {}).setdefault(change.kind, {})
            if change.type == "DELETED":
                objects.pop(change.name, None)
            else:
                objects[change.name] = change.object
        for listener in self._listeners:
            listener(change)


class Crowd:
    def __init__(self, cluster: Cluster, size: int, prometheus: str) -> None:
        self.cluster = cluster
        self.size = size
        self.prometheus = prometheus
        self._tls = ssl.create_default_context(cafile=cluster.site.pki.cert("ca"))
        self._tls.load_cert_chain(cluster.site.pki.cert("admin"), cluster.site.pki.key("admin"))
        self.api = Api(self._connect)
        cluster.ensure_namespace(NAMESPACE)
        board = Board(self.api)
        board.start()
        self._hands = Hands(self.api, board)

    def _connect(self) -> ssl.SSLSocket:
        try:
            plain = self.cluster.site.namespaces.connect("127.0.0.1", API_PORT, timeout=30)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(None)
            return self._tls.wrap_socket(plain, server_hostname="127.0.0.1")
        except OSError as problem:
            raise Hangup(f"the API server cannot be reached: {problem}") from None

    def name(self, number: int) -> str:
        return f"idle-{number:05}"

    def manifest(self, number: int, version: str, active: bool = False) -> dict:
        """`active`: in a canary stage that does not end, with three metrics, looked at every 30 s."""
        story = Story(self.cluster, Path(), self.name(number))
        manifest = story.manifest(version, 0.0, "idle", replicas=1)
        manifest["metadata"]["namespace"] = NAMESPACE
        body = manifest["spec"]
        body["traffic"]["gatewayAPI"]["parentRefs"] = [{"name": "played"}]
        if active:
            metric = json.dumps(body["analysis"]["metrics"][0])
            counted = {name: json.loads(metric.replace("http_requests_total", f"{name}_total")) for name in METRICS}
            body["analysis"]["metrics"] = [{**one, "name": name} for name, one in counted.items()]
            body["analysis"]["prometheus"] = {"address": self.prometheus}
            body["analysis"]["interval"] = "30s"
            body["analysis"]["warmup"] = "0s"
            body["stages"] = [{"name": "canary", "canary": {"weights": [20], "minLooks": 1000}, "maxDuration": "24h"}]
        return manifest

    def apply(self, version: str, active: bool = False) -> None:
        manifests = [self.manifest(number, version, active) for number in range(1, self.size + 1)]
        for start in range(0, len(manifests), BATCH):
            items = {"apiVersion": "v1", "kind": "List", "items": manifests[start : start + BATCH]}
            self.cluster.apply(json.dumps(items))

    def copy(self, size: int) -> None:
        """Makes copies of the first one with all that belongs to it, as it is now, until there are `size`. No
        controller may be at work: the copies come to be in any order."""
        kept = [(folder, path, item) for folder, path in KEPT.items() for item in self._of_the_first(path)]
        uids = {item["metadata"]["uid"] for _, _, item in kept}
        for begin in range(self.size + 1, size + 1, BATCH):
            copies = {}
            for number in range(begin, min(begin + BATCH, size + 1)):
                for folder, _, item in kept:
                    text = json.dumps(item).replace(self.name(1), self.name(number))
                    for uid in uids:
                        text = text.replace(uid, f"{uid[:-6]}{number:06}")
                    copies[f"/registry/{folder}/{NAMESPACE}/{self._name_of_copy(item, number)}"] = text
            self.cluster.write_store(copies)
        self.size = size
        last = [f"{_inside(path)}/{self._name_of_copy(item, size)}" for _, path, item in kept]
        self.cluster.wait_for(lambda: all(map(self._is_cached, last)), "the API server to read its store", 900, 1)

    def _name_of_copy(self, item: Object, number: int) -> str:
        return item["metadata"]["name"].replace(self.name(1), self.name(number))

    def _is_cached(self, path: str) -> bool:
        try:
            return bool(self.api.request("GET", f"{path}?resourceVersion=0"))
        except ApiError:
            return False

    def _of_the_first(self, path: str) -> list[Object]:
        """As the store has them: there an object's version is not part of it. Without the cluster's addresses, for the
        API server would tell in an event of each Service that it shares one."""
        found = self.api.request("GET", _inside(path))
        items = [item for item in found["items"] if item["metadata"]["name"].startswith(self.name(1))]
        for item in items:
            item.update(apiVersion=found["apiVersion"], kind=found["kind"].removesuffix("List"))
            del item["metadata"]["resourceVersion"]
            if "clusterIP" in item.get("spec", {}):
                item["spec"].update(clusterIP="None", clusterIPs=["None"])
        return items

    def count(self, predicate) -> int:
        """How many Rollouts have a status for which `predicate` holds."""
        found = self.api.request("GET", ROLLOUTS)["items"]
        return sum(1 for item in found if predicate(item.get("status", {})))

    def status(self, number: int) -> dict:
        found = self.api.request("GET", f"{ROLLOUTS}/{self.name(number)}")
        current = found.get("status", {}).get("observedGeneration", 0) >= found["metadata"]["generation"]
        return found["status"] if current else {}


def _inside(path: str) -> str:
    """Of a kind in the crowd's namespace."""
    group, kind = path.rsplit("/", 1)
    return f"{group}/namespaces/{NAMESPACE}/{kind}"
