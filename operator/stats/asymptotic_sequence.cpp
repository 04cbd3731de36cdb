#include "stats/asymptotic_sequence.h"

#include <boost/math/special_functions/lambert_w.hpp>
#include <cmath>
#include <numbers>

#include "stats/log_space.h"
#include "stats/policy.h"

namespace sluice::stats {

double tuned_rho(double alpha, double size) {
  const double twice = -2.0 * std::log(alpha);
  return std::sqrt((twice + std::log1p(twice)) / size);
}

double tuned_rho_squared_exact(double alpha, double size) {
  return (-boost::math::lambert_wm1(-alpha * alpha / std::numbers::e, Policy()) - 1.0) / size;
}

double AsymptoticSequence::half_width(double rho, double alpha) const {
  const double weight = size * rho * rho + 1.0;
  return std::sqrt(variance * 2.0 * weight / (size * size * rho * rho) * std::log(std::sqrt(weight) / alpha));
}

double AsymptoticSequence::half_width_one_sided(double rho, double alpha) const {
  const double weight = size * rho * rho + 1.0;
  return std::sqrt(variance * 2.0 * weight / (size * size * rho * rho) *
                   std::log1p(std::sqrt(weight) / (2.0 * alpha)));
}

double AsymptoticSequence::log_e(double rho) const {
  if (!(variance > 0.0)) return 0.0;
  const double weight = size * rho * rho + 1.0;
  const double sum = size * mean / std::sqrt(variance);
  return -0.5 * std::log(weight) + rho * sum * rho * sum / (2.0 * weight);
}

double log_msprt(double difference, double variance, double tau) {
  if (!(variance > 0.0)) return 0.0;
  const double total = variance + tau * tau;
  return 0.5 * std::log(variance / total) + tau * tau * difference * difference / (2.0 * variance * total);
}

double log_msprt_one_sided(double difference, double variance, double tau) {
  if (!(variance > 0.0)) return 0.0;
  const double z = difference * tau / std::sqrt(variance * (variance + tau * tau));
  return log_msprt(difference, variance, tau) + std::numbers::ln2 + log_normal_upper(-z);
}

double difference_variance(const Proportion& first, const Proportion& second) {
  const double p = first.rate();
  const double q = second.rate();
  return p * (1.0 - p) / first.total + q * (1.0 - q) / second.total;
}

}  // namespace sluice::stats
