"""Stages other than the canary, on the real gateway: copies that nobody sees, users who stay with one revision, a
person who decides, and a Job. And what a split that is not the asked one leads to."""

import sys

from story import HERE

SHADOW = {"name": "shadow", "shadow": {"percent": 50, "minLooks": 2}, "maxDuration": "4m"}
HALF = {"name": "canary", "canary": {"weights": [50], "minLooks": 2}, "maxDuration": "4m"}
COUNTER = 'http_requests_total{namespace="$(namespace)",pod=~"$(pods)"'
ORDERS = {
    "name": "orders",
    "role": "goal",
    "counter": {"events": 'orders_total{namespace="$(namespace)",pod=~"$(pods)"}', "total": COUNTER + "}"},
}
ERRORS = {
    "name": "errors",
    "counter": {"events": COUNTER + ',code=~"5.."}', "total": COUNTER + "}"},
    "margin": {"ratio": "1.5", "orBelow": "1%"},
}
PREDICTIONS = {
    "name": "predictions",
    "classes": {"counter": 'predictions_total{namespace="$(namespace)",pod=~"$(pods)"}', "label": "class"},
}
BY_COOKIE = {
    "name": "experiment",
    "abTest": {"weight": 50, "assignment": {"cookie": "arm", "ttl": "1h"}, "minLooks": 2},
    "maxDuration": "4m",
}
SIGN_OFF = {"name": "sign-off", "approval": {}}


def mirrors(story) -> list[dict]:
    """The mirrors on the live route."""
    path = f"/apis/gateway.networking.k8s.io/v1/namespaces/ml/httproutes/{story.name}"
    rules = story.cluster.api.get(path)["spec"]["rules"]
    filters = [one for rule in rules for one in rule.get("filters", [])]
    return [one["requestMirror"] for one in filters if one["type"] == "RequestMirror"]


def test_a_model_passes_shadow_canary_and_approval(story):
    story.apply("v2", stages=[SHADOW, HALF, SIGN_OFF])
    status = story.wait("the mirror", lambda s: s["traffic"].get("mirror") == 50 and s["traffic"]["accepted"])
    candidate = status["candidateRevision"]
    assert [mirror["percent"] for mirror in mirrors(story)] == [50]
    assert status["traffic"]["candidate"] == 0
    story.wait("looks at copies", lambda s: any(m.get("candidate", {}).get("total") for m in s.get("metrics", [])))
    assert candidate not in story.counts()["answers"], "users never see the answers to copies"

    status = story.wait("the canary", lambda s: s.get("stage", {}).get("name") == "canary", 120)
    story.wait("its weight", lambda s: s["traffic"]["candidate"] == 50 and s["traffic"]["accepted"])
    assert mirrors(story) == []  # accepted: the route is as asked

    status = story.wait("the approval", lambda s: s.get("stage", {}).get("name") == "sign-off", 120)
    status = story.wait("AwaitingApproval", lambda s: s["phase"] == "Paused")
    assert story.condition("Stalled")["reason"] == "AwaitingApproval"
    assert status["traffic"]["candidate"] == 50
    approval = f"sluice.dev/approve={candidate}/sign-off"
    annotate = ("annotate", "rollout", story.name, "-n", "ml", "--overwrite", "--field-manager=alice")
    story.cluster.kubectl(*annotate, f"sluice.dev/approve={candidate}/signoff")
    story.wait("the mistake to be told", lambda s: "approves nothing: there is no stage signoff" in s["message"])
    story.cluster.kubectl(*annotate, approval)
    entry = story.wait_outcome()
    assert (entry["outcome"], entry["reason"], entry["stage"]) == ("Promoted", "Approved", "sign-off")
    assert [(one["stage"], one["by"]) for one in entry["approvals"]] == [("sign-off", "alice")]
    story.cluster.wait_for(lambda: "ApprovalIgnored" in events(story), "the event", 20)
    assert sum(story.counts()["failures"].values()) == 0


def test_a_faulty_model_is_found_by_copies_before_any_user_meets_it(story):
    story.apply("v3", error_share=0.2, stages=[SHADOW, HALF])
    entry = story.wait_outcome(120)
    assert (entry["outcome"], entry["reason"], entry["stage"]) == ("RolledBack", "HarmDetected", "shadow")
    story.cluster.wait_for(lambda: mirrors(story) == [], "the mirror to be gone", 20)
    counts = story.counts()
    assert sum(counts["failures"].values()) == 0, counts
    assert entry["revision"] not in counts["answers"]


