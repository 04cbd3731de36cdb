"""The stage loadTest on a real API server: real requests by a played pod, the report, and what Locust's Jobs have."""

import json
import sys
import time

from test_stages import HALF, SIGN_OFF, events, job_of, jobs

# Asks for a while and prints the result, as any tool can.
TOOL = """import json, os, time, urllib.request
begin, times = time.time(), {}
for number in range(COUNT):
    time.sleep(max(0, begin + number / 50 - time.time()))
    start = time.time()
    urllib.request.urlopen(os.environ["SLUICE_URL"], b"{}", timeout=5).read()
    took = str(round((time.time() - start) * 1000, 1))
    times[took] = times.get(took, 0) + 1
    print("asked", flush=True)
window = {"at": 0, "seconds": COUNT / 50, "askedRate": 0, "users": 0, "requests": COUNT, "failures": 0,
          "responseTimes": times}
print(json.dumps({"kind": "LoadTestResult", "apiVersion": "sluice.dev/v1alpha1", "startedAt": int(begin),
                  "windows": [window], "errors": [], "generator": {"tool": "played", "workers": 1}}))
"""
FAST = [{"responseTime": {"quantile": "95%", "max": "400ms"}}, {"restarts": {"max": 0}}]


def load(program: str = TOOL, count: int = 300, **fields) -> dict:
    """A loadTest by a Python program."""
    command = [sys.executable, "-c", program.replace("COUNT", str(count))]
    job = {"template": {"spec": {"containers": [{"name": "tool", "image": "tool", "command": command}]}}}
    return {"name": "load", "loadTest": {"job": job, "criteria": FAST, **fields}}


def report_of(story, revision: str) -> dict:
    return story.cluster.api.get(f"/api/v1/namespaces/ml/configmaps/{story.name}-{revision}-load")


def test_a_model_that_bears_the_load_goes_on_and_has_a_report(story):
    story.apply("v2", stages=[load(), HALF])
    status = story.wait("the load", lambda s: job_of(s).get("runningSince"))
    candidate = status["candidateRevision"]
    assert status["traffic"]["candidate"] == 0
    deployment = story.cluster.api.get(f"/apis/apps/v1/namespaces/ml/deployments/{story.name}-{candidate}")
    assert deployment["spec"]["replicas"] == 2, "all pods of the candidate take the load"
    assert story.candidate_weight_on_route() == 0
    status = story.wait("the canary", lambda s: s.get("stage", {}).get("name") == "canary", 60)
    (told,) = status["loadTests"]
    assert (told["stage"], told["verdict"], told["requests"], told["failures"]) == ("load", "Pass", 300, 0)
    assert told["report"] == f"{story.name}-{candidate}-load"
    report = report_of(story, candidate)
    assert [owner["uid"] for owner in report["metadata"]["ownerReferences"]] == [deployment["metadata"]["uid"]]
    assert report["metadata"]["labels"]["sluice.dev/rollout"] == story.name
    assert len([key for key in report["data"] if key.endswith(".svg")]) == 5
    assert json.loads(report["data"]["report.json"])["verdict"] == "Pass"
    entry = story.wait_outcome(120)
    assert (entry["outcome"], entry["reports"]) == ("Promoted", [told["report"]])
    assert sum(story.counts()["failures"].values()) == 0, "the pods that only the load needed ended before users came"
    story.cluster.wait_for(lambda: {"LoadTestStarted", "LoadTestPassed"} <= events(story), "the events", 20)


def test_a_model_that_is_too_slow_serves_nobody(story):
    story.apply("v3", delay=0.5, stages=[load(count=60), HALF])
    entry = story.wait_outcome(120)
    assert (entry["outcome"], entry["reason"], entry["stage"]) == ("RolledBack", "LoadTestFailed", "load"), entry
    (told,) = story.status["loadTests"]
    assert told["verdict"] == "Fail" and told["message"] in entry["message"]
    assert report_of(story, entry["revision"])["data"]["result.json"]
    assert entry["revision"] not in story.counts()["answers"]
    assert sum(story.counts()["failures"].values()) == 0
    assert len(jobs(story)) == 1, "its Job stays for people"


