#include "api/validate.h"

#include <gtest/gtest.h>

#include "api/json.h"
#include "manifest.h"

namespace sluice::api {
namespace {

using nlohmann::json;

std::vector<FieldError> findings(const json& object) {
  return validate(read_good(object));
}

TEST(Validate, GoodOnesPass) {
  EXPECT_EQ(join(findings(full_manifest())), "");
  EXPECT_EQ(join(findings(minimal_manifest())), "");
}

struct Bad {
  const char* pointer;  // where in the sample
  const char* value;    // JSON; empty: removed
  const char* error;    // how the one finding begins
};

void expect_findings(std::initializer_list<Bad> cases) {
  for (const Bad& bad : cases) {
    json object = full_manifest();
    const json::json_pointer pointer(bad.pointer);
    if (*bad.value == '\0') {
      object[pointer.parent_pointer()].erase(pointer.back());
    } else {
      object[pointer] = json::parse(bad.value);
    }
    const auto found = findings(object);
    ASSERT_EQ(found.size(), 1U) << bad.pointer << " = " << bad.value << " -> " << join(found);
    EXPECT_EQ(join(found).rfind(bad.error, 0), 0U) << join(found);
  }
}

TEST(Validate, Names) {
  const std::string longest(kLongestName, 'a');
  json object = full_manifest();
  object["metadata"]["name"] = longest;
  EXPECT_EQ(join(findings(object)), "");
  expect_findings({
      {"/metadata/name", ("\"" + longest + "a\"").c_str(),
       "metadata.name: has 53 characters: use at most 52"},
      {"/metadata/name", R"("digits.v1")", "metadata.name: use lower-case letters, digits and '-'"},
      {"/metadata/name", R"("1digits")", "metadata.name: use lower-case letters"},
      {"/metadata/name", R"("digits-")", "metadata.name: use lower-case letters"},
  });
}

TEST(Validate, TemplateAndPort) {
  expect_findings({
      {"/spec/replicas", "-1", "spec.replicas: must not be negative"},
      {"/spec/template/spec/restartPolicy", R"("Never")", "spec.template.spec.restartPolicy: leave it out"},
      {"/spec/template/metadata/labels", R"({"sluice.dev/revision": "x"})",
       "spec.template.metadata.labels: remove sluice.dev/revision"},
      {"/spec/template/spec/containers/0/name", "", "spec.template.spec.containers[0].name: is required"},
      {"/spec/port", R"("grpc")", "spec.port: no container of the template has a port named \"grpc\""},
      {"/spec/port", "0", "spec.port: write a number from 1 to 65535"},
      {"/spec/port", "65536", "spec.port: write a number from 1 to 65535"},
  });
  json object = minimal_manifest();
  object["spec"]["template"]["spec"]["containers"] = json::array();
  EXPECT_EQ(join(findings(object)), "spec.template.spec.containers: write at least one container");
  object["spec"]["template"] = {{"metadata", nullptr}};
  EXPECT_EQ(join(findings(object)), "spec.template.spec.containers: write at least one container");
}

TEST(Validate, NamedPortsAreFoundInSidecarsToo) {
  EXPECT_EQ(port_number(read_good(full_manifest()).spec), 8080);
  EXPECT_EQ(port_number(read_good(minimal_manifest()).spec), 8080);
  json object = full_manifest();
  object["spec"]["port"] = "proxy";
  object["spec"]["template"]["spec"]["initContainers"] = {
      {{"name", "proxy"},
       {"restartPolicy", "Always"},
       {"ports", {{{"name", "proxy"}, {"containerPort", 9000}}}}}};
  EXPECT_EQ(join(findings(object)), "");
  EXPECT_EQ(port_number(read_good(object).spec), 9000);
}

TEST(Validate, Traffic) {
  expect_findings({
      {"/spec/traffic/gatewayAPI/parentRefs", "[]",
       "spec.traffic.gatewayAPI.parentRefs: write at least one Gateway"},
      {"/spec/traffic/gatewayAPI/parentRefs", R"([{"name": "a"}, {"kind": "Gateway"}])",
       "spec.traffic.gatewayAPI.parentRefs[1].name: write the Gateway's name"},
      {"/spec/traffic/gatewayAPI/parentRefs", "[3]", "spec.traffic.gatewayAPI.parentRefs[0].name: write"},
  });
}

TEST(Validate, Stages) {
  expect_findings({
      {"/spec/stages/0/canary/weights", "[]", "spec.stages[0].canary.weights: write at least one percentage"},
      {"/spec/stages/0/canary/weights", "[5, 5, 10]",
       "spec.stages[0].canary.weights[1]: must be above the one before"},
      {"/spec/stages/0/canary/weights", "[5, 50, 10]",
       "spec.stages[0].canary.weights[2]: must be above the one before"},
      {"/spec/stages/0/canary/weights", "[0, 50]", "spec.stages[0].canary.weights[0]: must be from 1 to 99"},
      {"/spec/stages/0/canary/weights", "[50, 100]",
       "spec.stages[0].canary.weights[1]: must be from 1 to 99: 100 is"},
      {"/spec/stages/0/canary/minLooks", "0", "spec.stages[0].canary.minLooks: must be at least 1"},
      {"/spec/stages/0/maxDuration", R"("0s")", "spec.stages[0].maxDuration: must be longer than 0s"},
      // The warm-up of 45 s and 4 weights x 4 looks x 15 s.
      {"/spec/stages/0/maxDuration", R"("4m44s")", "spec.stages[0].maxDuration: must be at least 4m45s"},
      {"/spec/stages/1/shadow/percent", "0", "spec.stages[1].shadow.percent: must be from 1 to 100"},
      {"/spec/stages/1/shadow/minLooks", "0", "spec.stages[1].shadow.minLooks: must be at least 1"},
      {"/spec/stages/0/minDuration", R"("2h")", "spec.stages[0].maxDuration: must be at least minDuration, 2h"},
      {"/spec/stages/1", R"({"name": "canary", "canary": {"weights": [50]}})",
       "spec.stages[1].name: \"canary\" is there twice"},
      {"/spec/stages/0/name", R"("")", "spec.stages[0].name: is required"},
  });
  json object = full_manifest();
  object["spec"]["stages"][0]["maxDuration"] = "4m45s";
  EXPECT_EQ(join(findings(object)), "");
}

TEST(Validate, SystemTests) {
  const std::string path = "spec.stages[5].systemTest";
  expect_findings({
      {"/spec/stages/5/systemTest/job/template/spec/containers", "[]",
       (path + ".job.template.spec.containers: write at least one container").c_str()},
      {"/spec/stages/5/systemTest/job/template/spec/restartPolicy", R"("Always")",
       (path + ".job.template.spec.restartPolicy: leave it out, or write Never or OnFailure").c_str()},
      {"/spec/stages/5/systemTest/job/template/metadata", R"({"labels": {"sluice.dev/revision": "x"}})",
       (path + ".job.template.metadata.labels: remove sluice.dev/revision").c_str()},
      {"/spec/stages/5/systemTest/job/ttlSecondsAfterFinished", "59",
       (path + ".job.ttlSecondsAfterFinished: must be at least 60").c_str()},
      {"/spec/stages/5/systemTest/job/selector", "{}", (path + ".job.selector: leave it out").c_str()},
      {"/spec/stages/5/systemTest/job/activeDeadlineSeconds", "60",
       (path + ".deadline: leave it out, or job.activeDeadlineSeconds").c_str()},
      {"/spec/stages/5/systemTest/deadline", R"("0s")", (path + ".deadline: must be longer than 0s").c_str()},
      {"/spec/stages/5/systemTest/deadline", R"("3h")",
       (path + ".deadline: must be at most maxDuration, 2h").c_str()},
      {"/spec/stages/5/systemTest/retries", "11", (path + ".retries: must be from 0 to 10").c_str()},
  });
}

// A Job and a person need no Prometheus.
TEST(Validate, OnlyStagesWithRequestsNeedMetrics) {
  json object = full_manifest();
  json& stages = object["spec"]["stages"];
  stages = json::array({stages[2], stages[5]});
  object["spec"].erase("analysis");
  EXPECT_EQ(join(findings(object)), "");
}

TEST(Validate, CopiesAndAssignmentsNeedARouteOfOurs) {
  json object = full_manifest();
  object["spec"]["traffic"] = json::parse(R"({"manual": {}})");
  EXPECT_EQ(join(findings(object)),
            "spec.stages[1].shadow: needs traffic.gatewayAPI: with manual nobody makes the copies; "
            "spec.stages[3].abTest: needs traffic.gatewayAPI: with manual nobody assigns the users; "
            "spec.stages[4].abTest: needs traffic.gatewayAPI: with manual nobody assigns the users");
}

TEST(Validate, AbTests) {
  expect_findings({
      {"/spec/stages/3/abTest/weight", "0", "spec.stages[3].abTest.weight: must be from 1 to 99"},
      {"/spec/stages/3/abTest/weight", "100", "spec.stages[3].abTest.weight: must be from 1 to 99"},
      {"/spec/stages/3/abTest/minLooks", "0", "spec.stages[3].abTest.minLooks: must be at least 1"},
      {"/spec/stages/3/abTest/assignment/header", R"("x user")",
       "spec.stages[3].abTest.assignment.header: write the name of a header"},
      {"/spec/stages/3/abTest/assignment/values", "[]",
       "spec.stages[3].abTest.assignment.values: write at least one value"},
      {"/spec/stages/3/abTest/assignment/values", R"(["b", "b"])",
       "spec.stages[3].abTest.assignment.values[1]: is there twice"},
      {"/spec/stages/3/abTest/assignment/values", R"([""])",
       "spec.stages[3].abTest.assignment.values[0]: must have from 1"},
      {"/spec/stages/4/abTest/assignment/cookie", R"("a=b")",
       "spec.stages[4].abTest.assignment.cookie: write the name of a cookie"},
      {"/spec/stages/4/abTest/assignment/ttl", R"("0s")", "spec.stages[4].abTest.assignment.ttl: must be at least 1s"},
      {"/spec/analysis/requests", R"("requests_total")", "spec.analysis.requests: "},
  });
}

// What the Gateway API allows: 64 matches in a rule, 128 in a route.
TEST(Validate, MatchesTimesValues) {
  json object = full_manifest();
  json& spec = object["spec"];
  const auto use = [&](std::size_t matches, std::size_t values) {
    spec["traffic"]["gatewayAPI"]["matches"] = json::array();
    for (std::size_t i = 0; i < matches; ++i) {
      spec["traffic"]["gatewayAPI"]["matches"].push_back({{"path", {{"value", "/" + std::to_string(i)}}}});
    }
    spec["stages"][3]["abTest"]["assignment"]["values"] = json::array();
    for (std::size_t i = 0; i < values; ++i) {
      spec["stages"][3]["abTest"]["assignment"]["values"].push_back(std::to_string(i));
    }
    return join(findings(object));
  };
  EXPECT_EQ(use(0, 64), "");
  EXPECT_EQ(use(32, 2), "");
  EXPECT_EQ(use(0, 65),
            "spec.stages[3].abTest.assignment.values: 65 values for each of the 1 matches of "
            "spec.traffic.gatewayAPI.matches make 65 matches of a rule, and the Gateway API allows 64: write fewer "
            "of them");
  EXPECT_NE(use(33, 2).find("make 66 matches"), std::string::npos);
  EXPECT_EQ(use(42, 1), "");
  EXPECT_EQ(use(43, 1),
            "spec.stages[4].abTest.assignment.cookie: with an assignment by cookie spec.traffic.gatewayAPI.matches "
            "can hold at most 42, there are 43");
}

TEST(Validate, GoalsAndAbTestsNeedEachOther) {
  json object = full_manifest();
  json& metrics = object["spec"]["analysis"]["metrics"];
  metrics.erase(4);
  metrics.erase(3);
  EXPECT_EQ(join(findings(object)),
            "spec.analysis.metrics: the abTest stage by-bucket is decided by goals: give at least one metric "
            "role: goal");
  object = full_manifest();
  object["spec"]["stages"].erase(4);
  object["spec"]["stages"].erase(3);
  EXPECT_EQ(join(findings(object)),
            "spec.analysis.metrics[3].role: a goal is judged in an abTest stage, and there is none: add one, or "
            "write role: report");
}

TEST(Validate, MeansAndDirectionsAreForGoals) {
  json object = full_manifest();
  object["spec"]["analysis"]["metrics"][3]["role"] = "guardrail";
  EXPECT_EQ(join(findings(object)),
            "spec.analysis.metrics[3].direction: is for a metric of role goal: remove it, or write role: goal");
  object = full_manifest();
  object["spec"]["analysis"]["metrics"][4]["role"] = "report";
  EXPECT_EQ(join(findings(object)),
            "spec.analysis.metrics[4].mean: is for a metric of role goal: remove it, or write role: goal");
}

TEST(Validate, PredictionsAreTold) {
  expect_findings({
      {"/spec/analysis/metrics/5/role", R"("guardrail")",
       "spec.analysis.metrics[5].role: a metric of classes or scores decides nothing, since a better model predicts "
       "something else: remove it, or write role: report"},
      {"/spec/analysis/metrics/6/role", R"("goal")",
       "spec.analysis.metrics[6].role: a metric of classes or scores decides nothing"},
      {"/spec/analysis/metrics/5/classes/label", R"("")", "spec.analysis.metrics[5].classes.label: write the label"},
      {"/spec/analysis/metrics/5/classes/label", R"("a-b")",
       "spec.analysis.metrics[5].classes.label: write the label"},
      {"/spec/analysis/metrics/5/classes/label", R"("1a")",
       "spec.analysis.metrics[5].classes.label: write the label"},
      {"/spec/analysis/metrics/5/classes/counter", R"("")",
       "spec.analysis.metrics[5].classes.counter: write a plain selector"},
      {"/spec/analysis/metrics/5/classes/counter", R"("p_total{pod=~\"$(pod)\"}")",
       "spec.analysis.metrics[5].classes.counter: unknown placeholder $(pod)"},
      {"/spec/analysis/metrics/5/classes/counter", R"("p_total")",
       "spec.analysis.metrics[5].classes.counter: counts both revisions alike"},
      {"/spec/analysis/metrics/6/scores/buckets", R"("s_bucket{le=\"1\",pod=~\"$(pods)\"}")",
       "spec.analysis.metrics[6].scores.buckets: remove the matcher of le: all of the buckets are read"},
      {"/spec/analysis/metrics/6/scores/buckets", R"("s_sum{pod=~\"$(pods)\"}")",
       "spec.analysis.metrics[6].scores.buckets: write the histogram's series of buckets"},
      {"/spec/analysis/metrics/6/drift/above", R"("0")", "spec.analysis.metrics[6].drift.above: must be above \"0\""},
  });
  json object = full_manifest();
  object["spec"]["analysis"]["metrics"][5]["role"] = "report";
  EXPECT_EQ(join(findings(object)), "");
}

TEST(Validate, Analysis) {
  expect_findings({
      {"/spec/analysis/interval", R"("500ms")", "spec.analysis.interval: must be at least 1s"},
      {"/spec/analysis/falseRollback", R"("0%")",
       "spec.analysis.falseRollback: must be above 0% and below 50%"},
      {"/spec/analysis/falsePromotion", "50", "spec.analysis.falsePromotion: must be above 0% and below 50%"},
      {"/spec/analysis/prometheus", "", "spec.analysis.prometheus.address: write the address"},
      {"/spec/analysis/prometheus/address", R"("prometheus:9090")",
       "spec.analysis.prometheus.address: write the"},
      {"/spec/analysis/prometheus/address", R"("http://")", "spec.analysis.prometheus.address: write the"},
      {"/spec/analysis/prometheus/address", R"("http://:9090")",
       "spec.analysis.prometheus.address: write the"},
      {"/spec/analysis/metrics", "[]", "spec.analysis.metrics: write at least one"},
      {"/spec/analysis/metrics/1/name", R"("errors")",
       "spec.analysis.metrics[1].name: \"errors\" is there twice"},
      {"/spec/progressDeadline", R"("0s")", "spec.progressDeadline: must be longer than 0s"},
      {"/spec/rollbackWindow/revisions", "0", "spec.rollbackWindow.revisions: write a number from 1 to 10"},
      {"/spec/rollbackWindow/revisions", "11", "spec.rollbackWindow.revisions: write a number from 1 to 10"},
      {"/spec/revisionHistoryLimit", "-1", "spec.revisionHistoryLimit: must not be negative"},
  });
}

TEST(Validate, CatastrophesMustBeWorseThanHarm) {
  json object = full_manifest();
  object["spec"]["analysis"]["catastrophicEffect"] = "1.1";
  EXPECT_EQ(join(findings(object)),
            "spec.analysis.catastrophicEffect: must be above the harm.ratio of errors (1.1), or no look "
            "could show it");
  object["spec"]["analysis"]["catastrophicEffect"] = "1";
  EXPECT_EQ(findings(object).front().message, "must be above \"1\", such as \"3\"");
}

TEST(Validate, NonInferiorNeedsAGuardrail) {
  json object = full_manifest();
  json& analysis = object["spec"]["analysis"];
  object["spec"]["stages"].erase(4);
  object["spec"]["stages"].erase(3);
  analysis["metrics"].erase(4);
  analysis["metrics"].erase(3);
  for (json& metric : analysis["metrics"]) metric["role"] = "report";
  analysis["metrics"][0].erase("ceiling");
  EXPECT_EQ(join(findings(object)),
            "spec.analysis.metrics: make at least one a guardrail: a shadow that requires Equivalence has nothing to "
            "prove otherwise");
  object["spec"]["stages"][1]["shadow"].erase("require");
  EXPECT_EQ(join(findings(object)), "") << "NoHarmShown";
  analysis["promoteWhen"] = "NonInferior";
  EXPECT_EQ(join(findings(object)),
            "spec.analysis.metrics: make at least one a guardrail: with promoteWhen NonInferior there is "
            "nothing to "
            "prove otherwise");
  object["spec"].erase("stages");
  EXPECT_EQ(join(findings(object)), "") << "without stages nothing is compared";
}

TEST(Validate, Metrics) {
  expect_findings({
      {"/spec/analysis/metrics/0/counter/events", R"("requests_total{pod=~\"$(pod)\"}")",
       "spec.analysis.metrics[0].counter.events: unknown placeholder $(pod): write $(pods)"},
      {"/spec/analysis/metrics/0/counter/total", R"("{pod=~\"$(pods)\"}")",
       "spec.analysis.metrics[0].counter.total: names no metric"},
      {"/spec/analysis/metrics/1/histogram/buckets", R"("seconds_sum{pod=~\"$(pods)\"}")",
       "spec.analysis.metrics[1].histogram.buckets: write the histogram's series of buckets"},
      {"/spec/analysis/metrics/1/histogram/above", R"("0s")",
       "spec.analysis.metrics[1].histogram.above: must be longer than 0s"},
      {"/spec/analysis/metrics/0/margin/ratio", R"("1")",
       "spec.analysis.metrics[0].margin.ratio: must be above"},
      {"/spec/analysis/metrics/0/margin/ratio", R"("1.1")",
       "spec.analysis.metrics[0].margin.ratio: must be above \"1\" and above harm.ratio (1.1)"},
      {"/spec/analysis/metrics/0/harm/ratio", R"("0.9")",
       "spec.analysis.metrics[0].harm.ratio: must be at least \"1\""},
      {"/spec/analysis/metrics/0/ceiling", R"("0%")", "spec.analysis.metrics[0].ceiling: must be above 0%"},
      {"/spec/analysis/metrics/0/ceiling", R"("0.5%")",
       "spec.analysis.metrics[0].margin.orBelow: must be below the ceiling, 0.5%; it is 0.5%"},
      {"/spec/analysis/metrics/0/role", R"("report")",
       "spec.analysis.metrics[0].ceiling: a metric of role report decides nothing"},
  });
  json object = full_manifest();
  object["spec"]["analysis"]["metrics"][1]["histogram"].erase("above");
  EXPECT_EQ(join(findings(object)), "") << "the whole distribution";
  object["spec"]["analysis"]["metrics"][1]["ceiling"] = "20%";
  EXPECT_EQ(join(findings(object)).rfind("spec.analysis.metrics[1].ceiling: a ceiling belongs to one edge", 0), 0u)
      << join(findings(object));
}

}  // namespace
}  // namespace sluice::api
