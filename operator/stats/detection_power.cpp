// detection_power of planning.h: would a catastrophe have been found out by now?
//
// A step asks this of every guardrail at every look, so it is made to cost little: a bound answers where the
// power is 1 for all that matters, else Newton's method finds the critical number of events, each stable count
// starting from where the one before led to.
#include <algorithm>
#include <array>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "stats/ceiling.h"
#include "stats/log_space.h"
#include "stats/planning.h"
#include "stats/policy.h"

namespace sluice::stats {
namespace {

constexpr std::size_t points = 60;

// Nodes, ascending, and weights for a standard normal (Gauss-Hermite, five points).
constexpr std::array<double, 5> nodes = {-2.856970013872806, -1.355626179974266, 0.0, 1.355626179974266,
                                         2.856970013872806};
constexpr std::array<double, 5> weights = {0.01125741132772069, 0.2220759220056126, 0.5333333333333333,
                                           0.2220759220056126, 0.01125741132772069};

// log E of harm by the ratio alone, as a function of the two counts at fixed pooled exposures: a log-sum-exp of
// terms that are linear in either count, so convex; rising with the candidate's, falling with stable's.
class PooledHarm {
 public:
  PooledHarm(double harm_ratio, const Expectation& exposure, double phi)
      : phi_(phi),
        harm_ratio_(harm_ratio),
        share_(exposure.candidate_exposure / (exposure.candidate_exposure + exposure.stable_exposure)),
        null_(std::log1p(share_ * (harm_ratio - 1.0))) {}

  // A lower bound: the one point of the grid next to `ratio` alone.
  double at_least(double candidate, double stable, double ratio) const {
    const RatioGrid& grid = relative_grid();
    const auto above = std::lower_bound(grid.ratios.begin(), grid.ratios.end() - 1, ratio / harm_ratio_);
    const auto k = static_cast<std::size_t>(above - grid.ratios.begin());
    return grid.log_weights[k] +
           (candidate * std::log(grid.ratios[k]) - (candidate + stable) * loss_at(grid.ratios[k])) / phi_;
  }

  struct Evidence {
    double log_e, by_candidate, by_stable;  // and its derivatives
  };
  Evidence operator()(double candidate, double stable) {
    if (!tabulated_) tabulate();
    const RatioGrid& grid = relative_grid();
    std::array<double, points> terms;
    double largest = log_zero;
    for (std::size_t k = first_; k < last_; ++k) {
      terms[k] = grid.log_weights[k] + candidate * gain_[k] - stable * loss_[k];
      largest = std::max(largest, terms[k]);
    }
    double sum = 0.0;
    Evidence evidence{0.0, 0.0, 0.0};
    for (std::size_t k = first_; k < last_; ++k) {
      constexpr double negligible = -20.0;  // moves the critical count by a ten-millionth
      if (terms[k] - largest <= negligible) continue;
      const double weight = std::exp(terms[k] - largest);
      sum += weight;
      evidence.by_candidate += weight * gain_[k];
      evidence.by_stable -= weight * loss_[k];
    }
    evidence.log_e = largest + std::log(sum);
    evidence.by_candidate /= sum;
    evidence.by_stable /= sum;
    return evidence;
  }

  // So many of the candidate's events are enough: one point of the grid alone reaches the threshold with them. At most
  // the logarithm of the number of points more than the root.
  double enough(double stable, double log_threshold) {
    if (!tabulated_) tabulate();
    const RatioGrid& grid = relative_grid();
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < points; ++k) {
      if (gain_[k] <= 0.0) continue;
      least = std::min(least, (log_threshold - grid.log_weights[k] + stable * loss_[k]) / gain_[k]);
    }
    return std::max(0.0, least);
  }

  // Leaves out from now on what is negligible at these counts, with room for counts nearby.
  void narrow(double candidate, double stable) {
    constexpr double far = -34.0;
    const RatioGrid& grid = relative_grid();
    const auto term = [&](std::size_t k) { return grid.log_weights[k] + candidate * gain_[k] - stable * loss_[k]; };
    double largest = log_zero;
    for (std::size_t k = 0; k < points; ++k) largest = std::max(largest, term(k));
    while (last_ - first_ > 1 && term(first_) < largest + far) ++first_;
    while (last_ - first_ > 1 && term(last_ - 1) < largest + far) --last_;
  }

 private:
  // The harm grid of a null ratio of 1: that of another one is its multiple, with the same weights.
  static const RatioGrid& relative_grid() {
    static const RatioGrid grid = default_harm_grid(1.0);
    return grid;
  }
  static const std::vector<double>& log_ratios() {
    static const std::vector<double> logs = [] {
      std::vector<double> values;
      for (const double ratio : relative_grid().ratios) values.push_back(std::log(ratio));
      return values;
    }();
    return logs;
  }
  double loss_at(double relative) const { return std::log1p(share_ * (relative * harm_ratio_ - 1.0)) - null_; }

