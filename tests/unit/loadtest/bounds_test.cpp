#include "loadtest/bounds.h"

#include <gmock/gmock.h>

#include "loads.h"

namespace sluice::loadtest {
namespace {

LoadWindow simple(std::int64_t requests, std::int64_t failures, std::vector<ResponseTimes> times, double at = 0.0) {
  const Duration begin(static_cast<std::int64_t>(at * 1000.0));
  return {begin, seconds(10), 10, 10, requests, failures, std::move(times)};
}

TEST(Histogram, AddsWindows) {
  const Windows windows = {simple(3, 0, {{0.01, 1}, {0.02, 2}}), simple(2, 0, {{0.02, 1}, {0.05, 1}}, 10)};
  EXPECT_THAT(histogram(windows),
              testing::ElementsAre(ResponseTimes{0.01, 1}, ResponseTimes{0.02, 3}, ResponseTimes{0.05, 1}));
}

TEST(QuantileOf, IsTheSmallestTimeThatTheShareDoesNotExceed) {
  const std::vector<ResponseTimes> times = {{0.01, 50}, {0.02, 45}, {0.05, 5}};
  EXPECT_EQ(quantile_of(times, 0.5), 0.01);
  EXPECT_EQ(quantile_of(times, 0.51), 0.02);
  EXPECT_EQ(quantile_of(times, 0.95), 0.02);
  EXPECT_EQ(quantile_of(times, 0.96), 0.05);
  EXPECT_EQ(quantile_of(times, 1.0), 0.05);
  EXPECT_FALSE(quantile_of({}, 0.5));
}

TEST(SmoothQuantile, LiesBetweenClasses) {
  const std::vector<ResponseTimes> times = {{0.01, 50}, {0.02, 50}};
  EXPECT_DOUBLE_EQ(*smooth_quantile(times, 0.25), 0.01);
  EXPECT_DOUBLE_EQ(*smooth_quantile(times, 0.5), 0.015);
  EXPECT_DOUBLE_EQ(*smooth_quantile(times, 1.0), 0.02);
  EXPECT_FALSE(smooth_quantile({}, 0.5));
}

// Distinct times 1..n ms: bounds are order statistics. For n = 100 and the median at 5 % each side, the ranks are
// those of R's qbinom: P(X <= 41) = 0.0443 and P(X <= 42) = 0.0666, so 42 below and, by symmetry, 59 above.
TEST(QuantileBounds, AreOrderStatistics) {
  std::vector<ResponseTimes> times;
  for (int i = 1; i <= 100; ++i) times.push_back({i / 1000.0, 1});
  const auto bounds = quantile_bounds({simple(100, 0, times)}, 0.5, {0.05, 0.05});
  ASSERT_TRUE(bounds);
  EXPECT_DOUBLE_EQ(bounds->value, 0.050);
  EXPECT_DOUBLE_EQ(bounds->low, 0.042);
  EXPECT_DOUBLE_EQ(bounds->high, 0.059);
}

// 0.95^58 = 0.051 and 0.95^59 = 0.049: the most seen of 59 is an upper bound of the 95 % quantile, that of 58 is not.
TEST(QuantileBounds, AreOpenAboveWithTooFewRequests) {
  const auto of = [](int count) { return quantile_bounds({simple(count, 0, {{0.01, count}})}, 0.95, {0.05, 0.05}); };
  EXPECT_TRUE(std::isinf(of(58)->high));
  EXPECT_DOUBLE_EQ(of(59)->high, 0.01);
  EXPECT_FALSE(quantile_bounds({simple(5, 0, {})}, 0.5, {}));
  EXPECT_FALSE(quantile_bounds({}, 0.5, {}));
}

// A tool may write each time as it is.
TEST(QuantileBounds, OfVeryManyClassesAreThoseOfFew) {
  std::vector<ResponseTimes> times;
  for (int i = 1; i <= 100'000; ++i) times.push_back({i / 1e6, 1});
  const auto bounds = quantile_bounds({simple(100'000, 0, times)}, 0.95, {0.05, 0.05});
  EXPECT_NEAR(bounds->low, 0.095 - 1.645 * std::sqrt(1e5 * 0.95 * 0.05) / 1e6, 3e-6);
  EXPECT_NEAR(bounds->high, 0.095 + 1.645 * std::sqrt(1e5 * 0.95 * 0.05) / 1e6, 3e-6);
}

TEST(QuantileBounds, AreWiderWhereWindowsDiffer) {
  Windows alike;
  Windows uneven;
  for (int i = 0; i < 10; ++i) {
    alike.push_back(simple(100, 0, {{0.01, 90}, {0.02, 8}, {0.05, 2}}, 10.0 * i));
    uneven.push_back(i % 2 == 0 ? simple(100, 0, {{0.01, 100}}, 10.0 * i)
                                : simple(100, 0, {{0.01, 80}, {0.02, 16}, {0.05, 4}}, 10.0 * i));
  }
  EXPECT_EQ(histogram(alike), histogram(uneven));
  EXPECT_LT(quantile_bounds(alike, 0.97, {})->high, quantile_bounds(uneven, 0.97, {})->high);
}

// The first window of a step is often slower, and still far from a limit.
TEST(QuantileBounds, AreNotOpenForAWindowThatIsSlowerWithinBounds) {
  Windows windows;
  for (int i = 0; i < 6; ++i) windows.push_back(simple(100, 0, {{i == 0 ? 0.03 : 0.01, 100}}, 10.0 * i));
  const auto bounds = quantile_bounds(windows, 0.95, {0.01, 0.01});
  EXPECT_DOUBLE_EQ(bounds->high, 0.03);
}

// Windows of different rates may differ: that is no scatter.
TEST(QuantileBounds, CompareWindowsOfOneRateOnly) {
  Windows windows;
  for (int i = 0; i < 10; ++i) {
    windows.push_back(i < 5 ? simple(100, 0, {{0.01, 100}}, 10.0 * i)
                            : simple(100, 0, {{0.01, 80}, {0.02, 16}, {0.05, 4}}, 10.0 * i));
    windows.back().asked_rate = i < 5 ? 10 : 20;
  }
  Windows one_rate = windows;
  for (LoadWindow& window : one_rate) window.asked_rate = 10;
  EXPECT_LT(quantile_bounds(windows, 0.97, {})->high, quantile_bounds(one_rate, 0.97, {})->high);
}

TEST(FailureBounds, AreThoseOfClopperAndPearson) {
  const auto bounds = failure_bounds({simple(1000, 3, {})}, {0.05, 0.05});
  ASSERT_TRUE(bounds);
  EXPECT_DOUBLE_EQ(bounds->value, 0.003);
  EXPECT_NEAR(bounds->low, 0.000818, 2e-6);  // R: binom.test(3, 1000, conf.level = 0.9)
  EXPECT_NEAR(bounds->high, 0.007736, 2e-6);
  EXPECT_FALSE(failure_bounds({simple(0, 0, {})}, {}));
}

TEST(FailureBounds, AreWiderForABurst) {
  Windows spread;
  Windows burst;
  for (int i = 0; i < 10; ++i) {
    spread.push_back(simple(100, 2, {}, 10.0 * i));
    burst.push_back(simple(100, i == 4 ? 20 : 0, {}, 10.0 * i));
  }
  EXPECT_LT(failure_bounds(spread, {})->high, failure_bounds(burst, {})->high);
}

TEST(ReachedShare, IsExactForAPacedLoad) {
  Windows windows;
  for (int i = 0; i < 5; ++i) windows.push_back(simple(100, 0, {}, 10.0 * i));
  const auto bounds = reached_share(windows, {});
  EXPECT_DOUBLE_EQ(bounds->value, 1.0);
  EXPECT_DOUBLE_EQ(bounds->low, 1.0);
  EXPECT_DOUBLE_EQ(bounds->high, 1.0);
}

TEST(ReachedShare, IsPoissonWithOneWindow) {
  const auto bounds = reached_share({simple(90, 0, {})}, {0.05, 0.05});
  EXPECT_DOUBLE_EQ(bounds->value, 0.9);
  EXPECT_NEAR(bounds->low, 0.74984, 1e-5);  // where P(X >= 90) = 5 %, and P(X <= 90) above
  EXPECT_NEAR(bounds->high, 1.07239, 1e-5);
  Windows none = {simple(90, 0, {})};
  none[0].asked_rate = 0;
  EXPECT_FALSE(reached_share(none, {}));
}

TEST(GoodRate, LeavesFailuresOut) {
  Windows windows;
  for (int i = 0; i < 4; ++i) windows.push_back(simple(100, 20, {}, 10.0 * i));
  EXPECT_DOUBLE_EQ(good_rate(windows, {})->low, 8.0);
  EXPECT_FALSE(good_rate({}, {}));
}

TEST(QuantileRatio, OfARunWithItselfHoldsOne) {
  const LoadResult run = load_of({{seconds(60), 50}}, 2, [](double, double) { return Behaviour{}; });
  const auto ratio = quantile_ratio(run.windows, run.windows, 0.95, {});
  EXPECT_DOUBLE_EQ(ratio->value, 1.0);
  EXPECT_LT(ratio->low, 1.0);
  EXPECT_GT(ratio->low, 0.85);
  EXPECT_GT(ratio->high, 1.0);
  EXPECT_LT(ratio->high, 1.15);
}

std::vector<Point> points_of(int count, double start, double slope, double noise, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> error(0.0, noise);
  std::vector<Point> points;
  for (int i = 0; i < count; ++i) {
    points.push_back({1.0 * i, start + slope * i + (noise > 0.0 ? error(random) : 0.0)});
  }
  return points;
}

TEST(Growth, OfAStraightLineIsExact) {
  const auto bounds = growth(points_of(51, 100, 1, 0, 1), {});
  ASSERT_TRUE(bounds);
  EXPECT_NEAR(bounds->value, 0.5, 1e-12);
  EXPECT_NEAR(bounds->low, 0.5, 1e-12);
  EXPECT_NEAR(bounds->high, 0.5, 1e-12);
}

TEST(Growth, OfNoneIsAroundNothing) {
  const auto bounds = growth(points_of(60, 100, 0, 2, 3), {});
  EXPECT_LT(bounds->low, 0.0);
  EXPECT_GT(bounds->high, 0.0);
  EXPECT_LT(bounds->high, 0.05);
}

// What least squares would follow: one window ten times as slow.
TEST(Growth, IsNotMovedByOneOutlier) {
  std::vector<Point> points = points_of(40, 100, 0, 1, 5);
  points[38].value = 1000;
  EXPECT_LT(growth(points, {})->high, 0.03);
}

TEST(Growth, NeedsPoints) {
  EXPECT_FALSE(growth(points_of(7, 100, 1, 0, 1), {}));
  EXPECT_FALSE(growth(std::vector<Point>(20, Point{1.0, 5.0}), {}));  // at one moment
  EXPECT_FALSE(growth(points_of(20, 0, 0, 0, 1), {}));                // a share of nothing
  EXPECT_TRUE(growth(points_of(8, 100, 1, 0, 1), {}));
}

}  // namespace
}  // namespace sluice::loadtest
