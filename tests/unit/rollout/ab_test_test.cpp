// The abTest stage: who is assigned, what its goals decide, and what the status says of them.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "api/json.h"
#include "fixture.h"
#include "rollout/evidence.h"
#include "rollout/stage_kind.h"

namespace sluice::rollout {
namespace {

using testing::Rates;
using testing::World;

const api::Assignment kCookie = api::CookieAssignment{"arm", hours(24)};
const api::Assignment kHeader = api::HeaderAssignment{"x-user-bucket", {"b"}};

constexpr Rates kSame{};
constexpr Rates kBetter{.goal_stable = 0.10, .goal_candidate = 0.13};
constexpr Rates kWorse{.goal_stable = 0.10, .goal_candidate = 0.07};
constexpr Rates kFaulty{.candidate = 0.10, .goal_stable = 0.10, .goal_candidate = 0.13};

api::MetricSpec goal(const std::string& name, bool mean = false) {
  api::MetricSpec metric;
  metric.name = name;
  metric.role = api::MetricRole::Goal;
  if (mean) {
    metric.source = api::MeanSource{"s{pod=~\"$(pods)\"}", "c{pod=~\"$(pods)\"}"};
  } else {
    metric.source = api::CounterSource{"o{pod=~\"$(pods)\"}", "t{pod=~\"$(pods)\"}"};
  }
  return metric;
}

class AbTest : public ::testing::Test {
 protected:
  void start(const api::Assignment& assignment, std::vector<api::MetricSpec> goals = {goal("orders")}) {
    api::Spec& spec = world.rollout.spec;
    const api::AbTestStage body{.weight = 50, .assignment = assignment, .min_looks = 3};
    spec.stages = {{.name = "experiment", .body = body, .min_duration = {}, .max_duration = hours(24)}};
    for (auto& metric : goals) spec.analysis.metrics.push_back(metric);
    begin();
  }
  void begin() {
    world.start_stable();
    world.change_template("v2");
    world.settle();
    world.answer(kSame);  // stable's past
    ASSERT_TRUE(status().stage.has_value()) << status().message;
  }
  // Looks until nothing is under way; how many.
  int look_until_over(const Rates& rates) {
    int looks = 0;
    for (; looks < 400 && !status().candidate_revision.empty() && status().verdict != "Inconclusive"; ++looks) {
      world.answer(rates);
    }
    return looks;
  }
  api::RolloutStatus& status() { return world.rollout.status; }
  World world;
};

TEST_F(AbTest, ByCookieNewUsersAreSplitByWeight) {
  start(kCookie);
  EXPECT_EQ(status().traffic.candidate, 50);
  EXPECT_EQ(status().traffic.assignment, kCookie);
  ASSERT_TRUE(world.last.wanted.split.has_value());
  EXPECT_EQ(world.last.wanted.split->assignment, kCookie);
  EXPECT_EQ(world.last.wanted.split->candidate_percent, 50);
  EXPECT_EQ(world.replicas_wanted("v2"), 2);
  EXPECT_TRUE(world.had_event("AssignmentSet"));
}

TEST_F(AbTest, ByHeaderOnlyAssignedUsersGetTheCandidateWhichHasPodsForThem) {
  start(kHeader);
  EXPECT_EQ(status().traffic.candidate, 0);
  EXPECT_EQ(status().traffic.stable, 100);
  EXPECT_EQ(status().traffic.assigned, 50);
  EXPECT_EQ(world.last.wanted.split->assignment, kHeader);
  EXPECT_EQ(world.last.wanted.split->candidate_percent, 0);
  EXPECT_EQ(world.replicas_wanted("v2"), 2);
  ASSERT_TRUE(world.last.look.has_value()) << "looks are taken though the weight is 0";
  world.answer(kSame);
  EXPECT_NE(status().message.find("by header x-user-bucket"), std::string::npos) << status().message;
}

TEST_F(AbTest, ABetterGoalPromotesOnceTheGuardrailsAreProven) {
  for (const api::Assignment& assignment : {kCookie, kHeader}) {
    world = World();
    start(assignment);
    look_until_over(kBetter);
    EXPECT_EQ(status().stable_revision, "v2") << status().message;
    EXPECT_EQ(status().history.front().reason, "Superior");
    EXPECT_EQ(status().traffic.assignment, std::nullopt);
    EXPECT_EQ(world.numbers("orders")->verdict, api::Verdict::Pass);
    EXPECT_EQ(world.numbers("errors")->verdict, api::Verdict::Pass);
  }
}

TEST_F(AbTest, AWorseGoalRollsBack) {
  start(kCookie);
  look_until_over(kWorse);
  EXPECT_EQ(status().rejected_revision, "v2");
  EXPECT_EQ(status().history.front().reason, "GoalWorse");
  EXPECT_EQ(status().history.front().message.find("orders: worse: 7%"), 0u) << status().history.front().message;
  EXPECT_EQ(status().traffic.candidate, 0);
}

TEST_F(AbTest, HarmRollsBackHoweverMuchBetterAGoalIs) {
  start(kCookie);
  look_until_over(kFaulty);
  EXPECT_EQ(status().rejected_revision, "v2");
  EXPECT_EQ(status().history.front().reason, "HarmDetected");
}

TEST_F(AbTest, NeitherBetterNorWorseIsInconclusiveAtMaxDuration) {
  start(kCookie);
  world.rollout.spec.stages.front().max_duration = hours(1);
  look_until_over(kSame);
  EXPECT_EQ(status().verdict, "Inconclusive");
  EXPECT_EQ(status().phase, api::Phase::Paused);
  EXPECT_EQ(world.numbers("errors")->verdict, api::Verdict::Pass) << "the guardrail alone does not promote";
  EXPECT_EQ(world.numbers("orders")->verdict, api::Verdict::Inconclusive);
}

TEST_F(AbTest, NeitherAtMaxDurationCanRollBack) {
  start(kCookie);
  world.rollout.spec.stages.front().max_duration = hours(1);
  world.rollout.spec.on_inconclusive = api::OnInconclusive::RollBack;
  look_until_over(kSame);
  EXPECT_EQ(status().rejected_revision, "v2");
  EXPECT_EQ(status().history.front().reason, "Inconclusive");
}

TEST_F(AbTest, LessIsBetterWhereTheGoalSaysSo) {
  auto corrections = goal("corrections");
  corrections.direction = api::Direction::Decrease;
  start(kCookie, {corrections});
  look_until_over(kWorse);
  EXPECT_EQ(status().history.front().reason, "Superior");
  EXPECT_NEAR(*world.numbers("corrections")->effect, 0.7, 1e-9);
}

TEST_F(AbTest, TheNumbersOfAGoalAreThoseOfTheCandidate) {
  start(kCookie);
  world.answer(kBetter);
  const api::MetricStatus& orders = *world.numbers("orders");
  EXPECT_NEAR(orders.candidate.events / orders.candidate.total, 0.13, 1e-9);
  EXPECT_NEAR(orders.stable.events / orders.stable.total, 0.10, 1e-9);
  EXPECT_NEAR(*orders.effect, 1.3, 1e-9);
  EXPECT_LT(*orders.lower, 1.3);
  EXPECT_GT(*orders.upper, 1.3);
  EXPECT_DOUBLE_EQ(orders.harm_log_threshold, std::log(2 / 0.05)) << "one guardrail and one goal";
  EXPECT_DOUBLE_EQ(orders.non_inferior_log_threshold, std::log(1 / 0.05));
  EXPECT_GT(orders.non_inferior_log_e, 0);
  EXPECT_LT(orders.harm_log_e, 0);
  EXPECT_NE(status().message.find("orders undecided"), std::string::npos) << status().message;
  const auto json = api::status_to_json(status());
  EXPECT_TRUE(json["metrics"][1].contains("superior")) << json["metrics"][1].dump(1);
  EXPECT_FALSE(json["metrics"][1].contains("nonInferior"));
}

TEST_F(AbTest, GoalsShareTheirAlphas) {
  start(kCookie, {goal("orders"), goal("clicks")});
  world.answer(kSame);
  EXPECT_DOUBLE_EQ(world.numbers("orders")->non_inferior_log_threshold, std::log(2 / 0.05));
  EXPECT_DOUBLE_EQ(world.numbers("clicks")->harm_log_threshold, std::log(3 / 0.05));
}

TEST_F(AbTest, AMeanIsAGoalToo) {
  for (const bool better : {true, false}) {
    world = World();
    start(kCookie, {goal("reward", true)});
    look_until_over({.goal_stable = 4, .goal_candidate = better ? 4.2 : 3.8});
    const api::MetricStatus& reward = *world.numbers("reward");
    EXPECT_EQ(status().history.front().reason, better ? "Superior" : "GoalWorse") << status().message;
    EXPECT_TRUE(reward.mean);
    EXPECT_NEAR(*reward.effect, better ? 0.2 : -0.2, 0.02);
    EXPECT_NE(reward.message.find(better ? "better: 4.2" : "worse: 3.8"), std::string::npos) << reward.message;
    EXPECT_EQ(api::status_to_json(status())["metrics"][1]["stable"]["value"], "4");
  }
}

TEST_F(AbTest, ARestartAtAnyLookGivesTheSameEnd) {
  start(kCookie, {goal("orders"), goal("reward", true)});
  const Rates rates{.goal_stable = 0.10, .goal_candidate = 0.108};
  World restarted = world;
  for (int look = 0; look < 60 && !status().candidate_revision.empty(); ++look) {
    world.answer(rates);
    restarted.rollout.status = api::status_from_json(nlohmann::json::parse(
        api::status_to_json(restarted.rollout.status).dump()));
    restarted.answer(rates);
    ASSERT_EQ(restarted.rollout.status, status()) << "look " << look;
  }
}

TEST_F(AbTest, GoalsAreReadInTheirStageAndInStablesPastOnly) {
  api::Spec& spec = world.rollout.spec;
  const api::CanaryStage canary{.weights = {10}, .min_looks = 2};
  const api::AbTestStage test{.weight = 50, .assignment = kCookie, .min_looks = 3};
  spec.stages = {{.name = "canary", .body = canary, .min_duration = {}, .max_duration = hours(4)},
                 {.name = "experiment", .body = test, .min_duration = {}, .max_duration = hours(4)}};
  spec.analysis.metrics.push_back(goal("orders"));
  spec.analysis.metrics.push_back(goal("reward", true));
  world.start_stable();
  world.change_template("v2");
  world.settle();
  EXPECT_EQ(world.last.look->look.metrics.size(), 2u) << "the past of errors and orders; that of a mean says nothing";
  world.answer(kSame);
  ASSERT_EQ(status().stage->name, "canary");
  EXPECT_EQ(world.last.look->look.metrics.size(), 1u);
  while (status().stage && status().stage->name == "canary") world.answer(kWorse);
  ASSERT_TRUE(status().stage.has_value()) << "a goal that is worse is not seen in a canary";
  EXPECT_EQ(world.numbers("orders"), nullptr);
  EXPECT_EQ(world.last.look->look.metrics.size(), 3u);
}

TEST_F(AbTest, AGoalWithoutDataIsMissingEvidenceAndHarmIsStillSeen) {
  start(kCookie);
  const auto answer_without_goal = [&](double candidate_errors) {
    metrics::LookResult result;
    result.look = world.last.look->look;
    world.now = std::max(world.now, world.last.look->due);
    result.metrics = {{.name = "errors", .stable = {15, 1500}, .candidate = {1500 * candidate_errors, 1500}},
                      {.name = "orders", .gap = metrics::Gap::NoData}};
    world.seen.look = result;
    world.step();
    world.settle();
  };
  answer_without_goal(0.01);
  EXPECT_EQ(world.reason("MetricsAvailable"), "NoData");
  EXPECT_EQ(world.numbers("orders")->dropped, 1);
  EXPECT_EQ(world.numbers("errors")->looks, 1);
  for (int i = 0; i < 5 && status().rejected_revision.empty(); ++i) answer_without_goal(0.2);
  EXPECT_EQ(status().history.front().reason, "HarmDetected");
}

TEST_F(AbTest, AnApprovalAfterItKeepsTheUsersWithTheirRevision) {
  start(kHeader);
  world.rollout.spec.stages.push_back(
      {.name = "sign-off", .body = api::ApprovalStage{}, .min_duration = {}, .max_duration = hours(4)});
  while (status().stage && status().stage->name == "experiment") world.answer(kBetter);
  ASSERT_TRUE(status().stage.has_value());
  EXPECT_EQ(status().stage->name, "sign-off");
  EXPECT_EQ(status().traffic.assignment, kHeader);
  EXPECT_EQ(world.replicas_wanted("v2"), 2);
}

}  // namespace
}  // namespace sluice::rollout
