// The decision table, case by case.
#include "rollout/verdict.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sluice::rollout {
namespace {

constexpr double kNone = -std::numeric_limits<double>::infinity();
const Thresholds kLimits = thresholds(0.05, 0.05, 2);

GuardrailEvidenceSummary guardrail(const std::string& name) {
  GuardrailEvidenceSummary g;
  g.name = name;
  g.ceiling_peak = kNone;
  g.power = 1;
  return g;
}

GuardrailEvidenceSummary proven(const std::string& name) {
  auto g = guardrail(name);
  g.non_inferior = g.non_inferior_peak = kLimits.non_inferior;
  return g;
}

StepState at(int looks, bool last) { return {looks, 5, last, api::PromoteWhen::NonInferior}; }

TEST(Thresholds, AreBonferroniForHarmAndUncorrectedForPromotion) {
  EXPECT_DOUBLE_EQ(thresholds(0.05, 0.01, 3).harm, std::log(60.0));
  EXPECT_DOUBLE_EQ(thresholds(0.05, 0.01, 3).non_inferior, std::log(100.0));
  EXPECT_DOUBLE_EQ(thresholds(0.05, 0.05, 0).harm, std::log(20.0));
}

double just_below(double value) { return std::nextafter(value, -1e9); }

TEST(Judge, EachStateAndItsEdge) {
  auto g = guardrail("errors");
  EXPECT_EQ(judge(g, kLimits), GuardrailState::Unproven);
  g.non_inferior = g.non_inferior_peak = just_below(kLimits.non_inferior);
  EXPECT_EQ(judge(g, kLimits), GuardrailState::Unproven);
  g.non_inferior = g.non_inferior_peak = kLimits.non_inferior;
  EXPECT_EQ(judge(g, kLimits), GuardrailState::NonInferior);
  g.harm_peak = just_below(kLimits.harm);
  EXPECT_EQ(judge(g, kLimits), GuardrailState::NonInferior);
  g.harm_peak = kLimits.harm;
  EXPECT_EQ(judge(g, kLimits), GuardrailState::Harmed);
  g.below_margin = true;
  EXPECT_EQ(judge(g, kLimits), GuardrailState::Tolerated);
  g.ceiling_peak = just_below(kLimits.harm);
  EXPECT_EQ(judge(g, kLimits), GuardrailState::Tolerated);
  g.ceiling_peak = kLimits.harm;
  EXPECT_EQ(judge(g, kLimits), GuardrailState::CeilingExceeded);
}

// One row of the table after the other: each wins over all below it, and the last one is what remains.
TEST(Decide, TheTableRowByRow) {
  auto worst = guardrail("errors");
  worst.power = 0;
  worst.harm_peak = kLimits.harm;
  worst.ceiling_peak = kLimits.harm;
  StepState step = at(4, true);
  step.promote_when = api::PromoteWhen::NoHarmShown;
  const auto decided = [&] { return decide({proven("latency"), worst}, kLimits, step); };
  const auto expect = [&](Action action, const std::string& reason, const std::string& metric) {
    EXPECT_EQ(decided().action, action) << reason;
    EXPECT_EQ(decided().reason, reason);
    EXPECT_EQ(decided().metric, metric);
  };
  expect(Action::RollBack, "CeilingExceeded", "errors");
  worst.ceiling_peak = just_below(kLimits.harm);
  expect(Action::RollBack, "HarmDetected", "errors");
  worst.harm_peak = just_below(kLimits.harm);
  expect(Action::Hold, "Dwell", "");
  step.looks = 5;
  expect(Action::Hold, "LowPower", "errors");
  worst.power = just_below(kRequiredPower);
  expect(Action::Hold, "LowPower", "errors");
  worst.power = kRequiredPower;
  step.last_step = false;
  expect(Action::Advance, "NoHarmShown", "");
  step.last_step = true;
  expect(Action::Promote, "NoHarmShown", "");
  step.promote_when = api::PromoteWhen::NonInferior;
  expect(Action::Hold, "NotProven", "errors");
  worst.non_inferior = just_below(kLimits.non_inferior);
  expect(Action::Hold, "NotProven", "errors");
  worst.non_inferior = kLimits.non_inferior;
  expect(Action::Promote, "NonInferior", "");
}

TEST(Decide, EquivalenceWantsBothSidesWhateverPromotes) {
  auto g = proven("errors");
  StepState step = at(5, true);
  step.both_sides = true;
  for (const auto promote_when : {api::PromoteWhen::NonInferior, api::PromoteWhen::NoHarmShown}) {
    step.promote_when = promote_when;
    g.not_better_peak = just_below(kLimits.non_inferior);
    EXPECT_EQ(decide({proven("latency"), g}, kLimits, step).reason, "NotProven");
    auto equal = proven("latency");
    equal.not_better_peak = kLimits.non_inferior;
    EXPECT_EQ(decide({equal, g}, kLimits, step).metric, "errors");
    g.not_better_peak = kLimits.non_inferior;
    EXPECT_EQ(decide({equal, g}, kLimits, step).reason, "Equivalent");
    auto unproven = g;
    unproven.non_inferior = unproven.non_inferior_peak = 0;
    EXPECT_EQ(decide({equal, unproven}, kLimits, step).reason, "NotProven");
  }
}

TEST(Decide, ToleratedHarmIsNoProof) {
  auto g = guardrail("errors");
  g.harm_peak = kLimits.harm;
  g.below_margin = true;
  EXPECT_EQ(decide({g}, kLimits, at(9, true)).reason, "NotProven");
  EXPECT_EQ(decide({g}, kLimits, at(9, false)).action, Action::Advance);
}

TEST(Decide, AProofThatRecededNeedsHarmStrictlyBelowHalf) {
  auto g = proven("errors");
  g.non_inferior = just_below(kLimits.non_inferior);
  g.harm = just_below(kLimits.harm / 2);
  EXPECT_EQ(decide({g}, kLimits, at(5, true)).action, Action::Promote);
  g.harm = kLimits.harm / 2;
  EXPECT_EQ(decide({g}, kLimits, at(5, true)).reason, "NotProven");
  g.harm = 0;
  g.non_inferior_peak = just_below(kLimits.non_inferior);
  EXPECT_EQ(decide({g}, kLimits, at(5, true)).reason, "NotProven");
}

TEST(Decide, WithoutGuardrailsNothingHolds) {
  EXPECT_EQ(decide({}, kLimits, at(4, true)).reason, "Dwell");
  EXPECT_EQ(decide({}, kLimits, at(5, false)).action, Action::Advance);
  EXPECT_EQ(decide({}, kLimits, at(5, true)).action, Action::Promote);
}

TEST(Decide, RollsBackWhenHarmReachesItsThreshold) {
  auto g = guardrail("errors");
  g.harm_peak = kLimits.harm;
  const auto verdict = decide({guardrail("latency"), g}, kLimits, at(0, false));
  EXPECT_EQ(verdict.action, Action::RollBack);
  EXPECT_EQ(verdict.reason, "HarmDetected");
  EXPECT_EQ(verdict.metric, "errors");
}

TEST(Decide, DoesNotRollBackJustBelowTheThreshold) {
  auto g = proven("errors");
  g.harm = g.harm_peak = std::nextafter(kLimits.harm, 0.0);
  EXPECT_NE(decide({g}, kLimits, at(9, true)).action, Action::RollBack);
}

TEST(Decide, RollsBackOnThePeakEvenWhenTheEvidenceReceded) {
  auto g = guardrail("errors");
  g.harm_peak = kLimits.harm + 1;
  g.harm = 0;
  EXPECT_EQ(decide({g}, kLimits, at(9, true)).action, Action::RollBack);
}

TEST(Decide, ToleratesHarmThatLiesWhollyWithinTheMargin) {
  auto g = proven("errors");
  g.harm = g.harm_peak = kLimits.harm + 1;
  g.below_margin = true;
  EXPECT_EQ(judge(g, kLimits), GuardrailState::Tolerated);
  EXPECT_EQ(decide({g}, kLimits, at(9, true)).action, Action::Promote);
}

TEST(Decide, ToleratesNoCeiling) {
  auto g = proven("errors");
  g.below_margin = true;
  g.ceiling_peak = kLimits.harm;
  const auto verdict = decide({g}, kLimits, at(9, true));
  EXPECT_EQ(verdict.action, Action::RollBack);
  EXPECT_EQ(verdict.reason, "CeilingExceeded");
}

TEST(Decide, NamesTheCeilingBeforeTheHarm) {
  auto harmed = guardrail("errors");
  harmed.harm_peak = kLimits.harm;
  auto above = guardrail("latency");
  above.ceiling_peak = kLimits.harm;
  EXPECT_EQ(decide({harmed, above}, kLimits, at(0, false)).metric, "latency");
}

TEST(Decide, HoldsUntilEnoughLooksWereTaken) {
  EXPECT_EQ(decide({proven("errors")}, kLimits, at(4, false)).reason, "Dwell");
  EXPECT_EQ(decide({proven("errors")}, kLimits, at(5, false)).action, Action::Advance);
}

TEST(Decide, HoldsWhileACatastropheCouldHaveBeenMissed) {
  auto weak = proven("errors");
  weak.power = 0.79;
  const auto verdict = decide({proven("latency"), weak}, kLimits, at(5, false));
  EXPECT_EQ(verdict.action, Action::Hold);
  EXPECT_EQ(verdict.reason, "LowPower");
  EXPECT_EQ(verdict.metric, "errors");
  weak.power = 0.8;
  EXPECT_EQ(decide({weak}, kLimits, at(5, false)).action, Action::Advance);
}

TEST(Decide, NeedsNoProofBeforeTheLastStep) {
  EXPECT_EQ(decide({guardrail("errors")}, kLimits, at(5, false)).action, Action::Advance);
}

TEST(Decide, PromotesOnlyWhenEveryGuardrailIsProven) {
  EXPECT_EQ(decide({proven("errors"), proven("latency")}, kLimits, at(5, true)).action, Action::Promote);
  const auto verdict = decide({proven("errors"), guardrail("latency")}, kLimits, at(5, true));
  EXPECT_EQ(verdict.action, Action::Hold);
  EXPECT_EQ(verdict.reason, "NotProven");
  EXPECT_EQ(verdict.metric, "latency");
}

TEST(Decide, PromotesWithoutProofWhenAskedTo) {
  StepState step = at(5, true);
  step.promote_when = api::PromoteWhen::NoHarmShown;
  const auto verdict = decide({guardrail("errors")}, kLimits, step);
  EXPECT_EQ(verdict.action, Action::Promote);
  EXPECT_EQ(verdict.reason, "NoHarmShown");
}

TEST(Decide, KeepsAProofOnlyWhileHarmIsFarFromItsThreshold) {
  auto g = proven("errors");
  g.non_inferior = kLimits.non_inferior - 1;  // it was proven, and receded
  g.harm = kLimits.harm / 2 - 0.01;
  EXPECT_EQ(decide({g}, kLimits, at(5, true)).action, Action::Promote);
  g.harm = kLimits.harm / 2;
  EXPECT_EQ(decide({g}, kLimits, at(5, true)).action, Action::Hold);
  g.non_inferior = kLimits.non_inferior;  // it holds at this look
  EXPECT_EQ(decide({g}, kLimits, at(5, true)).action, Action::Promote);
}

constexpr double kSuperior = 4.0;

GuardrailEvidenceSummary better(const std::string& name) {
  auto g = guardrail(name);
  g.non_inferior = g.non_inferior_peak = kSuperior;
  return g;
}

TEST(JudgeGoal, EachStateAndItsEdge) {
  auto g = better("orders");
  EXPECT_EQ(judge_goal(g, kLimits, kSuperior), GoalState::Better);
  g.non_inferior = just_below(kSuperior);
  EXPECT_EQ(judge_goal(g, kLimits, kSuperior), GoalState::Better) << "once shown it stays shown";
  g.harm = kLimits.harm / 2;
  EXPECT_EQ(judge_goal(g, kLimits, kSuperior), GoalState::Undecided) << "until something speaks against it";
  g = guardrail("orders");
  g.harm_peak = just_below(kLimits.harm);
  EXPECT_EQ(judge_goal(g, kLimits, kSuperior), GoalState::Undecided);
  g.harm_peak = kLimits.harm;
  g.below_margin = true;
  EXPECT_EQ(judge_goal(g, kLimits, kSuperior), GoalState::Worse) << "of a goal nothing is tolerated";
}

// The table with goals: each row wins over all below it.
TEST(DecideAbTest, TheTableRowByRow) {
  auto errors = guardrail("errors");
  errors.harm_peak = errors.ceiling_peak = kLimits.harm;
  errors.power = 0;
  auto orders = better("orders");
  orders.non_inferior = orders.non_inferior_peak = just_below(kSuperior);
  orders.harm_peak = kLimits.harm;
  const auto expect = [&](const StepState& step, Action action, const std::string& reason, const std::string& metric) {
    const auto verdict = decide_ab_test({proven("latency"), errors}, {guardrail("clicks"), orders}, kLimits, kSuperior, step);
    EXPECT_EQ(verdict.action, action) << reason;
    EXPECT_EQ(verdict.reason, reason);
    EXPECT_EQ(verdict.metric, metric);
  };
  const StepState young = at(4, false);
  const StepState old = at(5, false);  // that it is not the last one makes no difference
  expect(young, Action::RollBack, "CeilingExceeded", "errors");
  errors.ceiling_peak = kNone;
  expect(young, Action::RollBack, "HarmDetected", "errors");
  errors.harm_peak = 0;
  expect(young, Action::RollBack, "GoalWorse", "orders");
  orders.harm_peak = just_below(kLimits.harm);
  expect(young, Action::Hold, "Dwell", "");
  expect(old, Action::Hold, "LowPower", "errors");
  errors.power = kRequiredPower;
  expect(old, Action::Hold, "NotProven", "errors");
  errors.non_inferior = errors.non_inferior_peak = kLimits.non_inferior;
  expect(old, Action::Hold, "NotSuperior", "");
  orders.non_inferior = orders.non_inferior_peak = kSuperior;
  expect(old, Action::Promote, "Superior", "orders");
}

TEST(DecideAbTest, NoHarmShownAsksTheGoalAllTheSame) {
  StepState step = at(5, false);
  step.promote_when = api::PromoteWhen::NoHarmShown;
  const std::vector<GuardrailEvidenceSummary> unproven = {guardrail("errors")};
  EXPECT_EQ(decide_ab_test(unproven, {guardrail("orders")}, kLimits, kSuperior, step).reason, "NotSuperior");
  EXPECT_EQ(decide_ab_test(unproven, {better("orders")}, kLimits, kSuperior, step).reason, "Superior");
}

}  // namespace
}  // namespace sluice::rollout
