#include "stats/sample_size.h"

#include <boost/math/distributions/non_central_t.hpp>
#include <cmath>
#include <limits>

#include "stats/policy.h"
#include "stats/roots.h"

namespace sluice::stats {
namespace {

double alpha_quantile(const TestPlan& plan) {
  return normal_upper_quantile(plan.alpha / plan.sides);
}

double power_quantile(const TestPlan& plan) {
  return normal_upper_quantile(1.0 - plan.power);
}

SampleSize both(double first, const TestPlan& plan) {
  if (!(first < std::numeric_limits<double>::infinity())) first = std::numeric_limits<double>::infinity();
  return {first, first * plan.ratio};
}

}  // namespace

SampleSize sample_size_proportions(double p1, double p2, Variance null_variance, const TestPlan& plan) {
  const double k = plan.ratio;
  const double alternative = p1 * (1.0 - p1) + p2 * (1.0 - p2) / k;
  const double difference = p1 - p2;
  double root = (alpha_quantile(plan) + power_quantile(plan)) * std::sqrt(alternative);
  if (null_variance == Variance::Pooled) {
    const double p = (p1 + k * p2) / (1.0 + k);
    root = alpha_quantile(plan) * std::sqrt(p * (1.0 - p) * (1.0 + 1.0 / k)) +
           power_quantile(plan) * std::sqrt(alternative);
  }
  return both(root * root / (difference * difference), plan);
}

SampleSize sample_size_non_inferiority(double p, double margin, const TestPlan& plan) {
  const double z = alpha_quantile(plan) + power_quantile(plan);
  return both(z * z * p * (1.0 - p) * (1.0 + 1.0 / plan.ratio) / (margin * margin), plan);
}

SampleSize sample_size_means_normal(double effect, const TestPlan& plan) {
  const double z = alpha_quantile(plan) + power_quantile(plan);
  return both(z * z * (1.0 + 1.0 / plan.ratio) / (effect * effect), plan);
}

SampleSize sample_size_means(double effect, const TestPlan& plan) {
  const double size = std::abs(effect);
  if (!(size > 0.0)) return both(std::numeric_limits<double>::infinity(), plan);
  const double k = plan.ratio;
  const auto shortfall = [&](double n) {
    const double degrees = n * (1.0 + k) - 2.0;
    const double shift = size * std::sqrt(n * k / (1.0 + k));
    const double critical = student_upper_quantile(plan.alpha / plan.sides, degrees);
    const boost::math::non_central_t_distribution<double, Policy> alternative(degrees, shift);
    return plan.power - boost::math::cdf(boost::math::complement(alternative, critical));
  };
  // The normal answer is a little too small; the t needs two degrees of freedom at least.
  double low = std::max(sample_size_means_normal(effect, plan).first * 0.9, (2.0 + 1e-3) / (1.0 + k));
  if (shortfall(low) <= 0.0) return both(low, plan);
  double high = 2.0 * low + 10.0;
  while (shortfall(high) > 0.0 && high < 1e15) high *= 2.0;
  return both(brent(shortfall, low, high, 1e-9 * high), plan);
}

}  // namespace sluice::stats
