#include "forecast/scenario.h"

#include <gmock/gmock.h>

#include <cmath>
#include <functional>

#include "scenarios.h"

namespace sluice::forecast {
namespace {

using testing::StartsWith;

TEST(Scenario, EachBadNumberIsNamedByItsFlag) {
  const std::vector<std::pair<const char*, std::function<void(Scenario&)>>> cases = {
      {"--runs:", [](Scenario& s) { s.runs = 0; }},
      {"--looks:", [](Scenario& s) { s.looks = 0; }},
      {"--interval:", [](Scenario& s) { s.analysis.interval = Duration(0); }},
      {"--rps:", [](Scenario& s) { s.requests_per_second = 0.0; }},
      {"--rps:", [](Scenario& s) { s.requests_per_second = 1e12; }},
      {"--dispersion:", [](Scenario& s) { s.dispersion = 0.5; }},
      {"--history:", [](Scenario& s) { s.history = -1; }},
      {"--pod-effect:", [](Scenario& s) { s.pod_effect = 2.0; }},
      {"--pods:", [](Scenario& s) { s.candidate_pods = 0; }},
      {"--guardrails:", [](Scenario& s) { s.truths.clear(); }},
      {"--base-rate:", [](Scenario& s) { s.truths[0].base_rate = 1.5; }},
      {"--base-rate-end:", [](Scenario& s) { s.truths[0].base_rate_end = -0.1; }},
      {"--ratio:", [](Scenario& s) { s.truths[0].ratio = 101.0; }},
      {"--ratio:", [](Scenario& s) { s.truths[0].ratio = std::nan(""); }},
      {"--weight:", [](Scenario& s) { s.steps[0].weight = 1.0; }},
      {"--weight:", [](Scenario& s) { s.steps.clear(); }},
      {"--ramp:", [](Scenario& s) { s.steps = {Step{0.1}, Step{0.0}}; }},
      {"--ramp:", [](Scenario& s) { s.steps.assign(101, Step{}); }},
      {"--margin:", [](Scenario& s) { s.analysis.metrics[0].margin.ratio = 0.0; }},
      {"--or-below:", [](Scenario& s) { s.analysis.metrics[0].margin.or_below = 2.0; }},
      {"--phi:", [](Scenario& s) { s.fixed_dispersion = 0.9; }},
  };
  ASSERT_TRUE(check(scenario()).ok());
  for (const auto& [flag, spoil] : cases) {
    Scenario s = scenario();
    spoil(s);
    const Outcome outcome = check(s);
    ASSERT_FALSE(outcome.ok()) << flag;
    EXPECT_THAT(outcome.error().message, StartsWith(flag));
  }
}

TEST(Scenario, TheBaseRateDriftsEvenlyInTheLogarithm) {
  const Truth truth{0.005, 0.02, 1.0};
  EXPECT_DOUBLE_EQ(base_rate_at(truth, 0, 101), 0.005);
  EXPECT_NEAR(base_rate_at(truth, 50, 101), 0.01, 1e-15);
  EXPECT_NEAR(base_rate_at(truth, 100, 101), 0.02, 1e-15);
  const Truth from_nothing{0.0, 0.02, 1.0};
  EXPECT_DOUBLE_EQ(base_rate_at(from_nothing, 50, 101), 0.01);
  EXPECT_DOUBLE_EQ(base_rate_at(from_nothing, 0, 1), 0.0);
}

TEST(Scenario, NoRequestIsLostToRounding) {
  Scenario s = scenario();
  s.requests_per_second = 0.37;  // 22.2 a look
  Traffic traffic(s);
  std::int64_t candidate = 0;
  std::int64_t stable = 0;
  for (int look = 0; look < 1000; ++look) {
    const Requests requests = traffic.next(0.07);
    EXPECT_GE(requests.candidate, 1);
    EXPECT_LE(requests.candidate, 2);
    candidate += requests.candidate;
    stable += requests.stable;
  }
  EXPECT_EQ(candidate, 1554);
  EXPECT_EQ(stable, 20'646);
}

TEST(Scenario, EveryLookIsTheSameWhenTheSharesAreWhole) {
  Traffic traffic(scenario());
  for (int look = 0; look < 100'000; ++look) {
    const Requests requests = traffic.next(0.1);
    ASSERT_EQ(requests.candidate, 600);
    ASSERT_EQ(requests.stable, 5400);
  }
}

TEST(Scenario, AManifestGivesGuardrailsStepsAndTime) {
  api::Spec spec;
  spec.analysis.interval = seconds(30);
  spec.analysis.warmup = seconds(60);
  spec.analysis.false_rollback = 0.01;
  api::MetricSpec errors;
  errors.name = "errors";
  errors.ceiling = 0.05;
  api::MetricSpec drift;
  drift.name = "drift";
  drift.role = api::MetricRole::Report;
  drift.source = api::ClassesSource{"predictions_total{pod=~\"$(pods)\"}", "class"};
  spec.analysis.metrics = {drift, errors};
  api::StageSpec first;
  first.body = api::CanaryStage{.weights = {1, 5}, .min_looks = 3};
  first.min_duration = minutes(3);  // of which one passes before the first look
  first.max_duration = minutes(10);
  api::StageSpec second;
  second.body = api::CanaryStage{.weights = {50}, .min_looks = 5};
  second.min_duration = seconds(301);
  second.max_duration = minutes(20);
  spec.stages = {first, second};

  const auto s = scenario_of(spec);
  ASSERT_TRUE(s.ok());
  ASSERT_EQ(s->analysis.metrics.size(), 1U);
  EXPECT_EQ(s->analysis.metrics[0].name, "errors");
  EXPECT_NEAR(s->thresholds.harm, std::log(2 / 0.01), 1e-12);  // the guardrail and its ceiling
  ASSERT_EQ(s->steps.size(), 3U);
  EXPECT_DOUBLE_EQ(s->steps[1].weight, 0.05);
  EXPECT_EQ(s->steps[1].min_looks, 3);
  EXPECT_EQ(s->steps[2].stage, 1);
  EXPECT_EQ(s->stages, (std::vector<StageTime>{{.most = 18, .least = 4}, {.most = 40, .least = 11}}));
  EXPECT_EQ(s->looks, 58);
}

TEST(Scenario, AManifestWithNothingToJudgeByIsRefused) {
  EXPECT_FALSE(scenario_of(api::Spec{}).ok());
  api::Spec spec;
  spec.analysis.metrics.emplace_back();
  const auto without_stages = scenario_of(spec);
  ASSERT_FALSE(without_stages.ok());
  EXPECT_THAT(without_stages.error().message, testing::HasSubstr("spec.stages"));
}

}  // namespace
}  // namespace sluice::forecast
