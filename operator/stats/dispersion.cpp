#include "stats/dispersion.h"

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>
#include <limits>

#include "stats/policy.h"

namespace sluice::stats {

void ConditionalDispersion::add(const Block& block) {
  if (!informs_ratio(block)) return;
  const double candidate = block.candidate_events;
  const double stable = block.stable_events;
  const double events = candidate + stable;
  const double odds = block.candidate_exposure / block.stable_exposure;
  const double exposure = block.candidate_exposure + block.stable_exposure;
  blocks_ += 1.0;
  a_ += candidate * candidate / events / odds;
  b_ -= 2.0 * candidate * stable / events;
  d_ += stable * stable / events * odds;
  candidate_ += candidate * (block.stable_exposure / exposure);
  stable_ += stable * (block.candidate_exposure / exposure);
}

double ConditionalDispersion::ratio() const {
  if (stable_ <= 0.0) return candidate_ > 0.0 ? std::numeric_limits<double>::infinity() : 1.0;
  return candidate_ / stable_;
}

double ConditionalDispersion::chi_square() const {
  // All events on one arm: the share is 0 or 1 and so is every block's, without any scatter.
  if (candidate_ <= 0.0 || stable_ <= 0.0) return 0.0;
  const double pooled = ratio();
  return std::max(0.0, a_ / pooled + b_ + d_ * pooled);
}

double ConditionalDispersion::phi() const {
  return degrees() > 0.0 ? std::max(1.0, chi_square() / degrees()) : 1.0;
}

void ConditionalDispersion::restore(const State& state) {
  blocks_ = state.blocks;
  a_ = state.a;
  b_ = state.b;
  d_ = state.d;
  candidate_ = state.candidate;
  stable_ = state.stable;
}

void CandidateDispersion::add(const Block& block) {
  if (!is_valid(block) || block.candidate_exposure <= 0.0) return;
  blocks_ += 1.0;
  events_ += block.candidate_events;
  exposure_ += block.candidate_exposure;
  squares_ += block.candidate_events * block.candidate_events / block.candidate_exposure;
}

double CandidateDispersion::phi() const {
  constexpr double least_blocks = 5.0;
  constexpr double least_events = 20.0;
  if (blocks_ < least_blocks || events_ < least_events) return 1.0;
  const double chi_square = squares_ / (events_ / exposure_) - events_;
  return std::max(1.0, chi_square / (blocks_ - 1.0));
}

void CandidateDispersion::restore(const State& state) {
  blocks_ = state.blocks;
  events_ = state.events;
  exposure_ = state.exposure;
  squares_ = state.squares;
}

PastDispersion past_dispersion(std::span<const double> events, std::span<const double> exposure) {
  double pairs = 0.0;
  double sum = 0.0;
  for (std::size_t i = 1; i < std::min(events.size(), exposure.size()); ++i) {
    const double both = events[i - 1] + events[i];
    if (!(both > 0.0) || !std::isfinite(both) || !(exposure[i - 1] > 0.0) || !(exposure[i] > 0.0)) continue;
    const double share = exposure[i - 1] / (exposure[i - 1] + exposure[i]);
    const double excess = events[i - 1] - both * share;
    const double term = excess * excess / (both * share * (1.0 - share));
    if (!std::isfinite(term)) continue;
    sum += term;
    pairs += 1.0;
  }
  if (pairs == 0.0) return {};
  PastDispersion past;
  past.phi = sum / pairs;
  // The variance of a mean of `pairs` chi-squares whose neighbours correlate by 1/4.
  past.degrees = pairs / (1.0 + 0.5 * (pairs - 1.0) / pairs);
  const boost::math::chi_squared_distribution<double, Policy> reference(past.degrees);
  past.p_value = boost::math::cdf(boost::math::complement(reference, past.degrees * past.phi));
  return past;
}

namespace {

// Whether a sum of squares exceeds the 90 % quantile of a chi-square. Precondition: degrees > 0.
bool is_beyond_chance(double squares, double degrees) {
  constexpr double normal_quantile = 1.2815515655446004;
  const double variance = 2.0 / (9.0 * degrees);
  return std::cbrt(squares / degrees) > 1.0 - variance + normal_quantile * std::sqrt(variance);
}

}  // namespace

double ratio_dispersion(const ConditionalDispersion& now, double past_phi, double past_weight) {
  constexpr int first_blocks = 4;
  constexpr double assumed_at_first = 2.0;
  if (past_phi > 0.0) {
    const double prior = std::max(1.0, past_phi);
    if (past_weight + now.degrees() <= 0.0) return prior;
    const double chi_square = now.degrees() > 0.0 ? now.chi_square() : 0.0;
    const double squares = past_weight * prior + chi_square;
    const double degrees = past_weight + now.degrees();
    return is_beyond_chance(squares, degrees) ? std::max(1.0, squares / degrees) : 1.0;
  }
  if (now.blocks() == 0) return 1.0;
  return now.blocks() <= first_blocks ? assumed_at_first : now.phi();
}

}  // namespace sluice::stats
