"""Plays what the control plane lacks: the kubelet, the gateway, the users and Prometheus.

Pods become ready and go when they are to go; those of Jobs run and succeed, and a load test prints its result; a
route is accepted as soon as it is written; users send RATE requests a second, split by the weights of the accepted
route and then evenly over a revision's ready pods, of which a pod fails the share that its environment variable
ERROR_SHARE names. Nothing is random, so that the same looks see the same.
"""

import itertools
import json
import re
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from fractions import Fraction
from urllib.parse import parse_qs

from cluster.client import ApiError
from fault_kinds import Backend
from journal import LABEL, Api, Change, Journal, Object
from wire import Answer, Hangup, Request, Wire

RATE = 4000  # requests a second to each Rollout
PERIOD = 0.25  # seconds between two scrapes
NODE = "played"
REVISION = "sluice.dev/revision"
STAGE = "sluice.dev/stage"  # a Job's pod has this one instead
_WINDOW = {"at": 0, "seconds": 60, "askedRate": 50, "requests": 3000, "failures": 0, "responseTimes": {"12": 3000}}
RESULT = {"kind": "LoadTestResult", "apiVersion": "sluice.dev/v1alpha1", "startedAt": 1767225600, "windows": [_WINDOW]}


class Hands:
    """The kubelet and the gateway: level-triggered, so that a failed visit is made again."""

    def __init__(self, api: Api, journal: Journal) -> None:
        self._api = api
        self._journal = journal
        self._pool = ThreadPoolExecutor(8, "hands")
        self._busy: set[tuple[str, str, str]] = set()
        self._written: dict[tuple[str, str, str], int] = {}  # at which version: what is older is no news
        self._lock = threading.Lock()
        self._addresses = itertools.count(256)
        journal.listen(self._on_change)
        threading.Thread(target=self._again, daemon=True).start()

    def _again(self) -> None:
        while True:
            time.sleep(1)
            for kind in ("pods", "httproutes"):
                for found in self._journal.all_objects(kind):
                    self._visit_later(kind, found)

    def _on_change(self, change: Change) -> None:
        if change.kind not in ("pods", "httproutes"):
            return
        if change.type == "DELETED":
            with self._lock:
                self._written.pop(_key(change.kind, change.object), None)
        else:
            self._visit_later(change.kind, change.object)

    def _visit_later(self, kind: str, found: Object) -> None:
        act: Callable[[Object], int] = self._route if kind == "httproutes" else self._pod
        idle = _accepted(found) if kind == "httproutes" else _settled(found)
        key = _key(kind, found)
        with self._lock:
            if idle or key in self._busy or _version(found) < self._written.get(key, 0):
                return
            self._busy.add(key)
        self._pool.submit(self._visit, act, found, key)

    def _visit(self, act: Callable[[Object], int], found: Object, key: tuple[str, str, str]) -> None:
        try:
            version = act(found)
            with self._lock:
                self._written[key] = version
        except (ApiError, OSError):
            pass  # gone, changed meanwhile, or the API server is away: seen again, done again
        finally:
            with self._lock:
                self._busy.discard(key)
            newest = self._newest(key)
            if newest and newest is not found:
                self._visit_later(key[0], newest)

    def _newest(self, key: tuple[str, str, str]) -> Object | None:
        return self._journal.find(*key)

    def _pod(self, pod: Object) -> int:
        path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
        if "deletionTimestamp" in pod["metadata"]:
            self._api.request("DELETE", f"{path}?gracePeriodSeconds=0")
            return sys.maxsize  # nothing comes after it
        if not pod["spec"].get("nodeName"):
            target = {"kind": "Node", "name": NODE}
            name = {"name": pod["metadata"]["name"]}
            binding = {"apiVersion": "v1", "kind": "Binding", "metadata": name, "target": target}
            self._api.request("POST", f"{path}/binding", binding)
        if STAGE in pod["metadata"]["labels"]:
            return self._test(pod, path)
        address = pod.get("status", {}).get("podIP") or self._new_address()  # a pod keeps it as long as it lives
        since = {"status": "True", "lastTransitionTime": _now()}
        conditions = [{"type": kind, **since} for kind in ("Initialized", "ContainersReady", "Ready", "PodScheduled")]
        status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "conditions": conditions}
        return self._patch(path, status, "strategic-merge-patch")

    def _new_address(self) -> str:
        number = next(self._addresses)
        return f"10.78.{number // 256 % 256}.{number % 256}"

    def _test(self, pod: Object, path: str) -> int:
        """Runs at the first visit, and has succeeded at the next."""
        runs = pod.get("status", {}).get("phase") == "Running"
        state = {"terminated": {"exitCode": 0, "reason": "Completed"}} if runs else {"running": {"startedAt": _now()}}
        container = pod["spec"]["containers"][0]["name"]
        one = {"name": container, "image": "played", "imageID": "", "ready": not runs, "restartCount": 0}
        status = {"phase": "Succeeded" if runs else "Running", "containerStatuses": [{**one, "state": state}]}
        return self._patch(path, status, "strategic-merge-patch")

    def _route(self, route: Object) -> int:
        generation = {"status": "True", "observedGeneration": route["metadata"]["generation"]}
        answers = [{"type": kind, "reason": kind, "message": "played", "lastTransitionTime": _now(), **generation}
                   for kind in ("Accepted", "ResolvedRefs")]  # fmt: skip
        parents = [{"parentRef": parent, "controllerName": "sluice.dev/played", "conditions": answers}
                   for parent in route["spec"]["parentRefs"]]  # fmt: skip
        metadata = route["metadata"]
        path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{metadata['namespace']}/httproutes/{metadata['name']}"
        return self._patch(path, {"parents": parents}, "merge-patch")

    def _patch(self, path: str, status: Object, kind: str) -> int:
        return _version(self._api.request("PATCH", f"{path}/status", {"status": status}, f"application/{kind}+json"))


