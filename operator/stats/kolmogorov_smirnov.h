// The largest distance between two distribution functions: exact, asymptotic, and from histogram bins.
//
// Greater means: the distribution function of the first lies above that of the second somewhere (the first
// tends to be smaller), as R and scipy use the word. On bins the distance is only seen at the edges, so p is
// conservative. Pure, no throw, no NaN.
#pragma once

#include <span>

#include "stats/tails.h"

namespace sluice::stats {

// D, D+ or D- by alternative: max |F_1 - F_2|, max (F_1 - F_2), max (F_2 - F_1). 0 when a sample is empty.
double ks_distance(std::span<const double> first, std::span<const double> second, Alternative alternative);

// P(D >= distance) over all orders of the two samples, by lattice paths; work n_1 n_2 (use up to 1e8).
// Without ties a point between two equal values does not count as an order (exact conditionally on the ties,
// as R does since 4.2); `ignore_ties` counts it, which is conservative, as scipy does.
PValue ks_exact(std::span<const double> first, std::span<const double> second, Alternative alternative,
                bool ignore_ties = false);

// The limit law. Two-sided: Q(sqrt(en) D), en = n_1 n_2/(n_1 + n_2). One-sided: exp(-2 en D^2).
PValue ks_asymptotic(double distance, double n1, double n2, Alternative alternative);

// One-sided with Hodges' (1957) correction for unequal and small samples, as scipy uses it.
PValue ks_one_sided_hodges(double distance, double n1, double n2);

// Q(l) = P(K > l) of Kolmogorov's distribution, as a logarithm: 2 sum (-1)^(k-1) exp(-2 k^2 l^2), and
// below 1.18 the theta-dual series.
double log_kolmogorov_upper(double l);

// P(D_n >= d) of the one-sample statistic with n values (Marsaglia, Tsang & Wang 2003; beyond n = 3000 the
// limit with the argument sqrt(n) d + 1/(6 sqrt(n)), error below 1e-4). n >= 1.
double kolmogorov_upper(double n, double d);

struct BinnedKs {
  double distance = 0.0;
  double effective_size = 0.0;  // n_1 n_2 / (n_1 + n_2)
  PValue p;                     // two-sided limit
};
// Counts in common bins, in ascending order. Precondition: equal length.
BinnedKs ks_binned(std::span<const double> first, std::span<const double> second);

}  // namespace sluice::stats
