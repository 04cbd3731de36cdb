#include "stats/rate_ratio.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stats/log_space.h"

namespace sluice::stats {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// `points` values from `first` to `last`; the last one exactly, as numpy's linspace does.
std::vector<double> evenly_spaced(double first, double last, std::size_t points) {
  std::vector<double> values(points);
  const double step = points > 1 ? (last - first) / static_cast<double>(points - 1) : 0.0;
  for (std::size_t i = 0; i < points; ++i) values[i] = first + step * static_cast<double>(i);
  if (points > 1) values.back() = last;
  return values;
}

// A grid from `origin` * exp(`first`) to `origin` * exp(`last`) with 0.9 of the weight as a normal in log r.
RatioGrid weighted_grid(double origin, double first, double last, double centre, double sd) {
  constexpr std::size_t points = 60;
  constexpr double normal_share = 0.9;
  RatioGrid grid;
  std::vector<double> density;
  double total = 0.0;
  for (const double offset : evenly_spaced(first, last, points)) {
    const double ratio = origin * std::exp(offset);
    const double z = (std::log(ratio) - centre) / sd;
    grid.ratios.push_back(ratio);
    density.push_back(std::exp(-0.5 * z * z));
    total += density.back();
  }
  const double uniform = (1.0 - normal_share) / static_cast<double>(points);
  for (const double d : density) {
    // A centre far outside the range leaves no density at all; then the uniform part carries everything.
    grid.log_weights.push_back(total > 0.0 ? std::log(normal_share * d / total + uniform)
                                           : -std::log(static_cast<double>(points)));
  }
  return grid;
}

}  // namespace

bool is_valid(const Block& block) {
  const double values[] = {block.candidate_events, block.stable_events, block.candidate_exposure,
                           block.stable_exposure};
  for (const double value : values) {
    if (!std::isfinite(value) || value < 0.0) return false;
  }
  return (block.candidate_events == 0.0 || block.candidate_exposure > 0.0) &&
         (block.stable_events == 0.0 || block.stable_exposure > 0.0);
}

bool informs_ratio(const Block& block) {
  return is_valid(block) && block.candidate_exposure > 0.0 && block.stable_exposure > 0.0 &&
         block.candidate_events + block.stable_events > 0.0;
}

RatioGrid uniform_grid(double first, double last, std::size_t points) {
  RatioGrid grid;
  for (const double offset : evenly_spaced(std::log(first), std::log(last), points)) {
    grid.ratios.push_back(std::exp(offset));
    grid.log_weights.push_back(-std::log(static_cast<double>(points)));
  }
  return grid;
}

RatioGrid uniform_harm_grid(double null_ratio, std::size_t points) {
  return uniform_grid(null_ratio * 1.05, null_ratio * 50.0, points);
}

RatioGrid uniform_non_inferior_grid(double margin, std::size_t points) {
  return uniform_grid(margin / 10.0, margin / 1.02, points);
}

RatioGrid default_harm_grid(double null_ratio) {
  return weighted_grid(null_ratio, std::log(1.05), std::log(50.0), std::log(2.0 * null_ratio), 0.5);
}

RatioGrid default_non_inferior_grid(double margin) {
  return weighted_grid(margin, -std::log(10.0), -std::log(1.02), 0.0, 0.25);
}

RatioGrid default_confidence_grid() {
  RatioGrid grid = uniform_grid(1.0 / 50.0, 50.0, 81);
  grid.log_weights = normal_log_weights(grid.ratios, 0.0, 1.0);
  return grid;
}

std::vector<double> normal_log_weights(std::span<const double> ratios, double centre, double sd) {
  std::vector<double> weights(ratios.size());
  for (std::size_t k = 0; k < ratios.size(); ++k) {
    const double here = std::log(ratios[k]);
    const double below = k > 0 ? std::log(ratios[k - 1]) : here;
    const double above = k + 1 < ratios.size() ? std::log(ratios[k + 1]) : here;
    const double z = (here - centre) / sd;
    weights[k] = -0.5 * z * z + std::log(0.5 * (above - below));
  }
  const double total = log_sum_exp(weights);
  for (double& weight : weights) weight -= total;
  return weights;
}

