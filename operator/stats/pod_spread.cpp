#include "stats/pod_spread.h"

#include <algorithm>
#include <cmath>

#include "stats/rate_ratio.h"

namespace sluice::stats {

std::optional<PodSpread> pod_spread(std::span<const double> events, std::span<const double> exposure) {
  const auto counts = [&](std::size_t i) {
    return exposure[i] > 0.0 && is_valid({.candidate_events = events[i], .candidate_exposure = exposure[i]});
  };
  const std::size_t size = std::min(events.size(), exposure.size());
  double all_events = 0.0;
  double all_exposure = 0.0;
  PodSpread result;
  for (std::size_t i = 0; i < size; ++i) {
    if (!counts(i)) continue;
    all_events += events[i];
    all_exposure += exposure[i];
    ++result.pods;
  }
  if (result.pods < 2 || !(all_events > 0.0)) return std::nullopt;

  double q = 0.0;
  double squares = 0.0;  // of the expected shares of the events
  for (std::size_t i = 0; i < size; ++i) {
    if (!counts(i)) continue;
    const double share = exposure[i] / all_exposure;
    const double expected = all_events * share;
    if (!(expected > 0.0)) continue;  // an exposure that vanishes beside the others'
    q += (events[i] - expected) * (events[i] - expected) / expected;
    squares += share * share;
  }
  const double excess = q - static_cast<double>(result.pods - 1);
  const double information = all_events * (1.0 - squares);
  if (excess > 0.0 && information > 0.0) result.spread = std::sqrt(excess / information);
  if (!std::isfinite(result.spread)) result.spread = 0.0;
  return result;
}

}  // namespace sluice::stats
