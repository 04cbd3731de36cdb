// A picture of evidence over time: how the two e-values of a good, an equal and a bad candidate move, look by look,
// against the thresholds at which Sluice decides.
//
// A stand-alone SVG without scripts, fonts or background, in colours that can be read on light and on dark pages.
#pragma once

#include <string>
#include <vector>

#include "forecast/scenario.h"

namespace sluice::forecast {

// The evidence of the first guardrail after each look, as natural logarithms.
struct EvidencePath {
  std::vector<double> harm;
  std::vector<double> non_inferior;
};
EvidencePath evidence_path(const Scenario& scenario, std::uint64_t run);

// Several hundred simulated rollouts a candidate: the line is the median of each look, the band holds four runs of
// five. The good candidate has half of stable's errors; the bad one scenario's ratio when that is harm, else twice
// as many. Deterministic. Precondition: check(scenario).ok().
std::string evidence_plot(const Scenario& scenario, unsigned threads = 0);

}  // namespace sluice::forecast
