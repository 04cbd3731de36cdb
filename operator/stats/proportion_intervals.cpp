// The intervals of proportions.h: closed forms, and inversions of the score tests.
#include <algorithm>
#include <boost/math/distributions/beta.hpp>
#include <cmath>
#include <limits>

#include "stats/policy.h"
#include "stats/proportions.h"
#include "stats/roots.h"

namespace sluice::stats {
namespace {

using BetaDistribution = boost::math::beta_distribution<double, Policy>;

Interval around(double centre, double half_width) {
  return {centre - half_width, centre + half_width};
}

Interval inside_unit(const Interval& interval) {
  return {std::max(0.0, interval.lower), std::min(1.0, interval.upper)};
}

double spread(double rate, double total) {
  return rate * (1.0 - rate) / total;
}

Interval log_interval(double log_ratio, double variance, double level) {
  const Interval logs = around(log_ratio, two_sided_normal_quantile(level) * std::sqrt(variance));
  return {std::exp(logs.lower), std::exp(logs.upper)};
}

}  // namespace

Interval wald_interval(const Proportion& first, const Proportion& second, double level) {
  const double variance = spread(first.rate(), first.total) + spread(second.rate(), second.total);
  return around(first.rate() - second.rate(), two_sided_normal_quantile(level) * std::sqrt(variance));
}

Interval agresti_caffo_interval(const Proportion& first, const Proportion& second, double level) {
  return wald_interval({first.events + 1.0, first.total + 2.0}, {second.events + 1.0, second.total + 2.0},
                       level);
}

Interval newcombe_interval(const Proportion& first, const Proportion& second, double level) {
  const Interval one = wilson_interval(first, level);
  const Interval two = wilson_interval(second, level);
  const double difference = first.rate() - second.rate();
  return {difference - std::hypot(first.rate() - one.lower, two.upper - second.rate()),
          difference + std::hypot(second.rate() - two.lower, one.upper - first.rate())};
}

Interval difference_score_interval(const Proportion& first, const Proportion& second, ScoreVariance variance,
                                   double level) {
  const double critical = two_sided_normal_quantile(level);
  // z falls as the margin rises; at the estimate it is 0. Margins of exactly +-1 leave no variance.
  const auto z = [&](double margin) {
    return difference_score(first, second, margin, variance, Alternative::TwoSided).z;
  };
  const double estimate = first.rate() - second.rate();
  const double edge = 1.0 - 1e-12;
  Interval interval{-1.0, 1.0};
  if (estimate > -edge && z(-edge) > critical) {
    interval.lower = bisect([&](double margin) { return z(margin) - critical; }, -edge, estimate);
  }
  if (estimate < edge && z(edge) < -critical) {
    interval.upper = bisect([&](double margin) { return z(margin) + critical; }, estimate, edge);
  }
  return interval;
}

std::optional<Interval> ratio_log_interval(const Proportion& first, const Proportion& second, double level) {
  if (!(first.events > 0.0) || !(second.events > 0.0)) return std::nullopt;
  const double variance = 1.0 / first.events - 1.0 / first.total + 1.0 / second.events - 1.0 / second.total;
  return log_interval(std::log(first.rate() / second.rate()), variance, level);
}

Interval ratio_adjusted_log_interval(const Proportion& first, const Proportion& second, double level) {
  const Proportion one{first.events + 0.5, first.total + 0.5};
  const Proportion two{second.events + 0.5, second.total + 0.5};
  return ratio_log_interval(one, two, level).value_or(Interval{0.0, std::numeric_limits<double>::infinity()});
}

std::optional<Interval> ratio_score_interval(const Proportion& first, const Proportion& second,
                                             bool corrected, double level) {
  if (!(first.events + second.events > 0.0)) return std::nullopt;
  const double critical = two_sided_normal_quantile(level);
  const auto z = [&](double log_ratio) {
    return ratio_score(first, second, std::exp(log_ratio), corrected, Alternative::TwoSided).z;
  };
  constexpr double far = 60.0;  // exp(60)
  Interval interval{0.0, std::numeric_limits<double>::infinity()};
  if (first.events > 0.0 && z(-far) > critical) {
    interval.lower = std::exp(bisect([&](double r) { return z(r) - critical; }, -far, far));
  }
  if (second.events > 0.0 && z(far) < -critical) {
    interval.upper = std::exp(bisect([&](double r) { return z(r) + critical; }, -far, far));
  }
  return interval;
}

Interval wilson_interval(const Proportion& proportion, double level) {
  const double z = two_sided_normal_quantile(level);
  const double n = proportion.total;
  const double p = proportion.rate();
  const double weight = 1.0 + z * z / n;
  const double half = z * std::sqrt(spread(p, n) + z * z / (4.0 * n * n)) / weight;
  return inside_unit(around((p + z * z / (2.0 * n)) / weight, half));
}

Interval agresti_coull_interval(const Proportion& proportion, double level) {
  const double z = two_sided_normal_quantile(level);
  const double n = proportion.total + z * z;
  const double p = (proportion.events + 0.5 * z * z) / n;
  return inside_unit(around(p, z * std::sqrt(spread(p, n))));
}

Interval clopper_pearson_interval(const Proportion& proportion, double level) {
  const double tail = 0.5 * (1.0 - level);
  const double events = proportion.events;
  const double rest = proportion.total - events;
  Interval interval{0.0, 1.0};
  if (events > 0.0) interval.lower = boost::math::quantile(BetaDistribution(events, rest + 1.0), tail);
  if (rest > 0.0) {
    const BetaDistribution above(events + 1.0, rest);
    interval.upper = boost::math::quantile(boost::math::complement(above, tail));
  }
  return interval;
}

Interval jeffreys_interval(const Proportion& proportion, double level) {
  const double tail = 0.5 * (1.0 - level);
  const BetaDistribution posterior(proportion.events + 0.5, proportion.total - proportion.events + 0.5);
  return {boost::math::quantile(posterior, tail),
          boost::math::quantile(boost::math::complement(posterior, tail))};
}

}  // namespace sluice::stats
