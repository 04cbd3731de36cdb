"""What tests and the demo do with a cluster that runs."""

import base64
import http.client
import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from . import gateway, node, pki, process, prometheus, wait
from .client import ApiClient
from .component import Site
from .control_plane import API_PORT, ETCD_PORT
from .errors import ClusterError
from .images import Images
from .namespaces import NODE_ADDRESS
from .process import Process
from .report import Report
from .runner import Runner
from .state import State
from .tools import Tools

T = TypeVar("T")
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class Helpers:
    """The everyday methods of a Cluster (which supplies the attributes)."""

    name: str
    tier: str
    site: Site
    api: ApiClient
    state: State
    runner: Runner
    tools: Tools
    images: Images
    report: Report

    # -- where things are --------------------------------------------------------------------------

    @property
    def kubeconfig(self) -> Path:
        """For programs outside the cluster's network."""
        return self.site.config / "kubeconfig"

    @property
    def kubeconfig_inside(self) -> Path:
        """For programs inside it, such as those of `spawn_in_netns`."""
        return Path(self.site.kubeconfig("admin"))

    @property
    def logs(self) -> Path:
        return self.site.logs

    @property
    def audit_log(self) -> Path:
        """One JSON event a line, when the cluster was started with Options(audit=True)."""
        return self.site.logs / "audit.log"

    @property
    def api_url(self) -> str:
        return f"https://127.0.0.1:{self.state.ports['api']}"

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.state.ports['gateway']}"

    @property
    def prometheus_url(self) -> str:
        return f"http://127.0.0.1:{self.state.ports['prometheus']}"

    @property
    def gateway_url_inside(self) -> str:
        return f"http://{NODE_ADDRESS}:{gateway.GATEWAY_PORT}"

    @property
    def prometheus_url_inside(self) -> str:
        return f"http://{NODE_ADDRESS}:{prometheus.PORT}"

    # -- Kubernetes --------------------------------------------------------------------------------

    def kubectl(self, *arguments: str, input: str | None = None, check: bool = True, timeout: float = 120) -> str:
        """Run kubectl as administrator and return what it prints; ClusterError when it fails."""
        done = self.kubectl_result(*arguments, input=input, timeout=timeout)
        if check and done.returncode != 0:
            raise ClusterError(f"kubectl {' '.join(arguments)[:200]}: {done.stderr.strip()}")
        return done.stdout

    def kubectl_result(
        self, *arguments: str, input: str | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """The same with exit code and standard error, for what is meant to be refused."""
        return self._client("kubectl", arguments, input, timeout)

    def helm(self, *arguments: str, timeout: float = 300) -> str:
        """Run Helm as administrator (tier "node") and return what it prints."""
        done = self._client("helm", arguments, None, timeout)
        if done.returncode != 0:
            raise ClusterError(f"helm {' '.join(arguments)[:200]}: {done.stderr.strip()}")
        return done.stdout

    def _client(
        self, program: str, arguments: Sequence[str], input: str | None, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        # What a client remembers of an API server must not meet the next cluster at the same address.
        environment = {**os.environ, "KUBECACHEDIR": str(self.site.data / "client-cache")}
        command = [str(self.tools.path(program)), f"--kubeconfig={self.kubeconfig_inside}", *arguments]
        source: dict[str, Any] = {"stdin": subprocess.DEVNULL} if input is None else {"input": input}
        inside = self.site.namespaces.enter(command)
        return subprocess.run(inside, capture_output=True, text=True, timeout=timeout, env=environment, **source)

    def apply(self, yaml: str, *arguments: str) -> str:
        """`kubectl apply -f -`; more arguments such as "--server-side" may follow."""
        return self.kubectl("apply", "-f", "-", *arguments, input=yaml)

    def get_json(self, *arguments: str) -> Any:
        """`kubectl get ... -o json`, parsed."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def ensure_namespace(self, namespace: str) -> None:
        self.api.apply(
            f"/api/v1/namespaces/{namespace}",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        )

    def install_crd(self, yaml: str) -> None:
        """Apply one CustomResourceDefinition; `crds_established` tells when it is served."""
        name = re.search(r"^  name: (\S+)$", yaml, re.MULTILINE)
        if not name:
            raise ClusterError("This is not the YAML of a CustomResourceDefinition: it has no metadata.name.")
        self.api.apply(f"{_CRDS}/{name[1]}", yaml)

    def crds_established(self) -> bool:
        """Whether all CustomResourceDefinitions are served."""
        crds = self.api.get(_CRDS)["items"]
        conditions = [crd.get("status", {}).get("conditions") or [] for crd in crds]
        return all(any(one["type"] == "Established" and one["status"] == "True" for one in own) for own in conditions)

    def wait_for(self, predicate: Callable[[], T], what: str, timeout: float = 30, interval: float = 0.05) -> T:
        """The first true value of `predicate`; ClusterError with `what` when the time is over."""
        return wait.until(predicate, what, timeout, interval=interval)

    def service_account_kubeconfig(self, namespace: str, account: str) -> Path:
        """A kubeconfig (for inside) with the rights of a service account only."""
        token = self.kubectl("create", "token", account, "-n", namespace, "--duration=24h").strip()
        config = self.site.pki.token_kubeconfig(token, f"https://{NODE_ADDRESS}:{API_PORT}")
        return pki.write_kubeconfig(self.site.config / f"account-{namespace}-{account}.kubeconfig", config)

    # -- processes and the network -----------------------------------------------------------------

    def spawn_in_netns(
        self,
        argv: Sequence[str],
        name: str,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> Process:
        """Start a program inside the network, its output in logs/NAME.log. It is stopped with the
        cluster at the latest. KUBECONFIG names the administrator's unless `env` says otherwise."""
        environment = {"KUBECONFIG": str(self.kubeconfig_inside), **(env or {})}
        command = self.site.namespaces.enter([str(part) for part in argv])
        started = process.spawn(command, self.site.log(name), environment, cwd=cwd)
        self.state.record(f"process:{name}", started)
        return started

    def run_in_netns(
        self, argv: Sequence[str], timeout: float = 120, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a program inside the network to its end."""
        command = self.site.namespaces.enter([str(part) for part in argv])
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, **options)

    def http_get_in_netns(
        self, host: str, port: int, path: str = "/", headers: dict[str, str] | None = None, timeout: float = 5
    ) -> tuple[int, bytes]:
        """GET inside the network: status and body."""
        return self.site.namespaces.http_get(host, port, path, headers, timeout)

    def query(self, promql: str) -> list[dict[str, Any]]:
        """An instant query of the cluster's Prometheus: its result list."""
        status, body = self.http_get_in_netns("127.0.0.1", prometheus.PORT, f"/api/v1/query?query={quote(promql)}")
        answer = json.loads(body)
        if status != 200:
            raise ClusterError(f"Prometheus refused {promql!r}: {answer.get('error')}")
        return answer["data"]["result"]

    def compact_etcd(self) -> None:
        """Have the store forget all of its history, up to a version that no watch has seen yet."""
        key = _base64("moved-on")
        revision = self._ask_etcd("/v3/kv/put", {"key": key, "value": key})["header"]["revision"]
        self._ask_etcd("/v3/kv/compaction", {"revision": revision, "physical": True})

    def write_store(self, objects: dict[str, str]) -> None:
        """Put objects into the store by their keys, past the API server, which takes long to make very many."""
        puts = [{"requestPut": {"key": _base64(key), "value": _base64(text)}} for key, text in objects.items()]
        for begin in range(0, len(puts), 100):  # etcd takes 128 in one transaction
            self._ask_etcd("/v3/kv/txn", {"success": puts[begin : begin + 100]})

    def _ask_etcd(self, path: str, body: dict[str, Any]) -> Any:
        client = http.client.HTTPConnection("127.0.0.1", ETCD_PORT)
        client.sock = self.site.namespaces.connect("127.0.0.1", ETCD_PORT)
        try:
            client.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            answer = client.getresponse()
            text = answer.read()
        finally:
            client.close()
        if answer.status != 200:
            raise ClusterError(f"etcd refused {path}: {text.decode(errors='replace')}")
        return json.loads(text)

    # -- backends ----------------------------------------------------------------------------------

    def backend_address(self, number: int) -> str:
        """The address 10.77.1.`number`, put on the network's `lo` for a process to listen on."""
        address = f"10.77.1.{number}"
        self.site.namespaces.add_address(address)
        return address

    def add_process_backend(
        self,
        namespace: str,
        service: str,
        *addresses: str,
        port: int = 80,
        target_port: int = 8000,
        labels: dict[str, str] | None = None,
    ) -> None:
        """A Service whose endpoints are processes on addresses of `backend_address`. Called again
        with other addresses it replaces them. Envoy Gateway has port 8080 of every address."""
        for address in addresses:
            self.site.namespaces.add_address(address)
        self.ensure_namespace(namespace)
        for path, manifest in gateway.service_to(namespace, service, port, list(addresses), target_port, labels):
            self.api.apply(path, manifest)

    def add_scrape_target(
        self, name: str, address: str, namespace: str, pod: str, path: str = "/metrics", **labels: str
    ) -> None:
        """Have Prometheus scrape a process ("ADDRESS:PORT") as if it were this pod, within 5 s."""
        prometheus.add_target(self.site, name, address, {"namespace": namespace, "pod": pod, **labels}, path)

    def remove_scrape_target(self, name: str) -> None:
        prometheus.remove_target(self.site, name)

    def report_pod(self, namespace: str, pod: str, address: str = "", ready: bool = True) -> None:
        """Say of a pod what a kubelet would say, so that on the integration tier a Deployment's pods
        become ready and a Service's endpoints lead to processes on `address`."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        condition = {"status": "True" if ready else "False", "lastTransitionTime": now}
        status: dict[str, Any] = {
            "phase": "Running",
            "conditions": [{"type": kind, **condition} for kind in ("Initialized", "ContainersReady", "Ready")],
        }
        if address:
            self.site.namespaces.add_address(address)
            status.update(podIP=address, podIPs=[{"ip": address}], hostIP=NODE_ADDRESS)
        self.api.request(
            "PATCH", f"/api/v1/namespaces/{namespace}/pods/{pod}/status", {"status": status},
            "application/strategic-merge-patch+json",
        )  # fmt: skip

    # -- gateway and images ------------------------------------------------------------------------

    def create_gateway(
        self, namespace: str, name: str = gateway.GATEWAY_NAME, port: int = gateway.GATEWAY_PORT
    ) -> None:
        """The Gateway that routes attach to, open to all namespaces. One a cluster: Envoy runs on the
        node itself, so two would want the same ports."""
        self.ensure_namespace(namespace)
        for path, manifest in gateway.manifests(namespace, name, port):
            self.api.apply(path, manifest)
        path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/gateways/{name}"

        def accepted() -> bool:
            conditions = self.api.get(path).get("status", {}).get("conditions", [])
            return any(one["type"] == "Accepted" and one["status"] == "True" for one in conditions)

        self.wait_for(accepted, f"the Gateway {namespace}/{name} to be accepted", 60)

    def load_image(self, tag: str) -> None:
        """Hand an image that `images.build` made to the node (tier "node")."""
        node.import_image(self.site, self.images.archive(tag))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
