// How often the bounds are wrong, by simulation with fixed seeds: at most as often as they say. Each rate is that of
// several hundred runs; the limits leave three standard errors of a rate of 5 %.
#include <gtest/gtest.h>

#include <cmath>

#include "loads.h"
#include "loadtest/bounds.h"
#include "loadtest/load_profile.h"

namespace sluice::loadtest {
namespace {

constexpr int kRuns = 600;
constexpr double kFive = 0.05 + 3.0 * 0.0089;  // sqrt(0.05 * 0.95 / 600)
const Risk kRisks{0.05, 0.05};
const double kTruth95 = 0.020 * std::exp(1.6448536 * 0.4);  // of Behaviour

std::uint64_t seed_of(int run) { return static_cast<std::uint64_t>(run) + 1; }

struct Errors {
  double low = 0.0;   // the bound was above the truth
  double high = 0.0;  // below it
  void count(const Bounds& bounds, double truth, double slack) {
    low += bounds.low > truth * (1.0 + slack) ? 1.0 / kRuns : 0.0;
    high += bounds.high < truth * (1.0 - slack) ? 1.0 / kRuns : 0.0;
  }
};

// A load whose level moves from window to window: what one busy neighbour does to all requests of a while.
LoadResult moving(double spread, std::uint64_t seed) {
  std::mt19937_64 random(seed + 1000);
  std::normal_distribution<double> level(0.0, spread);
  return load_of({{seconds(60), 20}}, 2, [&](double, double) {
    Behaviour how;
    how.median *= std::exp(spread > 0.0 ? level(random) : 0.0);
    return how;
  }, seed);
}

TEST(ErrorRate, OfQuantileBounds) {
  Errors errors;
  for (int run = 0; run < kRuns; ++run) {
    errors.count(*quantile_bounds(moving(0, seed_of(run)).windows, 0.95, kRisks), kTruth95, 0.01);
  }
  EXPECT_LE(errors.low, kFive);
  EXPECT_LE(errors.high, kFive);
  EXPECT_GT(errors.low + errors.high, 0.02);  // nor are they so wide that nothing would ever be decided
}

TEST(ErrorRate, OfQuantileBoundsWhenWindowsMoveTogether) {
  const double truth = 0.020 * std::exp(1.6448536 * std::hypot(0.4, 0.3));
  Errors errors;
  for (int run = 0; run < kRuns; ++run) {
    errors.count(*quantile_bounds(moving(0.3, seed_of(run)).windows, 0.95, kRisks), truth, 0.01);
  }
  EXPECT_LE(errors.low, kFive);
  EXPECT_LE(errors.high, kFive + 0.03);  // the dispersion is itself estimated, from thirty windows
}

TEST(ErrorRate, OfTheRatioOfTwoRunsThatAreEqual) {
  Errors errors;
  for (int run = 0; run < kRuns; ++run) {
    const LoadResult other = moving(0, seed_of(run + 50'000));
    const auto ratio = quantile_ratio(moving(0, seed_of(run)).windows, other.windows, 0.95, kRisks);
    errors.count(*ratio, 1.0, 0.0);
  }
  EXPECT_LE(errors.low, kFive);
  EXPECT_LE(errors.high, kFive);
}

TEST(ErrorRate, OfFailureBounds) {
  Errors errors;
  for (int run = 0; run < kRuns; ++run) {
    const LoadResult result = load_of({{seconds(60), 20}}, 2, [](double, double) {
      Behaviour how;
      how.failures = 0.01;
      return how;
    }, seed_of(run));
    errors.count(*failure_bounds(result.windows, kRisks), 0.01, 0.0);
  }
  EXPECT_LE(errors.low, kFive);
  EXPECT_LE(errors.high, kFive);
}

// `memory` is the correlation of one point's noise with that of the one before.
Errors of_growth(double memory, int count) {
  Errors errors;
  for (int run = 0; run < kRuns; ++run) {
    std::mt19937_64 random(seed_of(run));
    std::normal_distribution<double> shock(0.0, 3.0);
    double noise = 0.0;
    std::vector<Point> points;
    for (int i = 0; i < count; ++i) {
      noise = memory * noise + shock(random);
      points.push_back({1.0 * i, 100.0 + 10.0 * i / (count - 1) + noise});
    }
    const Bounds bounds = *growth(points, kRisks);
    errors.low += bounds.low > 0.1 ? 1.0 / kRuns : 0.0;
    errors.high += bounds.high < 0.1 ? 1.0 / kRuns : 0.0;
  }
  return errors;
}

TEST(ErrorRate, OfGrowth) {
  for (const int count : {20, 60, 120}) {
    const Errors errors = of_growth(0.0, count);
    EXPECT_LE(errors.low, kFive) << count;
    EXPECT_LE(errors.high, kFive) << count;
  }
}

TEST(ErrorRate, OfGrowthWhenNoiseLasts) {
  const Errors errors = of_growth(0.6, 120);
  EXPECT_LE(errors.low, kFive + 0.03);
  EXPECT_LE(errors.high, kFive + 0.03);
}

// All criteria of a stage together, at their limits: the worst that a sound candidate can be.
TEST(ErrorRate, OfFailingASoundCandidateIsAtMostFivePerCent) {
  api::LoadTestStage stage = stage_of(api::LoadProfile::Performance, 20, seconds(60));
  stage.criteria = {at_most(api::LoadMetric::ResponseTime, kTruth95 * 1.01, 0.95),
                    at_most(api::LoadMetric::ResponseTime, 0.020 * 1.01, 0.5),
                    at_most(api::LoadMetric::Failures, 0.01),
                    at_most(api::LoadMetric::ResponseTimeGrowth, 0.0, 0.5)};
  double failed = 0.0;
  double passed = 0.0;
  for (int run = 0; run < kRuns; ++run) {
    LoadObservation seen;
    seen.result = load_of({{seconds(60), 20}}, 2, [](double, double) {
      Behaviour how;
      how.failures = 0.01;
      return how;
    }, seed_of(run));
    const api::Verdict verdict = judge_load(stage, seen).verdict;
    failed += verdict == api::Verdict::Fail ? 1.0 / kRuns : 0.0;
    passed += verdict == api::Verdict::Pass ? 1.0 / kRuns : 0.0;
  }
  EXPECT_LE(failed, kFive);
  EXPECT_LE(passed, kFive);  // at its limits it is not shown to be better than them either
}

}  // namespace
}  // namespace sluice::loadtest
