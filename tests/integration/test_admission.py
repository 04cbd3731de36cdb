"""Bad manifests: the API server refuses them and names the field; what it cannot see, the operator says in status.

Each case changes one thing in tests/testdata/rollout.yaml, which has every field. Requests are dry runs with strict
field validation, which is what `kubectl apply` sends; so nothing is stored and no case sees another.
"""

import copy
import re
from typing import Any

import pytest
import yaml

from cluster.client import ApiError
from conftest import NAMESPACE, ROOT

PATH = f"/apis/sluice.dev/v1alpha1/namespaces/{NAMESPACE}/rollouts"
GONE = object()  # the field is left out

COUNTER = {"events": 'errors_total{pod=~"$(pods)"}', "total": 'requests_total{pod=~"$(pods)"}'}
BUCKETS = {"buckets": 'seconds_bucket{pod=~"$(pods)"}', "above": "250ms"}
WHOLE = {"name": "latency", "histogram": {"buckets": BUCKETS["buckets"]}, "ceiling": "20%"}
METRIC = "spec.analysis.metrics[0]"
SELECTOR = f"{METRIC}.counter.events"
HISTOGRAM = "spec.analysis.metrics[1].histogram"
SYSTEM_TEST = "spec.stages[5].systemTest"
TEST = {"job": {"template": {"spec": {"containers": [{"name": "test"}]}}}}
STRESS = "spec.stages[6].loadTest"
SCRIPT = "spec.stages[7].loadTest"
TOOL = "spec.stages[8].loadTest"
RATE = "must be above 0 and at most 100000"
EXACTLY_ONE = "exactly one of canary, shadow, abTest, approval, systemTest and loadTest is required"
EXACTLY_ONE_SOURCE = "exactly one of counter, histogram, mean, classes and scores is required"
GOAL = "spec.analysis.metrics[3]"
CLASSES = "spec.analysis.metrics[5]"
SCORES = "spec.analysis.metrics[6]"
DECIDES_NOTHING = "are not for classes and scores, which decide nothing"
MEAN = "spec.analysis.metrics[4]"
BY_HEADER = "spec.stages[3].abTest"
BY_COOKIE = "spec.stages[4].abTest"
PATHS = [{"path": {"value": f"/{number}"}} for number in range(43)]
PLAIN = "must be a plain selector such as http_requests_total"

# What the API server adds of its own: that it stopped looking, and what its scale subresource thinks of replicas.
BESIDE = ("<nil>: ", ".spec.replicas: ")

