"""examples/system-test.yaml on a real node: a Job in front of users, and what it said in the Rollout's status.

Can be run alone: pytest tests/e2e/test_acceptance.py
"""

from typing import Any, Iterator

import pytest

from cluster.wait import until
from example import Example
from places import Place, checked
from story import NAMESPACE, Story, condition

NAME = "digits-tested"


def jobs(place: Place) -> list[dict[str, Any]]:
    return place.get(f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs?labelSelector=sluice.dev/rollout={NAME}")["items"]


def notes(place: Place, reason: str) -> list[str]:
    """What the events of that reason say about the Rollout."""
    found = place.get(f"/api/v1/namespaces/{NAMESPACE}/events?fieldSelector=involvedObject.name%3D{NAME}")["items"]
    return [event["message"] for event in found if event["reason"] == reason]


@pytest.fixture(scope="module")
def tested(installed: Story, place: Place) -> Iterator[Example]:
    """The example, whose first revision has passed its test."""
    with Example(place, "system-test.yaml", NAME).served(180) as example:
        yield example


def test_the_first_revision_is_tested_before_it_is_stable(tested: Example, place: Place) -> None:
    until(lambda: notes(place, "SystemTestPassed"), "the event", 20)
    assert [entry["reason"] for entry in tested.status["history"]] == ["Initial"]
    until(lambda: not jobs(place), "the Job to be gone", 30)


def test_what_a_failed_test_said_is_in_status_and_event(tested: Example, place: Place) -> None:
    stable = tested.status["stableRevision"]
    # A server that answers under another name: the test is told 404.
    tested.apply(
        tested.variant("{name: MLSERVER_MODEL_URI, value: /models/v1}", "{name: MLSERVER_MODEL_NAME, value: other}")
    )
    told = tested.rolled_back(180)
    assert told["stableRevision"] == stable != told["rejectedRevision"]
    promoted = condition(told, "Promoted")
    assert (promoted["status"], promoted["reason"]) == ("False", "SystemTestFailed")
    said = "HTTP Error 404"
    assert said in promoted["message"] and said in told["history"][0]["message"], promoted
    until(lambda: any(said in note for note in notes(place, "SystemTestFailed")), "the event", 20)
    assert len(jobs(place)) == 1, "it stays until the next revision"
    described = checked(place.kubectl("describe", "mro", NAME, "-n", NAMESPACE), "kubectl describe mro")
    assert said in described
    tested.healthy_again()
