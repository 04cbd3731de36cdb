"""The example's story on real parts, with assertions."""

import math
import time

from cluster.wait import until
from load import Count
from places import EXAMPLE, Place, checked
from story import NAME, NAMESPACE, SYSTEM_NAMESPACE, Chapter, Sight, Story, condition

WEIGHTS = [10, 25, 50]
STAGES = ["acceptance", "load", "shadow", "canary", "experiment"]


# -- install and the first revision ----------------------------------------------------------------


def test_the_operator_runs_as_installed(installed: Story, place: Place) -> None:
    pods = place.get(f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/pods")["items"]
    assert pods, "the chart made no pod"
    for pod in pods:
        for container in pod["status"]["containerStatuses"]:
            assert container["ready"] and container["restartCount"] == 0, container


def test_the_first_revision_becomes_stable_without_a_candidate(v1: Sight) -> None:
    assert v1.status["phase"] == "Healthy"
    assert v1.status["traffic"]["stable"] == 100 and v1.weight == 0
    entry = v1.status["history"][0]
    assert (entry["outcome"], entry["reason"], entry.get("looks", 0)) == ("Promoted", "Initial", 0)
    assert condition(v1.status, "Ready")["status"] == "True"


def test_all_traffic_reaches_the_first_revision(v1: Sight, traffic: Count) -> None:
    assert set(traffic.arms) <= {v1.status["stableRevision"], "none"}
    assert traffic.arm(v1.status["stableRevision"]).requests > 500


# -- v2: better, promoted --------------------------------------------------------------------------


def test_a_better_model_is_promoted_step_by_step(v2: Chapter) -> None:
    assert (v2.outcome, v2.reason) == ("Promoted", "Superior"), v2.message
    assert v2.stages == STAGES
    assert v2.weights in (WEIGHTS, [*WEIGHTS, 100])
    assert v2.sights[-1].status["stableRevision"] == v2.revision


def test_the_gateway_realises_each_weight(v2: Chapter) -> None:
    for weight in WEIGHTS:
        counted = v2.by_weight[weight]
        asked = weight / 100
        error = math.sqrt(asked * (1 - asked) / counted.requests)
        assert abs(counted.share(v2.revision) - asked) < 4.5 * error, f"{weight} %: {counted}"


def test_users_lose_nothing_while_a_good_model_is_promoted(v2: Chapter) -> None:
    assert v2.traffic.failures == 0, v2.traffic


def test_the_better_model_is_better(v2: Chapter, v1: Sight) -> None:
    old, new = v2.traffic.arm(v1.status["stableRevision"]), v2.traffic.arm(v2.revision)
    assert new.right / new.requests > old.right / old.requests + 0.03


# -- v3: faulty, rolled back -----------------------------------------------------------------------


def test_a_faulty_service_is_rolled_back_at_the_first_looks(v3: Chapter, v2: Chapter) -> None:
    assert (v3.outcome, v3.reason) == ("RolledBack", "HarmDetected"), v3.message
    assert v3.weights == [10]
    assert 1 <= v3.looks <= 6
    after = v3.sights[-1].status
    assert after["stableRevision"] == v2.revision
    assert after["traffic"]["candidate"] == 0 and after["traffic"]["stable"] == 100


def test_the_rollback_is_explained_with_numbers(v3: Chapter) -> None:
    assert any(name in v3.message for name in ("errors", "latency"))
    assert "%" in v3.message and any(character.isdigit() for character in v3.message)
    promoted = condition(v3.sights[-1].status, "Promoted")
    assert (promoted["status"], promoted["reason"]) == ("False", "HarmDetected")


def test_users_hardly_notice_the_fault(v3: Chapter) -> None:
    failed = v3.traffic.failures
    assert failed == v3.traffic.arm(v3.revision).failures, "a failure that the candidate did not cause"
    assert 0 < failed < 0.01 * v3.traffic.requests, v3.traffic


def test_the_candidate_gets_nothing_after_the_rollback(v3: Chapter, story: Story) -> None:
    before = story.counts.at(time.time())
    after = story.counts.at(before.time + 3)
    assert (after - before).arm(v3.revision).requests == 0
    assert (after - before).requests > 300


# -- v4: no difference, promoted -------------------------------------------------------------------


def test_no_difference_is_promoted(v4: Chapter) -> None:
    assert (v4.outcome, v4.reason) == ("Promoted", "NonInferior"), v4.message
    assert v4.weights in (WEIGHTS, [*WEIGHTS, 100])
    assert v4.traffic.failures == 0, v4.traffic


def test_the_history_tells_the_whole_story(v4: Chapter) -> None:
    told = [(entry["outcome"], entry["reason"]) for entry in reversed(v4.sights[-1].status["history"])]
    assert told == [
        ("Promoted", "Initial"),
        ("Promoted", "Superior"),
        ("RolledBack", "HarmDetected"),
        ("Promoted", "NonInferior"),
    ]


# -- what a person sees ----------------------------------------------------------------------------


def test_kubectl_wait_works(v4: Chapter, place: Place) -> None:
    checked(
        place.kubectl("wait", "--for=condition=Promoted", f"mro/{NAME}", "-n", NAMESPACE, "--timeout=20s"),
        "kubectl wait",
    )


def test_kubectl_get_reads_well(v4: Chapter, place: Place) -> None:
    output = checked(place.kubectl("get", "mro", "-n", NAMESPACE), "kubectl get mro")
    header, row = output.strip().splitlines()
    assert header.split() == ["NAME", "PHASE", "STAGE", "WEIGHT", "VERDICT", "STABLE", "CANDIDATE", "AGE"]
    assert row.split()[:2] == [NAME, "Healthy"] and v4.revision in row
    wide = checked(place.kubectl("get", "mro", "-n", NAMESPACE, "-o", "wide"), "kubectl get mro -o wide")
    assert len(wide.splitlines()[0].split()) > len(header.split())


def test_events_have_distinct_reasons(v4: Chapter, place: Place) -> None:
    path = f"/api/v1/namespaces/{NAMESPACE}/events?fieldSelector=involvedObject.kind%3DRollout"
    events = place.get(path)["items"]
    types = {event["reason"]: event["type"] for event in events}
    expected = {"RolloutStarted", "StageStarted", "WeightSet", "StepPassed", "StagePassed", "RolloutPromoted"}
    assert expected <= types.keys()
    assert types["RolloutRolledBack"] == "Warning"
    described = checked(place.kubectl("describe", "mro", NAME, "-n", NAMESPACE), "kubectl describe mro")
    assert "RolloutRolledBack" in described


def test_a_bad_manifest_is_refused_with_the_field(v4: Chapter, story: Story) -> None:
    generation = story.place.get(story.path)["metadata"]["generation"]
    assert "spec.stages[0].canary.weights" in story.refused(EXAMPLE / "bad.yaml")
    assert story.place.get(story.path)["metadata"]["generation"] == generation


# -- faults ----------------------------------------------------------------------------------------


def test_an_image_that_never_becomes_ready_gets_no_traffic(v4: Chapter, story: Story, place: Place) -> None:
    manifest = place.manifest(EXAMPLE / "v4.yaml")
    broken = manifest.replace("image: localhost/digits:1", "image: localhost/digits:none").replace(
        "progressDeadline: 2m", "progressDeadline: 10s"
    )
    before = story.counts.at(time.time())
    checked(place.kubectl("apply", "-f", "-", input=broken), "kubectl apply")
    weights: set[int] = set()

    def stalled() -> bool:
        sight = story.look()
        weights.add(sight.weight)
        found = condition(sight.status, "Stalled")
        return found.get("status") == "True" and found["reason"] == "ProgressDeadlineExceeded"

    story.wait(stalled, "the Rollout to be Stalled", 60)
    assert weights == {0}
    checked(place.kubectl("apply", "-f", "-", input=manifest), "kubectl apply")
    story.wait(lambda: story.look().status.get("phase") == "Healthy", "v4's template to mean Healthy", 60)
    assert story.look().status["stableRevision"] == v4.revision
    assert (story.counts.at(time.time()) - before).failures == 0


# -- the end: keep this test the last one ----------------------------------------------------------


def test_uninstalling_leaves_the_model_serving_and_nothing_behind(v4: Chapter, story: Story, place: Place) -> None:
    story.uninstall_operator()
    kinds = "deployments,pods,serviceaccounts,clusterroles,clusterrolebindings"

    def gone() -> bool:  # the garbage collector takes the pod after the Deployment
        label = "app.kubernetes.io/instance=sluice"
        left = place.kubectl("get", kinds, "-A", "-l", label, "-o", "name")
        return checked(left, f"kubectl get {kinds}").strip() == ""

    until(gone, "everything of the chart to be gone", 40)
    before = story.counts.at(time.time())
    served = story.counts.at(before.time + 3) - before
    assert served.arm(v4.revision).requests > 300 and served.failures == 0
    place.stop_traffic()
    checked(place.kubectl("delete", "namespace", NAMESPACE, "--timeout=100s"), "kubectl delete namespace")