  void tabulate() {
    const RatioGrid& grid = relative_grid();
    const std::vector<double>& logs = log_ratios();
    for (std::size_t k = 0; k < points; ++k) {
      const double loss = loss_at(grid.ratios[k]);
      gain_[k] = (logs[k] - loss) / phi_;
      loss_[k] = loss / phi_;
    }
    tabulated_ = true;
  }

  double phi_;
  double harm_ratio_;
  double share_;
  double null_;
  bool tabulated_ = false;
  std::size_t first_ = 0;  // of the grid's points those that matter
  std::size_t last_ = points;
  std::array<double, points> gain_{};  // of log E for an event of the candidate
  std::array<double, points> loss_{};  // for one of stable
};

// The number of the candidate's events at which the evidence reaches the threshold, from a guess. Newton's method
// on a convex rising function: after the first step it comes down to the root from above. `evidence` is left as
// it is there. Infinity when nothing can reach it.
double critical_events(PooledHarm& harm, double stable, double log_threshold, double guess,
                       PooledHarm::Evidence& evidence) {
  double here = guess;
  for (int i = 0; i < 100; ++i) {
    evidence = harm(here, stable);
    if (!(evidence.by_candidate > 0.0)) return std::numeric_limits<double>::infinity();
    const double next = std::max(0.0, here - (evidence.log_e - log_threshold) / evidence.by_candidate);
    if (!std::isfinite(next)) return std::numeric_limits<double>::infinity();
    // What is left is at most this step squared times the largest term's slope, a few: far below a count.
    const bool there = std::abs(next - here) <= 1e-3;
    here = next;
    if (there) break;
  }
  return here;
}

// The least number of the candidate's events, in units of phi, with which the rate is shown to be above the floor.
double floor_events(double floor, double exposure, double log_threshold, double phi, double at_most) {
  const auto shown = [&](double events) { return log_e_above(events * phi, exposure, floor, phi) >= log_threshold; };
  if (floor <= 0.0) return 0.0;
  if (!shown(at_most)) return std::numeric_limits<double>::infinity();
  double below = -1.0;
  double above = std::ceil(at_most);
  while (above - below > 1.0) {
    const double middle = std::floor(0.5 * (below + above));
    (shown(middle) ? above : below) = middle;
  }
  return above;
}

}  // namespace

double detection_power(const GuardrailParameters& parameters, const Expectation& so_far, double log_threshold,
                       double dispersion) {
  if (!(so_far.candidate_exposure > 0.0) || !(so_far.stable_exposure > 0.0)) return 0.0;
  const double assumed_rate = std::max(so_far.stable_rate, parameters.or_below);
  const double mean = so_far.candidate_exposure * assumed_rate * so_far.ratio / dispersion;
  const double stable_mean = so_far.stable_exposure * so_far.stable_rate;
  if (!(mean > 0.0)) return 0.0;
  const auto stable_at = [&](double node) {
    return std::max(0.0, stable_mean + node * std::sqrt(dispersion * stable_mean));
  };
  PooledHarm harm(parameters.harm_ratio, so_far, dispersion);

  // Fewer than mean - 5.5 sd come with a probability below exp(-5.5^2/2) = 3e-7 (Chernoff). If those are enough
  // even for the largest of stable's counts, the power is 1.
  const double few = std::floor(mean - 5.5 * std::sqrt(mean));
  const double many = stable_at(nodes.back());
  if (few > 0.0 && parameters.harm_floor <= 0.0) {
    const double ratio = few * dispersion / so_far.candidate_exposure * so_far.stable_exposure / std::max(many, 1.0);
    if (harm.at_least(few * dispersion, many, ratio) >= log_threshold) return 1.0;
  }

  const double at_most = mean + 12.0 * std::sqrt(mean) + 30.0;
  const double by_floor =
      floor_events(parameters.harm_floor, so_far.candidate_exposure, log_threshold, dispersion, at_most);
  double power = 0.0;
  double stable_before = stable_at(nodes.front());
  double critical = harm.enough(stable_before, log_threshold);
  if (!std::isfinite(critical)) return 0.0;
  harm.narrow(critical, stable_before);
  PooledHarm::Evidence evidence{0.0, 1.0, 0.0};
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const double stable = stable_at(nodes[i]);
    // How the root moves with stable's count: along the line of equal evidence.
    const double guess = critical - (stable - stable_before) * evidence.by_stable / evidence.by_candidate;
    critical = critical_events(harm, stable, log_threshold, std::max(0.0, guess), evidence);
    stable_before = stable;
    const double events = std::max(std::ceil(critical / dispersion), by_floor);
    if (!(events <= at_most)) break;  // and more of stable's events would ask for more still
    power += weights[i] * (events <= 0.0 ? 1.0 : boost::math::gamma_p(events, mean, Policy()));
  }
  return std::clamp(power, 0.0, 1.0);
}

}  // namespace sluice::stats
