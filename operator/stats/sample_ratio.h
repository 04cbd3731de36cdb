// Sample-ratio mismatch, sequentially: do the requests arrive in the configured proportions?
//
// log BF = ln B(a + x) - ln B(a) - sum x_i ln w_i with a = c w: a Dirichlet-multinomial around the configured
// weights against exactly these weights (Lindon & Malek, arXiv:2011.03567). It is an e-process, so its
// running maximum gives an always-valid p. A proxy that routes per connection sends requests in clumps:
// divide by the dispersion first.
//
// Pure, no throw. Counts up to 1e12, none negative.
#pragma once

#include <span>

namespace sluice::stats {

inline constexpr double default_concentration = 1e4;

// Weights are normalised; all must be positive where there is a count, otherwise the evidence is infinite. 0
// when there are no counts. Precondition: equal length.
double log_sample_ratio_evidence(std::span<const double> counts, std::span<const double> weights,
                                 double concentration = default_concentration);

}  // namespace sluice::stats
