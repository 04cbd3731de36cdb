#include <gmock/gmock.h>

#include "cli/plan_view.h"
#include "cli/simulate_view.h"

namespace sluice::cli {
namespace {

using testing::ContainsRegex;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

forecast::Scenario scenario() {
  forecast::Scenario s;
  s.analysis.interval = seconds(60);
  s.analysis.warmup = seconds(60);
  s.analysis.metrics.emplace_back().name = "errors";
  s.truths = {{0.01, 0.01, 2.0}};
  s.thresholds = forecast::thresholds_of(s.analysis);
  s.steps = {forecast::Step{}};
  s.looks = 40;
  s.stages = {{40}};
  s.questions.oracle = true;
  s.runs = 4;
  return s;
}

TEST(SimulateView, ShowsSharesTimesAndThePriceOfIgnorance) {
  std::vector<forecast::RunResult> runs(4);
  for (forecast::RunResult& run : runs) {
    run.rolled_back = 3;
    run.oracle_rolls_back = 2;
    run.ending = forecast::Ending::RolledBack;
    run.ended = 3;
  }
  const forecast::Scenario s = scenario();
  const std::string view = simulate_view(s, forecast::summarise(s, runs), false);
  EXPECT_THAT(view, HasSubstr("candidate 2 times as many"));
  EXPECT_THAT(view, ContainsRegex("rolled back within +0.00% +100.0% +100.0% +- +- +3 +3 +3.0"));
  EXPECT_THAT(view, HasSubstr("ours takes 1.50 times as long"));
  EXPECT_THAT(view, HasSubstr("rolled back 100.0%, promoted 0.00%, undecided 0.00%"));
  EXPECT_THAT(view, Not(HasSubstr("\033")));
}

TEST(PlanView, ShowsWaitsAndRemedies) {
  forecast::Plan plan;
  forecast::GuardrailPlan errors;
  errors.name = "errors";
  errors.base_rate = 0.01;
  errors.steps.push_back({0.1, 0, {{1.0, 3, 6, 3.5}, false}, {{1.0, 9, 18, 10}, true}});
  errors.doubled_in_rollout = {0.5, 4, std::nullopt, 5};
  plan.guardrails = {errors};
  plan.promotion = {0.4, std::nullopt, std::nullopt, std::nullopt};
  plan.fits = false;
  plan.remedies.least_weight = 0.25;
  plan.remedies.guardrail = "errors";
  plan.remedies.margin_ratio = 2.0;
  plan.remedies.max_duration = minutes(50);
  const std::string view = plan_view(plan, scenario(), {"canary"}, false);
  EXPECT_THAT(view, ContainsRegex("canary +10% +3m +6m +9m +18m +orBelow"));
  EXPECT_THAT(view, HasSubstr("rolled back in 50% of all cases, after 5m"));  // four looks and the warm-up
  EXPECT_THAT(view, HasSubstr("time of stage canary runs out"));
  EXPECT_THAT(view, HasSubstr("- no weight below 25%"));
  EXPECT_THAT(view, HasSubstr("- errors: margin.ratio 2\n"));
  EXPECT_THAT(view, HasSubstr("- canary: maxDuration 50m"));
  EXPECT_THAT(view, Not(HasSubstr("margin.orBelow ")));

  plan.remedies = {};
  EXPECT_THAT(plan_view(plan, scenario(), {"canary"}, false), HasSubstr("Nothing alone would make it fit"));
  plan.fits = true;
  EXPECT_THAT(plan_view(plan, scenario(), {"canary"}, false), HasSubstr("It fits"));
}

TEST(PlanView, ShowsGoals) {
  forecast::Plan plan;
  plan.promotion = {0.95, 20, 30, 21};
  forecast::Scenario s = scenario();
  s.goals = {{.metric = {.name = "orders", .role = api::MetricRole::Goal}, .base_rate = 0.12, .improvement = 0.04}};
  s.stages = {{90}};
  plan.goals = {{"orders", 0, 0.5, {1.0, 12, 40, 15}, 0.03}};
  const std::string view = plan_view(plan, s, {"experiment"}, false);
  EXPECT_THAT(view, HasSubstr("orders: a goal, 12% of requests; assumed to be 4% better"));
  EXPECT_THAT(view, HasSubstr("Shown in stage experiment (50%) after 12m (nine of ten within 40m)"));
  EXPECT_THAT(view, HasSubstr("Nine of ten show an improvement of 3% within the stage's 1h 30m"));
  EXPECT_THAT(view, HasSubstr("has better goals as assumed, is promoted in 95%"));
  plan.goals = {{"orders", 0, 0.5, {0.2, std::nullopt, std::nullopt, std::nullopt}, std::nullopt}};
  EXPECT_THAT(plan_view(plan, s, {"experiment"}, false),
              AllOf(HasSubstr("not within the practicable"), HasSubstr("Hardly any improvement is shown")));
}

}  // namespace
}  // namespace sluice::cli
