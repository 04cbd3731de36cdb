#include "loadtest/capacity.h"

#include <gmock/gmock.h>

#include "loads.h"
#include "loadtest/phases.h"

namespace sluice::loadtest {
namespace {

using api::LoadMetric;
using api::LoadProfile;

const std::vector<api::LoadCriterion> kObjective = {at_most(LoadMetric::ResponseTime, 0.1, 0.95),
                                                     at_most(LoadMetric::Failures, 0.01)};
const std::vector<api::LoadStep> kSteps = {{seconds(30), 20}, {seconds(30), 40}, {seconds(30), 60},
                                           {seconds(30), 80}, {seconds(30), 100}, {seconds(30), 20}};
const Risk kRisks{0.05, 0.01};

// Slow above a rate, and for a while after the highest one.
LoadResult with_knee(double knee, double recovery = 0.0) {
  return load_of(kSteps, 3, [=](double at, double rate) {
    Behaviour how;
    if (rate > knee || (at >= 150.0 && at < 150.0 + recovery)) how.median = 0.5;
    return how;
  });
}

TEST(Phases, AreBeforeAtAndAfterTheHighestRate) {
  const Phases phases = phases_of(with_knee(100).windows);
  EXPECT_EQ(phases.before.size(), 40U);
  EXPECT_EQ(phases.peak.size(), 10U);
  EXPECT_EQ(phases.after.size(), 10U);
  EXPECT_EQ(phases_of({}).peak.size(), 0U);
}

TEST(Phases, EndWhenTheHighestRateIsAskedForAgain) {
  const LoadResult twice = load_of({{seconds(9), 20}, {seconds(9), 50}, {seconds(9), 20}, {seconds(9), 50}}, 3,
                                   [](double, double) { return Behaviour{}; });
  const Phases phases = phases_of(twice.windows);
  EXPECT_EQ(phases.before.size(), 3U);
  EXPECT_EQ(phases.peak.size(), 3U);
  EXPECT_EQ(phases.after.size(), 3U);
}

struct KneeCase {
  double truth;
  double held;
  std::optional<double> broken;
};
class Knees : public testing::TestWithParam<KneeCase> {};

TEST_P(Knees, AreFoundBetweenTheSteps) {
  const Knee knee = knee_of(kObjective, with_knee(GetParam().truth).windows, kRisks);
  EXPECT_EQ(knee.held, GetParam().held);
  EXPECT_EQ(knee.value, GetParam().held);
  EXPECT_EQ(knee.broken, GetParam().broken);
  EXPECT_EQ(knee.highest, 100);
}
INSTANTIATE_TEST_SUITE_P(Table, Knees,
                         testing::Values(KneeCase{10, 0, 20}, KneeCase{20, 20, 40}, KneeCase{70, 60, 80},
                                         KneeCase{99, 80, 100}, KneeCase{100, 100, std::nullopt}));

TEST(KneeOf, WithoutAnObjectiveGoesByFailuresAndRate) {
  const auto load = [](double rate) {
    return load_of(kSteps, 3, [=](double, double asked) {
      Behaviour how;
      how.reached = asked > rate ? 0.7 : 1.0;
      return how;
    });
  };
  EXPECT_EQ(knee_of({}, load(60).windows, kRisks).broken, 80);
  EXPECT_EQ(knee_of({}, load(100).windows, kRisks).held, 100);
}

TEST(KneeOf, TooFewRequestsDecideNothing) {
  const LoadResult few = load_of({{seconds(2), 2}, {seconds(2), 4}}, 1, [](double, double) { return Behaviour{}; });
  const Knee knee = knee_of(kObjective, few.windows, kRisks);
  EXPECT_EQ(knee.held, 0);
  EXPECT_FALSE(knee.broken);
  EXPECT_EQ(knee.value, 4);
}

TEST(RecoveryOf, IsAtOnceWhenNothingBroke) {
  const Recovery recovery = recovery_of(with_knee(100).windows, 0.95, kRisks);
  ASSERT_TRUE(recovery.bounds);
  EXPECT_EQ(recovery.bounds->value, 0.0);
  EXPECT_EQ(recovery.bounds->low, 0.0);
  EXPECT_EQ(recovery.bounds->high, 0.0);
  EXPECT_EQ(recovery.watched, 30.0);
}

TEST(RecoveryOf, IsWhenWindowsAreAsBefore) {
  const Recovery recovery = recovery_of(with_knee(60, 12).windows, 0.95, kRisks);
  ASSERT_TRUE(recovery.bounds);
  EXPECT_EQ(recovery.bounds->value, 12.0);
  EXPECT_EQ(recovery.bounds->low, 9.0);  // the last bad window began there
  EXPECT_EQ(recovery.bounds->high, 12.0);
}

TEST(RecoveryOf, NeverIsInfinite) {
  const Recovery recovery = recovery_of(with_knee(60, 60).windows, 0.95, kRisks);
  ASSERT_TRUE(recovery.bounds);
  EXPECT_TRUE(std::isinf(recovery.bounds->value));
  EXPECT_EQ(recovery.bounds->low, 27.0);
}

TEST(RecoveryOf, SeesFailuresToo) {
  const LoadResult result = load_of(kSteps, 3, [](double at, double) {
    Behaviour how;
    how.failures = at >= 120 && at < 159 ? 0.5 : 0.0;
    return how;
  });
  EXPECT_EQ(recovery_of(result.windows, 0.95, kRisks).bounds->value, 9.0);
}

TEST(RecoveryOf, NeedsALowerRateBeforeAndAfter) {
  const auto load = [](std::vector<api::LoadStep> steps) {
    return load_of(steps, 3, [](double, double) { return Behaviour{}; }).windows;
  };
  EXPECT_FALSE(recovery_of(load({{seconds(30), 20}, {seconds(30), 50}}), 0.95, kRisks).bounds);
  EXPECT_FALSE(recovery_of(load({{seconds(30), 50}, {seconds(30), 20}}), 0.95, kRisks).bounds);
  EXPECT_FALSE(recovery_of({}, 0.95, kRisks).bounds);
}

TEST(ScopeOf, LeavesOutWhatAProfileExpectsToBreak) {
  const Windows windows = with_knee(100).windows;
  const auto rates = [&](LoadProfile profile, std::vector<api::LoadCriterion> criteria, LoadMetric metric) {
    std::vector<double> out;
    const auto stage = stage_of(profile, 100, minutes(3));
    for (const Windows& plateau : plateaus_of(scope_of(stage, criteria, metric, windows))) {
      out.push_back(plateau.front().asked_rate);
    }
    return out;
  };
  using testing::ElementsAre;
  const auto knee = at_least(LoadMetric::Knee, 60);
  EXPECT_THAT(rates(LoadProfile::Performance, {}, LoadMetric::Failures), ElementsAre(20, 40, 60, 80, 100, 20));
  EXPECT_THAT(rates(LoadProfile::Stress, {}, LoadMetric::Failures), ElementsAre(20, 40, 60, 80, 100));
  EXPECT_THAT(rates(LoadProfile::Stress, {knee}, LoadMetric::ResponseTime), ElementsAre(20, 40, 60));
  EXPECT_THAT(rates(LoadProfile::Performance, {knee}, LoadMetric::Rate), ElementsAre(20, 40, 60));
  EXPECT_THAT(rates(LoadProfile::Spike, {}, LoadMetric::Failures), ElementsAre(20, 40, 60, 80, 100, 20));
  const auto recovery = at_most(LoadMetric::Recovery, 10);
  EXPECT_THAT(rates(LoadProfile::Spike, {recovery}, LoadMetric::ResponseTime), ElementsAre(20, 40, 60, 80, 20));
  const auto stage = stage_of(LoadProfile::Spike, 100, minutes(3));
  EXPECT_EQ(scope_of(stage, {recovery}, LoadMetric::ResponseTime, windows).back().at, seconds(177));
  EXPECT_EQ(scope_of(stage, {recovery}, LoadMetric::ResponseTime, windows)[40].at, seconds(162));
}

}  // namespace
}  // namespace sluice::loadtest
