"""One Rollout on a real cluster: the operator as a process, the manifest, its users, and the questions asked of it."""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NAMESPACE = "ml"
TRAFFIC_PER_SECOND = 150


class Operator:
    """The operator as a process that can be killed and started again."""

    def __init__(self, cluster, binary: Path = ROOT / "build/release/sluice") -> None:
        self.cluster = cluster
        self.binary = binary
        self.process = None
        self.starts = 0

    def start(self, status_interval: str = "1s") -> None:
        self.starts += 1
        self.process = self.cluster.spawn_in_netns(
            [self.binary, "operator", "--bind", "127.0.0.1:8090", "--status-interval", status_interval],
            f"operator-{self.starts}",
        )

    def kill(self) -> None:
        self.process.kill()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.exit_code()


class Story:
    """One Rollout under traffic, and the questions that tests ask of it."""

    def __init__(self, cluster, tmp_path: Path, name: str) -> None:
        self.cluster = cluster
        self.name = name
        self.counts_file = tmp_path / "counts.json"
        self.users = None

    def apply(self, version: str, error_share: float = 0.0, image: str = "model", **spec) -> None:
        """`spec` may hold order_share, delay and cat_share, which the model server is told, and for how many seconds it
        serves on when it is to end."""
        self.cluster.apply(json.dumps(self.manifest(version, error_share, image, **spec)))

    def manifest(
        self,
        version: str,
        error_share: float,
        image: str,
        order_share: float = 0.1,
        delay: float = 0.0,
        cat_share: float = 0.4,
        serve_on: int = 0,
        **spec,
    ) -> dict:
        counter = 'http_requests_total{namespace="$(namespace)",pod=~"$(pods)"'
        body = {
            "replicas": 2,
            "port": 8000,
            "template": {
                "metadata": {"labels": {"version": version}},
                "spec": {
                    "containers": [
                        {
                            "name": "model",
                            "image": image,
                            "ports": [{"containerPort": 8000}],
                            "env": [
                                {"name": "ERROR_SHARE", "value": str(error_share)},
                                {"name": "ORDER_SHARE", "value": str(order_share)},
                                {"name": "DELAY", "value": str(delay)},
                                {"name": "CAT_SHARE", "value": str(cat_share)},
                            ],
                            **({"lifecycle": {"preStop": {"sleep": {"seconds": serve_on}}}} if serve_on else {}),
                        }
                    ]
                },
            },
            "traffic": {
                "gatewayAPI": {
                    "parentRefs": [{"name": "public"}],
                    "hostnames": ["digits.test"],
                    "matches": [{"path": {"type": "PathPrefix", "value": f"/{self.name}"}}],
                }
            },
            "stages": [{"name": "canary", "canary": {"weights": [20, 50], "minLooks": 2}, "maxDuration": "5m"}],
            "analysis": {
                "prometheus": {"address": self.cluster.prometheus_url_inside},
                "interval": "2s",
                "warmup": "2s",
                "metrics": [
                    {
                        "name": "errors",
                        "counter": {"events": counter + ',code=~"5.."}', "total": counter + "}"},
                        "margin": {"ratio": "1.5", "orBelow": "1%"},
                    }
                ],
            },
            "scaleDownDelay": "2s",
            **spec,
        }
        return {
            "apiVersion": "sluice.dev/v1alpha1",
            "kind": "Rollout",
            "metadata": {"name": self.name, "namespace": NAMESPACE},
            "spec": body,
        }

    def start_users(self) -> None:
        host = self.cluster.gateway_url_inside.removeprefix("http://")
        command = [sys.executable, "-B", HERE / "traffic.py", host, f"/{self.name}/infer", TRAFFIC_PER_SECOND]
        self.users = self.cluster.spawn_in_netns([*map(str, command), str(self.counts_file)], f"users-{self.name}")
        self.cluster.wait_for(self.counts, "the first answers", 20)

    def stop_users(self) -> None:
        if self.users:
            self.users.terminate()

    def counts(self) -> dict:
        return json.loads(self.counts_file.read_text()) if self.counts_file.exists() else {}

    @property
    def object(self) -> dict:
        return self.cluster.api.get(f"/apis/sluice.dev/v1alpha1/namespaces/{NAMESPACE}/rollouts/{self.name}")

    @property
    def status(self) -> dict:
        return self.object.get("status", {})

    def condition(self, kind: str) -> dict:
        return next((c for c in self.status.get("conditions", []) if c["type"] == kind), {})

    def wait(self, what: str, predicate, timeout: float = 60) -> dict:
        """Until `predicate` holds of the status as of the newest spec."""

        def holds():
            found = self.object
            status = found.get("status", {})
            current = status.get("observedGeneration", 0) >= found["metadata"]["generation"]
            return status if current and predicate(status) else None

        try:
            return self.cluster.wait_for(holds, what, timeout, interval=0.1)
        except Exception as error:
            raise AssertionError(f"{error}\n{json.dumps(self.status, indent=1)[:4000]}") from None

    def wait_outcome(self, timeout: float = 90) -> dict:
        """The newest entry of the history, once nothing is under way."""
        status = self.wait(
            "the rollout to end", lambda s: not s.get("candidateRevision") and s["phase"] != "Pending", timeout
        )
        return status["history"][0]

    def candidate_weight_on_route(self) -> int:
        route = self.cluster.api.get(
            f"/apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/httproutes/{self.name}"
        )
        candidate = self.status.get("candidateRevision")
        for backend in route["spec"]["rules"][0]["backendRefs"]:
            if candidate and backend["name"].endswith(candidate):
                return backend["weight"]
        return 0


def gone(cluster, name: str) -> bool:
    found = cluster.api.get(f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=sluice.dev/rollout={name}")
    return not found["items"]