# The field that is changed, its value, the field that the refusal must name (None: the same), and its sentence.
REFUSED: list[tuple[str, Any, str | None, str]] = [
    # What is required.
    ("spec", GONE, None, "Required value"),
    ("spec.template", GONE, None, "Required value"),
    ("spec.template.spec", GONE, None, "Required value"),
    ("spec.template.spec.containers", [], None, "must hold at least one container"),
    ("spec.template.spec.containers[0].name", GONE, None, "Required value"),
    ("spec.port", GONE, None, "Required value"),
    ("spec.traffic", GONE, None, "Required value"),
    # The name.
    ("metadata.name", "a" * 53, None, "must have at most 52 characters"),
    ("metadata.name", "digits.v1", None, "with a letter first, since Services get this name"),
    ("metadata.name", "1digits", None, "must consist of lower-case letters"),
    # The workload.
    ("spec.replicas", -1, None, "should be greater than or equal to 0"),
    ("spec.replicas", "three", None, "must be of type integer"),
    ("spec.template.spec.restartPolicy", "Never", None, 'supported values: "Always"'),
    ("spec.template.metadata.labels", {"sluice.dev/revision": "x"}, None, "remove sluice.dev/rollout"),
    ("spec.port", 0, None, "must be a number from 1 to 65535, or the name of a container's port"),
    ("spec.port", 65536, None, "must be a number from 1 to 65535"),
    ("spec.port", "8080", None, "must be a number from 1 to 65535"),
    ("spec.port", "grpc", None, "no container of the template has a port of this name"),
    # Who splits the traffic.
    ("spec.traffic", {}, None, "exactly one of gatewayAPI and manual is required"),
    ("spec.traffic.manual", {}, "spec.traffic", "exactly one of gatewayAPI and manual is required"),
    ("spec.traffic", {"manual": {}}, "spec.stages", "a shadow stage needs traffic.gatewayAPI"),
    ("spec.traffic", {"manual": {}}, "spec.stages", "an abTest stage needs traffic.gatewayAPI"),
    ("spec.traffic.gatewayAPI.parentRefs", GONE, None, "Required value"),
    ("spec.traffic.gatewayAPI.parentRefs", [], None, "must hold at least one Gateway"),
    ("spec.traffic.gatewayAPI.parentRefs[0].name", GONE, None, "Required value"),
    ("spec.traffic.gatewayAPI.hostnames[0]", "digits_example", None, "must be a host name such as digits.example"),
    ("spec.traffic.gatewayAPI.matches[0].path.type", "Prefix", None, 'supported values: "Exact", "PathPrefix"'),
    # Stages.
    ("spec.stages[0].name", GONE, None, "Required value"),
    ("spec.stages[0].name", "Canary", None, "must consist of lower-case letters, digits and '-'"),
    ("spec.stages[0].name", "a" * 41, None, "may not be more than 40"),
    ("spec.stages[1]", {"name": "canary", "canary": {"weights": [50]}}, None, "Duplicate value"),
    ("spec.stages[0].canary", GONE, "spec.stages[0]", EXACTLY_ONE),
    ("spec.stages[0].shadow", {"percent": 5}, "spec.stages[0]", EXACTLY_ONE),
    ("spec.stages[0].systemTest", TEST, "spec.stages[0]", EXACTLY_ONE),
    (f"{SYSTEM_TEST}.job", GONE, None, "Required value"),
    (f"{SYSTEM_TEST}.job.template", GONE, None, "Required value"),
    (f"{SYSTEM_TEST}.job.template.spec.containers", [], None, "must hold at least one container"),
    (f"{SYSTEM_TEST}.job.template.spec.containers[0].name", GONE, None, "Required value"),
    (f"{SYSTEM_TEST}.job.template.spec.restartPolicy", "Always", None, 'supported values: "Never", "OnFailure"'),
    (f"{SYSTEM_TEST}.job.ttlSecondsAfterFinished", 59, None, "greater than or equal to 60"),
    (f"{SYSTEM_TEST}.job.activeDeadlineSeconds", 9, f"{SYSTEM_TEST}.deadline", "or job.activeDeadlineSeconds"),
    (f"{SYSTEM_TEST}.deadline", "soon", None, "must be a duration such as 30s"),
    (f"{SYSTEM_TEST}.deadline", "0s", None, "must be longer than 0s"),
    (f"{SYSTEM_TEST}.retries", 11, None, "less than or equal to 10"),
    (f"{STRESS}.profile", "Soak", None, 'supported values: "Performance", "Stress"'),
    (f"{STRESS}.rate", GONE, STRESS, "write rate, perhaps with duration, or steps"),
    (f"{STRESS}.rate", 0, None, RATE),
    (f"{STRESS}.rate", "0.0", None, RATE),
    (f"{STRESS}.rate", "100001", None, RATE),
    (f"{STRESS}.steps", [{"duration": "1m", "rate": 1}], STRESS, "write rate, perhaps with duration, or steps"),
    (f"{STRESS}.duration", "0s", None, "must be longer than 0s"),
    (f"{STRESS}.deadline", "soon", None, "must be a duration such as 30s"),
    (f"{STRESS}.locust", GONE, STRESS, "exactly one of locust and job is required"),
    (f"{STRESS}.job", TEST["job"], STRESS, "exactly one of locust and job is required"),
    (f"{STRESS}.locust.image", GONE, None, "Required value"),
    (f"{STRESS}.locust.workers", 0, None, "greater than or equal to 1"),
    (f"{STRESS}.locust.protocol", "gRPC", None, 'supported values: "V2", "OpenAI", "Http"'),
    (f"{STRESS}.locust.path", "v2", None, "must begin with '/'"),
    (f"{STRESS}.locust.model", GONE, f"{STRESS}.locust", "without a locustfile model is required"),
    (f"{STRESS}.locust.payload.configMapKeyRef.key", "a/b", None, "must consist of letters, digits"),
    (f"{SCRIPT}.locust.locustfile.configMapKeyRef.key", "load.txt", None, "must end with .py"),
    (f"{SCRIPT}.steps", [], None, "should have at least 1 items"),
    (f"{SCRIPT}.steps[0].duration", "500ms", None, "must be at least 1s"),
    (f"{SCRIPT}.steps[0].rate", GONE, None, "Required value"),
    (f"{TOOL}.job.template.spec.containers", [], None, "must hold at least one container"),
    (f"{STRESS}.criteria[0]", {}, None, "exactly one of responseTime, failures, rate"),
    (f"{STRESS}.criteria[1].restarts", {"max": 0}, f"{STRESS}.criteria[1]", "exactly one of responseTime, failures"),
    (f"{STRESS}.criteria[0].responseTime.quantile", "100%", None, "must be above 0% and below 100%"),
    (f"{STRESS}.criteria[0].responseTime.quantile", "0%", None, "must be above 0% and below 100%"),
    (f"{SCRIPT}.criteria[0].responseTime.margin", GONE, f"{SCRIPT}.criteria[0].responseTime",
     "write max, margin or both"),
    (f"{STRESS}.criteria[1].failures.max", "101%", None, "must be a percentage from 0% to 100%"),
    (f"{STRESS}.criteria[3].knee.min", 0, None, RATE),
    (f"{STRESS}.criteria[6].memoryGrowth.query", "x{pod=\"$(pod)\"}", None, "has an unknown placeholder"),
    (f"{STRESS}.criteria[7].restarts.max", -1, None, "greater than or equal to 0"),
    ("spec.stages[1].shadow.percent", 0, None, "greater than or equal to 1"),
    ("spec.stages[1].shadow.percent", 101, None, "less than or equal to 100"),
    ("spec.stages[0].minDuration", "soon", None, "must be a duration such as 30s"),
    ("spec.stages[0].canary.weights", GONE, None, "Required value"),
    ("spec.stages[0].canary.weights", [], None, "must hold at least one weight, as in [1, 5, 25, 50]"),
    ("spec.stages[0].canary.weights", [5, 50, 25], None, "weights must rise from one to the next"),
    ("spec.stages[0].canary.weights", [5, 5], None, "weights must rise from one to the next"),
    ("spec.stages[0].canary.weights", [0, 50], "spec.stages[0].canary.weights[0]", "must be from 1 to 99"),
    ("spec.stages[0].canary.weights", [50, 100], "spec.stages[0].canary.weights[1]", "must be from 1 to 99, the 100"),
    ("spec.stages[0].canary.weights", [50, 150], "spec.stages[0].canary.weights[1]", "must be from 1 to 99, the 100"),
    ("spec.stages[0].canary.weights", ["5%"], "spec.stages[0].canary.weights[0]", "must be of type integer"),
    ("spec.stages[0].canary.minLooks", 0, None, "greater than or equal to 1"),
    ("spec.stages[0].maxDuration", "0s", None, "must be longer than 0s"),
    # Durations.
    ("spec.stages[0].maxDuration", "two hours", None, "must be a duration such as 30s, 5m or 1h30m"),
    ("spec.scaleDownDelay", "10", None, "must be a duration such as 30s"),
    ("spec.scaleDownDelay", "-1m", None, "must be a duration such as 30s"),
    ("spec.scaleDownDelay", 600, None, "must be of type string"),
    ("spec.progressDeadline", "1d", None, "must be a duration such as 30s"),
    ("spec.progressDeadline", "0s", None, "must be longer than 0s"),
    ("spec.progressDeadline", "87601h", None, "at most 10 years"),
    ("spec.analysis.warmup", "1 min", None, "must be a duration such as 30s"),
    ("spec.analysis.interval", "30", None, "must be a duration such as 30s"),
    ("spec.analysis.interval", "500ms", None, "must be at least 1s"),
    # The analysis.
    ("spec.analysis", GONE, None, "the stages are judged by its metrics"),
    ("spec.analysis.prometheus", GONE, None, "Required value"),
    ("spec.analysis.prometheus.address", "prometheus:9090", None, "must be an address such as http://prometheus"),
    ("spec.analysis.falseRollback", "5", None, 'must be a percentage above 0% and below 50%, such as "5%"'),
    ("spec.analysis.falseRollback", "0%", None, "must be a percentage above 0% and below 50%"),
    ("spec.analysis.falseRollback", "50%", None, "must be a percentage above 0% and below 50%"),
    ("spec.analysis.falseRollback", 50, None, "must be a percentage above 0% and below 50%"),
    ("spec.analysis.falsePromotion", "five percent", None, "must be a percentage above 0% and below 50%"),
    ("spec.analysis.falsePromotion", 0.05, None, "must be of type integer,string"),
    ("spec.analysis.catastrophicEffect", "3x", None, 'must be a decimal string such as "1.5"'),
    ("spec.analysis.catastrophicEffect", "1", None, 'must be above "1"'),
    ("spec.analysis.catastrophicEffect", "1.1", None, "must be above the harm.ratio of every guardrail"),
    ("spec.analysis.catastrophicEffect", 3, None, "must be of type string"),
    ("spec.analysis.promoteWhen", "Superior", None, 'supported values: "NonInferior", "NoHarmShown"'),
    # Metrics.
    ("spec.analysis.metrics", GONE, None, "Required value"),
    ("spec.analysis.metrics", [], None, "must hold at least one metric"),
    ("spec.analysis.metrics[1]", {"name": "errors", "counter": COUNTER}, None, "Duplicate value"),
    (f"{METRIC}.name", "Errors", None, "must consist of lower-case letters"),
    (f"{METRIC}.role", "target", None, 'supported values: "guardrail", "goal", "report"'),
    (f"{METRIC}.role", "goal", METRIC, "margin, harm and ceiling are not for a goal"),
    (f"{METRIC}.direction", "decrease", METRIC, "mean and direction are for a metric of role goal"),
    (f"{GOAL}.direction", "up", None, 'supported values: "increase", "decrease"'),
    (f"{GOAL}.ceiling", "5%", GOAL, "margin, harm and ceiling are not for a goal"),
    (f"{GOAL}.role", "report", GOAL, "mean and direction are for a metric of role goal"),
    (f"{MEAN}.mean.count", GONE, None, "Required value"),
    (f"{MEAN}.mean.sum", "reward_sum", None, "counts both revisions alike"),
    (f"{MEAN}.counter", COUNTER, MEAN, "exactly one of counter, histogram, mean, classes and scores is required"),
    ("spec.analysis.metrics", [{"name": "errors", "counter": COUNTER}], None, "an abTest stage is decided by goals"),
    ("spec.stages", [{"name": "one", "canary": {"weights": [5]}}], "spec.analysis.metrics",
     "judged in an abTest stage"),
    ("spec.analysis.splitCheck", False, None, "must be of type string"),
    ("spec.analysis.splitCheck", "On", None, 'supported values: "Enforce", "Report", "Off"'),
    ("spec.analysis.requests", "requests_total", None, "counts both revisions alike"),
    ("spec.analysis.requests", 'rate(r{pod=~"$(pods)"}[5m])', None, PLAIN),
    # A/B tests.
    (f"{BY_HEADER}.weight", 0, None, "greater than or equal to 1"),
    (f"{BY_HEADER}.weight", 100, None, "less than or equal to 99"),
    (f"{BY_HEADER}.assignment", GONE, None, "Required value"),
    (f"{BY_HEADER}.assignment", {}, None, "exactly one of header and cookie is required"),
    (f"{BY_HEADER}.assignment.cookie", "arm", f"{BY_HEADER}.assignment",
     "exactly one of header and cookie is required"),
    (f"{BY_HEADER}.assignment.values", GONE, f"{BY_HEADER}.assignment", "header and values belong together"),
    (f"{BY_HEADER}.assignment.values", [], None, "must hold at least one value"),
    (f"{BY_HEADER}.assignment.values", ["b", "b"], f"{BY_HEADER}.assignment.values[1]", "Duplicate value"),
    (f"{BY_HEADER}.assignment.values", [""], f"{BY_HEADER}.assignment.values[0]", "at least 1 chars"),
    (f"{BY_HEADER}.assignment.header", "x user", None, "must consist of letters, digits"),
    (f"{BY_HEADER}.assignment.ttl", "1h", None, "is for a cookie"),
    (f"{BY_COOKIE}.assignment.cookie", "a=b", None, "must consist of letters, digits"),
    (f"{BY_COOKIE}.assignment.ttl", "1500ms", None, "must be whole seconds"),
    (f"{BY_COOKIE}.assignment.ttl", "0s", None, "must be whole seconds"),
    ("spec.traffic.gatewayAPI.matches", PATHS[:33], "spec.stages", "must be at most 64"),
    (f"{METRIC}.counter", GONE, METRIC, EXACTLY_ONE_SOURCE),
    (f"{METRIC}.histogram", BUCKETS, METRIC, EXACTLY_ONE_SOURCE),
    (f"{METRIC}.counter.total", GONE, None, "Required value"),
    (f"{HISTOGRAM}.buckets", GONE, None, "Required value"),
    (f"{HISTOGRAM}.above", "fast", None, "must be a duration"),
    (f"{HISTOGRAM}.above", "0ms", None, "must be longer than 0s"),
    (f"{HISTOGRAM}.unit", "Minutes", None, 'supported values: "Seconds", "Milliseconds"'),
    (f"{METRIC}.margin.ratio", "one", None, 'must be a decimal string such as "1.5"'),
    (f"{METRIC}.margin.ratio", "1", None, 'must be above "1"'),
    (f"{METRIC}.margin.ratio", "1.1", None, "must be above harm.ratio"),
    (f"{METRIC}.margin.orBelow", "0.001", None, 'must be a percentage from 0% to 100%, such as "0.5%" or 5'),
    (f"{METRIC}.margin.orBelow", "101%", None, "must be a percentage from 0% to 100%"),
    (f"{METRIC}.harm.ratio", "0.9", None, 'must be at least "1"'),
    (f"{METRIC}.harm.above", -1, None, "must be a percentage from 0% to 100%"),
    (f"{METRIC}.ceiling", "0%", None, "must be a percentage above 0% and below 100%"),
    (f"{METRIC}.ceiling", 100, None, "must be a percentage above 0% and below 100%"),
    ("spec.analysis.metrics[1]", WHOLE, "spec.analysis.metrics[1].ceiling", "a ceiling belongs to one edge"),
    (f"{METRIC}.role", "report", f"{METRIC}.ceiling", "a metric of role report decides nothing"),
    # What is predicted.
    (f"{CLASSES}.role", "guardrail", None, "a metric of classes or scores decides nothing"),
    (f"{SCORES}.role", "goal", None, "a better model predicts something else; remove it, or write report"),
    (f"{CLASSES}.classes.label", GONE, None, "Required value"),
    (f"{CLASSES}.classes.label", "", None, "should be at least 1 chars long"),
    (f"{CLASSES}.classes.label", "a-b", None, "must be the name of a label"),
    (f"{CLASSES}.classes.counter", "", None, "should be at least 1 chars long"),
    (f"{CLASSES}.classes.counter", 'p_total{pod=~"$(pod)",x="$(service)"}', None, "has an unknown placeholder"),
    (f"{CLASSES}.classes.counter", "p_total", None, "counts both revisions alike"),
    (f"{CLASSES}.scores", {"buckets": BUCKETS["buckets"]}, CLASSES, EXACTLY_ONE_SOURCE),
    (f"{CLASSES}.margin", {"ratio": "2"}, CLASSES, DECIDES_NOTHING),
    (f"{CLASSES}.harm", {"ratio": "1.2"}, CLASSES, DECIDES_NOTHING),
    (f"{SCORES}.ceiling", "5%", SCORES, DECIDES_NOTHING),
    (f"{SCORES}.direction", "increase", SCORES, DECIDES_NOTHING),
    (f"{SCORES}.scores.buckets", 's_bucket{le="1",pod=~"$(pods)"}', None, "remove the matcher of le"),
    (f"{SCORES}.scores.buckets", 's_sum{pod=~"$(pods)"}', None, "whose name ends in _bucket"),
    (f"{SCORES}.drift.above", "0", None, 'must be above "0"'),
    (f"{SCORES}.drift.above", "high", None, 'must be a decimal string such as "1.5"'),
    (f"{METRIC}.drift", {"above": "0.1"}, None, "is for a metric of classes or scores"),
    # Selectors.
    (SELECTOR, 'a{pod=~"$(pod)",x="$(service)"}', None, "has an unknown placeholder, the known ones are $(pods)"),
    (SELECTOR, 'errors_total{pod=~"$(pods)",x="$("}', None, "has an unknown placeholder"),
    (SELECTOR, 'errors_total{namespace="$(namespace)"}', None, "counts both revisions alike"),
    (SELECTOR, "$(pods)", None, PLAIN),
    (SELECTOR, 'rate(errors_total{pod=~"$(pods)"}[5m])', None, PLAIN),
    (SELECTOR, 'errors_total{pod=~"$(pods)"}[5m]', None, PLAIN),
    (SELECTOR, 'errors_total{pod=~"$(pods)"} offset 5m', None, PLAIN),
    (SELECTOR, 'errors_total{pod=~"$(pods)"', None, PLAIN),
    (SELECTOR, 'errors_total{pod=~"$(pods)}', None, PLAIN),
    (SELECTOR, "errors_total{pod=~$(pods)}", None, PLAIN),
    (SELECTOR, '{pod=~"$(pods)"}', None, "names no metric"),
    (f"{HISTOGRAM}.buckets", 's_bucket{le="1",pod=~"$(pods)"}', None, "remove the matcher of le"),
    (f"{HISTOGRAM}.buckets", 's_sum{pod=~"$(pods)"}', None, "whose name ends in _bucket"),
    # The rest.
    ("spec.onInconclusive", "Explode", None, 'supported values: "Pause", "RollBack"'),
    ("spec.rollbackWindow", {}, "spec.rollbackWindow.revisions", "Required value"),
    ("spec.rollbackWindow.revisions", 0, None, "greater than or equal to 1"),
    ("spec.rollbackWindow.revisions", 11, None, "less than or equal to 10"),
    ("spec.revisionHistoryLimit", -1, None, "should be greater than or equal to 0"),
    ("spec.paused", "yes", None, "must be of type boolean"),
]  # fmt: skip

