#include "stats/planning.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sluice::stats {
namespace {

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
