// Evidence about one event rate against a fixed ceiling: the candidate's rate is below it, or above it.
//
// A ratio learns from events only, so a service without errors could never be proven non-inferior; the
// ceiling can be proven from exposure without events. For scores in [0, 1] with mean mu and any r > 0,
// E r^X <= exp(-mu (1 - r)), so with e events in exposure n
//
//   below:  log E = logsumexp_k [ e log r_k + n delta (1 - r_k) ] - log 40
//           r_k = exp(-linspace(log 1.02, log 50, 40))
//   above:  log E = logsumexp_k [ e log r_k - n delta (r_k - 1) ] - log 40
//           r_k = exp( linspace(log 1.05, log 50, 40))
//
// are e-processes against "rate >= delta" and "rate <= delta", however the rate moves (docs/statistics.md).
// They depend on the two totals only.
//
// Units: events and exposure as in rate_ratio.h, `ceiling` in events per unit of exposure, > 0. `dispersion`
// >= 1 divides the log factors. Pure, no throw, no NaN, no allocation.
#pragma once

#include <array>
#include <cstddef>

namespace sluice::stats {

// Evidence that the rate is below the ceiling.
double log_e_below(double events, double exposure, double ceiling, double dispersion = 1.0);

// Evidence that the rate is above the ceiling.
double log_e_above(double events, double exposure, double ceiling, double dispersion = 1.0);

// The terms whose mean of exponentials either of them is, each linear in events and exposure: what one look adds to
// them is their value at that look's counts.
inline constexpr std::size_t ceiling_points = 40;
using CeilingTerms = std::array<double, ceiling_points>;
CeilingTerms below_terms(double events, double exposure, double ceiling, double dispersion);
CeilingTerms above_terms(double events, double exposure, double ceiling, double dispersion);

// H0: the candidate's rate is at least the margin times stable's AND at least the ceiling. Both e-values are
// e-values under it, and so is any average of them whose weights are fixed beforehand:
// log( a E_ratio + (1 - a) E_below ), with 0 < a < 1 the ratio's share.
double log_e_non_inferior(double log_e_ratio, double log_e_below, double ratio_share = 0.5);

// Harm means a ratio above the tolerated one AND a rate above the floor; its null is a union, so the weaker
// evidence counts.
double log_e_harm_above_floor(double log_e_harm, double log_e_above);

}  // namespace sluice::stats
