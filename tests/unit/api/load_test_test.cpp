// The stage loadTest: what is read of it, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/json.h"
#include "api/validate.h"
#include "manifest.h"

namespace sluice::api {
namespace {

using nlohmann::json;
using testing::ElementsAre;

constexpr std::size_t kStress = 6;
constexpr std::size_t kScript = 7;
constexpr std::size_t kTool = 8;

LoadTestStage body(const json& manifest, std::size_t stage) {
  return std::get<LoadTestStage>(read_good(manifest).spec.stages.at(stage).body);
}

TEST(LoadTestSpec, ReadsEveryFieldOfTheSample) {
  const LoadTestStage stress = body(full_manifest(), kStress);
  EXPECT_EQ(stress.profile, LoadProfile::Stress);
  EXPECT_EQ(stress.rate, 80);
  EXPECT_EQ(stress.duration, minutes(4));
  EXPECT_EQ(stress.deadline, minutes(20));
  EXPECT_EQ(stress.retries, 2);
  EXPECT_TRUE(stress.initial);
  const auto& locust = std::get<LocustGenerator>(stress.generator);
  EXPECT_EQ(locust.image, "localhost/locust:2.47.0");
  EXPECT_EQ(locust.workers, 2);
  EXPECT_EQ(locust.pod_template.tree()["spec"]["nodeSelector"]["pool"], "tests");
  EXPECT_EQ(locust.protocol, LoadProtocol::OpenAI);
  EXPECT_EQ(locust.model, "digits");
  EXPECT_EQ(locust.path, "/v2/models/digits/infer");
  EXPECT_EQ(locust.payload, (ConfigKey{"digits-images", "images.json"}));
  EXPECT_FALSE(locust.locustfile);
}

TEST(LoadTestSpec, ReadsEachKindOfCriterion) {
  const auto criteria = body(full_manifest(), kStress).criteria;
  ASSERT_EQ(criteria.size(), 9U);
  EXPECT_EQ(criteria[0], (LoadCriterion{LoadMetric::ResponseTime, 0.95, 0.3, {}, 0.1, ""}));
  EXPECT_EQ(criteria[1], (LoadCriterion{LoadMetric::Failures, {}, 0.01, {}, {}, ""}));
  EXPECT_EQ(criteria[2], (LoadCriterion{LoadMetric::Rate, {}, {}, 0.95, {}, ""}));
  EXPECT_EQ(criteria[3], (LoadCriterion{LoadMetric::Knee, {}, {}, 60.0, {}, ""}));
  EXPECT_EQ(criteria[4], (LoadCriterion{LoadMetric::Recovery, {}, 30.0, {}, {}, ""}));
  EXPECT_EQ(criteria[5], (LoadCriterion{LoadMetric::ResponseTimeGrowth, 0.5, 0.1, {}, {}, ""}));
  EXPECT_EQ(criteria[6], (LoadCriterion{LoadMetric::MemoryGrowth, {}, 0.05, {}, {},
                                        "sum(process_resident_memory_bytes{pod=~\"$(pods)\"})"}));
  EXPECT_EQ(criteria[7], (LoadCriterion{LoadMetric::Restarts, {}, 1.0, {}, {}, ""}));
  EXPECT_EQ(criteria[8], (LoadCriterion{LoadMetric::RatePerReplica, {}, {}, 26.5, {}, ""}));
}

TEST(LoadTestSpec, ReadsStepsAndOtherTools) {
  const LoadTestStage script = body(full_manifest(), kScript);
  EXPECT_EQ(script.profile, LoadProfile::Performance);
  EXPECT_THAT(script.steps, ElementsAre(LoadStep{seconds(30), 0.5}, LoadStep{minutes(1), 40}));
  EXPECT_EQ(std::get<LocustGenerator>(script.generator).locustfile, (ConfigKey{"digits-load", "locustfile.py"}));
  const LoadTestStage tool = body(full_manifest(), kTool);
  EXPECT_EQ(std::get<JobGenerator>(tool.generator).job, full_manifest()["spec"]["stages"][kTool]["loadTest"]["job"]);
  EXPECT_TRUE(tool.criteria.empty());
  EXPECT_EQ(tool.retries, 3);
}

struct Bad {
  std::size_t stage;
  const char* pointer;  // below its loadTest
  const char* value;    // JSON; empty: removed
  const char* error;    // how the one problem begins, below the path of its loadTest
};

json changed(const Bad& bad) {
  json object = full_manifest();
  const json::json_pointer pointer("/spec/stages/" + std::to_string(bad.stage) + "/loadTest" + bad.pointer);
  if (*bad.value == '\0') {
    object[pointer.parent_pointer()].erase(pointer.back());
  } else {
    object[pointer] = json::parse(bad.value);
  }
  return object;
}

void expect_first(const std::vector<FieldError>& found, const Bad& bad) {
  const std::string begin = "spec.stages[" + std::to_string(bad.stage) + "].loadTest" + bad.error;
  EXPECT_EQ(join(found).rfind(begin, 0), 0U) << bad.pointer << " = " << bad.value << " -> " << join(found);
}

TEST(LoadTestSpec, FieldsThatCannotBeReadAreNamed) {
  const std::initializer_list<Bad> cases{
      {kStress, "", "3", ": 3 is not an object"},
      {kStress, "/profile", R"("Soak")", ".profile: \"Soak\" is not known: write Performance, Stress, Endurance"},
      {kStress, "/rate", "", ".rate: is required"},
      {kStress, "/rate", R"("fast")", ".rate: \"fast\" is not a number"},
      {kStress, "/duration", "240", ".duration: 240 is not a duration"},
      {kStress, "/steps", R"([{"duration": "1m", "rate": 1}])", ".steps: are instead of rate and duration"},
      {kScript, "/duration", R"("1m")", ".steps: are instead of rate and duration"},
      {kScript, "/steps/1/rate", "", ".steps[1].rate: is required"},
      {kScript, "/steps", "3", ".steps: 3 is not a list"},
      {kStress, "/locust", "", ".locust: is required: write exactly one of locust and job"},
      {kStress, "/job", "{}", ".locust: is not alone: write exactly one of locust and job"},
      {kStress, "/locust/image", "", ".locust.image: is required"},
      {kStress, "/locust/workers", R"("two")", ".locust.workers: \"two\" is not a whole number"},
      {kStress, "/locust/template", "[]", ".locust.template: a list is not an object"},
      {kStress, "/locust/protocol", R"("gRPC")", ".locust.protocol: \"gRPC\" is not known: write V2, OpenAI or Http"},
      {kStress, "/locust/payload", "{}", ".locust.payload.configMapKeyRef: is required"},
      {kScript, "/locust/locustfile/configMapKeyRef/key", "", ".locust.locustfile.configMapKeyRef.key: is required"},
      {kTool, "/job", "[]", ".job: a list is not an object"},
      {kTool, "/job/template", "", ".job.template: is required"},
      {kStress, "/criteria/0", "{}", ".criteria[0].responseTime: is required: write exactly one of"},
      {kStress, "/criteria/1/knee", R"({"min": 1})", ".criteria[1].responseTime: is not alone: write exactly one"},
      {kStress, "/criteria/0/responseTime/quantile", "", ".criteria[0].responseTime.quantile: is required"},
      {kScript, "/criteria/0/responseTime/margin", "", ".criteria[0].responseTime.max: is required: write max"},
      {kStress, "/criteria/0/responseTime/max", "300", ".criteria[0].responseTime.max: 300 is not a duration"},
      {kStress, "/criteria/1/failures/max", R"("some")", ".criteria[1].failures.max: \"some\" is not a percentage"},
      {kStress, "/criteria/2/rate/min", "", ".criteria[2].rate.min: is required"},
      {kStress, "/criteria/7/restarts/max", R"("1")", ".criteria[7].restarts.max: \"1\" is not a whole number"},
      {kStress, "/deadline", "60", ".deadline: 60 is not a duration"},
      {kStress, "/initial", "1", ".initial: 1 is not true or false"},
  };
  for (const Bad& bad : cases) expect_first(read_rollout(changed(bad)).problems, bad);
}

TEST(LoadTestSpec, WhatCannotWorkIsRefused) {
  const std::initializer_list<Bad> cases{
      {kStress, "/rate", "0", ".rate: must be above 0"},
      {kStress, "/rate", "100001", ".rate: must be at most 100000"},
      {kTool, "/duration", R"("3h")", ".duration: the load takes 3h: it must be shorter than maxDuration, 2h"},
      {kScript, "/steps/0/rate", "0", ".steps[0].rate: must be above 0"},
      {kScript, "/steps/0/duration", R"("500ms")", ".steps[0].duration: must be at least 1s"},
      {kScript, "/steps/0/duration", R"("2h")", ".steps: the load takes 2h1m: it must be shorter than maxDuration"},
      {kStress, "/locust/image", R"("")", ".locust.image: write an image"},
      {kStress, "/locust/workers", "0", ".locust.workers: must be from 1 to 100"},
      {kStress, "/locust/template/spec/restartPolicy", R"("OnFailure")", ".locust.template.spec.restartPolicy"},
      {kStress, "/locust/template/metadata", R"({"labels": {"sluice.dev/revision": "x"}})",
       ".locust.template.metadata.labels: remove sluice.dev/revision"},
      {kStress, "/locust/template/spec/containers/0/name", R"("tool")", ".locust.template.spec.containers: only"},
      {kStress, "/locust/template/spec/containers", R"([{"name": "locust"}, {"name": "proxy"}])",
       ".locust.template.spec.containers: only the container locust can be there"},
      {kStress, "/locust/path", R"("v2")", ".locust.path: must begin with '/'"},
      {kStress, "/locust/model", "", ".locust.model: is required"},
      {kStress, "/locust/payload/configMapKeyRef/key", R"("a/b")", ".locust.payload.configMapKeyRef.key: write"},
      {kStress, "/locust/payload/configMapKeyRef/key", R"("..")", ".locust.payload.configMapKeyRef.key: write a key"},
      {kStress, "/locust/payload/configMapKeyRef/name", R"("")", ".locust.payload.configMapKeyRef.name: write"},
      {kTool, "/job/template/spec/containers", "[]", ".job.template.spec.containers: write at least one container"},
      {kTool, "/job/ttlSecondsAfterFinished", "5", ".job.ttlSecondsAfterFinished: must be at least 60"},
      {kStress, "/criteria/0/responseTime/quantile", "100", ".criteria[0].responseTime.quantile: must be above 0%"},
      {kStress, "/criteria/0/responseTime/quantile", "0", ".criteria[0].responseTime.quantile: must be above 0%"},
      {kStress, "/criteria/0/responseTime/max", R"("0s")", ".criteria[0].responseTime.max: must be longer than 0s"},
      {kStress, "/criteria/3/knee/min", "0", ".criteria[3].knee.min: must be above 0"},
      {kStress, "/criteria/7/restarts/max", "-1", ".criteria[7].restarts.max: must not be negative"},
      {kStress, "/deadline", R"("4m")", ".deadline: must be longer than the load, 4m"},
      {kStress, "/deadline", R"("3h")", ".deadline: must be at most maxDuration, 2h"},
      {kStress, "/retries", "11", ".retries: must be from 0 to 10"},
  };
  for (const Bad& bad : cases) {
    const auto found = validate(read_good(changed(bad)));
    EXPECT_EQ(found.size(), 1U) << bad.pointer;
    expect_first(found, bad);
  }
  json both = changed({kTool, "/job/activeDeadlineSeconds", "600", ""});
  both["spec"]["stages"][kTool]["loadTest"]["deadline"] = "10m";
  expect_first(validate(read_good(both)), {kTool, "", "", ".deadline: leave it out, or job.activeDeadlineSeconds"});
}

TEST(LoadTestSpec, TheBuiltInRequestsNeedToKnowWhatToAsk) {
  const auto findings = [](const char* locust) {
    json object = full_manifest();
    object["spec"]["stages"][kStress]["loadTest"]["locust"] = json::parse(locust);
    return join(validate(read_good(object)));
  };
  const std::string path = "spec.stages[6].loadTest.locust";
  EXPECT_EQ(findings(R"({"image": "l", "locustfile": {"configMapKeyRef": {"name": "a", "key": "b.py"}}})"), "");
  EXPECT_EQ(findings(R"({"image": "l", "model": "m"})"), "");
  EXPECT_EQ(findings(R"({"image": "l", "protocol": "OpenAI", "model": "m"})"), "");
  EXPECT_EQ(findings(R"({"image": "l", "protocol": "Http", "path": "/"})"), "");
  EXPECT_EQ(findings(R"({"image": "l", "path": "/i", "payload": {"configMapKeyRef": {"name": "a", "key": "b"}}})"), "");
  EXPECT_EQ(findings(R"({"image": "l", "protocol": "Http"})"),
            path + ".path: is required with the protocol Http: write the path of the requests");
  EXPECT_EQ(findings(R"({"image": "l", "locustfile": {"configMapKeyRef": {"name": "a", "key": "load.txt"}}})"),
            path + ".locustfile.configMapKeyRef.key: must end with .py: Locust takes no other file");
}

TEST(LoadTestSpec, MemoryIsReadFromPrometheus) {
  json object = full_manifest();
  json& stages = object["spec"]["stages"];
  stages = json::array({stages[kStress]});
  object["spec"].erase("analysis");
  EXPECT_EQ(join(validate(read_good(object))),
            "spec.stages[0].loadTest.criteria[6].memoryGrowth: needs spec.analysis.prometheus: the memory is read "
            "there");
  stages[0]["loadTest"].erase("criteria");
  EXPECT_EQ(join(validate(read_good(object))), "");
  stages[0]["loadTest"]["profile"] = "Endurance";
  EXPECT_EQ(join(validate(read_good(object))),
            "spec.stages[0].loadTest.criteria: write them, or spec.analysis.prometheus: an Endurance test watches "
            "the memory by default");
}

}  // namespace
}  // namespace sluice::api
