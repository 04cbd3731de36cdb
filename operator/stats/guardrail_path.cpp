// How much longer the evidence will take: GuardrailEvidence::looks_to_harm and looks_to_non_inferior.
//
// Along the path of the expected counts every term of a mixture is a straight line over the number of looks, so
// that log E is a log-sum-exp of lines: convex, and it crosses a threshold above its start once at most.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "stats/ceiling.h"
#include "stats/guardrail.h"
#include "stats/guardrail_grids.h"
#include "stats/log_space.h"

namespace sluice::stats {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

class ExpectedPath {
 public:
  // A term that is `now` and grows by `per_look`.
  void add(double now, double per_look) { lines_[count_++] = {now, per_look}; }

  // The terms of a ceiling's mixture, `weight` being the logarithm of its weight within the whole.
  void add(const CeilingTerms& now, const CeilingTerms& per_look, double weight) {
    for (std::size_t k = 0; k < now.size(); ++k) {
      add(now[k] + weight - std::log(static_cast<double>(now.size())), per_look[k]);
    }
  }

  // After how many looks the path reaches the threshold; 0 when it has, infinity when not within a million.
  double looks_to(double threshold) const {
    constexpr double longest = 1e6;
    // Where the first line crosses the sum has: from there Newton's method, on a convex function, comes down.
    double looks = infinity;
    double largest = log_zero;
    for (std::size_t k = 0; k < count_; ++k) {
      const Line& line = lines_[k];
      largest = std::max(largest, line.now);
      if (line.per_look > 0.0) looks = std::min(looks, (threshold - line.now) / line.per_look);
    }
    if (largest >= threshold || at(0.0).now >= threshold) return 0.0;
    if (!(looks <= longest * 100.0)) return infinity;
    for (int i = 0; i < 50; ++i) {
      const Line here = at(looks);
      if (!(here.per_look > 0.0)) return infinity;
      const double step = (here.now - threshold) / here.per_look;
      looks -= step;
      // Quadratic: what is left is about this step's square, relatively.
      if (std::abs(step) <= 1e-4 * (1.0 + looks)) break;
    }
    return looks <= longest ? std::max(0.0, looks) : infinity;
  }

 private:
  struct Line {
    double now, per_look;
  };

  // The value and the slope after so many looks.
  Line at(double looks) const {
    double largest = log_zero;
    for (std::size_t k = 0; k < count_; ++k) {
      largest = std::max(largest, lines_[k].now + looks * lines_[k].per_look);
    }
    double sum = 0.0;
    double slope = 0.0;
    for (std::size_t k = 0; k < count_; ++k) {
      constexpr double negligible = -20.0;  // moves the answer by a millionth of a look
      const double term = lines_[k].now + looks * lines_[k].per_look - largest;
      if (term <= negligible) continue;
      const double weight = std::exp(term);
      sum += weight;
      slope += weight * lines_[k].per_look;
    }
    return {largest + std::log(sum), slope / sum};
  }

  std::array<Line, 100> lines_{};
  std::size_t count_ = 0;
};

}  // namespace

double GuardrailEvidence::looks_to_harm(const Block& per_look, double log_threshold) const {
  if (log_e_harm() >= log_threshold) return 0.0;
  if (!is_valid(per_look)) return infinity;
  const double phi = dispersion();
  ExpectedPath ratio;
  const double offset = every_block_.at_exact(0);
  const double offset_per_look = every_block_.growth_at_exact(0, per_look);
  for (std::size_t k = 0; k < grids_->harm_weights.size(); ++k) {
    const std::size_t node = grids_->lower_nodes + k;
    ratio.add(grids_->harm_weights[k] + (every_block_.at_node(node) - offset) / phi,
              (every_block_.growth_at(node, per_look) - offset_per_look) / phi);
  }
  const double by_ratio = ratio.looks_to(log_threshold);
  if (parameters_.harm_floor <= 0.0) return by_ratio;
  const double floor = parameters_.harm_floor;
  const double rate_phi = ceiling_dispersion();
  ExpectedPath rate;
  rate.add(above_terms(totals_.candidate_events, totals_.candidate_exposure, floor, rate_phi),
           above_terms(per_look.candidate_events, per_look.candidate_exposure, floor, rate_phi), 0.0);
  return std::max(by_ratio, rate.looks_to(log_threshold));
}

double GuardrailEvidence::looks_to_non_inferior(const Block& per_look, double log_threshold) const {
  if (log_e_non_inferior() >= log_threshold) return 0.0;
  if (!is_valid(per_look)) return infinity;
  const double phi = dispersion();
  const bool either = parameters_.or_below > 0.0;
  const double log_share = either ? std::log(proof_by_ratio) : 0.0;
  ExpectedPath path;
  const double offset = user_facing_.at_exact(0);
  const double offset_per_look = user_facing_.growth_at_exact(0, per_look);
  for (std::size_t k = 0; k < grids_->non_inferior_weights.size(); ++k) {
    path.add(grids_->non_inferior_weights[k] + log_share + (user_facing_.at_node(k) - offset) / phi,
             (user_facing_.growth_at(k, per_look) - offset_per_look) / phi);
  }
  if (either) {
    const double ceiling = parameters_.or_below;
    const double rate_phi = ceiling_dispersion();
    path.add(below_terms(served_events_, served_exposure_, ceiling, rate_phi),
             below_terms(per_look.candidate_events, per_look.candidate_exposure, ceiling, rate_phi),
             std::log1p(-proof_by_ratio));
  }
  return path.looks_to(log_threshold);
}

}  // namespace sluice::stats