UNKNOWN = [
    "spec.replica",
    "spec.stages[0].canary.weight",
    "spec.stages[0].maxduration",
    "spec.traffic.gatewayApi",
    "spec.traffic.istio",
    "spec.analysis.metrics[0].counter.errors",
    "spec.analysis.metrics[0].goal",
    "metadata.labelz",
]

# Accepted, one change each: what a rule could refuse by mistake.
ACCEPTED: list[tuple[str, Any]] = [
    ("metadata.name", "a" * 52),
    ("spec.replicas", 0),
    ("spec.port", 8080),
    ("spec.template.spec.restartPolicy", "Always"),
    ("spec.template.metadata", GONE),
    ("spec.traffic.gatewayAPI.hostnames[0]", "*.example.com"),
    ("spec.stages", []),
    ("spec.stages", GONE),
    ("spec.stages[0].canary.weights", [99]),
    ("spec.stages[0].maxDuration", "1h30m0.5s"),
    ("spec.stages[2].approval", {}),
    ("spec.stages[5].systemTest", TEST),
    (f"{STRESS}.criteria", GONE),
    (f"{STRESS}.criteria[0].responseTime.margin", GONE),
    (f"{STRESS}.criteria[0].responseTime.quantile", 95),
    (f"{STRESS}.locust.payload", GONE),
    (f"{STRESS}.locust", {"image": "l", "protocol": "Http", "path": "/"}),
    (f"{STRESS}.rate", "0.5"),
    (f"{TOOL}.rate", GONE),
    (f"{SYSTEM_TEST}.job.podFailurePolicy", {"rules": []}),
    ("spec.traffic.gatewayAPI.matches", PATHS[:32]),
    ("spec.traffic.gatewayAPI.matches", GONE),
    (f"{BY_HEADER}.weight", GONE),
    (f"{BY_HEADER}.assignment.header", "X_a.b!#$%&'*+-^`|~1"),
    (f"{BY_HEADER}.assignment.values", [str(number) for number in range(64)]),
    (f"{BY_COOKIE}.assignment.ttl", GONE),
    (f"{BY_COOKIE}.assignment.ttl", "1h30m5s"),
    (f"{GOAL}.direction", GONE),
    (f"{CLASSES}.role", "report"),
    (f"{SCORES}.drift", GONE),
    (f"{SCORES}.drift.above", "0.05"),
    ("spec.analysis.requests", GONE),
    ("spec.analysis.splitCheck", "Off"),
    ("spec.scaleDownDelay", "0s"),
    ("spec.rollbackWindow", GONE),
    ("spec.rollbackWindow.revisions", 10),
    ("spec.progressDeadline", "87600h"),
    ("spec.analysis.warmup", "0s"),
    ("spec.analysis.interval", "1s"),
    ("spec.analysis.prometheus.address", "https://metrics.example.com/prometheus"),
    ("spec.analysis.falseRollback", "49.9%"),
    ("spec.analysis.falseRollback", "0.01%"),
    ("spec.analysis.falsePromotion", 49),
    (f"{METRIC}.harm", GONE),
    (f"{METRIC}.margin", GONE),
    (f"{METRIC}.margin.orBelow", 0),
    (f"{METRIC}.ceiling", GONE),
    (f"{METRIC}.ceiling", "0.51%"),
    (f"{HISTOGRAM}.unit", GONE),
    (SELECTOR, 'errors_total{pod=~"$(pods)",path=~"/v{2}/[{]id[}].*",code=~"5..$"}'),
    (SELECTOR, "  a:errors_total { pod =~ '$(pods)' , x!=`a\\`, y!~\"\\\"}\" , }\n"),
    (SELECTOR, '{__name__="errors_total",service="$(service)"}'),
    (SELECTOR, 'errors_total{revision="$(revision)"}'),
]

