#include "stats/sample_ratio.h"

#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <limits>

namespace sluice::stats {
namespace {

// Gamma functions of large arguments nearly cancel here, so they are taken in long double.
long double log_gamma(double x) {
  return boost::math::lgamma(static_cast<long double>(x));
}

}  // namespace

double log_sample_ratio_evidence(std::span<const double> counts, std::span<const double> weights,
                                 double concentration) {
  double total = 0.0;
  double weight = 0.0;
  for (const double count : counts) total += count;
  for (const double w : weights) weight += w;
  if (!(total > 0.0) || !(weight > 0.0)) return 0.0;
  long double sum = log_gamma(concentration) - log_gamma(concentration + total);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (!(counts[i] > 0.0)) continue;
    const double share = weights[i] / weight;
    if (!(share > 0.0)) return std::numeric_limits<double>::infinity();
    const double prior = concentration * share;
    sum += log_gamma(prior + counts[i]) - log_gamma(prior) -
           static_cast<long double>(counts[i]) * std::log(static_cast<long double>(share));
  }
  return static_cast<double>(sum);
}

}  // namespace sluice::stats