def test_a_tool_that_breaks_is_no_verdict_and_tells_what_it_said(story):
    story.apply("v4", stages=[load("raise SystemExit('no such option: --users')"), SIGN_OFF])
    status = story.wait("an error", lambda s: job_of(s).get("verdict") == "Error")
    assert "container tool exited with 1" in job_of(status)["message"]
    assert "no such option: --users" in job_of(status)["message"]
    story.wait("another attempt", lambda s: job_of(s).get("attempt") == 2, 60)
    story.apply("v4", stages=[SIGN_OFF])


def test_an_operator_that_is_killed_under_load_makes_no_second_job(story, operator):
    story.apply("v5", stages=[load(count=400), SIGN_OFF])
    story.wait("the load", lambda s: job_of(s).get("runningSince"))
    before = set(jobs(story))
    operator.kill()
    operator.start()
    status = story.wait("the next stage", lambda s: s["stage"]["name"] == "sign-off", 60)
    assert set(jobs(story)) == before
    assert [one["verdict"] for one in status["loadTests"]] == ["Pass"]


def test_what_belongs_to_locust_comes_and_goes_with_the_master(story):
    locust = {"image": "never", "workers": 3, "model": "m"}
    story.apply("v6", stages=[{"name": "load", "loadTest": {"rate": 5, "locust": locust}}, SIGN_OFF])
    name = job_of(story.wait("the Job", lambda s: job_of(s).get("uid")))["name"]
    cluster, folder = story.cluster, "/api/v1/namespaces/ml"
    workers = cluster.wait_for(lambda: jobs(story).get(f"{name}-workers"), "the workers", 20)
    assert workers["spec"]["parallelism"] == 3
    uid = jobs(story)[name]["metadata"]["uid"]
    script = cluster.api.get(f"{folder}/configmaps/{name}")
    service = cluster.api.get(f"{folder}/services/{name}")
    assert service["spec"]["clusterIP"] == "None"
    for part in (workers, script, service):
        assert [owner["uid"] for owner in part["metadata"]["ownerReferences"]] == [uid]
    master = cluster.wait_for(
        lambda: cluster.api.get(f"{folder}/pods?labelSelector=job-name={name}")["items"], "the master's pod", 20
    )[0]
    labels = service["spec"]["selector"].items()
    assert labels <= master["metadata"]["labels"].items()
    cluster.kubectl("delete", "job", name, "-n", "ml")
    status = story.wait("an error", lambda s: job_of(s).get("verdict") == "Error")
    assert "deleted" in job_of(status)["message"]
    gone = ("get", "jobs,configmaps,services", "-n", "ml", "-l", f"sluice.dev/job={name}", "-o", "name")
    cluster.wait_for(lambda: not cluster.kubectl(*gone).strip(), "what belonged to it to be gone", 30)


def test_memory_that_grows_under_load_is_found_in_prometheus(story):
    """Bytes that grow with the time, evenly, however busy the machine is; and that do not."""
    of_the_pods = 'sum(http_requests_total{namespace="$(namespace)",pod=~"$(pods)"})'
    grows = f"time() - {int(time.time())} + 0 * {of_the_pods}"
    criteria = [{"memoryGrowth": {"max": "10%", "query": grows}}]
    story.apply("v7", stages=[load(count=1000, criteria=criteria), HALF])
    entry = story.wait_outcome(120)
    assert (entry["outcome"], entry["reason"], entry["stage"]) == ("RolledBack", "LoadTestFailed", "load"), entry
    assert "growth of memory" in entry["message"]
    steady = [{"memoryGrowth": {"max": "10%", "query": f"1000000 + 0 * {of_the_pods}"}}]
    story.apply("v8", stages=[load(count=700, criteria=steady), SIGN_OFF])
    status = story.wait("the next stage", lambda s: s.get("stage", {}).get("name") == "sign-off", 90)
    assert [one["verdict"] for one in status["loadTests"]] == ["Pass"]


def test_a_model_is_compared_with_stables_own_load(story):
    margin = [{"responseTime": {"quantile": "50%", "margin": "100%"}}]
    story.apply("v2", stages=[load(criteria=margin)])
    entry = story.wait_outcome(90)
    assert entry["outcome"] == "Promoted", entry
    story.apply("v3", delay=0.2, stages=[load(count=100, criteria=margin), HALF])
    entry = story.wait_outcome(90)
    assert (entry["outcome"], entry["reason"]) == ("RolledBack", "LoadTestFailed"), entry
    assert "compared with stable's" in entry["message"]
