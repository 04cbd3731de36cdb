#include "stats/guardrail.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "stats/ceiling.h"
#include "stats/guardrail_grids.h"
#include "stats/log_space.h"

namespace sluice::stats {
namespace {

RatioGrid harm_grid(const GuardrailParameters& p) {
  return p.one_of_edges ? edge_harm_grid(p.harm_ratio) : default_harm_grid(p.harm_ratio);
}

RatioGrid non_inferior_grid(const GuardrailParameters& p) {
  return p.one_of_edges ? edge_non_inferior_grid(p.margin_ratio) : default_non_inferior_grid(p.margin_ratio);
}

// `below` ratios from `least` times the harm ratio on, then the harm grid.
std::vector<double> interval_nodes(const GuardrailParameters& p, double least, std::size_t below) {
  const RatioGrid harm = harm_grid(p);
  RatioGrid lower = uniform_grid(least * p.harm_ratio, harm.ratios.front(), below + 1);
  lower.ratios.pop_back();  // the first of the harm grid
  lower.ratios.insert(lower.ratios.end(), harm.ratios.begin(), harm.ratios.end());
  return lower.ratios;
}

void accumulate(Block& totals, const Block& block) {
  totals.candidate_events += block.candidate_events;
  totals.stable_events += block.stable_events;
  totals.candidate_exposure += block.candidate_exposure;
  totals.stable_exposure += block.stable_exposure;
}

}  // namespace

Outcome check(const GuardrailParameters& p) {
  const auto invalid = [](const char* what) { return Error{ErrorCode::Invalid, what, {}}; };
  const auto positive = [](double value) { return std::isfinite(value) && value > 0.0; };
  const auto rate = [](double value) { return std::isfinite(value) && value >= 0.0; };
  if (!positive(p.harm_ratio)) return invalid("the ratio that counts as harm must be above 0");
  if (!positive(p.margin_ratio)) return invalid("the margin must be a ratio above 0");
  if (!rate(p.harm_floor) || !rate(p.or_below) || !rate(p.ceiling))
    return invalid("a rate must be 0 or more");
  if (!rate(p.past_dispersion) || !rate(p.past_weight)) return invalid("a dispersion must be 0 or more");
  if (p.fixed_dispersion != 0.0 && !(std::isfinite(p.fixed_dispersion) && p.fixed_dispersion >= 1.0)) {
    return invalid("a fixed dispersion must be 1 or more");
  }
  return Ok{};
}

GuardrailEvidence::Grids::Grids(const GuardrailParameters& p)
    : harm_ratio(p.harm_ratio),
      margin_ratio(p.margin_ratio),
      one_of_edges(p.one_of_edges),
      lower_nodes(p.one_of_edges ? 3 : 12),
      every_block(std::make_shared<const RatioNodes>(interval_nodes(p, p.one_of_edges ? 0.3 : 0.1, lower_nodes),
                                                     std::vector{p.harm_ratio, p.margin_ratio})),
      user_facing(std::make_shared<const RatioNodes>(non_inferior_grid(p).ratios, std::vector{p.margin_ratio})),
      harm_weights(harm_grid(p).log_weights),
      non_inferior_weights(non_inferior_grid(p).log_weights),
      interval_weights(normal_log_weights(std::span(every_block->ratios).first(every_block->count), 0.0, 1.0)) {}

// Making them takes some hundreds of logarithms, at each look the same ones: each thread keeps the last few.
std::shared_ptr<const GuardrailEvidence::Grids> GuardrailEvidence::grids_of(const GuardrailParameters& p) {
  thread_local std::array<std::shared_ptr<const Grids>, 8> kept;
  thread_local std::size_t oldest = 0;
  for (const auto& grids : kept) {
    if (grids && grids->harm_ratio == p.harm_ratio && grids->margin_ratio == p.margin_ratio &&
        grids->one_of_edges == p.one_of_edges) {
      return grids;
    }
  }
  auto& place = kept[oldest];
  oldest = (oldest + 1) % kept.size();
  place = std::make_shared<const Grids>(p);
  return place;
}

// Before the first block nothing is known: every e-value is 1.
GuardrailEvidence::GuardrailEvidence(const GuardrailParameters& parameters)
    : parameters_(parameters),
      grids_(grids_of(parameters)),
      every_block_(grids_->every_block),
      user_facing_(grids_->user_facing) {
  now_.below = parameters.or_below > 0.0 ? 0.0 : log_zero;
  now_.ceiling = parameters.ceiling > 0.0 ? 0.0 : log_zero;
  sup_.ceiling = now_.ceiling;
}

bool GuardrailEvidence::add(const Block& block, bool user_facing) {
  if (!is_valid(block)) return false;
  looks_ += 1.0;
  accumulate(totals_, block);
  every_block_.add(block);
  conditional_.add(block);
  candidate_.add(block);
  if (user_facing) {
    served_events_ += block.candidate_events;
    served_exposure_ += block.candidate_exposure;
    user_facing_.add(block);
  }
  evaluate();
  sup_.harm = std::max(sup_.harm, now_.harm);
  sup_.non_inferior = std::max(sup_.non_inferior, now_.non_inferior);
  sup_.ceiling = std::max(sup_.ceiling, now_.ceiling);
  return true;
}

void GuardrailEvidence::evaluate() {
  const GuardrailParameters& p = parameters_;
  const double phi = dispersion();
  const double rate_phi = ceiling_dispersion();
  const double candidate_events = totals_.candidate_events;
  const double candidate_exposure = totals_.candidate_exposure;

  now_.harm = log_mixture(every_block_, grids_->lower_nodes, grids_->harm_weights, every_block_.at_exact(0), phi);
  if (p.harm_floor > 0.0) {
    now_.harm = log_e_harm_above_floor(
        now_.harm, stats::log_e_above(candidate_events, candidate_exposure, p.harm_floor, rate_phi));
  }
  now_.ratio = log_mixture(user_facing_, 0, grids_->non_inferior_weights, user_facing_.at_exact(0), phi);
  now_.below = log_zero;
  now_.non_inferior = now_.ratio;
  if (p.or_below > 0.0) {
    now_.below = stats::log_e_below(served_events_, served_exposure_, p.or_below, rate_phi);
    now_.non_inferior = stats::log_e_non_inferior(now_.ratio, now_.below, proof_by_ratio);
  }
  now_.ceiling = log_zero;
  if (p.ceiling > 0.0) {
    now_.ceiling = stats::log_e_above(candidate_events, candidate_exposure, p.ceiling, rate_phi);
  }
}

double GuardrailEvidence::dispersion() const {
  if (parameters_.fixed_dispersion > 0.0) return parameters_.fixed_dispersion;
  return ratio_dispersion(conditional_, parameters_.past_dispersion, parameters_.past_weight);
}

double GuardrailEvidence::ceiling_dispersion() const {
  if (parameters_.fixed_dispersion > 0.0) return parameters_.fixed_dispersion;
  return std::max(dispersion(), candidate_.phi());
}

RatioInterval GuardrailEvidence::ratio(double alpha) const {
  return ratio_interval(every_block_, grids_->interval_weights, alpha, dispersion());
}

bool GuardrailEvidence::ratio_below(double r, double alpha) const {
  if (!(r > 0.0)) return false;
  double there = 0.0;
  if (r == parameters_.harm_ratio) {
    there = every_block_.at_exact(0);
  } else if (r == parameters_.margin_ratio) {
    there = every_block_.at_exact(1);
  } else {
    there = every_block_.at_log_ratio(std::log(r));
  }
  const double phi = dispersion();
  if (log_mixture(every_block_, 0, grids_->interval_weights, there, phi) < -std::log(alpha)) return false;
  // r is outside. As L is concave in log r, r is above the interval exactly when some smaller ratio is
  // likelier.
  for (std::size_t k = 0; k < every_block_.node_count() && every_block_.node(k) < r; ++k) {
    if (every_block_.at_node(k) > there) return true;
  }
  return false;
}

}  // namespace sluice::stats