# What only the operator sees. The path is the one that status must name.
INVALID: list[tuple[str, Any, str]] = [
    # The warm-up of 45 s and 4 weights x 4 looks x 15 s.
    ("spec.stages[0].maxDuration", "4m44s", "spec.stages[0].maxDuration: must be at least 4m45s"),
    (f"{SYSTEM_TEST}.deadline", "3h", f"{SYSTEM_TEST}.deadline: must be at most maxDuration, 2h"),
    (f"{METRIC}.ceiling", "0.5%", f"{METRIC}.margin.orBelow: must be below the ceiling, 0.5%; it is 0.5%"),
]


def sample() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "tests/testdata/rollout.yaml").read_text()) | {
        "metadata": {"name": "digits", "namespace": NAMESPACE}
    }


def changed(path: str, value: Any) -> dict[str, Any]:
    """The sample with one field set, appended to its list, or left out."""
    manifest = sample()
    *parents, last = [int(part[1:-1]) if part[0] == "[" else part for part in re.findall(r"\[\d+\]|[^.\[]+", path)]
    target: Any = manifest
    for part in parents:
        target = target[part]
    if value is GONE:
        del target[last]
    elif isinstance(target, list) and last == len(target):
        target.append(copy.deepcopy(value))
    else:
        target[last] = copy.deepcopy(value)
    return manifest