class Users:
    """Requests, and what pods would have counted of them, scraped every PERIOD."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._pods: dict[tuple[str, str], Counted] = {}
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        due = last = time.monotonic()
        while True:
            due += PERIOD
            time.sleep(max(0.0, due - time.monotonic()))
            elapsed, last = time.monotonic() - last, time.monotonic()
            self._scrape(elapsed)

    def _scrape(self, elapsed: float) -> None:
        ready: dict[tuple[str, str, str], list[Object]] = {}
        for pod in self._journal.all_objects("pods"):
            if _settled(pod) and REVISION in pod["metadata"]["labels"]:
                labels = pod["metadata"]["labels"]
                ready.setdefault((pod["metadata"]["namespace"], labels[LABEL], labels[REVISION]), []).append(pod)
        sent = {
            (route["metadata"]["namespace"], *key): RATE * elapsed * share
            for route in self._journal.all_objects("httproutes")
            if _accepted(route)
            for key, share in shares(route).items()
        }
        now = round(time.time(), 3)
        with self._lock:
            for key, pods in ready.items():
                for pod in pods:
                    counted = self._pods.setdefault((key[0], pod["metadata"]["name"]), Counted(pod))
                    counted.scrape(now, float(sent.get(key, 0)) / len(pods))

    def forget(self, namespace: str, rollout: str) -> None:
        with self._lock:
            for key in [k for k in self._pods if k[0] == namespace and k[1].startswith(rollout + "-")]:
                del self._pods[key]

    def answer(self, request: Request) -> Answer:
        """What Prometheus would say to an instant query of a range selector."""
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        asked = re.fullmatch(r"(\w+)\{(.*)\}\[(\d+)ms\]", form["query"])
        if not asked:
            raise Hangup(f"not a question that the tests know: {form['query']}")
        end = float(form["time"])
        begin = end - int(asked[3]) / 1000
        matchers = _matchers(asked[2])
        with self._lock:
            found = [
                {"metric": {"__name__": asked[1], **counted.labels}, "values": values}
                for counted in self._pods.values()
                if all(matches(counted.labels) for matches in matchers)
                and (values := counted.between(asked[1], begin, end))
            ]
        text = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": found}})
        return Answer(200, [("Content-Type", "application/json")], text.encode())


class Counted:
    """One pod's counters and their samples."""

    def __init__(self, pod: Object) -> None:
        environment = pod["spec"]["containers"][0].get("env", [])
        self._error_share = next((float(e["value"]) for e in environment if e["name"] == "ERROR_SHARE"), 0.0)
        self._total = 0.0
        self._samples: list[tuple[float, float]] = []
        metadata = pod["metadata"]
        self.labels = {"namespace": metadata["namespace"], "pod": metadata["name"], "instance": metadata["name"]}

    def scrape(self, now: float, requests: float) -> None:
        if self._samples:  # one that has just become ready has served nobody yet
            self._total += requests
        self._samples.append((now, self._total))

    def between(self, metric: str, begin: float, end: float) -> list[list[float | str]]:
        share = self._error_share if metric == "errors_total" else 1.0
        return [[at, str(int(total * share))] for at, total in self._samples if begin <= at <= end]


