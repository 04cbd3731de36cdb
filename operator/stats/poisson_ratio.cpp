#include "stats/poisson_ratio.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "stats/log_space.h"
#include "stats/proportions.h"

namespace sluice::stats {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

double null_share(const Rate& first, const Rate& second, double ratio) {
  const double weighted = first.exposure * ratio;
  return weighted / (weighted + second.exposure);
}

double log_binomial(double k, double n, double p) {
  return -std::log(n + 1.0) - log_beta(k + 1.0, n - k + 1.0) + (k > 0.0 ? k * std::log(p) : 0.0) +
         (k < n ? (n - k) * std::log1p(-p) : 0.0);
}

// The smallest whole k in [low, high] for which `holds` is true, given that it is true from some k on; high +
// 1 if none.
template <class Holds>
double first_whole(double low, double high, const Holds& holds) {
  double below = low - 1.0;
  double from = high + 1.0;
  while (from - below > 1.0) {
    const double middle = std::floor(0.5 * (below + from));
    (holds(middle) ? from : below) = middle;
  }
  return from;
}

// log of the probability of all outcomes that are at most as likely as the observed one (R's binom.test).
double log_two_sided(double observed, double n, double p) {
  const double k = std::round(observed);
  const double size = std::round(n);
  const double mean = size * p;
  if (k == mean) return 0.0;
  const double limit = log_binomial(k, size, p) + std::log1p(1e-7);
  const auto unlikely = [&](double x) { return log_binomial(x, size, p) <= limit; };
  if (k < mean) {
    const double other = first_whole(std::ceil(mean), size, unlikely);
    const double upper = other <= size ? binomial_tails(other, size, p).upper : log_zero;
    return log_add_exp(binomial_tails(k, size, p).lower, upper);
  }
  // Mirrored: counting from the mean downwards.
  const double most = std::floor(mean);
  const double steps = first_whole(0.0, most, [&](double down) { return unlikely(most - down); });
  const double lower = steps <= most ? binomial_tails(most - steps, size, p).lower : log_zero;
  return log_add_exp(binomial_tails(k, size, p).upper, lower);
}

}  // namespace

PValue poisson_ratio_exact(const Rate& first, const Rate& second, double ratio, Alternative alternative) {
  const double n = first.events + second.events;
  if (!(n > 0.0)) return {};
  const double share = null_share(first, second, ratio);
  if (alternative == Alternative::TwoSided) return p_value_from_log(log_two_sided(first.events, n, share));
  return p_value(binomial_tails(first.events, n, share), alternative);
}

PValue poisson_ratio_mid_p(const Rate& first, const Rate& second, double ratio, Alternative alternative) {
  const double n = first.events + second.events;
  if (!(n > 0.0)) return {};
  const double share = null_share(first, second, ratio);
  const LogTails tails = binomial_tails(first.events, n, share);
  const double half = log_binomial(first.events, n, share) - std::numbers::ln2;
  // A tail without half of the observed outcome: the tail of the next count plus the other half.
  const double above = first.events < n ? binomial_tails(first.events + 1.0, n, share).upper : log_zero;
  const double below = first.events > 0.0 ? binomial_tails(first.events - 1.0, n, share).lower : log_zero;
  const LogTails middle{
      tails.lower < -0.1 ? log_add_exp(below, half) : log_one_minus_exp(log_add_exp(above, half)),
      tails.upper < -0.1 ? log_add_exp(above, half) : log_one_minus_exp(log_add_exp(below, half))};
  return p_value(middle, alternative);
}

PoissonScore poisson_ratio_score(const Rate& first, const Rate& second, double ratio,
                                 Alternative alternative) {
  PoissonScore score;
  const double n = first.events + second.events;
  if (!(n > 0.0)) return score;
  const double weight = ratio * first.exposure / second.exposure;
  score.z = (first.events - second.events * weight) / std::sqrt(n * weight);
  score.p = p_value(normal_tails(score.z), alternative);
  return score;
}

RateRatio rate_ratio_interval(const Rate& first, const Rate& second, double level, Alternative alternative) {
  RateRatio result;
  result.interval = {0.0, infinity};
  const double n = first.events + second.events;
  if (!(n > 0.0)) return result;
  const double scale = second.exposure / first.exposure;
  result.estimate = second.events > 0.0 ? first.events / second.events * scale : infinity;
  const double tails = alternative == Alternative::TwoSided ? level : 1.0 - 2.0 * (1.0 - level);
  const Interval share = clopper_pearson_interval({first.events, n}, tails);
  const auto to_ratio = [&](double pi) { return pi < 1.0 ? pi / (1.0 - pi) * scale : infinity; };
  if (alternative != Alternative::Less) result.interval.lower = to_ratio(share.lower);
  if (alternative != Alternative::Greater) result.interval.upper = to_ratio(share.upper);
  return result;
}

}  // namespace sluice::stats