@pytest.fixture(scope="module")
def refusal(cluster):
    """The message with which the API server refuses a manifest; an empty one: it takes it."""
    cluster.ensure_namespace(NAMESPACE)

    def ask(manifest: dict[str, Any]) -> str:
        try:
            cluster.api.request("POST", f"{PATH}?dryRun=All&fieldValidation=Strict", manifest)
        except ApiError as error:
            assert error.code in (400, 422), error
            return str(error)
        return ""

    return ask


def causes_of(message: str) -> list[str]:
    """What is wrong, each "<path>: <kind>: <value>: <sentence>". Several are a list in brackets."""
    causes = message.partition(" is invalid: ")[2]
    causes = causes[1:-1] if causes.startswith("[") else causes
    return re.split(r", (?=(?:[.]?(?:spec|metadata)[^ ]*|<nil>): )", causes)


def case(value: object) -> str | None:
    return value[:60] if isinstance(value, str) else repr(value)[:40] if value is not GONE else "absent"


@pytest.mark.parametrize(("path", "value", "named", "sentence"), REFUSED, ids=case)
def test_a_bad_field_is_refused_by_name(refusal, path, value, named, sentence):
    message = refusal(changed(path, value))
    causes = [cause for cause in causes_of(message) if not cause.startswith(BESIDE)]
    assert causes and all(cause.startswith(f"{named or path}: ") for cause in causes), message
    assert any(sentence in cause for cause in causes), message


