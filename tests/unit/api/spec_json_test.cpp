#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/json.h"
#include "manifest.h"

namespace sluice::api {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(SpecJson, ReadsEveryFieldOfTheSample) {
  const Rollout rollout = read_good(full_manifest());
  EXPECT_EQ(rollout.key, (kube::Key{"ml", "digits"}));
  const Spec& spec = rollout.spec;
  EXPECT_EQ(spec.replicas, 3);
  EXPECT_EQ(spec.pod_template, full_manifest()["spec"]["template"]);
  EXPECT_EQ(std::get<std::string>(spec.port), "http");
  const auto& gateway = std::get<GatewayApiTraffic>(spec.traffic);
  EXPECT_EQ(gateway.parent_refs, (json::array({{{"name", "public"}, {"namespace", "gateways"}}})));
  EXPECT_THAT(gateway.hostnames, ElementsAre("digits.example.com"));
  EXPECT_EQ(gateway.matches.tree()[0]["path"]["value"], "/v2/models/digits");
  ASSERT_EQ(spec.stages.size(), 9U);
  EXPECT_EQ(spec.stages[0], (StageSpec{"canary", CanaryStage{{1, 5, 25, 50}, 4}, minutes(2), minutes(90)}));
  EXPECT_EQ(spec.stages[1], (StageSpec{"shadow", ShadowStage{50, 3, ShadowProof::Equivalence}, {}, hours(2)}));
  EXPECT_EQ(spec.stages[2], (StageSpec{"sign-off", ApprovalStage{true}, {}, hours(2)}));
  const AbTestStage by_header{40, HeaderAssignment{"x-user-bucket", {"b", "c"}}, 6};
  EXPECT_EQ(spec.stages[3], (StageSpec{"by-bucket", by_header, {}, hours(24)}));
  const AbTestStage by_cookie{30, CookieAssignment{"digits-arm", hours(12)}, 5};
  EXPECT_EQ(spec.stages[4], (StageSpec{"by-cookie", by_cookie, {}, hours(24)}));
  EXPECT_EQ(spec.stages[5],
            (StageSpec{"acceptance",
                       SystemTestStage{.job = full_manifest()["spec"]["stages"][5]["systemTest"]["job"],
                                       .deadline = minutes(5),
                                       .retries = 1,
                                       .initial = true},
                       {},
                       hours(2)}));
  EXPECT_EQ(spec.on_inconclusive, OnInconclusive::RollBack);
  EXPECT_EQ(spec.scale_down_delay, minutes(5));
  EXPECT_EQ(spec.rollback_window, 2);
  EXPECT_EQ(spec.progress_deadline, minutes(3));
  EXPECT_EQ(spec.revision_history_limit, 3);
  EXPECT_TRUE(spec.paused);
}

TEST(SpecJson, ReadsTheAnalysisOfTheSample) {
  const AnalysisSpec analysis = read_good(full_manifest()).spec.analysis;
  EXPECT_EQ(analysis.prometheus_address, "http://prometheus.monitoring:9090");
  EXPECT_EQ(analysis.interval, seconds(15));
  EXPECT_EQ(analysis.warmup, seconds(45));
  EXPECT_EQ(analysis.false_rollback, 0.02);
  EXPECT_EQ(analysis.false_promotion, 0.1);
  EXPECT_EQ(analysis.catastrophic_effect, 2.5);
  EXPECT_EQ(analysis.promote_when, PromoteWhen::NoHarmShown);
  EXPECT_EQ(analysis.split_check, SplitCheck::Report);
  EXPECT_THAT(analysis.requests, HasSubstr("upstream_rq_total"));
  ASSERT_EQ(analysis.metrics.size(), 7U);
  const MetricSpec& errors = analysis.metrics[0];
  EXPECT_EQ(errors.name, "errors");
  EXPECT_EQ(errors.margin, (Margin{1.25, 0.005}));
  EXPECT_EQ(errors.harm, (Harm{1.1, 0.0005}));
  EXPECT_EQ(errors.ceiling, 0.05);
  EXPECT_THAT(std::get<CounterSource>(errors.source).events, HasSubstr("status_code=~\"5..\""));
  const auto& latency = std::get<HistogramSource>(analysis.metrics[1].source);
  EXPECT_EQ(latency.above, milliseconds(250));
  EXPECT_FALSE(latency.milliseconds);
  EXPECT_EQ(analysis.metrics[1].margin, (Margin{1.5, 0.01})) << "a histogram's own default";
  EXPECT_EQ(analysis.metrics[2].role, MetricRole::Report);
  EXPECT_TRUE(std::get<HistogramSource>(analysis.metrics[2].source).milliseconds);
  EXPECT_EQ(analysis.metrics[3].role, MetricRole::Goal);
  EXPECT_EQ(analysis.metrics[3].direction, Direction::Decrease);
  EXPECT_EQ(analysis.metrics[4].direction, Direction::Increase);
  EXPECT_THAT(std::get<MeanSource>(analysis.metrics[4].source).count, HasSubstr("reward_count"));
  EXPECT_THAT(std::get<ClassesSource>(analysis.metrics[5].source).counter, HasSubstr("predictions_total"));
  EXPECT_EQ(std::get<ClassesSource>(analysis.metrics[5].source).label, "class");
  EXPECT_EQ(analysis.metrics[5].role, MetricRole::Report) << "the default of this kind";
  EXPECT_EQ(analysis.metrics[5].drift.above, 0.1);
  EXPECT_THAT(std::get<ScoresSource>(analysis.metrics[6].source).buckets, HasSubstr("score_bucket"));
  EXPECT_EQ(analysis.metrics[6].role, MetricRole::Report);
  EXPECT_EQ(analysis.metrics[6].drift.above, 0.2);
}

TEST(SpecJson, DefaultsNeedNoSchema) {
  const Rollout rollout = read_good(minimal_manifest());
  Spec expected;
  expected.pod_template = minimal_manifest()["spec"]["template"];
  expected.port = 8080;
  expected.traffic = ManualTraffic{};
  EXPECT_EQ(rollout.spec, expected);
  EXPECT_EQ(rollout.status, RolloutStatus{});
}

TEST(SpecJson, NullIsAbsent) {
  json object = minimal_manifest();
  for (const char* field : {"replicas", "stages", "analysis", "paused", "scaleDownDelay"})
    object["spec"][field] = nullptr;
  object["status"] = nullptr;
  EXPECT_EQ(read_good(object).spec, read_good(minimal_manifest()).spec);
}

TEST(SpecJson, OrBelowZeroIsNoSuchLimb) {
  json object = full_manifest();
  object["spec"]["analysis"]["metrics"][0]["margin"]["orBelow"] = "0%";
  EXPECT_EQ(read_good(object).spec.analysis.metrics[0].margin.or_below, 0.0);
}

TEST(SpecJson, ReadsMetadata) {
  json object = minimal_manifest();
  object["metadata"].update(json{{"uid", "u-1"},
                                 {"resourceVersion", "42"},
                                 {"generation", 7},
                                 {"annotations", {{kPromoteAnnotation, "abc"}, {"odd", 5}}}});
  Rollout rollout = read_good(object);
  EXPECT_EQ(rollout.uid, "u-1");
  EXPECT_EQ(rollout.resource_version, "42");
  EXPECT_EQ(rollout.generation, 7);
  EXPECT_FALSE(rollout.deleting);
  EXPECT_EQ(rollout.annotations, (std::map<std::string, std::string>{{kPromoteAnnotation, "abc"}}));
  object["metadata"]["deletionTimestamp"] = "2025-01-01T00:00:00Z";
  EXPECT_TRUE(read_good(object).deleting);
}

struct Bad {
  const char* pointer;  // where in the sample
  const char* value;    // JSON; empty: removed
  const char* error;    // how the message begins
};

TEST(SpecJson, ErrorsNameTheFieldAndSayWhatToDo) {
  const Bad cases[] = {
      {"/spec/analysis/metrics/1/margin", R"({"ratio": "abc"})",
       "spec.analysis.metrics[1].margin.ratio: \"abc\" is not a number: write"},
      {"/spec/analysis/metrics/0/margin/orBelow", R"("5")",
       "spec.analysis.metrics[0].margin.orBelow: \"5\" is not a percentage: write"},
      {"/spec/analysis/metrics/0/ceiling", "0.5",
       "spec.analysis.metrics[0].ceiling: 0.5 is not a percentage: write"},
      {"/spec/analysis/metrics/0/role", R"("target")",
       "spec.analysis.metrics[0].role: \"target\" is not known: write guardrail, goal or report"},
      {"/spec/analysis/metrics/0/counter", "",
       "spec.analysis.metrics[0].counter: write exactly one of counter, histogram, mean, classes and scores"},
      {"/spec/analysis/metrics/0/histogram", R"({"buckets": "b", "above": "1s"})",
       "spec.analysis.metrics[0].counter: write exactly one of counter, histogram, mean, classes and scores"},
      {"/spec/analysis/metrics/0/counter/total", "", "spec.analysis.metrics[0].counter.total: is required"},
      {"/spec/analysis/metrics/1/histogram/buckets", "",
       "spec.analysis.metrics[1].histogram.buckets: is required"},
      {"/spec/analysis/metrics/1/histogram/above", "0.25",
       "spec.analysis.metrics[1].histogram.above: 0.25 is not a duration: write"},
      {"/spec/analysis/metrics/1/histogram/unit", R"("Minutes")",
       "spec.analysis.metrics[1].histogram.unit: write Seconds or Milliseconds"},
      {"/spec/analysis/metrics/1/name", "", "spec.analysis.metrics[1].name: is required"},
      {"/spec/analysis/metrics/5/classes/label", "", "spec.analysis.metrics[5].classes.label: is required"},
      {"/spec/analysis/metrics/5/classes/counter", "", "spec.analysis.metrics[5].classes.counter: is required"},
      {"/spec/analysis/metrics/6/scores/buckets", "", "spec.analysis.metrics[6].scores.buckets: is required"},
      {"/spec/analysis/metrics/5/scores", R"({"buckets": "b"})",
       "spec.analysis.metrics[5].counter: write exactly one of"},
      {"/spec/analysis/metrics/5/margin", "{}",
       "spec.analysis.metrics[5].margin: is not for a metric of classes or scores, which decides nothing: remove it"},
      {"/spec/analysis/metrics/5/harm", "{}",
       "spec.analysis.metrics[5].harm: is not for a metric of classes or scores"},
      {"/spec/analysis/metrics/6/ceiling", R"("5%")",
       "spec.analysis.metrics[6].ceiling: is not for a metric of classes or scores"},
      {"/spec/analysis/metrics/6/direction", R"("increase")",
       "spec.analysis.metrics[6].direction: is not for a metric of classes or scores"},
      {"/spec/analysis/metrics/0/drift", R"({"above": "0.1"})",
       "spec.analysis.metrics[0].drift: is for a metric of classes or scores: remove it"},
      {"/spec/analysis/metrics/6/drift/above", "0.1", "spec.analysis.metrics[6].drift.above: 0.1 is not"},
      {"/spec/analysis/metrics/1", "3", "spec.analysis.metrics[1]: 3 is not an object"},
      {"/spec/analysis/metrics", "{}", "spec.analysis.metrics: an object is not a list"},
      {"/spec/analysis/interval", R"("soon")", "spec.analysis.interval: \"soon\" is not a duration: write"},
      {"/spec/analysis/interval", "30",
       "spec.analysis.interval: 30 is not a duration: write a string such as 30s"},
      {"/spec/analysis/promoteWhen", R"("Always")",
       "spec.analysis.promoteWhen: \"Always\" is not known: write NonInferior or NoHarmShown"},
      {"/spec/stages/1/shadow/require", R"("Equal")",
       "spec.stages[1].shadow.require: \"Equal\" is not known: write NonInferior or Equivalence"},
      {"/spec/stages/0/canary", "", "spec.stages[0].canary: is required"},
      {"/spec/stages/0/canary/weights", "", "spec.stages[0].canary.weights: is required"},
      {"/spec/stages/0/canary/weights/2", R"("25")",
       "spec.stages[0].canary.weights[2]: \"25\" is not a weight"},
      {"/spec/stages/0/canary/weights/2", "1e30", "spec.stages[0].canary.weights[2]: 1e+30 is not a weight"},
      {"/spec/stages/0/canary/minLooks", "99999999999",
       "spec.stages[0].canary.minLooks: 99999999999 is not a whole number"},
      {"/spec/stages/0/name", "", "spec.stages[0].name: is required"},
      {"/spec/stages/0/systemTest", "{}",
       "spec.stages[0].canary: is not alone: write exactly one of canary, shadow, abTest, approval, systemTest and "
       "loadTest"},
      {"/spec/stages/2/approval/initial", "1", "spec.stages[2].approval.initial: 1 is not true or false"},
      {"/spec/stages/5/systemTest/job", "", "spec.stages[5].systemTest.job: is required"},
      {"/spec/stages/5/systemTest/job", "[]", "spec.stages[5].systemTest.job: a list is not an object"},
      {"/spec/stages/5/systemTest/job/template", "", "spec.stages[5].systemTest.job.template: is required"},
      {"/spec/stages/5/systemTest/deadline", "60", "spec.stages[5].systemTest.deadline: 60 is not a duration"},
      {"/spec/stages/5/systemTest/retries", R"("two")",
       "spec.stages[5].systemTest.retries: \"two\" is not a whole number"},
      {"/spec/stages/3/abTest/assignment", "", "spec.stages[3].abTest.assignment: is required"},
      {"/spec/stages/3/abTest/assignment", "{}",
       "spec.stages[3].abTest.assignment.header: write exactly one of header and cookie"},
      {"/spec/stages/3/abTest/assignment/values", "", "spec.stages[3].abTest.assignment.values: is required"},
      {"/spec/stages/3/abTest/assignment/ttl", R"("1h")", "spec.stages[3].abTest.assignment.ttl: is for a cookie"},
      {"/spec/stages/4/abTest/assignment/values", R"(["b"])",
       "spec.stages[4].abTest.assignment.values: are for a header"},
      {"/spec/stages/4/abTest/assignment/ttl", R"("1500ms")",
       "spec.stages[4].abTest.assignment.ttl: write whole seconds"},
      {"/spec/analysis/splitCheck", R"("On")",
       "spec.analysis.splitCheck: \"On\" is not known: write Enforce, Report or Off"},
      {"/spec/analysis/metrics/3/direction", R"("up")",
       "spec.analysis.metrics[3].direction: \"up\" is not known: write increase or decrease"},
      {"/spec/analysis/metrics/3/ceiling", R"("5%")",
       "spec.analysis.metrics[3].ceiling: is not for a goal"},
      {"/spec/analysis/metrics/3/margin", R"({"ratio": "2"})",
       "spec.analysis.metrics[3].margin: is not for a goal"},
      {"/spec/analysis/metrics/4/mean/sum", "", "spec.analysis.metrics[4].mean.sum: is required"},
      {"/spec/traffic", "", "spec.traffic: is required"},
      {"/spec/traffic", "{}", "spec.traffic.gatewayAPI: write exactly one of gatewayAPI and manual"},
      {"/spec/traffic/manual", "{}", "spec.traffic.gatewayAPI: write exactly one of gatewayAPI and manual"},
      {"/spec/traffic/gatewayAPI/parentRefs", "", "spec.traffic.gatewayAPI.parentRefs: is required"},
      {"/spec/traffic/gatewayAPI/hostnames/0", "1",
       "spec.traffic.gatewayAPI.hostnames[0]: 1 is not a string"},
      {"/spec/template", "", "spec.template: is required"},
      {"/spec/template", "[]", "spec.template: a list is not an object"},
      {"/spec/port", "", "spec.port: is required"},
      {"/spec/port", "true", "spec.port: true is not a port: write"},
      {"/spec/replicas", R"("three")", "spec.replicas: \"three\" is not a whole number"},
      {"/spec/rollbackWindow", "{}", "spec.rollbackWindow.revisions: is required"},
      {"/spec/rollbackWindow/revisions", R"("two")",
       "spec.rollbackWindow.revisions: \"two\" is not a whole number"},
      {"/spec/paused", R"("yes")", "spec.paused: \"yes\" is not true or false"},
      {"/spec/onInconclusive", R"("Retry")",
       "spec.onInconclusive: \"Retry\" is not known: write Pause or RollBack"},
      {"/spec", "", "spec: is required"},
      {"/metadata/name", "", "metadata.name: is required"},
  };
  for (const Bad& bad : cases) {
    json object = full_manifest();
    const json::json_pointer pointer(bad.pointer);
    if (*bad.value == '\0') {
      object[pointer.parent_pointer()].erase(pointer.back());
    } else {
      object[pointer] = json::parse(bad.value);
    }
    const auto rollout = rollout_from_json(object);
    ASSERT_FALSE(rollout) << bad.pointer << " = " << bad.value;
    EXPECT_EQ(rollout.error().code, ErrorCode::Invalid);
    EXPECT_EQ(rollout.error().message.rfind(bad.error, 0), 0U) << rollout.error().message;
  }
}

TEST(SpecJson, ListsAllProblemsAndKeepsTheRest) {
  json object = full_manifest();
  object["spec"]["replicas"] = "x";
  object["spec"]["scaleDownDelay"] = "later";
  object["status"] = {{"stableRevision", "abc"}};
  const RolloutReading reading = read_rollout(object);
  EXPECT_EQ(reading.problems.size(), 2U);
  EXPECT_EQ(reading.rollout.key.name, "digits");
  EXPECT_EQ(reading.rollout.status.stable_revision, "abc");
  EXPECT_EQ(reading.rollout.spec.replicas, 1) << "the default stands in";
  EXPECT_EQ(reading.rollout.spec.stages.size(), 9U);
  EXPECT_EQ(
      join(reading.problems),
      "spec.replicas: \"x\" is not a whole number; spec.scaleDownDelay: \"later\" is not a duration: write a "
      "number with a unit, such as 30s, 5m or 1h30m");
}

TEST(SpecJson, UnknownFieldsArePassedOver) {
  json object = full_manifest();
  object["spec"]["stages"][0]["fromTheFuture"] = {{"job", 5}};
  object["spec"]["fromTheFuture"] = true;
  EXPECT_EQ(read_good(object).spec, read_good(full_manifest()).spec);
}

TEST(SpecJson, WholeNumbersMayComeAsFloats) {
  json object = full_manifest();
  object["spec"]["replicas"] = 3.0;
  object["spec"]["stages"][0]["canary"]["weights"] = {1.0, 5.0, 25.0, 50.0};
  EXPECT_EQ(read_good(object).spec, read_good(full_manifest()).spec);
}

TEST(SpecJson, TheApproverIsWhoHasTheAnnotation) {
  json object = full_manifest();
  EXPECT_EQ(read_rollout(object).rollout.approver, "");
  const auto entry = [](const char* manager, const char* time, const char* annotation) {
    const json fields = {{"f:metadata", {{"f:annotations", {{annotation, json::object()}}}}}};
    return json{{"manager", manager}, {"time", time}, {"operation", "Update"}, {"fieldsV1", fields}};
  };
  json& fields = object["metadata"]["managedFields"];
  fields = json::array({entry("argocd", "2026-01-01T10:00:00Z", "f:sluice.dev/abort"),
                        entry("bob", "2026-01-01T12:00:00Z", "f:sluice.dev/approve"),
                        entry("alice", "2026-01-01T11:00:00Z", "f:sluice.dev/approve")});
  EXPECT_EQ(read_rollout(object).rollout.approver, "alice, bob") << "the oldest first";
  for (const json& damaged : {json(1), json::array({1, json::object()}), json::array({{{"fieldsV1", "x"}}})}) {
    fields = damaged;
    const RolloutReading reading = read_rollout(object);
    EXPECT_EQ(reading.rollout.approver, "");
    EXPECT_TRUE(reading.problems.empty());
  }
}

}  // namespace
}  // namespace sluice::api
