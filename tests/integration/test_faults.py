"""When parts are away: nothing is judged, nothing is lost, and the end is the same."""

import pytest


def test_without_prometheus_the_weight_holds_and_nothing_is_judged(story):
    story.apply("v2", analysis=slow(story))
    story.wait("the first look", lambda s: any(m.get("looks") for m in s.get("metrics", [])))
    story.cluster.stop_component("prometheus")
    try:
        story.wait("MetricsAvailable=False", lambda s: condition(s, "MetricsAvailable").get("status") == "False")
        looks = story.status["metrics"][0]["looks"]
        assert story.status["traffic"]["candidate"] == 20
        assert condition(story.status, "MetricsAvailable")["reason"] == "ProviderError"
    finally:
        story.cluster.start_component("prometheus")
    story.wait("looks to go on", lambda s: s["metrics"] and s["metrics"][0]["looks"] > looks)
    assert story.wait_outcome(150)["outcome"] == "Promoted"


@pytest.mark.parametrize(
    "phase",
    [
        pytest.param(lambda s: s.get("candidateRevision"), id="candidate-known"),
        pytest.param(lambda s: s["traffic"]["candidate"] == 20, id="weight-asked"),
        pytest.param(lambda s: any(m.get("looks") for m in s.get("metrics", [])), id="evidence"),
        pytest.param(lambda s: s["traffic"]["candidate"] == 50, id="second-step"),
    ],
)
def test_killed_at_any_time_it_comes_to_the_same_end(story, operator, phase):
    story.apply("v2")
    story.wait("the phase to kill in", lambda s: s.get("traffic") and phase(s))
    operator.kill()
    operator.start()
    assert story.wait_outcome()["reason"] == "NonInferior"
    assert sum(story.counts()["failures"].values()) == 0


def test_a_route_changed_by_somebody_is_set_back(story):
    story.apply("v2", analysis=slow(story))
    story.wait("weight 20", lambda s: s["traffic"]["candidate"] == 20 and s["traffic"]["accepted"])
    patch = '[{"op":"replace","path":"/spec/rules/0/backendRefs/1/weight","value":90}]'
    story.cluster.kubectl("patch", "httproute", story.name, "-n", "ml", "--type=json", "-p", patch)
    story.cluster.wait_for(lambda: story.candidate_weight_on_route() == 20, "the weight to be set back", 20)
    assert story.wait("it to be told", lambda s: s["traffic"].get("reasserted") == 1)


def test_an_image_that_never_becomes_ready_gets_no_traffic_and_stalls(story):
    story.apply("v2", image="never", progressDeadline="3s")
    status = story.wait("Stalled", lambda s: condition(s, "Stalled").get("status") == "True")
    assert condition(status, "Stalled")["reason"] == "ProgressDeadlineExceeded"
    assert status["traffic"]["candidate"] == 0
    assert sum(story.counts()["failures"].values()) == 0


def slow(story) -> dict:
    """An analysis that takes some time at the first weight."""
    analysis = story.manifest("v", 0, "model")["spec"]["analysis"]
    analysis["metrics"][0]["margin"]["orBelow"] = "0.4%"
    return analysis


def condition(status: dict, kind: str) -> dict:
    return next((c for c in status.get("conditions", []) if c["type"] == kind), {})
