#include "stats/means.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace sluice::stats {
namespace {

const std::vector<double> first = {1.2, 0.7, 1.9, 1.1, 1.6};
const std::vector<double> second = {0.8, 0.4, 1.0, 0.9};

TEST(Means, Welch) {
  const WelchTest test = welch(summarize(first), summarize(second), 0.1, Alternative::Greater);
  EXPECT_FALSE(test.degenerate);
  EXPECT_NEAR(test.t, 1.730853399332037, 1e-12);
  EXPECT_NEAR(test.degrees, 6.469075472222766, 1e-12);
  EXPECT_NEAR(test.p.p, 0.06529910562533292, 1e-12);
  EXPECT_NEAR(welch(summarize(second), summarize(first), -0.1, Alternative::Less).t, -test.t, 1e-12);
}

TEST(Means, TheIntervalInvertsTheTest) {
  for (const Alternative alternative : {Alternative::Greater, Alternative::Less}) {
    const Interval interval = welch_interval(summarize(first), summarize(second), 0.95, alternative);
    const double end = alternative == Alternative::Greater ? interval.lower : interval.upper;
    EXPECT_NEAR(welch(summarize(first), summarize(second), end, alternative).p.p, 0.05, 1e-9);
    EXPECT_TRUE(std::isinf(alternative == Alternative::Greater ? interval.upper : interval.lower));
  }
  const Interval both = welch_interval(summarize(first), summarize(second), 0.95, Alternative::TwoSided);
  EXPECT_NEAR(welch(summarize(first), summarize(second), both.upper, Alternative::TwoSided).p.p, 0.05, 1e-9);
}

TEST(Means, ConstantsAreDegenerate) {
  const SampleSummary five = summarize(std::vector<double>{5, 5, 5});
  const SampleSummary six = summarize(std::vector<double>{6, 6, 6});
  EXPECT_TRUE(welch(five, five, 0.0, Alternative::TwoSided).degenerate);
  EXPECT_EQ(welch(five, five, 0.0, Alternative::TwoSided).p.p, 1.0);
  EXPECT_TRUE(welch(six, five, 0.0, Alternative::TwoSided).degenerate);
  EXPECT_EQ(welch(six, five, 0.0, Alternative::TwoSided).p.p, 0.0);
  EXPECT_EQ(welch(six, five, 0.0, Alternative::Greater).p.p, 0.0);
  EXPECT_EQ(welch(six, five, 0.0, Alternative::Less).p.p, 1.0);
  EXPECT_EQ(welch(six, five, 1.0, Alternative::Greater).p.p, 1.0);
  const SampleSummary one = summarize(std::vector<double>{7});
  EXPECT_TRUE(welch(one, five, 0.0, Alternative::TwoSided).degenerate);
  EXPECT_EQ(welch(one, five, 0.0, Alternative::TwoSided).p.p, 1.0);
  EXPECT_EQ(summarize({}).size, 0.0);
  EXPECT_EQ(welch_interval(six, five, 0.95, Alternative::TwoSided).lower, 1.0);
}

TEST(Means, RelativeEffect) {
  const auto effect = relative_effect({12, 9, 100}, {10, 4, 400}, 0.95);
  ASSERT_TRUE(effect.has_value());
  EXPECT_NEAR(effect->lift, 0.2, 1e-15);
  const double log_variance = 9.0 / (100 * 144.0) + 4.0 / (400 * 100.0);
  EXPECT_NEAR(effect->log_ratio_variance, log_variance, 1e-17);
  EXPECT_NEAR(effect->lift_variance, 9.0 / (100 * 100.0) + 4.0 * 144.0 / (400 * 1e4), 1e-16);
  EXPECT_NEAR(std::log1p(effect->lift_interval.upper) - effect->log_ratio,
              effect->log_ratio - std::log1p(effect->lift_interval.lower), 1e-14);
  EXPECT_NEAR(std::log1p(effect->lift_interval.upper) - effect->log_ratio,
              1.959963984540054 * std::sqrt(log_variance), 1e-13);
  EXPECT_FALSE(relative_effect({0, 9, 100}, {10, 4, 400}, 0.95).has_value());
  EXPECT_FALSE(relative_effect({12, 9, 100}, {-1, 4, 400}, 0.95).has_value());
}

TEST(Means, RatioOfSums) {
  const std::vector<double> numerator = {2, 0, 4};
  const std::vector<double> denominator = {100, 50, 150};
  const auto result = ratio_of_sums(numerator, denominator);
  ASSERT_TRUE(result.has_value());
  EXPECT_NEAR(result->ratio, 0.02, 1e-16);
  // The residuals a - 0.02 b are 0, -1, 1: their variance is 1, and 1/(3 * 100^2) is left.
  EXPECT_NEAR(result->variance, 1.0 / 30000.0, 1e-17);
  EXPECT_FALSE(ratio_of_sums(std::vector<double>{1}, std::vector<double>{2}).has_value());
  EXPECT_FALSE(ratio_of_sums(std::vector<double>{1, 2}, std::vector<double>{0, 0}).has_value());
  EXPECT_FALSE(ratio_of_sums(numerator, std::vector<double>{1, 2}).has_value());
}

TEST(Means, Cuped) {
  const std::vector<double> before = {1, 2, 3, 4};
  const std::vector<double> after = {3, 5, 7, 9};
  const Cuped exact = cuped(before, after);
  EXPECT_NEAR(exact.theta, 2.0, 1e-14);
  EXPECT_NEAR(exact.variance_reduction, 1.0, 1e-14);
  EXPECT_EQ(cuped(std::vector<double>{1, 1, 1, 1}, after).theta, 0.0);
  EXPECT_EQ(cuped(before, std::vector<double>{1, 1, 1, 1}).variance_reduction, 0.0);
  EXPECT_EQ(cuped({}, {}).theta, 0.0);
}

}  // namespace
}  // namespace sluice::stats