@pytest.mark.parametrize("path", UNKNOWN)
def test_an_unknown_field_is_refused_by_name(refusal, path):
    assert f'unknown field "{path}"' in refusal(changed(path, "x"))


@pytest.mark.parametrize(("path", "value"), ACCEPTED, ids=case)
def test_what_is_right_is_accepted(refusal, path, value):
    assert refusal(changed(path, value)) == ""


def test_without_a_guardrail_nothing_could_be_proven(refusal):
    manifest = sample()
    manifest["spec"]["stages"] = [stage for stage in manifest["spec"]["stages"] if "abTest" not in stage]
    analysis = manifest["spec"]["analysis"]
    analysis.update(promoteWhen="NonInferior", metrics=[{"name": "errors", "role": "report", "counter": COUNTER}])
    message = refusal(manifest)
    assert "spec.analysis.metrics: " in message and "at least one must be a guardrail" in message
    analysis["promoteWhen"] = "NoHarmShown"
    message = refusal(manifest)
    assert "spec.analysis.metrics: " in message and "a shadow that requires Equivalence" in message
    shadow = next(stage["shadow"] for stage in manifest["spec"]["stages"] if "shadow" in stage)
    shadow["require"] = "NonInferior"
    assert refusal(manifest) == ""


def test_manual_traffic_is_accepted_where_nothing_is_copied_and_nobody_assigned(refusal):
    manifest = sample()
    spec = manifest["spec"]
    spec["traffic"] = {"manual": {}}
    spec["stages"] = [stage for stage in spec["stages"] if "shadow" not in stage and "abTest" not in stage]
    spec["analysis"]["metrics"] = [metric for metric in spec["analysis"]["metrics"] if metric.get("role") != "goal"]
    assert refusal(manifest) == ""