RatioLikelihood::RatioLikelihood(std::vector<double> nodes, std::vector<double> exact)
    : nodes_(nodes.size()), ratios_(std::move(nodes)) {
  ratios_.insert(ratios_.end(), exact.begin(), exact.end());
  for (const double ratio : ratios_) log_ratios_.push_back(std::log(ratio));
  sums_.assign(ratios_.size(), 0.0);
  table_.assign(ratios_.size(), 0.0);
}

void RatioLikelihood::tabulate(double share) {
  for (std::size_t k = 0; k < ratios_.size(); ++k) table_[k] = std::log1p(share * (ratios_[k] - 1.0));
  share_ = share;
}

void RatioLikelihood::add(const Block& block) {
  if (!informs_ratio(block)) return;
  const double share = block.candidate_exposure / (block.candidate_exposure + block.stable_exposure);
  const double events = block.candidate_events + block.stable_events;
  if (share != share_) tabulate(share);
  for (std::size_t k = 0; k < sums_.size(); ++k) sums_[k] += events * table_[k];
  candidate_events_ += block.candidate_events;
  events_ += events;
  event_weighted_share_ += events * share;
  sum_at_zero_ += events * std::log1p(-share);
  sum_at_infinity_ += events * std::log(share);
}

// e log(1 + S (r - 1)) with S the average share: what the sum would be if all blocks had that share.
double RatioLikelihood::pooled(double log_ratio) const {
  return events_ * std::log1p(event_weighted_share_ / events_ * std::expm1(log_ratio));
}

double RatioLikelihood::at_log_ratio(double log_ratio) const {
  if (events_ <= 0.0) return 0.0;
  // Only the difference from the pooled sum is interpolated: it vanishes when the shares are equal, and is
  // small and smooth when they are not.
  const auto residual = [this](std::size_t k) { return sums_[k] - pooled(log_ratios_[k]); };
  const double share = event_weighted_share_ / events_;
  double correction = 0.0;
  if (log_ratio <= log_ratios_[0]) {
    const double limit = sum_at_zero_ - events_ * std::log1p(-share);
    correction = limit + (residual(0) - limit) * std::exp(log_ratio - log_ratios_[0]);
  } else if (log_ratio >= log_ratios_[nodes_ - 1]) {
    const double limit = sum_at_infinity_ - events_ * std::log(share);
    correction = limit + (residual(nodes_ - 1) - limit) * std::exp(log_ratios_[nodes_ - 1] - log_ratio);
  } else {
    const auto above =
        std::upper_bound(log_ratios_.begin(), log_ratios_.begin() + static_cast<long>(nodes_), log_ratio);
    const auto interval = static_cast<std::size_t>(above - log_ratios_.begin());
    const std::size_t first = std::min(interval >= 2 ? interval - 2 : 0, nodes_ - 4);
    for (std::size_t i = first; i < first + 4; ++i) {
      double basis = 1.0;
      for (std::size_t j = first; j < first + 4; ++j) {
        if (j != i) basis *= (log_ratio - log_ratios_[j]) / (log_ratios_[i] - log_ratios_[j]);
      }
      correction += basis * residual(i);
    }
  }
  return candidate_events_ * log_ratio - pooled(log_ratio) - correction;
}

