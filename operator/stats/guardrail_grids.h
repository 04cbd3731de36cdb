// The points and weights of a guardrail's tests. For the guardrail_*.cpp files only.
#pragma once

#include <memory>
#include <vector>

#include "stats/guardrail.h"

namespace sluice::stats {

// Of the proof of non-inferiority, the share that the ratio's e-value has; the rest is the ceiling's. Where there are
// events the ratio proves faster and pays log(4/3) for its partner; a service without errors pays log 4, which is a look
// more than with halves.
inline constexpr double proof_by_ratio = 0.75;

// They follow from two ratios and never change, so all evidence with the same ratios shares them.
struct GuardrailEvidence::Grids {
  explicit Grids(const GuardrailParameters& parameters);

  double harm_ratio;
  double margin_ratio;
  bool one_of_edges;
  std::size_t lower_nodes;  // ratios below the harm grid, for the interval only
  std::shared_ptr<const RatioNodes> every_block;  // the lower nodes, then the harm grid
  std::shared_ptr<const RatioNodes> user_facing;
  std::vector<double> harm_weights;
  std::vector<double> non_inferior_weights;
  std::vector<double> interval_weights;
};

}  // namespace sluice::stats