def test_stages_that_ask_a_job_or_a_person_need_no_metrics(refusal):
    manifest = sample()
    stages = manifest["spec"]["stages"]
    manifest["spec"]["stages"] = [stages[2], stages[5]]
    del manifest["spec"]["analysis"]
    assert refusal(manifest) == ""


def test_a_cookie_leaves_room_for_fewer_matches(refusal):
    manifest = sample()
    manifest["spec"]["stages"] = [stage for stage in manifest["spec"]["stages"] if stage["name"] != "by-bucket"]
    manifest["spec"]["traffic"]["gatewayAPI"]["matches"] = PATHS[:42]
    assert refusal(manifest) == ""
    manifest["spec"]["traffic"]["gatewayAPI"]["matches"] = PATHS[:43]
    assert "spec.traffic.gatewayAPI.matches: Invalid value: must hold at most 42" in refusal(manifest)


def test_the_largest_manifest_is_within_the_cost_limits(refusal):
    """Rules have a budget at run time, too: lists and strings as long as the schema lets them be."""
    manifest = sample()
    selector = 'errors_total{pod=~"$(pods)",' + ",".join(f'l{i}="{"x" * 40}"' for i in range(20)) + "}"
    stage = {"canary": {"weights": list(range(1, 21)), "minLooks": 1}, "maxDuration": "10h"}
    container = {"ports": [{"name": f"p{i}", "containerPort": 1000 + i} for i in range(50)]}
    spec = manifest["spec"]
    spec["port"] = "p49"
    spec["stages"] = [{"name": f"stage-{i}", **stage} for i in range(10)]
    spec["template"]["spec"]["containers"] = [{"name": f"c{i}", **container} for i in range(50)]
    spec["template"]["spec"]["initContainers"] = [{"name": f"i{i}", **container} for i in range(50)]
    spec["analysis"]["metrics"] = [
        {"name": f"m{i}", "counter": {"events": selector, "total": selector}, "ceiling": "5%"} for i in range(20)
    ]
    assert refusal(manifest) == ""
    values = [f"{i:02}" * 100 for i in range(2)]
    test = {"assignment": {"header": "x" * 256, "values": values}, "minLooks": 1}
    spec["stages"] = [{"name": f"stage-{i}", "abTest": test} for i in range(10)]
    spec["traffic"]["gatewayAPI"]["matches"] = [{"path": {"value": f"/{i}" * 100}} for i in range(32)]
    for metric in spec["analysis"]["metrics"][1:]:
        del metric["ceiling"]
        metric.update(role="goal", direction="decrease")
    assert refusal(manifest) == ""


