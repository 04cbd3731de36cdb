"""examples/system-test.yaml on a real node: a Job in front of users, and what it said in the Rollout's status.

Can be run alone: pytest tests/e2e/test_acceptance.py
"""

from typing import Any, Iterator

import pytest

from cluster.errors import ClusterError
from cluster.wait import until
from places import EXAMPLE, Place, checked
from story import NAMESPACE, Story, condition

FILE = EXAMPLE.parent / "system-test.yaml"
NAME = "digits-tested"
PATH = f"/apis/sluice.dev/v1alpha1/namespaces/{NAMESPACE}/rollouts/{NAME}"


def status(place: Place) -> dict[str, Any]:
    return place.get(PATH).get("status", {})


def going_well(place: Place) -> None:
    """Raises what the Rollout says when it has given the revision up."""
    now = status(place)
    if now.get("rejectedRevision") or now.get("phase") == "Degraded":
        raise ClusterError(f"{now['phase']}: {now['message']}")


def jobs(place: Place) -> list[dict[str, Any]]:
    return place.get(f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs?labelSelector=sluice.dev/rollout={NAME}")["items"]


def notes(place: Place, reason: str) -> list[str]:
    """What the events of that reason say about the Rollout."""
    found = place.get(f"/api/v1/namespaces/{NAMESPACE}/events?fieldSelector=involvedObject.name%3D{NAME}")["items"]
    return [event["message"] for event in found if event["reason"] == reason]


@pytest.fixture(scope="module")
def tested(installed: Story, place: Place) -> Iterator[str]:
    """The manifest of the example, whose first revision has passed its test."""
    manifest = place.manifest(FILE)
    checked(place.kubectl("apply", "-f", str(EXAMPLE / "namespace.yaml")), "kubectl apply of namespace.yaml")
    checked(place.kubectl("apply", "-f", "-", input=manifest), "kubectl apply of system-test.yaml")
    try:
        until(
            lambda: status(place).get("stableRevision"), "the first revision to pass its test", 180,
            check=lambda: going_well(place), interval=0.5,
        )  # fmt: skip
        yield manifest
    finally:
        checked(place.kubectl("delete", "mro", NAME, "-n", NAMESPACE), "kubectl delete mro")
        left = ("get", "deployments,jobs,pods", "-n", NAMESPACE, "-l", f"sluice.dev/rollout={NAME}", "-o", "name")
        until(lambda: place.kubectl(*left).stdout.strip() == "", "everything of it to be gone", 90)


def test_the_first_revision_is_tested_before_it_is_stable(tested: str, place: Place) -> None:
    until(lambda: notes(place, "SystemTestPassed"), "the event", 20)
    assert [entry["reason"] for entry in status(place)["history"]] == ["Initial"]
    until(lambda: not jobs(place), "the Job to be gone", 30)


def test_what_a_failed_test_said_is_in_status_and_event(tested: str, place: Place) -> None:
    stable = status(place)["stableRevision"]
    # A server that answers under another name: the test is told 404.
    variable = "{name: MLSERVER_MODEL_URI, value: /models/v1}"
    assert variable in tested
    broken = tested.replace(variable, f"{variable}\n        - {{name: MLSERVER_MODEL_NAME, value: other}}")
    checked(place.kubectl("apply", "-f", "-", input=broken), "kubectl apply")
    rejected = until(lambda: status(place).get("rejectedRevision"), "the roll-back", 180, interval=0.5)
    told = status(place)
    assert told["stableRevision"] == stable != rejected
    promoted = condition(told, "Promoted")
    assert (promoted["status"], promoted["reason"]) == ("False", "SystemTestFailed")
    said = "HTTP Error 404"
    assert said in promoted["message"] and said in told["history"][0]["message"], promoted
    until(lambda: any(said in note for note in notes(place, "SystemTestFailed")), "the event", 20)
    assert len(jobs(place)) == 1, "it stays until the next revision"
    described = checked(place.kubectl("describe", "mro", NAME, "-n", NAMESPACE), "kubectl describe mro")
    assert said in described
    checked(place.kubectl("apply", "-f", "-", input=tested), "kubectl apply")
    until(lambda: status(place).get("phase") == "Healthy", "the stable template to mean Healthy", 60)
