// The rank test of two samples (Mann-Whitney, Wilcoxon): exact, asymptotic with ties, from histogram bins,
// and the interval of the shift between them.
//
// U counts the pairs in which the first sample is larger, ties half; U/(n_1 n_2) is the common-language
// effect size, the probability that a value of the first exceeds one of the second. Greater means: the first
// tends to be larger. Values are finite; counts of bins may be fractional and up to 1e9 each. Samples in
// which all values tie have p = 1. Pure, no throw, no NaN.
#pragma once

#include <span>

#include "stats/tails.h"

namespace sluice::stats {

struct RankTest {
  double u = 0.0;
  double z = 0.0;  // 0 for the exact test
  PValue p;
  double effect = 0.5;  // U / (n_1 n_2)
};

// Permutation distribution of the midranks by dynamic programming, so exact with ties too. The two-sided p
// counts deviations of U at least as large as the observed one. Work n_1 N^3: for N = n_1 + n_2 up to about
// 100.
RankTest mann_whitney_exact(std::span<const double> first, std::span<const double> second,
                            Alternative alternative);

// Normal approximation with the variance reduced for ties; `continuity` moves U by 1/2 towards its mean.
RankTest mann_whitney(std::span<const double> first, std::span<const double> second, bool continuity,
                      Alternative alternative);

// The same from counts in common bins, in ascending order of the bins. Precondition: equal length.
RankTest mann_whitney_binned(std::span<const double> first, std::span<const double> second, bool continuity,
                             Alternative alternative);

// The shift d at which first - d and second rank alike, and the interval in which |z(d)| stays below the
// quantile of `level`: the roots of a step function by Brent's method with tolerance 1e-4 between the extreme
// differences, as R's wilcox.test(exact = FALSE) and Kayenta find them. The estimate is without the
// continuity correction.
struct ShiftInterval {
  double estimate = 0.0;
  Interval interval{};
};
ShiftInterval shift_interval(std::span<const double> first, std::span<const double> second, bool continuity,
                             double level);

}  // namespace sluice::stats
