"""A faulty version is stopped in the first stage that can see its fault, by what that stage is for.

The canary's is version 3 of the example's story. Can be run alone: pytest tests/e2e/test_stages.py
"""

from dataclasses import dataclass

import pytest

from places import EXAMPLE, Place, checked
from story import NAME, NAMESPACE, Chapter, Story, condition


@dataclass(frozen=True)
class Fault:
    stage: str  # that finds it
    environment: dict[str, str]  # of the model server
    reason: str
    said: str  # in the message
    met: list[int]  # weights at which users met it


FAULTS = [
    # It answers under another name.
    Fault("acceptance", {"MLSERVER_MODEL_NAME": "other"}, "SystemTestFailed", "HTTP Error 404", []),
    # Each answer is right, and every third one slow.
    Fault("load", {"FAULT_SLOW_SHARE": "0.3", "FAULT_SLOW_SECONDS": "2"}, "LoadTestFailed", "response time", []),
    # One digit of ten fails, which neither the acceptance test nor the load asks for.
    Fault("shadow", {"FAULT_DIGIT": "8"}, "HarmDetected", "errors", []),
    # Nothing fails, but it is right less often.
    Fault("experiment", {"MLSERVER_MODEL_URI": "/models/v1"}, "GoalWorse", "mistakes", [10, 25, 50]),
]


def manifest(place: Place, fault: Fault) -> str:
    """Version 2 of the example, with all its stages, and the fault."""
    text = place.manifest(EXAMPLE / "v2.yaml")
    label, first = "version: v2}", "        - {name: MLSERVER_MODEL_URI, value: /models/v2}"
    assert label in text and first in text
    settings = {"MLSERVER_MODEL_URI": "/models/v2", **fault.environment}
    lines = [f'        - {{name: {name}, value: "{value}"}}' for name, value in settings.items()]
    return text.replace(label, f"version: bad-{fault.stage}}}").replace(first, "\n".join(lines))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.stage)
def test_a_faulty_version_is_stopped_where_its_fault_can_be_seen(
    fault: Fault, v4: Chapter, story: Story, place: Place
) -> None:
    chapter = story.roll(f"bad-{fault.stage}", manifest=manifest(place, fault))
    after = story.look().status
    assert (chapter.outcome, chapter.reason) == ("RolledBack", fault.reason), chapter.message
    assert after["history"][0]["stage"] == fault.stage
    assert fault.said in chapter.message
    assert chapter.weights == fault.met
    assert chapter.traffic.failures == 0, "no user met an error"
    assert after["stableRevision"] == v4.revision
    assert after["traffic"]["candidate"] == 0 and after["traffic"].get("mirror", 0) == 0
    assert condition(after, "Promoted")["reason"] == fault.reason


def test_the_stable_template_means_healthy_again(v4: Chapter, story: Story, place: Place) -> None:
    checked(place.kubectl("apply", "-f", "-", input=place.manifest(EXAMPLE / "v4.yaml")), "kubectl apply")
    story.wait(lambda: story.look().status.get("phase") == "Healthy", "v4's template to mean Healthy", 60)
    row = checked(place.kubectl("get", "mro", NAME, "-n", NAMESPACE), "kubectl get mro")
    assert "Healthy" in row
