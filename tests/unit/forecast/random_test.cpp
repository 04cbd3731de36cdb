#include "forecast/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <set>
#include <vector>

namespace sluice::forecast {
namespace {

constexpr int kDraws = 40'000;

struct Moments {
  double mean = 0.0;
  double variance = 0.0;
};

Moments moments(const std::function<double()>& draw) {
  double sum = 0.0;
  double squares = 0.0;
  for (int i = 0; i < kDraws; ++i) {
    const double value = draw();
    sum += value;
    squares += value * value;
  }
  const double mean = sum / kDraws;
  return {mean, squares / kDraws - mean * mean};
}

// Five standard errors of the mean, and five of a variance with a kurtosis that none of these exceeds by much.
void expect_moments(const Moments& seen, double mean, double variance) {
  EXPECT_NEAR(seen.mean, mean, 5.0 * std::sqrt(variance / kDraws));
  EXPECT_NEAR(seen.variance, variance, 5.0 * variance * std::sqrt(6.0 / kDraws));
}

// Expected values: by another program, whose xoshiro256++ gives the published numbers for the state 1, 2, 3, 4.
TEST(Random, IsTheGeneratorThatItSaysItIs) {
  Random random(7, 5, 2, 1);
  EXPECT_EQ(random.bits(), 13590315396106964823ULL);
  EXPECT_EQ(random.bits(), 11543568597152670129ULL);
  EXPECT_EQ(random.bits(), 15567322276323198587ULL);
}

TEST(Random, EveryPartOfTheNameMatters) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    for (std::uint64_t run = 0; run < 8; ++run) {
      for (std::uint64_t metric = 0; metric < 4; ++metric) {
        for (std::uint64_t purpose = 0; purpose < 3; ++purpose) {
          seen.insert(Random(seed, run, metric, purpose).bits());
        }
      }
    }
  }
  EXPECT_EQ(seen.size(), 4U * 8U * 4U * 3U);
}

TEST(Random, NeighbouringRunsAreNotCorrelated) {
  double product = 0.0;
  for (std::uint64_t run = 0; run < kDraws; ++run) {
    product += (Random(7, run, 0, 1).uniform() - 0.5) * (Random(7, run + 1, 0, 1).uniform() - 0.5);
  }
  EXPECT_NEAR(product / kDraws, 0.0, 5.0 / 12.0 / std::sqrt(kDraws));
}

TEST(Random, UniformNormalAndGammaHaveTheirMoments) {
  Random random(1, 2, 3, 4);
  expect_moments(moments([&] { return random.uniform(); }), 0.5, 1.0 / 12.0);
  expect_moments(moments([&] { return random.normal(); }), 0.0, 1.0);
  for (const double shape : {0.3, 1.0, 4.5, 300.0}) {
    SCOPED_TRACE(shape);
    const Moments seen = moments([&] { return random.gamma(shape); });
    EXPECT_NEAR(seen.mean, shape, 5.0 * std::sqrt(shape / kDraws));
    EXPECT_NEAR(seen.variance, shape, 5.0 * shape * std::sqrt((2.0 + 6.0 / shape) / kDraws));
  }
}

TEST(Random, BinomialHasItsMomentsOnBothSidesOfTheChangeOfMethod) {
  Random random(5, 0, 0, 0);
  struct Case {
    std::int64_t trials;
    double p;
  };
  for (const auto& [trials, p] : {Case{600, 0.001}, {600, 0.0166}, {600, 0.0167}, {5400, 0.01}, {40, 0.5}, {60, 0.9},
                                  {1'000'000, 0.3}, {1, 0.25}}) {
    SCOPED_TRACE(testing::Message() << trials << " times " << p);
    const auto n = static_cast<double>(trials);
    const Moments seen = moments([&] { return static_cast<double>(random.binomial(trials, p)); });
    expect_moments(seen, n * p, n * p * (1.0 - p));
  }
}

// The whole distribution, not its moments only: Pearson's statistic over the cells that expect at least five.
TEST(Random, BinomialByRejectionFitsItsProbabilities) {
  Random random(11, 0, 0, 0);
  constexpr std::int64_t kTrials = 60;
  constexpr double kP = 0.3;
  std::vector<int> counts(kTrials + 1);
  for (int i = 0; i < kDraws; ++i) ++counts[static_cast<std::size_t>(random.binomial(kTrials, kP))];
  double statistic = 0.0;
  int cells = 0;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    const auto x = static_cast<double>(k);
    const double log_p = std::lgamma(kTrials + 1.0) - std::lgamma(x + 1.0) - std::lgamma(kTrials - x + 1.0) +
                         x * std::log(kP) + (kTrials - x) * std::log1p(-kP);
    const double expected = kDraws * std::exp(log_p);
    if (expected < 5.0) continue;
    statistic += (counts[k] - expected) * (counts[k] - expected) / expected;
    ++cells;
  }
  EXPECT_GT(cells, 20);
  EXPECT_LT(statistic, cells + 5.0 * std::sqrt(2.0 * cells));
}

TEST(Random, BinomialAtItsEdges) {
  Random random(1, 0, 0, 0);
  EXPECT_EQ(random.binomial(0, 0.5), 0);
  EXPECT_EQ(random.binomial(-3, 0.5), 0);
  EXPECT_EQ(random.binomial(100, 0.0), 0);
  EXPECT_EQ(random.binomial(100, 1.0), 100);
  for (int i = 0; i < 1000; ++i) {
    const std::int64_t k = random.binomial(30, 0.34);
    EXPECT_GE(k, 0);
    EXPECT_LE(k, 30);
  }
}

TEST(Random, BetaBinomialHasTheVarianceThatIsAskedFor) {
  Random random(3, 0, 0, 0);
  struct Case {
    std::int64_t trials;
    double p, dispersion;
  };
  for (const auto& [trials, p, dispersion] : {Case{600, 0.01, 3.0}, {5400, 0.01, 3.0}, {600, 0.3, 2.0},
                                              {10'000, 0.0005, 2.0}, {600, 0.99, 3.0}}) {
    SCOPED_TRACE(testing::Message() << trials << " times " << p << ", dispersion " << dispersion);
    const auto n = static_cast<double>(trials);
    const Moments seen = moments([&] { return static_cast<double>(random.beta_binomial(trials, p, dispersion)); });
    const double variance = n * p * (1.0 - p) * dispersion;
    EXPECT_NEAR(seen.mean, n * p, 5.0 * std::sqrt(variance / kDraws));
    EXPECT_NEAR(seen.variance, variance, 0.06 * variance);
  }
  // More than all or nothing cannot be had.
  for (int i = 0; i < 100; ++i) {
    const std::int64_t k = random.beta_binomial(3, 0.5, 10.0);
    EXPECT_TRUE(k == 0 || k == 3);
  }
}

}  // namespace
}  // namespace sluice::forecast
