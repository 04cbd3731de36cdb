// Goals of abTest stages: what the simulation makes of them, and what the plan says of how long they take.
#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "forecast/plan.h"
#include "scenarios.h"

namespace sluice::forecast {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

api::MetricSpec orders(bool mean = false) {
  api::MetricSpec metric;
  metric.name = "orders";
  metric.role = api::MetricRole::Goal;
  if (mean) metric.source = api::MeanSource{"sum", "count"};
  return metric;
}

// An experiment of so many looks on half of 6000 requests a look, a tenth of which order. So many fail that the
// guardrail is proven at once.
Scenario experiment(double improvement, int looks = 200, bool mean = false) {
  Scenario s = scenario(0.05);
  s.goals = {{.metric = orders(mean), .improvement = improvement}};
  s.superior = std::log(20.0);
  s.steps = {Step{0.5, 3, 0, true}};
  set_looks(s, looks);
  s.runs = 400;
  s.questions = {.roll_back = false, .promotion = false, .outcome = true};
  return s;
}

Summary simulated(const Scenario& s) { return summarise(s, simulate(s)); }

TEST(Goals, ABetterOneIsPromotedAndAnEqualOneHardlyEver) {
  EXPECT_GT(simulated(experiment(0.1)).outcome_promoted, 0.95);
  EXPECT_LT(simulated(experiment(0.0)).outcome_promoted, 0.05 + 0.03);
}

TEST(Goals, AWorseOneIsRolledBack) { EXPECT_GT(simulated(experiment(-0.1)).outcome_rolled_back, 0.95); }

TEST(Goals, LessIsBetterWhereTheSpecSaysSo) {
  Scenario s = experiment(0.1);
  s.goals[0].metric.direction = api::Direction::Decrease;
  EXPECT_DOUBLE_EQ(s.goals[0].factor(), 0.9);
  EXPECT_GT(simulated(s).outcome_promoted, 0.95);
}

TEST(Goals, AreNotAskedInOtherStages) {
  Scenario s = experiment(0.0);
  s.steps[0].ab_test = false;
  EXPECT_GT(simulated(s).outcome_promoted, 0.9) << "as without goals";
}

TEST(Goals, AnExperimentIsFollowedByTheStageAfterIt) {
  Scenario s = experiment(0.1);
  s.steps.push_back({0.5, 30, 1, false});
  s.stages = {{200}, {100}};
  s.looks = 300;
  const Summary summary = simulated(s);
  EXPECT_GT(summary.outcome_promoted, 0.95);
  EXPECT_GT(*summary.outcome_promotion.median, 30);
}

TEST(Goals, ThePlanAgreesWithTheSimulation) {
  for (const double improvement : {0.04, 0.06, 0.1}) {
    const Scenario s = experiment(improvement, 400);
    const Times planned = goal_waiting(s, 0, 0.5);
    Scenario other = s;
    other.seed = 99;
    const Times seen = simulated(other).outcome_promotion;
    ASSERT_TRUE(planned.median && seen.median && planned.p90 && seen.p90) << improvement;
    EXPECT_NEAR(*planned.median, *seen.median, std::max(2.0, 0.3 * *seen.median)) << improvement;
    EXPECT_NEAR(*planned.p90, *seen.p90, std::max(2.0, 0.3 * *seen.p90)) << improvement;
  }
}

TEST(Goals, AMeanTakesThirtyLooksAtLeastAndLongerWhereItVariesMore) {
  Scenario s = experiment(0.03, 400, true);
  const Times one = goal_waiting(s, 0, 0.5);
  s.goals[0].variation = 2;
  const Times two = goal_waiting(s, 0, 0.5);
  ASSERT_TRUE(one.median && two.median);
  EXPECT_GE(*one.median, 30);
  EXPECT_GT(*two.median, *one.median);
}

TEST(Goals, ThePlanNamesTheLeastImprovementThatIsShownInTime) {
  const Scenario s = experiment(0.02, 60);
  const std::vector<GoalPlan> plans = plan_goals(s);
  ASSERT_EQ(plans.size(), 1u);
  const auto least = plans[0].least_improvement;
  ASSERT_TRUE(least);
  EXPECT_GT(*least, 0.02);
  EXPECT_GT(simulated(experiment(*least * 1.2, 60)).outcome_promoted, 0.85);
  EXPECT_LT(simulated(experiment(*least * 0.6, 60)).outcome_promoted, 0.85);
}

TEST(Goals, APlanThatFitsNeedsThemToBeShown) {
  EXPECT_TRUE(plan(experiment(0.15, 60)).fits);
  const Plan slow = plan(experiment(0.03, 60));
  EXPECT_FALSE(slow.fits);
  EXPECT_TRUE(slow.remedies.max_duration) << "the experiment is the last stage";
}

TEST(Goals, AsJson) {
  const Scenario s = experiment(0.1, 60);
  const auto json = to_json(plan(s), s, {"experiment"});
  ASSERT_EQ(json["goals"].size(), 1u);
  const auto& goal = json["goals"][0];
  EXPECT_EQ(goal["name"], "orders");
  EXPECT_EQ(goal["stage"], "experiment");
  EXPECT_EQ(goal["baseRate"], "10%");
  EXPECT_EQ(goal["improvement"], "10%");
  EXPECT_TRUE(goal["superior"]["looks"]["median"].is_number());
  EXPECT_TRUE(goal["leastImprovement"].is_string());
}

TEST(Goals, ShareTheErrorBudgetsOfTheRollout) {
  api::Spec spec;
  spec.stages = {{.name = "experiment", .body = api::AbTestStage{.weight = 50}, .min_duration = {}}};
  spec.analysis.metrics = {{.name = "errors"}, orders()};
  const auto s = scenario_of(spec);
  ASSERT_TRUE(s.ok()) << s.error().message;
  EXPECT_EQ(s->analysis.metrics.size(), 1u);
  ASSERT_EQ(s->goals.size(), 1u);
  EXPECT_NEAR(s->thresholds.harm, std::log(2 / 0.05), 1e-12);
  EXPECT_NEAR(s->superior, std::log(20), 1e-12);
  EXPECT_TRUE(s->steps.at(0).ab_test);
}

TEST(Goals, ABadNumberIsNamedByItsFlag) {
  Scenario s = experiment(12);
  EXPECT_THAT(check(s).error().message, AllOf(StartsWith("--improvement:"), HasSubstr("--base-rate orders=")));
  s.goals[0].improvement = -1;
  EXPECT_THAT(check(s).error().message, StartsWith("--improvement:"));
  s = experiment(0.1, 60, true);
  s.goals[0].variation = -1;
  EXPECT_THAT(check(s).error().message, StartsWith("--variation:"));
}

}  // namespace
}  // namespace sluice::forecast