double RatioLikelihood::most_likely_log_ratio() const {
  if (events_ <= 0.0) return 0.0;
  if (candidate_events_ <= 0.0) return -infinity;
  if (stable_events() <= 0.0) return infinity;
  // The answer for equal shares is a good place to start from; golden section then needs no derivative.
  const double share = event_weighted_share_ / events_;
  const double centre = std::log(candidate_events_ / stable_events() * (1.0 - share) / share);
  constexpr double golden = 0.618033988749894848;
  double low = centre - 4.0;
  double high = centre + 4.0;
  double left = high - golden * (high - low);
  double right = low + golden * (high - low);
  double at_left = at_log_ratio(left);
  double at_right = at_log_ratio(right);
  for (int i = 0; i < 48; ++i) {
    if (at_left < at_right) {
      low = left;
      left = right;
      at_left = at_right;
      right = low + golden * (high - low);
      at_right = at_log_ratio(right);
    } else {
      high = right;
      right = left;
      at_right = at_left;
      left = high - golden * (high - low);
      at_left = at_log_ratio(left);
    }
  }
  return 0.5 * (low + high);
}

std::vector<double> RatioLikelihood::state() const {
  std::vector<double> values = sums_;
  values.insert(values.end(),
                {candidate_events_, events_, event_weighted_share_, sum_at_zero_, sum_at_infinity_});
  return values;
}

bool RatioLikelihood::restore(std::span<const double> state) {
  if (state.size() != sums_.size() + 5) return false;
  std::copy_n(state.begin(), sums_.size(), sums_.begin());
  const auto rest = state.subspan(sums_.size());
  candidate_events_ = rest[0];
  events_ = rest[1];
  event_weighted_share_ = rest[2];
  sum_at_zero_ = rest[3];
  sum_at_infinity_ = rest[4];
  return true;
}

double log_mixture(const RatioLikelihood& likelihood, std::size_t first, std::span<const double> log_weights,
                   double offset, double dispersion) {
  // Twice over the nodes instead of once into a buffer: no allocation, and the additions are cheap.
  const double scale = 1.0 / dispersion;
  double largest = log_zero;
  for (std::size_t k = 0; k < log_weights.size(); ++k) {
    largest = std::max(largest, log_weights[k] + scale * (likelihood.at_node(first + k) - offset));
  }
  if (std::isinf(largest)) return largest;
  double sum = 0.0;
  for (std::size_t k = 0; k < log_weights.size(); ++k) {
    sum += std::exp(log_weights[k] + scale * (likelihood.at_node(first + k) - offset) - largest);
  }
  return largest + std::log(sum);
}

RateRatioEvidence::RateRatioEvidence(double null_ratio, RatioGrid grid)
    : log_weights_(std::move(grid.log_weights)), likelihood_(std::move(grid.ratios), {null_ratio}) {}

double RateRatioEvidence::log_e(double dispersion) const {
  return log_mixture(likelihood_, 0, log_weights_, likelihood_.at_exact(0), dispersion);
}

RatioInterval ratio_interval(const RatioLikelihood& likelihood, std::span<const double> log_weights,
                             double alpha, double dispersion) {
  RatioInterval interval{1.0, 0.0, infinity};
  const double peak = likelihood.most_likely_log_ratio();
  const double candidate = likelihood.candidate_events();
  const double stable = likelihood.stable_events();
  if (candidate + stable <= 0.0) return interval;
  interval.estimate = std::exp(peak);

  const double least = log_mixture(likelihood, 0, log_weights, 0.0, dispersion) + std::log(alpha);
  const auto inside = [&](double log_ratio) {
    return likelihood.at_log_ratio(log_ratio) / dispersion > least;
  };
  constexpr double far = 40.0;  // exp(40): no ratio that anybody measures
  const auto bound = [&](double within, double direction) {
    double step = 0.125;
    while (inside(within + direction * step)) {
      step *= 2.0;
      if (step > 2.0 * far) return direction < 0.0 ? 0.0 : infinity;
    }
    double outside = within + direction * step;
    for (int i = 0; i < 60; ++i) {
      const double middle = 0.5 * (within + outside);
      (inside(middle) ? within : outside) = middle;
    }
    return std::exp(outside);
  };
  if (candidate > 0.0) interval.lower = bound(std::min(peak, far), -1.0);
  if (stable > 0.0) interval.upper = bound(std::max(peak, -far), 1.0);
  return interval;
}

}  // namespace sluice::stats
