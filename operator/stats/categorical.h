// Counts in classes: goodness of fit to configured weights (sample-ratio mismatch), homogeneity of two
// histograms, and the drift measures PSI and Jensen-Shannon.
//
// Counts may be fractional and up to 1e12, none negative. Classes that are empty throughout are left out.
// Fewer than two classes, or an empty sample: statistic 0, df 0, p = 1. Pure, no throw, no NaN.
#pragma once

#include <span>

#include "stats/proportions.h"
#include "stats/tails.h"

namespace sluice::stats {

struct ChiSquare {
  double statistic = 0.0;
  double degrees = 0.0;
  PValue p;
  double likelihood_ratio = 0.0;  // G
  PValue likelihood_ratio_p;
  double cramers_v = 0.0;  // of a two-row table: sqrt(chi2 / N)
};

// Observed counts against weights, which are normalised. An observation in a class of weight 0 is impossible:
// the statistic is infinite and p = 0. Precondition: equal length.
ChiSquare goodness_of_fit(std::span<const double> observed, std::span<const double> weights);

// Two histograms of one distribution. Precondition: equal length.
ChiSquare homogeneity(std::span<const double> first, std::span<const double> second);

// Population stability index, sum (a_i - b_i) ln(a_i / b_i) over shares floored at `floor` and not normalised
// again. PSI/(1/n_1 + 1/n_2) is about chi-squared with one degree less than classes (Yurdakul 2018).
struct StabilityIndex {
  double value = 0.0;
  double critical = 0.0;  // at 1 - `level`
  PValue p;
};
StabilityIndex stability_index(std::span<const double> first, std::span<const double> second, double floor,
                               double level = 0.95);

// In bits, in [0, 1].
double jensen_shannon_divergence(std::span<const double> first, std::span<const double> second);

// The share of a histogram in the bins from `edge` on: "above the edge". `edge` up to the number of bins.
Proportion share_from(std::span<const double> counts, std::size_t edge);

}  // namespace sluice::stats
