#include "stats/planning.h"

#include <algorithm>
#include <array>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <limits>

#include "stats/ceiling.h"
#include "stats/log_space.h"
#include "stats/policy.h"

namespace sluice::stats {
namespace {

// log E of harm as a function of the two counts, at fixed pooled exposures.
class PooledHarm {
 public:
  PooledHarm(const GuardrailParameters& parameters, double candidate_exposure, double stable_exposure,
             double phi)
      : grid_(default_harm_grid(parameters.harm_ratio)),
        floor_(parameters.harm_floor),
        exposure_(candidate_exposure),
        phi_(phi) {
    const double share = candidate_exposure / (candidate_exposure + stable_exposure);
    const double null = std::log1p(share * (parameters.harm_ratio - 1.0));
    for (const double ratio : grid_.ratios) {
      gain_.push_back(std::log(ratio / parameters.harm_ratio));
      loss_.push_back(std::log1p(share * (ratio - 1.0)) - null);
    }
    terms_.resize(gain_.size());
  }

  double operator()(double candidate, double stable) {
    for (std::size_t k = 0; k < terms_.size(); ++k) {
      terms_[k] = grid_.log_weights[k] + (candidate * gain_[k] - (candidate + stable) * loss_[k]) / phi_;
    }
    const double harm = log_sum_exp(terms_);
    if (floor_ <= 0.0) return harm;
    return log_e_harm_above_floor(harm, log_e_above(candidate, exposure_, floor_, phi_));
  }

 private:
  RatioGrid grid_;
  std::vector<double> gain_;
  std::vector<double> loss_;
  std::vector<double> terms_;
  double floor_;
  double exposure_;
  double phi_;
};

// The least number of the candidate's events with which the evidence reaches the threshold.
double critical_events(PooledHarm& harm, double stable, double log_threshold, double at_most) {
  double above = at_most;
  if (harm(above, stable) < log_threshold) return std::numeric_limits<double>::infinity();
  double below = 0.0;
  for (int i = 0; i < 48 && above - below > 1e-3; ++i) {
    const double middle = 0.5 * (below + above);
    (harm(middle, stable) >= log_threshold ? above : below) = middle;
  }
  return above;
}

// Where the path of the expected counts crosses a threshold. log E along a straight path is convex and starts
// below, so that it crosses once.
template <class Crossed>
double first_look(const Crossed& crossed) {
  constexpr double longest = 1e6;
  double after = 1.0;
  while (!crossed(after)) {
    after *= 2.0;
    if (after > longest) return std::numeric_limits<double>::infinity();
  }
  double before = after > 1.0 ? 0.5 * after : 0.0;
  for (int i = 0; i < 24; ++i) {
    const double middle = 0.5 * (before + after);
    (crossed(middle) ? after : before) = middle;
  }
  return after;
}

}  // namespace

double growth_per_look(const Expectation& expectation, double null_ratio) {
  const Block block = expectation.block();
  if (!informs_ratio(block) || !(expectation.ratio > 0.0) || !(null_ratio > 0.0)) return 0.0;
  const double share = block.candidate_exposure / (block.candidate_exposure + block.stable_exposure);
  const double change =
      std::log1p(share * (expectation.ratio - 1.0)) - std::log1p(share * (null_ratio - 1.0));
  return block.candidate_events * std::log(expectation.ratio / null_ratio) -
         (block.candidate_events + block.stable_events) * change;
}

double planned_looks(const Expectation& expectation, double null_ratio, double log_threshold,
                     double dispersion) {
  constexpr double price_of_mixture = 2.0;
  const double growth = growth_per_look(expectation, null_ratio) / dispersion;
  if (!(growth > 0.0)) return std::numeric_limits<double>::infinity();
  return (log_threshold + price_of_mixture) / growth;
}

double detection_power(const GuardrailParameters& parameters, const Expectation& so_far, double log_threshold,
                       double dispersion) {
  if (!(so_far.candidate_exposure > 0.0) || !(so_far.stable_exposure > 0.0)) return 0.0;
  const double assumed_rate = std::max(so_far.stable_rate, parameters.or_below);
  const double mean = so_far.candidate_exposure * assumed_rate * so_far.ratio / dispersion;
  const double stable_mean = so_far.stable_exposure * so_far.stable_rate;
  if (!(mean > 0.0)) return 0.0;

  PooledHarm harm(parameters, so_far.candidate_exposure, so_far.stable_exposure, dispersion);
  // Nodes and weights for a standard normal (Gauss-Hermite, five points).
  constexpr std::array<double, 5> nodes = {-2.856970013872806, -1.355626179974266, 0.0, 1.355626179974266,
                                           2.856970013872806};
  constexpr std::array<double, 5> weights = {0.01125741132772069, 0.2220759220056126, 0.5333333333333333,
                                             0.2220759220056126, 0.01125741132772069};
  const double at_most = dispersion * (mean + 12.0 * std::sqrt(mean) + 30.0);
  double power = 0.0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const double stable = std::max(0.0, stable_mean + nodes[i] * std::sqrt(dispersion * stable_mean));
    const double critical = std::ceil(critical_events(harm, stable, log_threshold, at_most) / dispersion);
    if (std::isinf(critical)) continue;
    power += weights[i] * (critical <= 0.0 ? 1.0 : boost::math::gamma_p(critical, mean, Policy()));
  }
  return std::clamp(power, 0.0, 1.0);
}

GuardrailEvidence GuardrailEvidence::after(const Block& per_look, double looks) const {
  GuardrailEvidence later = *this;
  // The dispersion stays what it is: one large block of expected counts says nothing about scatter.
  later.parameters_.fixed_dispersion = dispersion();
  later.add({looks * per_look.candidate_events, looks * per_look.stable_events,
             looks * per_look.candidate_exposure, looks * per_look.stable_exposure});
  return later;
}

double GuardrailEvidence::looks_to_harm(const Block& per_look, double log_threshold) const {
  if (log_e_harm() >= log_threshold) return 0.0;
  return first_look([&](double looks) { return after(per_look, looks).log_e_harm() >= log_threshold; });
}

double GuardrailEvidence::looks_to_non_inferior(const Block& per_look, double log_threshold) const {
  if (log_e_non_inferior() >= log_threshold) return 0.0;
  return first_look(
      [&](double looks) { return after(per_look, looks).log_e_non_inferior() >= log_threshold; });
}

double GuardrailEvidence::detection_power(double ratio, double log_threshold) const {
  const double rate = totals_.stable_exposure > 0.0 ? totals_.stable_events / totals_.stable_exposure : 0.0;
  return stats::detection_power(parameters_,
                                {totals_.candidate_exposure, totals_.stable_exposure, rate, ratio},
                                log_threshold, dispersion());
}

}  // namespace sluice::stats
