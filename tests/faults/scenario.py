"""The stories that are told again and again: a candidate that is promoted, one that is promoted after it was tested and
loaded by Jobs, and one that is rolled back."""

from dataclasses import dataclass
from typing import Any

from journal import Object

WEIGHTS = (20, 50)
CANARY = {"name": "canary", "canary": {"weights": list(WEIGHTS), "minLooks": 1}, "maxDuration": "1h"}
_POD = 'namespace="$(namespace)",pod=~"$(pods)"'


@dataclass(frozen=True)
class Scenario:
    name: str
    error_share: float  # of the candidate's answers; stable's is 1 %
    outcome: str
    reason: str
    phase: str
    spec: tuple[tuple[str, Any], ...] = ()  # fields that differ

    def manifest(self, namespace: str, name: str, prometheus: str, version: str) -> Object:
        share = self.error_share if version == "v2" else 0.01
        container = {
            "name": "model",
            "image": version,
            "ports": [{"containerPort": 8000}],
            "env": [{"name": "ERROR_SHARE", "value": str(share)}],
        }
        counter = {"events": f"errors_total{{{_POD}}}", "total": f"requests_total{{{_POD}}}"}
        metric = {"name": "errors", "counter": counter, "margin": {"ratio": "1.5", "orBelow": "3%"}}
        spec: Object = {
            "replicas": 2,
            "port": 8000,
            "template": {"spec": {"containers": [container]}},
            "traffic": {"gatewayAPI": {"parentRefs": [{"name": "played"}], "hostnames": ["played.test"]}},
            "stages": [CANARY],
            "analysis": {
                "prometheus": {"address": prometheus},
                "interval": "1s",
                "warmup": "0s",
                "metrics": [metric],
            },
            "scaleDownDelay": "1s",
            **dict(self.spec),
        }
        metadata = {"name": name, "namespace": namespace}
        return {"apiVersion": "sluice.dev/v1alpha1", "kind": "Rollout", "metadata": metadata, "spec": spec}


PROMOTED = Scenario("promoted", 0.01, "Promoted", "NonInferior", "Healthy")


def _job(name: str) -> Object:
    return {"template": {"spec": {"containers": [{"name": name, "image": name}]}}}


TESTS = (
    {"name": "acceptance", "systemTest": {"job": _job("test")}, "maxDuration": "1h"},
    {
        "name": "load",
        "loadTest": {"job": _job("load"), "rate": 50, "duration": "1m", "criteria": [{"failures": {"max": "1%"}}]},
        "maxDuration": "1h",
    },
)
TESTED = Scenario("tested", 0.01, "Promoted", "NonInferior", "Healthy", spec=(("stages", [*TESTS, CANARY]),))
ROLLED_BACK = Scenario("rolled-back", 0.2, "RolledBack", "HarmDetected", "RolledBack")
SCENARIOS = {scenario.name: scenario for scenario in (PROMOTED, TESTED, ROLLED_BACK)}
