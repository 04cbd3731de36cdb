"""Stages other than the canary, on the real gateway: copies that nobody sees, and a person who decides."""

SHADOW = {"name": "shadow", "shadow": {"percent": 50, "minLooks": 2}, "maxDuration": "4m"}
HALF = {"name": "canary", "canary": {"weights": [50], "minLooks": 2}, "maxDuration": "4m"}
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
    story.cluster.kubectl("annotate", "rollout", story.name, "-n", "ml", approval)
    entry = story.wait_outcome()
    assert (entry["outcome"], entry["reason"], entry["stage"]) == ("Promoted", "Approved", "sign-off")
    assert sum(story.counts()["failures"].values()) == 0


def test_a_faulty_model_is_found_by_copies_before_any_user_meets_it(story):
    story.apply("v3", error_share=0.2, stages=[SHADOW, HALF])
    entry = story.wait_outcome(120)
    assert (entry["outcome"], entry["reason"], entry["stage"]) == ("RolledBack", "HarmDetected", "shadow")
    story.cluster.wait_for(lambda: mirrors(story) == [], "the mirror to be gone", 20)
    counts = story.counts()
    assert sum(counts["failures"].values()) == 0, counts
    assert entry["revision"] not in counts["answers"]