@pytest.mark.parametrize("name", ["digits/v1", "digits/v2", "digits/v3", "digits/v4"])
def test_the_manifests_of_the_demonstration_are_accepted(refusal, name):
    manifest = yaml.safe_load((ROOT / f"examples/{name}.yaml").read_text())
    assert manifest["metadata"]["namespace"] == NAMESPACE
    assert refusal(manifest) == ""


EXAMPLES = ["ab-test", "all-stages", "approval", "canary", "load-test", "shadow", "system-test"]


def test_every_example_is_tried_and_described():
    assert sorted(path.stem for path in (ROOT / "examples").glob("*.yaml")) == EXAMPLES
    described = (ROOT / "examples/README.md").read_text()
    assert [name for name in EXAMPLES if f"| [{name}.yaml]({name}.yaml) |" not in described] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_accepted_and_understood(cluster, operator, name):
    manifest = ROOT / f"examples/{name}.yaml"
    objects = list(yaml.safe_load_all(manifest.read_text()))
    assert {one["metadata"]["namespace"] for one in objects} == {NAMESPACE}
    rollout = next(one for one in objects if one["kind"] == "Rollout")
    cluster.kubectl("apply", "-f", str(manifest))
    path = f"{PATH}/{rollout['metadata']['name']}"

    def settled() -> dict[str, Any] | None:
        found = cluster.api.get(path)
        status = found.get("status", {})
        return status if status.get("observedGeneration") == found["metadata"]["generation"] else None

    try:
        status = cluster.wait_for(settled, "the operator to read it", 20)
        assert not [c for c in status["conditions"] if c["reason"] == "InvalidSpec"], status
        assert status["candidateRevision"], "the first revision is on its way"
    finally:
        cluster.kubectl("delete", "-f", str(manifest), "--wait=false")


def test_kubectl_shows_what_is_wrong_with_the_bad_example(cluster, refusal):
    done = cluster.kubectl_result("apply", "--dry-run=server", "-f", str(ROOT / "examples/digits/bad.yaml"))
    assert done.returncode != 0
    assert "spec.stages[0].canary.weights: Invalid value" in done.stderr
    assert "weights must rise from one to the next, as in [1, 5, 25, 50]" in done.stderr


@pytest.mark.parametrize(("path", "value", "message"), INVALID)
def test_what_only_the_operator_sees_is_in_status(cluster, operator, path, value, message):
    name = "digits-invalid"
    manifest = changed(path, value)
    manifest["metadata"]["name"] = name
    cluster.api.apply(f"{PATH}/{name}", manifest)

    def stalled() -> dict[str, Any] | None:
        status = cluster.api.get(f"{PATH}/{name}").get("status", {})
        return next((c for c in status.get("conditions", []) if c["type"] == "Stalled"), None)

    try:
        condition = cluster.wait_for(stalled, "Stalled", 20)
        assert (condition["status"], condition["reason"]) == ("True", "InvalidSpec")
        assert condition["message"].startswith(message), condition
        # Nothing is made of what is not understood.
        owned = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments?labelSelector=sluice.dev/rollout={name}"
        assert not cluster.api.get(owned)["items"]
    finally:
        cluster.api.request("DELETE", f"{PATH}/{name}")