class Prometheus:
    """A Backend that answers from what users were counted to do."""

    def __init__(self, users: Users) -> None:
        self._users = users

    def ask(self, request: Request, reader: Wire | None = None) -> Answer:
        return self._users.answer(request)

    def fresh(self) -> "Prometheus":
        return self

    def close(self) -> None:
        pass


class WithLogs:
    """A Backend: another one, but for the logs of pods, which an API server would ask the kubelet for."""

    def __init__(self, api_server: Backend, journal: Journal) -> None:
        self._api_server = api_server
        self._journal = journal

    def ask(self, request: Request, reader: Wire | None = None) -> Answer:
        asked = re.fullmatch(r"/api/v1/namespaces/([^/]+)/pods/([^/]+)/log", request.path)
        if not asked:
            return self._api_server.ask(request, reader)
        if self._journal.find("pods", asked[1], asked[2]) is None:
            return Answer(404, [("Content-Type", "text/plain")], b"no such pod")
        return Answer(200, [("Content-Type", "text/plain")], b"begins\n" + json.dumps(RESULT).encode() + b"\n")

    def fresh(self) -> "WithLogs":
        return WithLogs(self._api_server.fresh(), self._journal)

    def close(self) -> None:
        self._api_server.close()


def be_a_node(api: Api) -> None:
    """Says every 10 seconds that the Node is ready: endpoints are made only of pods that are on one."""
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}}
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
             "metadata": {"name": NODE, "namespace": "kube-node-lease"}}  # fmt: skip

    def once() -> None:
        ready = {"type": "Ready", "status": "True", "reason": "Played", "message": "", "lastHeartbeatTime": _now()}
        spec = {"holderIdentity": NODE, "leaseDurationSeconds": 40, "renewTime": _now(".%fZ")}
        api.apply(f"/api/v1/nodes/{NODE}", node)
        api.apply(f"/api/v1/nodes/{NODE}/status", {**node, "status": {"conditions": [ready]}})
        path = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{NODE}"
        api.apply(path, {**lease, "spec": spec})

    def forever() -> None:
        pause = 10.0
        while True:
            time.sleep(pause)
            try:
                once()
                pause = 10.0
            except (ApiError, OSError):
                pause = 0.5  # the API server is away, and will take a node for lost that is late when it is back

    once()
    threading.Thread(target=forever, daemon=True).start()


def shares(route: Object) -> dict[tuple[str, str], Fraction]:
    """(Rollout, revision) -> its share of the requests that this route carries."""
    rollout = route["metadata"]["name"]
    weights: dict[tuple[str, str], int] = {}
    for backend in route["spec"]["rules"][0]["backendRefs"]:
        key = (rollout, backend["name"].removeprefix(rollout + "-"))
        weights[key] = weights.get(key, 0) + backend["weight"]
    total = sum(weights.values())
    return {key: Fraction(weight, total) for key, weight in weights.items()} if total else {}


def _accepted(route: Object) -> bool:
    """Whether the gateway has answered for the route as it is now."""
    parents = route.get("status", {}).get("parents", [])
    seen = [c["observedGeneration"] for parent in parents for c in parent["conditions"]]
    return bool(seen) and min(seen) == route["metadata"]["generation"]


def _key(kind: str, found: Object) -> tuple[str, str, str]:
    return kind, found["metadata"]["namespace"], found["metadata"]["name"]


def _version(found: Object) -> int:
    return int(found["metadata"]["resourceVersion"])


def _settled(pod: Object) -> bool:
    """Whether nothing is left to be done for a pod."""
    conditions = pod.get("status", {}).get("conditions", [])
    if STAGE in pod["metadata"]["labels"]:
        return "deletionTimestamp" not in pod["metadata"] and pod.get("status", {}).get("phase") == "Succeeded"
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    never = pod["spec"]["containers"][0]["image"] == "never"
    return "deletionTimestamp" not in pod["metadata"] and (ready or never)


def _matchers(selector: str) -> list[Callable[[dict[str, str]], bool]]:
    """What stands between the braces, taken apart once and not for each pod."""
    return [
        _matcher(name, operator, json.loads(f'"{quoted}"'))
        for name, operator, quoted in re.findall(r'(\w+)(=~|=)"((?:[^"\\]|\\.)*)"', selector)
    ]


def _matcher(name: str, operator: str, value: str) -> Callable[[dict[str, str]], bool]:
    if operator == "=":
        return lambda labels: labels.get(name, "") == value
    pattern = re.compile(value)
    return lambda labels: pattern.fullmatch(labels.get(name, "")) is not None


def _now(fraction: str = "Z") -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S" + fraction)
