#include "stats/rate_ratio.h"

#include <algorithm>
#include <array>
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
RatioGrid weighted_grid(double origin, double first, double last, double centre, double sd, std::size_t points = 60) {
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

RatioGrid edge_harm_grid(double null_ratio) {
  return weighted_grid(null_ratio, std::log(1.03), std::log(8.0), std::log(1.4 * null_ratio), 0.5, 14);
}

RatioGrid edge_non_inferior_grid(double margin) {
  return weighted_grid(margin, -std::log(4.0), -std::log(1.02), 0.0, 0.25, 12);
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

RatioNodes::RatioNodes(std::vector<double> nodes, const std::vector<double>& exact)
    : count(nodes.size()), ratios(std::move(nodes)) {
  ratios.insert(ratios.end(), exact.begin(), exact.end());
  for (const double ratio : ratios) log_ratios.push_back(std::log(ratio));
}

RatioLikelihood::RatioLikelihood(std::shared_ptr<const RatioNodes> at)
    : at_(std::move(at)), sums_(at_->ratios.size(), 0.0), table_(at_->ratios.size(), 0.0) {}

RatioLikelihood::RatioLikelihood(std::vector<double> nodes, const std::vector<double>& exact)
    : RatioLikelihood(std::make_shared<const RatioNodes>(std::move(nodes), exact)) {}

void RatioLikelihood::tabulate(double share) {
  for (std::size_t k = 0; k < table_.size(); ++k) table_[k] = std::log1p(share * (at_->ratios[k] - 1.0));
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

double RatioLikelihood::growth_at(std::size_t k, const Block& block) const {
  if (!informs_ratio(block)) return 0.0;
  const double share = block.candidate_exposure / (block.candidate_exposure + block.stable_exposure);
  const double events = block.candidate_events + block.stable_events;
  const double expected = share == share_ ? table_[k] : std::log1p(share * (at_->ratios[k] - 1.0));
  return block.candidate_events * at_->log_ratios[k] - events * expected;
}

// The stored sums less e log(1 + S (r - 1)) with S the average share, which is what they would be if all blocks
// had that share. It vanishes when the shares are equal, and is small and smooth when they are not: so this is
// what is interpolated, by a cubic through four nodes.
RatioLikelihood::Curve RatioLikelihood::correction_at(double log_ratio) const {
  const double share = event_weighted_share_ / events_;
  const std::vector<double>& logs = at_->log_ratios;
  const std::size_t last = at_->count - 1;
  const auto residual = [&](std::size_t k) {
    return sums_[k] - events_ * std::log1p(share * (at_->ratios[k] - 1.0));
  };
  if (log_ratio <= logs[0]) {
    const double limit = sum_at_zero_ - events_ * std::log1p(-share);
    const double rest = (residual(0) - limit) * std::exp(log_ratio - logs[0]);
    return {limit + rest, rest};
  }
  if (log_ratio >= logs[last]) {
    const double limit = sum_at_infinity_ - events_ * std::log(share);
    const double rest = (residual(last) - limit) * std::exp(logs[last] - log_ratio);
    return {limit + rest, -rest};
  }
  const auto above = std::upper_bound(logs.begin(), logs.begin() + static_cast<long>(last), log_ratio);
  const auto interval = static_cast<std::size_t>(above - logs.begin());
  const std::size_t first = std::min(interval >= 2 ? interval - 2 : 0, last - 3);
  // Newton's divided differences, then Horner's scheme for the value and the slope.
  std::array<double, 4> difference{};
  for (std::size_t i = 0; i < 4; ++i) difference[i] = residual(first + i);
  for (std::size_t order = 1; order < 4; ++order) {
    for (std::size_t i = 3; i >= order; --i) {
      difference[i] = (difference[i] - difference[i - 1]) / (logs[first + i] - logs[first + i - order]);
    }
  }
  Curve cubic{difference[3], 0.0};
  for (std::size_t i = 3; i-- > 0;) {
    const double away = log_ratio - logs[first + i];
    cubic.slope = cubic.slope * away + cubic.value;
    cubic.value = cubic.value * away + difference[i];
  }
  return cubic;
}

RatioLikelihood::Curve RatioLikelihood::curve_at(double log_ratio) const {
  if (events_ <= 0.0) return {0.0, 0.0};
  const double share = event_weighted_share_ / events_;
  const double excess = share * std::expm1(log_ratio);
  const Curve correction = correction_at(log_ratio);
  // The candidate's share of the events; for a huge ratio `excess` is infinite and the share is 1.
  const double odds = share * std::exp(log_ratio);
  const double expected = std::isinf(odds) ? 1.0 : odds / (1.0 - share + odds);
  return {candidate_events_ * log_ratio - events_ * std::log1p(excess) - correction.value,
          candidate_events_ - events_ * expected - correction.slope};
}

double RatioLikelihood::most_likely_log_ratio() const {
  if (events_ <= 0.0) return 0.0;
  if (candidate_events_ <= 0.0) return -infinity;
  if (stable_events() <= 0.0) return infinity;
  // The answer for equal shares is a good place to start from. The slope falls with log r; its own slope is
  // nearly that of equal shares, which is exact enough for Newton's method within a bracket.
  const double share = event_weighted_share_ / events_;
  const double centre = std::log(candidate_events_ / stable_events() * (1.0 - share) / share);
  double low = centre - 4.0;
  double high = centre + 4.0;
  double here = centre;
  for (int i = 0; i < 60; ++i) {
    const double slope = curve_at(here).slope;
    (slope > 0.0 ? low : high) = here;
    const double odds = share * std::exp(here) / (1.0 - share);
    const double step = slope * (1.0 + odds) * (1.0 + odds) / (events_ * odds);
    if (std::abs(step) <= 1e-11) return here + step;
    const double next = here + step;
    here = next > low && next < high ? next : 0.5 * (low + high);
  }
  return here;
}

std::vector<double> RatioLikelihood::state() const {
  std::vector<double> values;
  append_state(values);
  return values;
}

void RatioLikelihood::append_state(std::vector<double>& out) const {
  out.insert(out.end(), sums_.begin(), sums_.end());
  out.insert(out.end(),
             {candidate_events_, events_, event_weighted_share_, sum_at_zero_, sum_at_infinity_});
}

bool RatioLikelihood::restore(std::span<const double> state) {
  if (state.size() != state_size()) return false;
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
  // Twice over the nodes instead of once into a buffer: no allocation, and the additions are cheap. A term that
  // is e^40 times smaller than the largest is below the rounding of the sum.
  constexpr double negligible = -40.0;
  const double scale = 1.0 / dispersion;
  double largest = log_zero;
  for (std::size_t k = 0; k < log_weights.size(); ++k) {
    largest = std::max(largest, log_weights[k] + scale * (likelihood.at_node(first + k) - offset));
  }
  if (std::isinf(largest)) return largest;
  double sum = 0.0;
  for (std::size_t k = 0; k < log_weights.size(); ++k) {
    const double term = log_weights[k] + scale * (likelihood.at_node(first + k) - offset) - largest;
    if (term > negligible) sum += std::exp(term);
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
  constexpr double far = 40.0;  // exp(40): no ratio that anybody measures
  // As L is concave, a tangent meets the level beyond the end that is sought: from the second step on Newton's
  // method comes nearer from outside only.
  const auto bound = [&](double from, double direction) {
    double here = from;
    for (int i = 0; i < 100; ++i) {
      const RatioLikelihood::Curve curve = likelihood.curve_at(here);
      const double slope = curve.slope / dispersion;
      const double missing = least - curve.value / dispersion;
      // On the wrong side of the peak, where a tangent leads away from the end: onwards, past it.
      const double step = slope * direction < 0.0 ? missing / slope : direction;
      const double next = here + std::clamp(step, -4.0, 4.0);
      if (std::abs(next) > 2.0 * far) return direction < 0.0 ? 0.0 : infinity;
      if (i > 0 && std::abs(next - here) <= 1e-10 * (1.0 + std::abs(here))) return std::exp(next);
      here = next;
    }
    return std::exp(here);
  };
  const double spread = std::sqrt(2.0 * dispersion * std::log(1.0 / alpha) * (1.0 / candidate + 1.0 / stable));
  const double away = std::min(spread, 4.0);
  if (candidate > 0.0) interval.lower = bound(std::min(peak, far) - away, -1.0);
  if (stable > 0.0) interval.upper = bound(std::max(peak, -far) + away, 1.0);
  return interval;
}

}  // namespace sluice::stats
