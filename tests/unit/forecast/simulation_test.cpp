// Error rates and speed as the simulator finds them, from fixed seeds. The limits leave room for the simulation's own
// error at these sizes.
#include "forecast/simulation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "forecast/parallel.h"
#include "forecast/summary.h"
#include "forecast/trial.h"
#include "scenarios.h"
#include "stats/rate_ratio.h"

namespace sluice::forecast {
namespace {

TEST(Parallel, DoesEveryIndexOnce) {
  for (const unsigned threads : {1U, 3U, 7U}) {
    std::vector<std::atomic<int>> done(101);
    double last = -1.0;
    parallel_for(done.size(), threads, [&](std::size_t i) { ++done[i]; }, [&](double share) { last = share; });
    EXPECT_TRUE(std::all_of(done.begin(), done.end(), [](const auto& count) { return count == 1; }));
    EXPECT_EQ(last, 1.0);
  }
}

TEST(Simulation, IsTheSameWhateverTheNumberOfThreads) {
  Scenario s = scenario(0.01, 1.5, 2);
  s.dispersion = 2.0;
  s.pod_effect = 0.05;
  s.steps = {Step{0.05}, Step{0.25}};
  s.questions.oracle = true;
  s.runs = 60;
  const auto one = simulate(s, 1);
  EXPECT_EQ(one, simulate(s, 2));
  EXPECT_EQ(one, simulate(s, 5));
  s.seed = 8;
  EXPECT_NE(one, simulate(s, 2));
}

TEST(Simulation, ARunDoesNotDependOnWhatElseIsAsked) {
  Scenario s = scenario(0.01, 2.0);
  s.runs = 50;
  const auto all = simulate(s);
  s.questions = {.roll_back = true, .promotion = false, .outcome = false, .oracle = false};
  const auto harm_only = simulate(s);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].rolled_back, harm_only[i].rolled_back);
}

// The engine promises 5 % over all looks and guardrails.
TEST(Simulation, EqualCandidatesAreSeldomRolledBack) {
  for (const int guardrails : {1, 5}) {
    const Scenario s = scenario(0.01, 1.0, guardrails);
    const Summary summary = summarise(s, simulate(s));
    EXPECT_LE(summary.roll_back.share, 0.05) << guardrails;
    EXPECT_GE(summary.outcome_promoted, 0.95) << guardrails;
  }
}

TEST(Simulation, BurstsAndARampDoNotRuinIt) {
  Scenario bursts = scenario();
  bursts.dispersion = 3.0;
  EXPECT_LE(summarise(bursts, simulate(bursts)).roll_back.share, 0.08);
  Scenario ramp = scenario(0.005);
  ramp.truths[0].base_rate_end = 0.02;
  ramp.steps = {Step{0.01}, Step{0.05}, Step{0.10}, Step{0.25}, Step{0.50}};
  EXPECT_LE(summarise(ramp, simulate(ramp)).roll_back.share, 0.05);
}

TEST(Simulation, AtTheMarginFewArePromoted) {
  Scenario s = scenario(0.01, 1.5);
  s.questions.outcome = false;
  EXPECT_LE(summarise(s, simulate(s)).promotion.share, 0.05);
}

TEST(Simulation, HarmIsFoundAndTheTruthIsFoundSooner) {
  Scenario s = scenario(0.01, 2.0);
  s.questions.oracle = true;
  s.fixed_dispersion = 1.0;
  set_looks(s, 60);
  const Summary summary = summarise(s, simulate(s));
  EXPECT_EQ(summary.roll_back.share, 1.0);
  EXPECT_EQ(summary.outcome_rolled_back, 1.0);
  EXPECT_LE(summary.roll_back.median.value_or(99), 3.0);
  ASSERT_TRUE(summary.oracle_roll_back.has_value());
  EXPECT_LE(*summary.oracle_roll_back->mean, *summary.roll_back.mean);
  EXPECT_FALSE(summary.oracle_promotion.has_value());  // nothing to prove at twice the rate and a margin of 1.5
  EXPECT_LT(*price_of_ignorance(summary), 1.25);
}

TEST(Simulation, TheOracleIsNotSlowerForProofEither) {
  Scenario s = scenario();
  s.questions.oracle = true;
  s.fixed_dispersion = 1.0;
  const Summary summary = summarise(s, simulate(s));
  EXPECT_FALSE(summary.oracle_roll_back.has_value());
  ASSERT_TRUE(summary.oracle_promotion.has_value());
  EXPECT_LE(*summary.oracle_promotion->mean, *summary.promotion.mean);
}

