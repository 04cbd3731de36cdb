// Cochran-Mantel-Haenszel: one 2x2 table per block, one common odds ratio. The fixed-horizon partner of the
// stratified e-process: a base rate that differs between blocks does no harm.
//
// Counts may be fractional. A block in which one arm is empty says nothing. Pure, no throw, no NaN.
#pragma once

#include <optional>
#include <span>

#include "stats/fisher.h"
#include "stats/tails.h"

namespace sluice::stats {

struct CochranMantelHaenszel {
  double chi_square = 0.0;  // one degree of freedom
  PValue p;
  std::optional<double> common_odds_ratio;  // Mantel-Haenszel; none when its denominator is empty
  std::optional<Interval> interval;         // Robins, Breslow & Greenland (1986)
};

// `corrected` takes 1/2 off the deviation (continuity). chi2 = (|sum (e_c - E)| - 1/2)^2 / sum V with
// E = n_c m / N and V = n_c n_s m (N - m) / (N^2 (N - 1)).
CochranMantelHaenszel cochran_mantel_haenszel(std::span<const Table> strata, bool corrected, double level);

}  // namespace sluice::stats
