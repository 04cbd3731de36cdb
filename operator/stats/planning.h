// How long a decision will take, and whether it could have been taken by now.
//
// `growth_per_look` and `planned_looks` are closed forms;
// GuardrailEvidence::looks_to_harm and looks_to_non_inferior run the shipped mixture along the expected path,
// which includes the price of the mixture, the floor and the ceiling.
// `detection_power` is the rule by which a step may be passed: had the candidate been as bad as this, would
// it have been found out?
//
// Units as in rate_ratio.h; exposures per look or in all as stated. Pure, no throw, no NaN.
#pragma once

#include "stats/guardrail.h"

namespace sluice::stats {

// What a look is expected to bring when the candidate's rate is `ratio` times stable's.
struct Expectation {
  double candidate_exposure = 0.0;  // per look
  double stable_exposure = 0.0;     // per look
  double stable_rate = 0.0;
  double ratio = 1.0;

  Block block() const {
    return {candidate_exposure * stable_rate * ratio, stable_exposure * stable_rate, candidate_exposure,
            stable_exposure};
  }
};

// Expected growth of log E per look of a test of `null_ratio` that knows the true ratio:
// g = n_c p_c log(pi(r)/pi(r_0)) + n_s p_s log((1 - pi(r))/(1 - pi(r_0))). Zero when r = r_0 or nothing is
// seen.
double growth_per_look(const Expectation& expectation, double null_ratio);

// (log_threshold + 2) / (g/phi) looks, 2 nats being the price of a mixture. Infinity when nothing grows. Too
// long by about half when fewer than 20 events of the candidate are expected by then.
double planned_looks(const Expectation& expectation, double null_ratio, double log_threshold,
                     double dispersion = 1.0);

// The probability, in [0, 1], that log E of harm has reached `log_threshold` once the given exposures are in
// (in all, not per look), if the candidate's rate were `ratio` times stable's. Stable's rate counts as
// or_below when it is smaller: on a service without errors a catastrophe is measured against what is
// tolerated anyway.
//
// The evidence rises with the candidate's events, so there is a critical number of them, found by Newton's
// method; the number itself is Poisson. Stable's events enter by five points of Gauss-Hermite quadrature. With
// dispersion phi both counts are phi times a Poisson of 1/phi of the mean, which is what dividing log E by
// phi amounts to. Crossings at earlier looks are not counted, so this is a lower bound. Within 1e-6; some
// microseconds, and far below one once a bound shows that it is 1.
double detection_power(const GuardrailParameters& parameters, const Expectation& exposure_so_far,
                       double log_threshold, double dispersion = 1.0);

}  // namespace sluice::stats
