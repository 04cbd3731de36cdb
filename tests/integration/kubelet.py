"""Plays the kubelet where there is none: a pod of a Rollout becomes a model_server process with an address.

Pods are real objects, made by the real Deployment controller; only running them is played. The share of failing
answers is the pod's environment variable ERROR_SHARE, that of orders ORDER_SHARE, that of cats among what is predicted
CAT_SHARE, the seconds by which each is late DELAY; a pod with the image "never" does not become ready, and one with the
image "idle" is ready though nothing runs in it. Pods of Jobs: see job_pods.py. What they print can be read by `kubectl
logs`: see log_server.py.
"""

import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from cluster.client import ApiError
from cluster.namespaces import NODE_ADDRESS
from cluster.process import Process

from job_pods import STAGE, JobPods

HERE = Path(__file__).resolve().parent
PORT = 8000
NODE = "played"
LOG_PORT = 10250
IDLE_NUMBER = 9  # of the address that all idle pods share


class Kubelet:
    def __init__(self, cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.running: dict[str, Process | None] = {}
        self.deleted: dict[str, float] = {}  # when that was first seen
        self.addresses: dict[str, str] = {}  # of model servers, by revision
        self.job_pods = JobPods(cluster, namespace, self.addresses.get, self._bind)
        self.period = 0.2
        self.numbers = iter(range(10, 250))
        self.stopping = threading.Event()
        self.problem: Exception | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> "Kubelet":
        self._be_a_node()
        pki = self.cluster.site.pki
        self.log_server = self.cluster.spawn_in_netns(
            [
                sys.executable, "-B", str(HERE / "log_server.py"), f"{NODE_ADDRESS}:{LOG_PORT}",
                pki.cert("kubelet-server"), pki.key("kubelet-server"), str(self.cluster.logs),
            ],
            "log-server",
        )  # fmt: skip
        self.thread.start()
        return self

    def stop(self) -> None:
        self.stopping.set()
        self.thread.join()
        self.log_server.terminate()
        if self.problem:
            raise self.problem

    def _be_a_node(self) -> None:
        """A Node that is Ready: endpoints are made only of pods that are on one. Its Lease keeps it so."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}}
        ready = {"type": "Ready", "status": "True", "reason": "Played", "message": ""}
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": NODE, "namespace": "kube-node-lease"},
            "spec": {"holderIdentity": NODE, "leaseDurationSeconds": 40, "renewTime": now},
        }
        api = self.cluster.api
        api.apply(f"/api/v1/nodes/{NODE}", node)
        status = {
            "conditions": [{**ready, "lastHeartbeatTime": now[:19] + "Z"}],
            "addresses": [{"type": "InternalIP", "address": NODE_ADDRESS}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": LOG_PORT}},
        }
        api.apply(f"/api/v1/nodes/{NODE}/status", {**node, "status": status})
        self.cluster.ensure_namespace("kube-node-lease")
        api.apply(f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{NODE}", lease)
        self.renewed = time.monotonic()

    def _run(self) -> None:
        while not self.stopping.wait(self.period):
            try:
                self._visit()
            except (ApiError, OSError):
                pass  # the API server is away in some tests: what runs goes on running
            except Exception as problem:
                self.problem = self.problem or problem  # raised by stop()

    def _visit(self) -> None:
        if time.monotonic() - self.renewed > 10:
            self._be_a_node()
        pods = self.cluster.api.get(
            f"/api/v1/namespaces/{self.namespace}/pods?labelSelector=sluice.dev/rollout"
        )["items"]
        self.job_pods.visit([pod for pod in pods if STAGE in pod["metadata"]["labels"]])
        ending = [pod["metadata"]["name"] for pod in pods if self._is_to_end(pod)]
        serving = [pod for pod in pods if STAGE not in pod["metadata"]["labels"]]
        wanted = {pod["metadata"]["name"]: pod for pod in serving if pod["metadata"]["name"] not in ending}
        for name in set(wanted) - set(self.running):
            self._start(name, wanted[name])
        for name in set(self.running) - set(wanted):
            process = self.running.pop(name)
            if process:
                self.cluster.remove_scrape_target(name)
                process.terminate()
        for name in ending:
            self._let_go(name)

    def _is_to_end(self, pod: dict) -> bool:
        """It is deleted, and the sleep of its preStop hook is over."""
        name = pod["metadata"]["name"]
        if "deletionTimestamp" not in pod["metadata"]:
            return False
        hook = pod["spec"]["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {"seconds": 0})
        return time.monotonic() >= self.deleted.setdefault(name, time.monotonic()) + hook["seconds"]

    def _let_go(self, name: str) -> None:
        try:
            path = f"/api/v1/namespaces/{self.namespace}/pods/{name}?gracePeriodSeconds=0"
            self.cluster.api.request("DELETE", path)
        except ApiError as error:
            if error.code != 404:
                raise

    def _bind(self, name: str) -> None:
        target = {"kind": "Node", "name": NODE}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
        self.cluster.api.request("POST", f"/api/v1/namespaces/{self.namespace}/pods/{name}/binding", binding)

    def _start(self, name: str, pod: dict) -> None:
        container = pod["spec"]["containers"][0]
        if container["image"] == "never":
            return
        self._bind(name)
        if container["image"] == "idle":
            self.running[name] = None
            self.cluster.report_pod(self.namespace, name, self.cluster.backend_address(IDLE_NUMBER))
            return
        told = {entry["name"]: entry["value"] for entry in container.get("env", [])}
        behaviour = [told.get(name, "0") for name in ("ERROR_SHARE", "ORDER_SHARE", "DELAY", "CAT_SHARE")]
        address = self.cluster.backend_address(next(self.numbers))
        self.running[name] = self.cluster.spawn_in_netns(
            [sys.executable, "-B", str(HERE / "model_server.py"), f"{address}:{PORT}", *behaviour], name
        )
        self.cluster.wait_for(lambda: self._answers(address), f"pod {name} to answer", 10)
        self.cluster.add_scrape_target(name, f"{address}:{PORT}", namespace=self.namespace, pod=name)
        self.addresses[pod["metadata"]["labels"]["sluice.dev/revision"]] = f"{address}:{PORT}"
        self.cluster.report_pod(self.namespace, name, address)

    def _answers(self, address: str) -> bool:
        try:
            return self.cluster.http_get_in_netns(address, PORT)[0] == 200
        except OSError:
            return False
