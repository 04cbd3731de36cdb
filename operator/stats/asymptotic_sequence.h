// Sequential tests that lean on the central limit theorem at every look: the asymptotic confidence sequence
// and the normal mixture SPRT. For high base rates and means; burn in with 50 events or 100 observations in
// each arm.
//
// Pure, no throw, no NaN. 0 < alpha < 1; sizes > 0 up to 1e12.
#pragma once

#include "stats/proportions.h"
#include "stats/tails.h"

namespace sluice::stats {

// rho that makes the sequence tightest at `size` observations: the approximation sqrt((-2 ln a + ln(1 - 2 ln
// a))/n*) and the square of the exact one, (-W_{-1}(-a^2/e) - 1)/n*. One-sided: tune at 2 alpha.
double tuned_rho(double alpha, double size);
double tuned_rho_squared_exact(double alpha, double size);

// Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (arXiv:2103.06476). The estimate is `mean` of `size`
// observations with `variance` each (for a difference: se^2 * size). Without variance: log E = 0, half widths
// 0.
struct AsymptoticSequence {
  double mean = 0.0;
  double variance = 0.0;
  double size = 0.0;

  // sqrt(s^2 2 (n rho^2 + 1)/(n^2 rho^2) log(sqrt(n rho^2 + 1)/alpha))
  double half_width(double rho, double alpha) const;
  // The same with log(1 + sqrt(n rho^2 + 1)/(2 alpha)): a lower, or an upper, bound alone.
  double half_width_one_sided(double rho, double alpha) const;
  // -log(n rho^2 + 1)/2 + (rho S)^2/(2 (n rho^2 + 1)), S = n mean/s: evidence against mean 0.
  double log_e(double rho) const;
};

// Mixture SPRT of a difference with variance V against a normal(0, tau^2) (Johari, Pekelis & Walsh):
// two-sided sqrt(V/(V + tau^2)) exp(tau^2 d^2/(2 V (V + tau^2))); one-sided (d > 0) by the half normal. tau >
// 0.
double log_msprt(double difference, double variance, double tau);
double log_msprt_one_sided(double difference, double variance, double tau);

// V of a difference of proportions, unpooled.
double difference_variance(const Proportion& first, const Proportion& second);

}  // namespace sluice::stats
