// Fixed-horizon comparison of two event rates over exposures: exact conditional test and score test.
//
// Given e_x + e_y events in all, e_x is binomial with share pi_0 = n_x r_0 / (n_x r_0 + n_y). Events may be
// fractional for the tails and the score; exposures > 0 up to 1e12, ratio > 0. Tails by the incomplete beta
// in log space. Two-sided exact p: by minimum likelihood, as R's poisson.test. Pure, no throw, no NaN.
#pragma once

#include "stats/tails.h"

namespace sluice::stats {

struct Rate {
  double events = 0.0;
  double exposure = 1.0;
};

// H0: the ratio of the rates, first over second, is `ratio`. Without events p = 1.
PValue poisson_ratio_exact(const Rate& first, const Rate& second, double ratio, Alternative alternative);

// One-sided exact p in which the observed outcome counts half (mid-p).
PValue poisson_ratio_mid_p(const Rate& first, const Rate& second, double ratio, Alternative alternative);

struct PoissonScore {
  double z = 0.0;
  PValue p;
};
// z = (e_x - e_y q) / sqrt((e_x + e_y) q) with q = ratio n_x / n_y.
PoissonScore poisson_ratio_score(const Rate& first, const Rate& second, double ratio,
                                 Alternative alternative);

// The ratio of the rates (infinite without events of the second, 1 without any) and its Clopper-Pearson
// interval, mapped by r = (pi / (1 - pi)) n_y / n_x; one-sided for a one-sided alternative.
struct RateRatio {
  double estimate = 1.0;
  Interval interval{};
};
RateRatio rate_ratio_interval(const Rate& first, const Rate& second, double level, Alternative alternative);

}  // namespace sluice::stats