ASK = """import os, time, urllib.request
for _ in range(50):
    urllib.request.urlopen(os.environ["SLUICE_URL"], b"{}", timeout=5).read()
"""


def acceptance(program: str, **fields) -> dict:
    """A systemTest that runs a Python program."""
    container = {"name": "test", "image": "test", "command": [sys.executable, "-c", program]}
    job = {"template": {"spec": {"containers": [container]}}}
    return {"name": "acceptance", "systemTest": {"job": job, **fields}}


def jobs(story) -> dict[str, dict]:
    """The Jobs of the Rollout, by name."""
    path = f"/apis/batch/v1/namespaces/ml/jobs?labelSelector=sluice.dev/rollout={story.name}"
    return {job["metadata"]["name"]: job for job in story.cluster.api.get(path)["items"]}


def job_of(status: dict) -> dict:
    """What the status knows of the attempt under way."""
    return status.get("stage", {}).get("job", {})


def events(story) -> set[str]:
    found = story.cluster.api.get("/api/v1/namespaces/ml/events")["items"]
    return {event["reason"] for event in found if event["involvedObject"]["name"] == story.name}


def notes(story, reason: str) -> list[str]:
    """Of the events of that reason."""
    found = story.cluster.api.get("/api/v1/namespaces/ml/events")["items"]
    mine = [event for event in found if event["involvedObject"]["name"] == story.name]
    return [event["message"] for event in mine if event["reason"] == reason]


def predictions_of(status: dict) -> dict:
    return next(metric for metric in status["metrics"] if metric["name"] == "predictions")


def test_a_job_tests_the_candidate_before_any_user_is_sent_there(story):
    story.apply("v2", stages=[acceptance(ASK), HALF])
    status = story.wait("the Job", lambda s: job_of(s).get("uid"))
    assert status["traffic"]["candidate"] == 0
    assert story.candidate_weight_on_route() == 0
    made = jobs(story)[job_of(status)["name"]]
    env = {one["name"]: one["value"] for one in made["spec"]["template"]["spec"]["containers"][0]["env"]}
    candidate = status["candidateRevision"]
    assert env["SLUICE_URL"] == f"http://{story.name}-{candidate}.ml.svc:8000"
    assert made["metadata"]["ownerReferences"][0]["uid"] == story.object["metadata"]["uid"]

    story.wait("the canary", lambda s: s.get("stage", {}).get("name") == "canary")
    entry = story.wait_outcome(120)
    assert (entry["revision"], entry["outcome"], entry["reason"]) == (candidate, "Promoted", "NonInferior")
    story.cluster.wait_for(lambda: not jobs(story), "the Job to be gone", 30)
    story.cluster.wait_for(lambda: {"SystemTestStarted", "SystemTestPassed"} <= events(story), "the events", 20)
    assert sum(story.counts()["failures"].values()) == 0


def test_a_candidate_that_fails_its_test_serves_nobody(story):
    story.apply("v3", error_share=1.0, stages=[acceptance(ASK), HALF])
    entry = story.wait_outcome()
    assert (entry["outcome"], entry["reason"], entry["stage"]) == ("RolledBack", "SystemTestFailed", "acceptance")
    assert "container test exited with 1" in entry["message"]
    promoted = story.condition("Promoted")
    assert (promoted["status"], promoted["reason"]) == ("False", "SystemTestFailed")
    assert entry["revision"] not in story.counts()["answers"]
    assert sum(story.counts()["failures"].values()) == 0
    assert len(jobs(story)) == 1, "its Job stays for people"
    story.apply("v4", stages=[acceptance(ASK)])
    assert story.wait_outcome()["reason"] == "SystemTestPassed"
    story.cluster.wait_for(lambda: not jobs(story), "both Jobs to be gone", 30)


