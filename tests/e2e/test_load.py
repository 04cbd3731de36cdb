"""examples/load-test.yaml on a real node: Locust as Jobs, a verdict by bounds, a report with charts.

Can be run alone: pytest tests/e2e/test_load.py
"""

import json
from typing import Any, Iterator

import pytest

from cluster.errors import ClusterError
from cluster.wait import until
from places import EXAMPLE, Place, checked
from story import NAMESPACE, Story, condition

FILE = EXAMPLE.parent / "load-test.yaml"
NAME = "digits-loaded"
PATH = f"/apis/sluice.dev/v1alpha1/namespaces/{NAMESPACE}/rollouts/{NAME}"


def status(place: Place) -> dict[str, Any]:
    return place.get(PATH).get("status", {})


def going_well(place: Place) -> None:
    """Raises what the Rollout says when it has given the revision up, or waits for a person."""
    now = status(place)
    if now.get("rejectedRevision") or now.get("phase") in ("Degraded", "Paused"):
        raise ClusterError(f"{now['phase']}: {now['message']}")


def report_of(place: Place, told: dict[str, Any]) -> dict[str, str]:
    return place.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps/{told['report']}")["data"]


@pytest.fixture(scope="module")
def loaded(installed: Story, place: Place) -> Iterator[str]:
    """The manifest of the example, whose first revision has borne the load."""
    manifest = place.manifest(FILE)
    checked(place.kubectl("apply", "-f", str(EXAMPLE / "namespace.yaml")), "kubectl apply of namespace.yaml")
    checked(place.kubectl("apply", "-f", "-", input=manifest), "kubectl apply of load-test.yaml")
    try:
        until(
            lambda: status(place).get("stableRevision"), "the first revision to bear the load", 300,
            check=lambda: going_well(place), interval=0.5,
        )  # fmt: skip
        yield manifest
    finally:
        checked(place.kubectl("delete", "-f", "-", input=manifest), "kubectl delete of load-test.yaml")
        left = ("get", "deployments,jobs,pods,configmaps", "-n", NAMESPACE, "-l", f"sluice.dev/rollout={NAME}", "-o", "name")
        until(lambda: place.kubectl(*left).stdout.strip() == "", "everything of it to be gone", 120)


def test_a_sound_model_bears_the_load_and_has_a_report(loaded: str, place: Place) -> None:
    (told,) = status(place)["loadTests"]
    assert (told["stage"], told["verdict"], told["failures"]) == ("load", "Pass", 0), told
    assert told["requests"] >= 900, told
    data = report_of(place, told)
    assert len([name for name in data if name.endswith(".svg")]) == 5, sorted(data)
    found = json.loads(data["report.json"])
    assert found["verdict"] == "Pass", found
    assert len(json.loads(data["result.json"])["windows"]) > 10


def test_a_faulty_model_is_stopped_and_the_report_says_why(loaded: str, place: Place) -> None:
    stable = status(place)["stableRevision"]
    # A server that answers under another name: every request of the load is told 404.
    variable = "{name: MLSERVER_MODEL_URI, value: /models/v2}"
    assert variable in loaded
    broken = loaded.replace(variable, f"{variable}\n        - {{name: MLSERVER_MODEL_NAME, value: other}}")
    checked(place.kubectl("apply", "-f", "-", input=broken), "kubectl apply")
    until(lambda: status(place).get("rejectedRevision"), "the roll-back", 300, interval=0.5)
    told = status(place)
    assert told["stableRevision"] == stable
    promoted = condition(told, "Promoted")
    assert (promoted["status"], promoted["reason"]) == ("False", "LoadTestFailed"), promoted
    (load,) = told["loadTests"]
    assert load["verdict"] == "Fail" and load["failures"] == load["requests"] > 0, load
    assert load["message"] in promoted["message"]
    data = report_of(place, load)
    assert len([name for name in data if name.endswith(".svg")]) == 5, sorted(data)
    assert "404" in data["result.json"]
    checked(place.kubectl("apply", "-f", "-", input=loaded), "kubectl apply")
    until(lambda: status(place).get("phase") == "Healthy", "the stable template to mean Healthy", 60)
