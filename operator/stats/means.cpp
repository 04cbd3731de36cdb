#include "stats/means.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stats/log_space.h"

namespace sluice::stats {
namespace {

// Sample covariance of two columns of equal length, at least two values.
double covariance(std::span<const double> a, std::span<const double> b) {
  const double n = static_cast<double>(a.size());
  double mean_a = 0.0;
  double mean_b = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    mean_a += a[i] / n;
    mean_b += b[i] / n;
  }
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - mean_a) * (b[i] - mean_b);
  return sum / (n - 1.0);
}

// Two constants: what a t of 0 or of plus or minus infinity would give. Fewer than two values say nothing.
PValue constants_p_value(const SampleSummary& first, const SampleSummary& second, double null_difference,
                         Alternative alternative) {
  const double excess = first.mean - second.mean - null_difference;
  if (!(first.size > 1.0) || !(second.size > 1.0) || excess == 0.0) return {};
  const bool expected = alternative == Alternative::TwoSided ||
                        (alternative == Alternative::Greater ? excess > 0.0 : excess < 0.0);
  return expected ? p_value_from_log(log_zero) : PValue{};
}

}  // namespace

SampleSummary summarize(std::span<const double> values) {
  SampleSummary summary;
  summary.size = static_cast<double>(values.size());
  if (values.empty()) return summary;
  double sum = 0.0;
  for (const double value : values) sum += value;
  summary.mean = sum / summary.size;
  if (values.size() < 2) return summary;
  double squares = 0.0;
  for (const double value : values) squares += (value - summary.mean) * (value - summary.mean);
  summary.variance = squares / (summary.size - 1.0);
  return summary;
}

WelchTest welch(const SampleSummary& first, const SampleSummary& second, double null_difference,
                Alternative alternative) {
  WelchTest test;
  const double one = first.variance / first.size;
  const double two = second.variance / second.size;
  if (!(first.size > 1.0) || !(second.size > 1.0) || !(one + two > 0.0)) {
    test.degenerate = true;
    test.p = constants_p_value(first, second, null_difference, alternative);
    return test;
  }
  test.standard_error = std::sqrt(one + two);
  test.degrees =
      (one + two) * (one + two) / (one * one / (first.size - 1.0) + two * two / (second.size - 1.0));
  test.t = (first.mean - second.mean - null_difference) / test.standard_error;
  test.p = p_value(student_tails(test.t, test.degrees), alternative);
  return test;
}

Interval welch_interval(const SampleSummary& first, const SampleSummary& second, double level,
                        Alternative alternative) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const double difference = first.mean - second.mean;
  const WelchTest test = welch(first, second, 0.0, alternative);
  if (test.degenerate) return {difference, difference};
  const double tail = (1.0 - level) * (alternative == Alternative::TwoSided ? 0.5 : 1.0);
  const double half = student_upper_quantile(tail, test.degrees) * test.standard_error;
  return {alternative == Alternative::Less ? -infinity : difference - half,
          alternative == Alternative::Greater ? infinity : difference + half};
}

std::optional<RelativeEffect> relative_effect(const SampleSummary& first, const SampleSummary& second,
                                              double level) {
  if (!(first.mean > 0.0) || !(second.mean > 0.0) || !(first.size > 0.0) || !(second.size > 0.0)) {
    return std::nullopt;
  }
  const double one = first.variance / (first.size * first.mean * first.mean);
  const double two = second.variance / (second.size * second.mean * second.mean);
  const double ratio = first.mean / second.mean;
  RelativeEffect effect{};
  effect.lift = ratio - 1.0;
  effect.lift_variance = ratio * ratio * (one + two);
  effect.log_ratio = std::log(ratio);
  effect.log_ratio_variance = one + two;
  const double half = two_sided_normal_quantile(level) * std::sqrt(one + two);
  effect.lift_interval = {std::expm1(effect.log_ratio - half), std::expm1(effect.log_ratio + half)};
  return effect;
}

std::optional<RatioOfSums> ratio_of_sums(std::span<const double> numerator,
                                         std::span<const double> denominator) {
  const std::size_t windows = numerator.size();
  if (windows < 2 || denominator.size() != windows) return std::nullopt;
  double top = 0.0;
  double bottom = 0.0;
  for (std::size_t i = 0; i < windows; ++i) {
    top += numerator[i];
    bottom += denominator[i];
  }
  if (bottom == 0.0) return std::nullopt;
  const double ratio = top / bottom;
  const double mean = bottom / static_cast<double>(windows);
  const double spread = covariance(numerator, numerator) - 2.0 * ratio * covariance(numerator, denominator) +
                        ratio * ratio * covariance(denominator, denominator);
  return RatioOfSums{ratio, std::max(0.0, spread) / (static_cast<double>(windows) * mean * mean)};
}

Cuped cuped(std::span<const double> before, std::span<const double> after) {
  Cuped result;
  if (before.size() < 2 || after.size() != before.size()) return result;
  const double var_before = covariance(before, before);
  const double var_after = covariance(after, after);
  if (!(var_before > 0.0) || !(var_after > 0.0)) return result;
  const double both = covariance(before, after);
  result.theta = both / var_before;
  result.variance_reduction = std::min(1.0, both * both / (var_before * var_after));
  return result;
}

}  // namespace sluice::stats