def test_a_test_that_hangs_fails_and_a_killed_operator_makes_no_second_job(story, operator):
    story.apply("v5", stages=[acceptance("import time; time.sleep(600)", deadline="12s"), HALF])
    story.wait("the test to run", lambda s: job_of(s).get("runningSince"))
    before = set(jobs(story))
    operator.kill()
    operator.start()
    entry = story.wait_outcome()
    assert (entry["outcome"], entry["reason"]) == ("RolledBack", "SystemTestFailed")
    assert "did not end within its deadline, 12s" in entry["message"]
    assert set(jobs(story)) == before


def test_a_test_that_somebody_deletes_is_run_again(story):
    story.apply("v6", stages=[acceptance(ASK + "time.sleep(5)"), SIGN_OFF])
    first = job_of(story.wait("the Job", lambda s: job_of(s).get("uid")))["name"]
    story.cluster.kubectl("delete", "job", first, "-n", "ml")
    status = story.wait("an error", lambda s: job_of(s).get("verdict") == "Error")
    assert "deleted" in job_of(status)["message"]
    status = story.wait("another attempt", lambda s: job_of(s).get("attempt") == 2)
    assert job_of(status)["name"] != first
    story.wait("the next stage", lambda s: s["stage"]["name"] == "sign-off")


def analysis_of(story, *metrics: dict) -> dict:
    return {
        "prometheus": {"address": story.cluster.prometheus_url_inside},
        "interval": "2s",
        "warmup": "2s",
        "metrics": list(metrics),
    }


def test_a_model_that_sells_more_wins_its_test(story):
    story.apply("v2", order_share=0.3, stages=[BY_COOKIE], analysis=analysis_of(story, ERRORS, ORDERS))
    status = story.wait("users to be assigned", lambda s: s["traffic"].get("assignment") and s["traffic"]["accepted"])
    assert status["traffic"]["assignment"] == {"cookie": "arm", "ttl": "1h"}
    assert status["traffic"]["candidate"] == 50
    story.wait("the split to be checked", lambda s: any(c["type"] == "SplitVerified" for c in s["conditions"]))
    entry = story.wait_outcome(120)
    assert (entry["outcome"], entry["reason"], entry["stage"]) == ("Promoted", "Superior", "experiment"), entry
    orders = next(metric for metric in story.status["metrics"] if metric["name"] == "orders")
    assert orders["verdict"] == "Pass" and orders["message"].startswith("better: "), orders
    # In truth 3, but what stops a test early is more often a large ratio than a small one: no tight bounds.
    assert 1.5 < float(orders["effect"]) < 12, orders
    assert sum(story.counts()["failures"].values()) == 0


def test_a_model_that_sells_less_is_rolled_back(story):
    story.apply("v2", order_share=0.01, stages=[BY_COOKIE], analysis=analysis_of(story, ERRORS, ORDERS))
    entry = story.wait_outcome(120)
    assert (entry["outcome"], entry["reason"], entry["stage"]) == ("RolledBack", "GoalWorse", "experiment"), entry
    assert sum(story.counts()["failures"].values()) == 0


def test_a_shadow_tells_whether_the_model_predicts_something_else(story):
    """A finished stage has tested it, whatever comes after; the canary is the next one so that the shadow ends."""
    watched = {"stages": [SHADOW, HALF], "analysis": analysis_of(story, ERRORS, PREDICTIONS)}
    story.apply("v2", cat_share=0.7, **watched)
    status = story.wait("the canary", lambda s: s.get("stage", {}).get("name") == "canary", 120)
    drift = predictions_of(status)
    assert (drift["verdict"], drift["drift"]["tested"]) == ("Drift", "shadow"), drift
    found = drift["drift"]["found"]
    assert found.startswith("predictions drifted in stage shadow: PSI "), found
    assert 0.1 < float(drift["drift"]["psi"]) < 1 and float(drift["drift"]["pValue"]) < 0.01, drift
    story.cluster.wait_for(lambda: "PredictionsDrifted" in events(story), "the event", 20)
    entry = story.wait_outcome(120)
    assert (entry["outcome"], entry["reason"]) == ("Promoted", "NonInferior"), "it decides nothing"
    assert found in entry["message"]
    told = notes(story, "PredictionsDrifted")
    assert told == [found], "once, though the canary has drifted too"

    story.apply("v3", cat_share=0.7, **watched)
    status = story.wait("the canary", lambda s: s.get("stage", {}).get("name") == "canary", 120)
    assert predictions_of(status)["verdict"] == "NoDrift", predictions_of(status)
    assert "found" not in predictions_of(status)["drift"]
    entry = story.wait_outcome(120)
    assert entry["outcome"] == "Promoted" and "drifted" not in entry["message"], entry
    assert notes(story, "PredictionsDrifted") == told


