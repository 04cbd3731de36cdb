#include "stats/planning.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sluice::stats {

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

double GuardrailEvidence::detection_power(double ratio, double log_threshold) const {
  const double rate = totals_.stable_exposure > 0.0 ? totals_.stable_events / totals_.stable_exposure : 0.0;
  return stats::detection_power(parameters_,
                                {totals_.candidate_exposure, totals_.stable_exposure, rate, ratio},
                                log_threshold, dispersion());
}

}  // namespace sluice::stats
