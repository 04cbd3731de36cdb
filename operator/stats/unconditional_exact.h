// The exact unconditional tests of two small samples: Barnard (Wald statistic, pooled) and Boschloo (Fisher's
// p as the statistic). More powerful than Fisher's test, since only the sample sizes are fixed; the common
// rate that is left is set to its worst value.
//
// Counts are rounded. The work is (n_1 + 1)(n_2 + 1) outcomes times some hundred rates: meant for n_1 n_2 up
// to about 1e5. The supremum over the rate is found on a grid and refined, good to 1e-6 relative. Pure, no
// throw, no NaN.
#pragma once

#include "stats/proportions.h"

namespace sluice::stats {

struct UnconditionalTest {
  double statistic = 0.0;
  double p = 1.0;
  bool degenerate = false;  // one outcome only: p = 1, and the statistic says nothing
};

// The statistic is z with pooled variance. The two-sided test counts |z|.
UnconditionalTest barnard(const Proportion& first, const Proportion& second, Alternative alternative);

// The statistic is Fisher's one-sided p. Two-sided: twice the smaller one-sided p, at most 1.
UnconditionalTest boschloo(const Proportion& first, const Proportion& second, Alternative alternative);

}  // namespace sluice::stats