def test_a_split_that_is_not_the_asked_one_pauses_until_a_person_resumes(story):
    hold = {"name": "canary", "canary": {"weights": [50], "minLooks": 500}, "maxDuration": "1h"}
    story.apply("v2", stages=[hold])
    status = story.wait("a verified split", lambda s: story.condition("SplitVerified").get("status") == "True", 60)
    # Callers that bypass the gateway, and reach stable only.
    pods = f"/api/v1/namespaces/ml/pods?labelSelector=sluice.dev/revision={status['stableRevision']}"
    address = story.cluster.api.get(pods)["items"][0]["status"]["podIP"]
    command = [sys.executable, "-B", HERE / "traffic.py", f"{address}:8000", "/infer", 300]
    bypass = story.cluster.spawn_in_netns([*map(str, command), str(story.counts_file) + ".bypass"], "bypass")
    try:
        story.wait("the mismatch", lambda s: s["phase"] == "Paused", 120)
    finally:
        bypass.terminate()
    verified = story.condition("SplitVerified")
    assert (verified["status"], verified["reason"]) == ("False", "SampleRatioMismatch")
    assert "the candidate has too few" in verified["message"] and "50% were asked for" in verified["message"]
    assert story.condition("Stalled")["reason"] == "SampleRatioMismatch"
    candidate = story.status["candidateRevision"]
    story.cluster.kubectl("annotate", "rollout", story.name, "-n", "ml", f"sluice.dev/resume={candidate}")
    story.wait("it to go on", lambda s: s["phase"] == "Progressing" and s["candidateRevision"] == candidate, 30)
    story.wait("a verified split", lambda s: story.condition("SplitVerified").get("status") == "True", 60)
    story.cluster.kubectl("annotate", "rollout", story.name, "-n", "ml", f"sluice.dev/abort={candidate}")
    assert story.wait_outcome()["reason"] == "Aborted"


def test_both_revisions_are_scaled_in_the_middle_of_a_stage(story):
    """As an autoscaler does it, through the scale subresource."""
    hold = {"name": "canary", "canary": {"weights": [50], "minLooks": 500}, "maxDuration": "1h"}
    # Both serve on when they are to end, as pods have to: the gateway hears a little late that they go.
    story.apply("v1", stages=[], serve_on=10)
    assert story.wait_outcome()["outcome"] == "Promoted"
    story.apply("v2", stages=[hold], serve_on=10)
    status = story.wait("looks at half of the traffic", lambda s: s.get("stage", {}).get("looks", 0) >= 2)
    stable, candidate, looks = status["stableRevision"], status["candidateRevision"], status["stage"]["looks"]

    def sizes() -> dict[str, int]:
        path = f"/apis/apps/v1/namespaces/ml/deployments?labelSelector=sluice.dev/rollout={story.name}"
        found = story.cluster.api.get(path)["items"]
        ready = ((one["metadata"]["labels"], one["status"].get("readyReplicas", 0)) for one in found)
        return {labels["sluice.dev/revision"]: size for labels, size in ready if size}

    for replicas, wanted in ((5, {stable: 5, candidate: 3}), (2, {stable: 2, candidate: 1})):
        story.cluster.kubectl("scale", f"rollout/{story.name}", "-n", "ml", f"--replicas={replicas}")
        story.cluster.wait_for(lambda: sizes() == wanted, f"pods for {replicas} replicas", 60)
        scale = story.cluster.api.get(f"/apis/sluice.dev/v1alpha1/namespaces/ml/rollouts/{story.name}/scale")
        assert scale["spec"]["replicas"] == replicas
        assert f"sluice.dev/rollout={story.name}" in scale["status"]["selector"]
    status = story.wait("looks to go on", lambda s: s["stage"]["looks"] > looks)
    assert (status["candidateRevision"], status["stage"]["name"]) == (candidate, "canary"), "the same attempt"
    assert story.candidate_weight_on_route() == 50
    assert sum(story.counts()["failures"].values()) == 0
