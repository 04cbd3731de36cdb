#include "stats/rate_ratio.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "stats/log_space.h"

namespace sluice::stats {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

const std::vector<Block> three = {{9, 40, 700, 5000}, {4, 61, 350, 7000}, {15, 44, 900, 4100}};
const std::vector<Block> six = {{9, 40, 700, 5000},  {4, 61, 350, 7000}, {15, 44, 900, 4100},
                                {22, 50, 800, 5200}, {2, 38, 640, 4900}, {11, 70, 1200, 6100}};

double log_e(RateRatioEvidence evidence, const std::vector<Block>& blocks, double dispersion = 1.0) {
  for (const Block& block : blocks) evidence.add(block);
  return evidence.log_e(dispersion);
}

RateRatioEvidence harm(double null) {
  return {null, default_harm_grid(null)};
}
RateRatioEvidence non_inferior(double margin) {
  return {margin, default_non_inferior_grid(margin)};
}

// Expected values: the formula of the header in 40 digits, by another program.
TEST(RateRatio, UniformMixtureOfThreeUnlikeBlocks) {
  EXPECT_NEAR(log_e({1.05, uniform_harm_grid(1.05)}, three), -0.6209043919195638, 1e-12);
  EXPECT_NEAR(log_e({1.25, uniform_non_inferior_grid(1.25)}, three), -2.659975666917722, 1e-12);
}

TEST(RateRatio, DispersionDividesEveryLogFactor) {
  EXPECT_NEAR(log_e({1.05, uniform_harm_grid(1.05)}, three, 1.7), -1.008884901898464, 1e-12);
  EXPECT_NEAR(log_e({1.25, uniform_non_inferior_grid(1.25)}, three, 1.7), -2.279418507313482, 1e-12);
}

TEST(RateRatio, DefaultWeights) {
  EXPECT_NEAR(log_e(harm(1.05), three), 0.3121570864725263, 1e-12);
  EXPECT_NEAR(log_e(non_inferior(1.25), three), -1.431395460421227, 1e-12);
  EXPECT_NEAR(log_e(harm(1.05), three, 1.7), -0.07434519204001724, 1e-12);
  EXPECT_NEAR(log_e(non_inferior(1.25), three, 1.7), -1.04110924687248, 1e-12);
}

TEST(RateRatio, WeightsSumToOneAndRatiosStayOnTheirSide) {
  for (const RatioGrid& grid : {default_harm_grid(1.3), uniform_harm_grid(1.3)}) {
    EXPECT_NEAR(log_sum_exp(grid.log_weights), 0.0, 1e-12);
    EXPECT_NEAR(grid.ratios.front(), 1.3 * 1.05, 1e-12);
    EXPECT_NEAR(grid.ratios.back(), 1.3 * 50.0, 1e-10);
  }
  for (const RatioGrid& grid : {default_non_inferior_grid(1.5), uniform_non_inferior_grid(1.5)}) {
    EXPECT_NEAR(log_sum_exp(grid.log_weights), 0.0, 1e-12);
    EXPECT_NEAR(grid.ratios.front(), 0.15, 1e-12);
    EXPECT_NEAR(grid.ratios.back(), 1.5 / 1.02, 1e-12);
  }
  EXPECT_NEAR(log_sum_exp(default_confidence_grid().log_weights), 0.0, 1e-12);
  EXPECT_EQ(default_confidence_grid().ratios.size(), 81U);
}

TEST(RateRatio, AGridFarFromItsCentreKeepsTheUniformPart) {
  const RatioGrid grid = default_non_inferior_grid(1e-30);
  EXPECT_NEAR(log_sum_exp(grid.log_weights), 0.0, 1e-12);
  for (const double weight : grid.log_weights) EXPECT_TRUE(std::isfinite(weight));
}

TEST(RateRatio, ABlockWithoutEventsOrWithOneArmChangesNothing) {
  RateRatioEvidence evidence = harm(1.0);
  for (const Block& block : three) evidence.add(block);
  const double before = evidence.log_e();
  evidence.add({0, 0, 600, 5400});
  evidence.add({7, 0, 600, 0});
  evidence.add({0, 7, 0, 600});
  evidence.add({0, 0, 0, 0});
  EXPECT_EQ(evidence.log_e(), before);
}

TEST(RateRatio, SplittingABlockAtTheSameSharesChangesNothing) {
  const std::vector<Block> whole = {{12, 54, 600, 5400}};
  const std::vector<Block> split = {{5, 20, 200, 1800}, {7, 34, 400, 3600}};
  EXPECT_NEAR(log_e(harm(1.0), whole), log_e(harm(1.0), split), 1e-12);
  EXPECT_NEAR(log_e(non_inferior(1.5), whole), log_e(non_inferior(1.5), split), 1e-12);
}

TEST(RateRatio, TheOrderOfBlocksDoesNotMatter) {
  std::vector<Block> blocks = six;
  const double forward = log_e(harm(1.0), blocks, 1.4);
  std::reverse(blocks.begin(), blocks.end());
  EXPECT_NEAR(log_e(harm(1.0), blocks, 1.4), forward, 1e-12);
  std::swap(blocks[0], blocks[3]);
  EXPECT_NEAR(log_e(harm(1.0), blocks, 1.4), forward, 1e-12);
}

TEST(RateRatio, EvidenceFollowsTheDirection) {
  const std::vector<Block> worse(5, Block{24, 54, 600, 5400});
  const std::vector<Block> equal(20, Block{6, 54, 600, 5400});
  EXPECT_GT(log_e(harm(1.0), worse), std::log(1e6));
  EXPECT_LT(log_e(non_inferior(1.5), worse), 0.0);
  EXPECT_LT(log_e(harm(1.0), equal), 0.0);
  EXPECT_GT(log_e(non_inferior(1.5), equal), std::log(20.0));
}

TEST(RateRatio, ValidBlocks) {
  EXPECT_TRUE(is_valid({0, 0, 0, 0}));
  EXPECT_TRUE(is_valid({1.5, 0, 0.5, 0}));  // more events than exposure: pod-seconds allow it
  EXPECT_FALSE(is_valid({-1, 0, 5, 5}));
  EXPECT_FALSE(is_valid({1, 0, -5, 5}));
  EXPECT_FALSE(is_valid({0, -1, 5, 5}));
  EXPECT_FALSE(is_valid({0, 0, 5, -5}));
  EXPECT_FALSE(is_valid({1, 0, 0, 5}));
  EXPECT_FALSE(is_valid({0, 1, 5, 0}));
  EXPECT_FALSE(is_valid({std::nan(""), 0, 5, 5}));
  EXPECT_FALSE(is_valid({0, 0, 5, infinity}));
  EXPECT_TRUE(informs_ratio({1, 0, 5, 5}));
  EXPECT_TRUE(informs_ratio({0, 1, 5, 5}));
  EXPECT_FALSE(informs_ratio({0, 0, 5, 5}));
  EXPECT_FALSE(informs_ratio({1, 0, 5, 0}));
  EXPECT_FALSE(informs_ratio({0, 1, 0, 5}));
}

TEST(RateRatio, ExtremeCountsGiveFiniteEvidence) {
  const std::vector<Block> extremes = {
      {1e9, 1e9, 1e9, 1e9}, {0, 1e9, 1, 1e12}, {1e9, 0, 1e12, 1}, {1e-9, 0, 1e-3, 1e9}};
  for (const Block& block : extremes) {
    EXPECT_TRUE(std::isfinite(log_e(harm(1.0), {block})));
    EXPECT_TRUE(std::isfinite(log_e(non_inferior(1.5), {block})));
  }
}

RatioLikelihood likelihood_of(const std::vector<Block>& blocks) {
  RatioLikelihood likelihood(default_confidence_grid().ratios, {1.5});
  for (const Block& block : blocks) likelihood.add(block);
  return likelihood;
}

// L(r) as the header has it, up to the constant that the class leaves out: compared as differences.
double log_likelihood(const std::vector<Block>& blocks, double r) {
  double sum = 0.0;
  for (const Block& b : blocks) {
    const double pi = b.candidate_exposure * r / (b.candidate_exposure * r + b.stable_exposure);
    sum += b.candidate_events * std::log(pi) + b.stable_events * std::log1p(-pi);
  }
  return sum;
}

TEST(RatioLikelihood, IsExactAtItsPointsAndNearlySoBetween) {
  const RatioLikelihood likelihood = likelihood_of(six);
  const double shift = log_likelihood(six, 1.5) - likelihood.at_exact(0);
  for (std::size_t k = 0; k < likelihood.node_count(); ++k) {
    EXPECT_NEAR(likelihood.at_node(k) + shift, log_likelihood(six, likelihood.node(k)), 1e-10);
  }
  double events = likelihood.candidate_events() + likelihood.stable_events();
  for (double r = 0.021; r < 49.0; r *= 1.013) {
    EXPECT_NEAR(likelihood.at_log_ratio(std::log(r)) + shift, log_likelihood(six, r), 1e-6 * events) << r;
  }
}

TEST(RatioLikelihood, BeyondTheGridItGoesToTheRightLimits) {
  const RatioLikelihood likelihood = likelihood_of(six);
  const double shift = log_likelihood(six, 1.5) - likelihood.at_exact(0);
  const double events = likelihood.candidate_events() + likelihood.stable_events();
  for (const double r : {1e-6, 1e-4, 0.01, 100.0, 1e4, 1e6}) {
    EXPECT_NEAR(likelihood.at_log_ratio(std::log(r)) + shift, log_likelihood(six, r), 0.003 * events) << r;
  }
}

TEST(RatioLikelihood, IsExactEverywhereWhenTheShareIsConstant) {
  const std::vector<Block> blocks = {{6, 50, 600, 5400}, {9, 61, 300, 2700}};
  const RatioLikelihood likelihood = likelihood_of(blocks);
  const double shift = log_likelihood(blocks, 1.5) - likelihood.at_exact(0);
  for (const double r : {1e-5, 0.3, 0.977, 1.234, 17.0, 1e5}) {
    EXPECT_NEAR(likelihood.at_log_ratio(std::log(r)) + shift, log_likelihood(blocks, r), 1e-9) << r;
  }
}

TEST(RatioLikelihood, RestoresItsStateAndRefusesAnother) {
  const RatioLikelihood likelihood = likelihood_of(six);
  RatioLikelihood other(default_confidence_grid().ratios, {1.5});
  ASSERT_TRUE(other.restore(likelihood.state()));
  EXPECT_EQ(other.state(), likelihood.state());
  EXPECT_EQ(other.at_log_ratio(0.2), likelihood.at_log_ratio(0.2));
  std::vector<double> state = likelihood.state();
  state.pop_back();
  EXPECT_FALSE(other.restore(state));
}

RatioInterval interval_of(const std::vector<Block>& blocks, double alpha = 0.05, double dispersion = 1.0) {
  const RatioGrid grid = default_confidence_grid();
  return ratio_interval(likelihood_of(blocks), grid.log_weights, alpha, dispersion);
}

TEST(RatioInterval, MatchesTheDefinition) {
  const RatioInterval interval = interval_of(six);
  EXPECT_NEAR(interval.estimate, 1.411443455196801, 1e-6);
  EXPECT_NEAR(interval.lower, 0.8851688552832188, 1e-6);
  EXPECT_NEAR(interval.upper, 2.159804548164048, 1e-6);
}

TEST(RatioInterval, ItsEndsLieOnTheLevelWhateverTheCounts) {
  const RatioGrid grid = default_confidence_grid();
  std::mt19937 random(3);
  std::uniform_real_distribution<double> logarithm(0.0, 1.0);
  for (int i = 0; i < 500; ++i) {
    std::vector<Block> blocks;
    for (int k = i % 7; k >= 0; --k) {
      const double size = std::exp(14.0 * logarithm(random));
      blocks.push_back({std::floor(size * std::exp(-6.0 * logarithm(random))), std::floor(size), 2.0 * size,
                        std::exp(4.0 * logarithm(random)) * size});
    }
    const RatioLikelihood likelihood = likelihood_of(blocks);
    if (likelihood.candidate_events() < 3.0) continue;
    const double phi = 1.0 + 2.0 * logarithm(random);
    const RatioInterval interval = ratio_interval(likelihood, grid.log_weights, 0.05, phi);
    const double level = log_mixture(likelihood, 0, grid.log_weights, 0.0, phi) + std::log(0.05);
    const double rounding = 1e-7 * (1.0 + std::abs(level));
    EXPECT_NEAR(likelihood.at_log_ratio(std::log(interval.lower)) / phi, level, rounding) << i;
    EXPECT_NEAR(likelihood.at_log_ratio(std::log(interval.upper)) / phi, level, rounding) << i;
    EXPECT_LT(interval.lower, interval.estimate);
    EXPECT_GT(interval.upper, interval.estimate);
    const double peak = likelihood.at_log_ratio(std::log(interval.estimate));
    for (const double away : {-0.01, 0.01}) {
      EXPECT_GE(peak + 1e-12 * std::abs(peak), likelihood.at_log_ratio(std::log(interval.estimate) + away)) << i;
    }
  }
}

TEST(RatioLikelihood, TheSlopeIsThatOfTheCurve) {
  const RatioLikelihood likelihood = likelihood_of(six);
  constexpr double step = 1e-5;
  for (double at = -7.0; at < 7.0; at += 0.173) {
    const double difference =
        (likelihood.at_log_ratio(at + step) - likelihood.at_log_ratio(at - step)) / (2.0 * step);
    EXPECT_NEAR(likelihood.curve_at(at).slope, difference, 1e-5) << at;
  }
}

TEST(RatioInterval, WidensWithDispersionAndConfidence) {
  const RatioInterval plain = interval_of(six);
  EXPECT_LT(interval_of(six, 0.05, 2.0).lower, plain.lower);
  EXPECT_GT(interval_of(six, 0.05, 2.0).upper, plain.upper);
  EXPECT_LT(interval_of(six, 0.01).lower, plain.lower);
  EXPECT_GT(interval_of(six, 0.01).upper, plain.upper);
}

TEST(RatioInterval, IsOpenWhereAnArmHasNoEvents) {
  const RatioInterval none = interval_of({});
  EXPECT_EQ(none.estimate, 1.0);
  EXPECT_EQ(none.lower, 0.0);
  EXPECT_EQ(none.upper, infinity);

  const RatioInterval better = interval_of({{0, 90, 600, 5400}});
  EXPECT_EQ(better.estimate, 0.0);
  EXPECT_EQ(better.lower, 0.0);
  EXPECT_GT(better.upper, 0.2);
  EXPECT_LT(better.upper, 1.5);

  const RatioInterval worse = interval_of({{30, 0, 600, 5400}});
  EXPECT_EQ(worse.estimate, infinity);
  EXPECT_EQ(worse.upper, infinity);
  EXPECT_GT(worse.lower, 5.0);
}

TEST(RatioInterval, AHintOfAnEventBoundsNothing) {
  const RatioInterval interval = interval_of({{1e-6, 1e-6, 600, 5400}});
  EXPECT_EQ(interval.lower, 0.0);
  EXPECT_EQ(interval.upper, infinity);
}

}  // namespace
}  // namespace sluice::stats
