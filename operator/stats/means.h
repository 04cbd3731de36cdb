// Fixed-horizon comparison of means: Welch's test, relative effects by the delta method, ratios of sums,
// CUPED.
//
// Samples are per-look means of a gauge or per-window sums, never single requests: `_sum/_count` carries no
// variance. Variances are with n - 1. Where a variance is needed and there is none (fewer than two values,
// all equal), the result says so by `degenerate`: equal constants differ in nothing (p = 1), and unequal
// ones are no experiment. Pure, no throw, no NaN.
#pragma once

#include <optional>
#include <span>

#include "stats/tails.h"

namespace sluice::stats {

struct SampleSummary {
  double mean = 0.0;
  double variance = 0.0;
  double size = 0.0;
};
SampleSummary summarize(std::span<const double> values);

// t = (m_1 - m_2 - null)/se; df by Welch-Satterthwaite.
struct WelchTest {
  bool degenerate = false;
  double t = 0.0;
  double degrees = 0.0;
  double standard_error = 0.0;
  PValue p;
};
WelchTest welch(const SampleSummary& first, const SampleSummary& second, double null_difference,
                Alternative alternative);

// The interval of the difference m_1 - m_2, open on one side for a one-sided alternative. A degenerate test
// has the difference itself at both ends.
Interval welch_interval(const SampleSummary& first, const SampleSummary& second, double level,
                        Alternative alternative);

// m_1/m_2 - 1 and log(m_1/m_2), m_1, m_2 > 0. The linear variance is s_1^2/(m_2^2 n_1) + s_2^2 m_1^2/(m_2^4
// n_2), that of the logarithm s_1^2/(n_1 m_1^2) + s_2^2/(n_2 m_2^2). Nothing unless both means are positive.
struct RelativeEffect {
  double lift;
  double lift_variance;
  double log_ratio;
  double log_ratio_variance;
  Interval lift_interval;  // by way of the logarithm: always above -1
};
std::optional<RelativeEffect> relative_effect(const SampleSummary& first, const SampleSummary& second,
                                              double level);

// The ratio of sums over windows, R = sum a / sum b, with var = (S_aa - 2 R S_ab + R^2 S_bb)/(W mean(b)^2).
// Averaging the windows' own ratios instead would give small windows the weight of large ones. Nothing with
// fewer than two windows or sum b = 0. Precondition: equal length.
struct RatioOfSums {
  double ratio;
  double variance;
};
std::optional<RatioOfSums> ratio_of_sums(std::span<const double> numerator,
                                         std::span<const double> denominator);

// CUPED (Deng et al. 2013): y - theta (x - mean x) with theta = cov(x, y)/var(x) has a variance smaller by
// the squared correlation. theta = 0 when x or y does not vary. Precondition: equal length.
struct Cuped {
  double theta = 0.0;
  double variance_reduction = 0.0;  // in [0, 1]
};
Cuped cuped(std::span<const double> before, std::span<const double> after);

}  // namespace sluice::stats
