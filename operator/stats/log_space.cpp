#include "stats/log_space.h"

#include <algorithm>
#include <cmath>

namespace sluice::stats {

double log_sum_exp(std::span<const double> terms) {
  double largest = log_zero;
  for (const double term : terms) largest = std::max(largest, term);
  if (std::isinf(largest)) return largest;
  double sum = 0.0;
  for (const double term : terms) sum += std::exp(term - largest);
  return largest + std::log(sum);
}

double log_add_exp(double a, double b) {
  const double larger = std::max(a, b);
  if (std::isinf(larger)) return larger;
  return larger + std::log1p(std::exp(std::min(a, b) - larger));
}

double log_mean_exp(std::span<const double> terms) {
  if (terms.empty()) return log_zero;
  return log_sum_exp(terms) - std::log(static_cast<double>(terms.size()));
}

double log_one_minus_exp(double x) {
  if (x >= 0.0) return log_zero;
  constexpr double log_two = 0.693147180559945309;
  return x > -log_two ? std::log(-std::expm1(x)) : std::log1p(-std::exp(x));
}

}  // namespace sluice::stats