// Wald's test of one point is the engine's mixture of one point.
TEST(Oracle, IsTheLogLikelihoodRatioOfTheEngine) {
  const std::vector<stats::Block> blocks = {
      {9, 40, 700, 5000}, {4, 61, 350, 7000}, {0, 0, 300, 4000}, {0, 7, 0, 4000}};
  Oracle oracle(2.0, 1.0, 1.5);
  stats::RatioLikelihood likelihood({0.5, 1.0, 2.0, 4.0}, {});
  for (const stats::Block& block : blocks) {
    oracle.add(block);
    likelihood.add(block);
  }
  EXPECT_NEAR(oracle.log_likelihood_ratio(), (likelihood.at_node(2) - likelihood.at_node(1)) / 1.5, 1e-10);
}

TEST(Oracle, ACandidateWithoutErrorsIsNoTrouble) {
  Oracle oracle(0.0, 1.5, 1.0);
  oracle.add({0, 40, 600, 5400});
  EXPECT_TRUE(std::isfinite(oracle.log_likelihood_ratio()));
  EXPECT_GT(oracle.log_likelihood_ratio(), 0.0);
}

TEST(Simulation, WithoutAnyErrorTheCeilingProves) {
  const Scenario s = scenario(0.0);
  const auto results = simulate(s);
  for (const RunResult& run : results) {
    EXPECT_LE(run.promoted, 9);
    EXPECT_GT(run.promoted, 0);
    EXPECT_TRUE(run.by_ceiling);
    EXPECT_EQ(run.ending, Ending::Promoted);
  }
}

TEST(Simulation, TheProductDwellsAtEveryWeight) {
  Scenario s = scenario(0.0);
  s.requests_per_second = 10'000;
  s.steps = {Step{0.1, 5, 0}, Step{0.25, 6, 0}, Step{0.5, 7, 0}};
  s.runs = 3;
  for (const RunResult& run : simulate(s)) {
    EXPECT_EQ(run.ending, Ending::Promoted);
    EXPECT_EQ(run.ended, 18);
    EXPECT_EQ(run.promoted, 1);  // the proof itself needs no patience
  }
}

// With hardly any traffic nothing can be seen: the first weight is never left.
TEST(Simulation, WithoutPowerTheProductHolds) {
  Scenario s = scenario(0.01);
  s.requests_per_second = 0.1;
  s.steps = {Step{0.1, 5, 0}, Step{0.5, 5, 1}};
  s.stages = {{40}, {60}};
  s.runs = 20;
  for (const RunResult& run : simulate(s)) {
    EXPECT_EQ(run.ending, Ending::Inconclusive);
    EXPECT_EQ(run.ended, 40);
    EXPECT_EQ(run.stage, 0);
    EXPECT_EQ(run.looks_in_stage, 40);
  }
}

// What has been shown early is acted on when the stage's least time is over; harm is not waited for.
TEST(Simulation, AStageIsNotLeftBeforeItsLeastTime) {
  Scenario s = scenario(0.01);
  s.steps = {Step{0.1, 5, 0}, Step{0.5, 5, 1}};
  s.stages = {{.most = 100, .least = 30}, {.most = 100, .least = 40}};
  s.looks = 200;
  s.analysis.promote_when = api::PromoteWhen::NoHarmShown;
  s.runs = 20;
  for (const RunResult& run : simulate(s)) {
    EXPECT_EQ(run.ending, Ending::Promoted);
    EXPECT_EQ(run.ended, 70);
    EXPECT_EQ(run.looks_in_stage, 40);
  }
  s.truths.front().ratio = 10.0;
  for (const RunResult& run : simulate(s)) {
    EXPECT_EQ(run.ending, Ending::RolledBack);
    EXPECT_LT(run.ended, 30);
  }
}

TEST(Simulation, NoHarmShownPromotesSooner) {
  Scenario s = scenario(0.01);
  s.runs = 100;
  const Summary careful = summarise(s, simulate(s));
  s.analysis.promote_when = api::PromoteWhen::NoHarmShown;
  const Summary easy = summarise(s, simulate(s));
  ASSERT_TRUE(careful.outcome_promotion.median && easy.outcome_promotion.median);
  EXPECT_EQ(*easy.outcome_promotion.median, 5.0);
  EXPECT_GT(*careful.outcome_promotion.median, 5.0);
}

// One candidate pod against nine: what pods differ by is not noise that time averages away.
TEST(Simulation, PodsThatDifferLookLikeHarm) {
  Scenario s = scenario();
  s.runs = 300;
  const double alike = summarise(s, simulate(s)).roll_back.share;
  s.pod_effect = 0.3;
  EXPECT_GT(summarise(s, simulate(s)).roll_back.share, alike + 0.1);
}

}  // namespace
}  // namespace sluice::forecast
