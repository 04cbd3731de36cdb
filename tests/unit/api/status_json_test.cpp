#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "api/json.h"
#include "manifest.h"
#include "random_status.h"

namespace sluice::api {
namespace {

using nlohmann::json;

TEST(StatusJson, ComesBackBitForBit) {
  std::mt19937 random(5);
  for (int i = 0; i < 2000; ++i) {
    const RolloutStatus status = random_status(random);
    const json written = status_to_json(status);
    ASSERT_EQ(status_from_json(written), status) << written.dump(2);
    // Also as text: JSON has neither infinity nor NaN.
    ASSERT_EQ(status_from_json(json::parse(written.dump())), status) << written.dump(2);
  }
}

// The API server stores numbers as Go does: 61.0 comes back as 61.
TEST(StatusJson, SurvivesCountsThatBecameIntegers) {
  RolloutStatus status;
  status.metrics.push_back({.name = "errors", .stable = {61, 60211}, .candidate = {0.5, 1e15}});
  json written = status_to_json(status);
  written["metrics"][0]["stable"]["events"] = 61;
  written["metrics"][0]["candidate"]["total"] = 1'000'000'000'000'000;
  EXPECT_EQ(status_from_json(written), status);
}

RolloutStatus story() {
  RolloutStatus status;
  status.observed_generation = 7;
  status.phase = Phase::Progressing;
  status.stable_revision = "6d9f";
  status.candidate_revision = "7c8b";
  status.verdict = "Inconclusive";
  status.stage =
      StageStatus{.index = 0, .name = "canary", .step = 2, .started_at = *parse_time("2025-01-01T10:00:00Z")};
  status.traffic = {.stable = 75, .candidate = 25, .realised = 0.24801, .accepted = true};
  MetricStatus errors{
      .name = "errors", .verdict = Verdict::Inconclusive, .stable = {61, 60211}, .candidate = {22, 20120}};
  errors.effect = 1.0793;
  errors.lower = 0.6104;
  errors.upper = 1.8212;
  errors.harm_log_e = std::log(0.4);
  errors.harm_log_e_peak = std::log(1.25);
  errors.harm_log_threshold = std::log(60.0);
  errors.non_inferior_log_e = errors.non_inferior_log_e_peak = std::log(3.1);
  errors.non_inferior_log_threshold = std::log(20.0);
  errors.non_inferior_in = minutes(6);
  errors.looks = 41;
  errors.dispersion = 1.1;
  errors.power = 0.83;
  errors.method = "an e-process";
  errors.pod_spread = 0.0512;
  MetricStatus latency = errors;
  latency.name = "latency";
  latency.non_inferior_log_e_peak = std::log(0.9);
  latency.harm_log_e_peak = -std::numeric_limits<double>::infinity();
  MetricStatus shown{.name = "shown", .role = MetricRole::Report};
  shown.harm_log_e_peak = 1000;
  status.metrics = {errors, latency, shown};
  return status;
}

TEST(StatusJson, ReadsWellForAPerson) {
  const json written = status_to_json(story());
  EXPECT_EQ(written["phase"], "Progressing");
  EXPECT_EQ(written["stage"]["startedAt"], "2025-01-01T10:00:00Z");
  EXPECT_EQ(written["traffic"]["realised"], "24.8%");
  const json& errors = written["metrics"][0];
  EXPECT_EQ(errors["role"], "guardrail");
  EXPECT_EQ(errors["stable"]["value"], "0.101%");
  EXPECT_EQ(errors["candidate"]["value"], "0.109%");
  EXPECT_EQ(errors["effect"], "1.08");
  EXPECT_EQ(errors["interval"], (json{"0.61", "1.82"}));
  EXPECT_EQ(errors["harm"], (json{{"evidence", "0.4"}, {"peak", "1.25"}, {"threshold", "60"}, {"pValue", "0.8"}}));
  EXPECT_EQ(errors["nonInferior"],
            (json{{"evidence", "3.1"},
                  {"peak", "3.1"},
                  {"threshold", "20"},
                  {"pValue", "0.323"},
                  {"expectedIn", "6m"}}));
  EXPECT_EQ(errors["power"], "83%");
  EXPECT_EQ(errors["method"], "an e-process");
  EXPECT_EQ(errors["dispersion"], "1.1");
  EXPECT_EQ(errors["podSpread"], "5.12%");
}

TEST(StatusJson, SummarisesTheGuardrailsThatDecide) {
  const json written = status_to_json(story());
  EXPECT_EQ(written["summary"]["harm"], "1.25 of 60 (errors)");
  EXPECT_EQ(written["summary"]["proof"], "0.9 of 20 (latency)");
  EXPECT_FALSE(status_to_json({}).contains("summary"));
}

TEST(StatusJson, PValuesAreNeverAboveOneAndReachBeyondADouble) {
  RolloutStatus status = story();
  status.metrics[0].harm_log_e_peak = -3;
  status.metrics[0].non_inferior_log_e_peak = 1000;
  const json written = status_to_json(status)["metrics"];
  EXPECT_EQ(written[0]["harm"]["pValue"], "1");
  EXPECT_EQ(written[0]["nonInferior"]["pValue"], "5.08e-435");
  EXPECT_EQ(written[1]["harm"]["pValue"], "1");  // no evidence at all
}

TEST(StatusJson, LeavesOutWhatThereIsNot) {
  EXPECT_EQ(status_to_json({}), (json{{"observedGeneration", 0},
                                      {"phase", "Pending"},
                                      {"traffic", {{"stable", 100}, {"candidate", 0}, {"accepted", false}}},
                                      {"replicas", 0},
                                      {"readyReplicas", 0},
                                      {"selector", ""}}));
}

TEST(StatusJson, DamagedPartsReadAsAbsent) {
  RolloutStatus good = story();
  good.conditions = {{.type = "Ready", .status = ConditionStatus::True, .reason = "Healthy"}};
  json written = status_to_json(good);
  written["phase"] = "Sleeping";
  written["stage"].erase("startedAt");
  written["metrics"][1] = "gone";
  written["metrics"].push_back({{"verdict", "Pass"}});
  written["conditions"].push_back({{"status", "True"}});
  written["history"] = {{{"revision", "x"}, {"outcome", "Lost"}}, 7};
  const RolloutStatus read = status_from_json(written);
  EXPECT_EQ(read.phase, Phase::Pending);
  EXPECT_FALSE(read.stage);
  ASSERT_EQ(read.metrics.size(), 2U);
  EXPECT_EQ(read.metrics[1].name, "shown");
  EXPECT_EQ(read.conditions, good.conditions);
  EXPECT_TRUE(read.history.empty());
  EXPECT_EQ(read.candidate_revision, "7c8b");
}

// The readable numbers are rounded: 59.96 of 60 would become 60 and a roll-back.
TEST(StatusJson, WithoutExactNumbersThereIsNoEvidence) {
  json written = status_to_json(story());
  written["metrics"][0]["exact"] = "1 2 3";
  const MetricStatus read = status_from_json(written).metrics[0];
  EXPECT_EQ(read.harm_log_e_peak, 0.0);
  EXPECT_FALSE(read.effect);
  EXPECT_EQ(read.stable.events, 61);
}

TEST(StatusJson, WeightsThatAreNotASplitMeanAllToStable) {
  for (const json& traffic :
       {json{{"stable", 75}, {"candidate", 30}}, json{{"stable", -10}, {"candidate", 110}},
        json{{"candidate", 25}}, json{{"stable", "75"}, {"candidate", "25"}}, json(nullptr), json("x")}) {
    const RolloutStatus read = status_from_json({{"traffic", traffic}});
    EXPECT_EQ(read.traffic.stable, 100) << traffic;
    EXPECT_EQ(read.traffic.candidate, 0) << traffic;
  }
}

TEST(StatusJson, StaysSmall) {
  RolloutStatus status = story();
  status.metrics.resize(3, status.metrics[0]);
  // Besides the packed evidence, which has its own limit, a metric takes less than a kilobyte.
  EXPECT_LT(status_to_json(status).dump().size(), 3500U);
}

}  // namespace
}  // namespace sluice::api
