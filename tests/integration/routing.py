"""A route as the product writes it, its backends as processes, and users who keep count."""

import http.client
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cluster.client import ApiError
from cluster.gateway import ADMIN_PORT

HERE = Path(__file__).resolve().parent
WRITER = HERE.parents[1] / "build/release/tests/route_writer"
NAMESPACE = "ml"
PORT = 8000
MANAGER = "sluice"
HOST = "arms.test"
QUIET = 6  # looks at Envoy, a fifth of a second apart

Split = dict[str, Any]


class Routing:
    """One Rollout that no operator looks after: the test moves its route, as the provider says."""

    def __init__(
        self,
        cluster,
        name: str,
        arms: Iterable[str],
        first_address: int,
        assignment: dict[str, Any] | None = None,
    ) -> None:
        """`assignment`: of an abTest stage that the Rollout has besides its canary."""
        self.cluster = cluster
        self.name = name
        self.assignment = assignment
        self.addresses = {}
        self.servers = []
        for number, arm in enumerate(arms, first_address):
            self.addresses[arm] = cluster.backend_address(number)
            self._serve(arm)
        path = f"/apis/sluice.dev/v1alpha1/namespaces/{NAMESPACE}/rollouts/{name}"
        self.rollout = cluster.api.apply(path, self._manifest())
        self.path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/httproutes/{name}"

    def close(self) -> None:
        self.cluster.kubectl("delete", "rollout,httproute", self.name, "-n", NAMESPACE, "--ignore-not-found")
        for server in self.servers:
            server.kill()

    def _serve(self, arm: str) -> None:
        address = self.addresses[arm]
        command = [sys.executable, "-B", HERE / "arm_server.py", f"{address}:{PORT}", arm]
        self.servers.append(self.cluster.spawn_in_netns([*map(str, command)], f"arm-{self.name}-{arm}"))
        self.cluster.add_process_backend(NAMESPACE, f"{self.name}-{arm}", address, port=PORT, target_port=PORT)
        self.cluster.wait_for(lambda: self._is_up(arm), f"the backend {arm}", 15)

    def _is_up(self, arm: str) -> bool:
        try:
            return self.cluster.http_get_in_netns(self.addresses[arm], PORT, "/counts")[0] == 200
        except OSError:
            return False

    def _manifest(self) -> dict[str, Any]:
        counter = 'http_requests_total{pod=~"$(pods)"}'
        metrics: list[dict[str, Any]] = [{"name": "errors", "counter": {"events": counter, "total": counter}}]
        stages: list[dict[str, Any]] = [{"name": "canary", "canary": {"weights": [20]}}]
        if self.assignment:
            metrics.append({"name": "orders", "role": "goal", "counter": {"events": counter, "total": counter}})
            stages.append({"name": "experiment", "abTest": {"assignment": self.assignment}})
        return {
            "apiVersion": "sluice.dev/v1alpha1",
            "kind": "Rollout",
            "metadata": {"name": self.name, "namespace": NAMESPACE},
            "spec": {
                "port": PORT,
                "template": {"spec": {"containers": [{"name": "model", "image": "model"}]}},
                "traffic": {
                    "gatewayAPI": {
                        "parentRefs": [{"name": "public"}],
                        "hostnames": [HOST],
                        "matches": [{"path": {"type": "PathPrefix", "value": f"/{self.name}"}}],
                    }
                },
                "stages": stages,
                "analysis": {"prometheus": {"address": self.cluster.prometheus_url_inside}, "metrics": metrics},
            },
        }

    # -- what the product does ---------------------------------------------------------------------

    def live(self) -> dict[str, Any] | None:
        try:
            return self.cluster.api.get(self.path)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def ask(self, command: str, split: Split, *more: str) -> Any:
        question = json.dumps({"rollout": self.rollout, "live": self.live()})
        arguments = [str(WRITER), command, json.dumps(split), *more]
        done = subprocess.run(arguments, input=question, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def apply(self, route: dict[str, Any], dry_run: bool = False) -> dict[str, Any]:
        """As kube::Client does it: a forced server-side apply with strict validation."""
        query = f"?fieldManager={MANAGER}&force=true&fieldValidation=Strict" + ("&dryRun=All" if dry_run else "")
        return self.cluster.api.request("PATCH", self.path + query, route, "application/apply-patch+yaml")

    def move_to(self, split: Split, followed: bool = True) -> int:
        """Writes until the route is as asked and the gateway has accepted it; the number of writes. A gateway may
        accept a route a moment before it follows it: `followed` waits for that too."""
        writes = 0

        def arrived() -> bool:
            nonlocal writes
            route = self.ask("next", split)
            if route is not None:
                self.apply(route)
                writes += 1
                return False
            state = self.ask("observe", split)
            return state["asWanted"] and state["acceptance"] == "Accepted"

        self.cluster.wait_for(arrived, f"the route {self.name} at {split}", 30, interval=0.02)
        if followed:
            self._await_envoy()
        return writes

    def _await_envoy(self) -> None:
        """Until Envoy has taken no new configuration for a second."""
        seen: list[bytes] = []

        def quiet() -> bool:
            seen.append(self.cluster.http_get_in_netns("127.0.0.1", ADMIN_PORT, "/stats?filter=update_success")[1])
            return len(seen) > QUIET and len(set(seen[-QUIET:])) == 1

        self.cluster.wait_for(quiet, "Envoy to be quiet", 30, interval=0.2)

    # -- what comes of it --------------------------------------------------------------------------

    def posts(self) -> Counter[str]:
        """What each backend has been asked so far."""
        found: Counter[str] = Counter()
        for arm, address in self.addresses.items():
            found[arm] = json.loads(self.cluster.http_get_in_netns(address, PORT, "/counts")[1])["posts"]
        return found

    def settled_posts(self) -> Counter[str]:
        """The same once no copy is under way any more: a mirror is not waited for by those who get answers."""
        last = self.posts()

        def unchanged() -> bool:
            nonlocal last
            before, last = last, self.posts()
            return before == last

        self.cluster.wait_for(unchanged, "the backends to be quiet", 15, interval=0.3)
        return last

    def user(self, headers: dict[str, str] | None = None) -> "User":
        return User(self.cluster.gateway_url.removeprefix("http://"), f"/{self.name}/infer", headers)


class User:
    """Sends requests over one kept-alive connection, always with the same headers, and keeps cookies."""

    def __init__(self, address: str, path: str, headers: dict[str, str] | None = None) -> None:
        self.connection = http.client.HTTPConnection(address, timeout=10)
        self.path = path
        self.headers = {"Host": HOST, **(headers or {})}
        self.cookies: dict[str, str] = {}
        self.status = 0

    def ask(self, settled: bool = True) -> str:
        """The arm that answers. Once the gateway has `settled`, its header names the same one: a proxy may hear a
        moment apart of where a place leads to and of what it is called."""
        headers = dict(self.headers)
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self.connection.request("POST", self.path, b"{}", headers)
        answer = self.connection.getresponse()
        body = answer.read()
        self.status = answer.status
        for given in answer.headers.get_all("Set-Cookie", []):
            name, _, value = given.partition(";")[0].partition("=")
            self.cookies[name] = value
        if answer.status != 200:
            return f"status {answer.status}"
        arm = json.loads(body)["arm"]
        assert not settled or answer.getheader("x-sluice-revision") == arm
        return arm


class Crowd:
    """Users who ask without a pause until they are stopped; `failures` are answers that were not 200."""

    def __init__(self, users: Iterable["User"]) -> None:
        self.failures: Counter[str] = Counter()
        self.answers = 0
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._ask, args=(user,)) for user in users]

    def __enter__(self) -> "Crowd":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _ask(self, user: User) -> None:
        while not self.stopping.is_set():
            try:
                arm = user.ask(settled=False)
            except (OSError, http.client.HTTPException) as error:
                user.connection.close()
                arm = type(error).__name__
                user.status = 0
            with self.lock:
                self.answers += 1
                if user.status != 200:
                    self.failures[arm] += 1
