"""The main job on real parts: promoted when it is fit, rolled back when it is not."""


def test_an_equal_candidate_climbs_and_is_promoted(story):
    old = story.status["stableRevision"]
    story.apply("v2")
    story.wait("weight 20", lambda s: s["traffic"]["candidate"] == 20 and s["traffic"]["accepted"])
    assert story.candidate_weight_on_route() == 20
    story.wait("weight 50", lambda s: s["traffic"]["candidate"] == 50)
    entry = story.wait_outcome()
    assert (entry["outcome"], entry["reason"]) == ("Promoted", "NonInferior")
    status = story.status
    assert status["phase"] == "Healthy"
    assert status["stableRevision"] not in ("", old)
    assert story.condition("Promoted")["status"] == "True"
    # Users saw no failure, and some of them saw the candidate before it was promoted.
    counts = story.counts()
    assert sum(counts["failures"].values()) == 0, counts
    assert counts["answers"][status["stableRevision"]] > 100, counts
    # The old pods go after scaleDownDelay.
    story.cluster.wait_for(
        lambda: story.cluster.get_json("deployment", f"{story.name}-{old}", "-n", "ml")["spec"]["replicas"] == 0,
        "the old revision to be scaled down",
        30,
    )


def test_a_candidate_that_fails_is_rolled_back(story):
    stable = story.status["stableRevision"]
    story.apply("v3", error_share=0.2)
    entry = story.wait_outcome()
    assert (entry["outcome"], entry["reason"]) == ("RolledBack", "HarmDetected")
    status = story.status
    assert status["stableRevision"] == stable
    assert status["phase"] == "RolledBack"
    assert status["traffic"]["candidate"] == 0
    assert entry["looks"] <= 3
    assert story.condition("Promoted")["reason"] == "HarmDetected"
    events = story.cluster.get_json("events.events.k8s.io", "-n", "ml")["items"]
    reasons = {e["reason"] for e in events if e["regarding"]["name"] == story.name}
    assert {"RolloutStarted", "WeightSet", "RolloutRolledBack"} <= reasons
    # The spec still names it, and it stays away until a person asks again.
    counts = story.counts()
    answered = counts["answers"].get(status["rejectedRevision"], 0)
    assert 0 < answered < sum(counts["answers"].values()) / 2


def test_a_candidate_that_is_slow_is_rolled_back_without_an_edge_being_named(story):
    analysis = story.manifest("v", 0, "model")["spec"]["analysis"]
    buckets = 'http_request_duration_seconds_bucket{namespace="$(namespace)",pod=~"$(pods)"}'
    analysis["metrics"].append({"name": "latency", "histogram": {"buckets": buckets}})
    story.apply("v2", delay=0.04, analysis=analysis)
    entry = story.wait_outcome()
    assert (entry["outcome"], entry["reason"]) == ("RolledBack", "HarmDetected"), entry
    latency = next(m for m in story.status["metrics"] if m["name"] == "latency")
    assert latency["verdict"] == "Fail" and f"above {latency['edge']}" in latency["message"], latency


def test_a_return_to_what_was_stable_skips_the_stages(story):
    window = {"rollbackWindow": {"revisions": 1}}
    first = story.status["stableRevision"]
    story.apply("v2", stages=[], **window)
    assert story.wait_outcome()["reason"] == "NoStages"
    assert story.status["formerStable"] == [first]
    deployment = f"{story.name}-{first}"
    story.cluster.wait_for(
        lambda: story.cluster.get_json("deployment", deployment, "-n", "ml")["spec"]["replicas"] == 0,
        "the first revision to be scaled down",
        30,
    )
    story.apply("v1", **window)
    entry = story.wait_outcome()
    assert (entry["revision"], entry["outcome"], entry["reason"]) == (first, "Promoted", "RollbackWindow"), entry
    assert story.status["phase"] == "Healthy"
    promoted = story.condition("Promoted")
    assert (promoted["status"], promoted["reason"]) == ("True", "RollbackWindow")
    assert "was stable before and is within rollbackWindow" in promoted["message"]
    shown = story.cluster.kubectl("get", "rollout", story.name, "-n", "ml")
    assert "Healthy" in shown and "RollbackWindow" in shown and first in shown, shown
    # From what was at full size already to what has become it: nobody met a gap.
    assert sum(story.counts()["failures"].values()) == 0
