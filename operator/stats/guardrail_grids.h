// The points and weights of a guardrail's tests. For the guardrail_*.cpp files only.
#pragma once

#include <memory>
#include <vector>

#include "stats/guardrail.h"

namespace sluice::stats {

// They follow from two ratios and never change, so all evidence with the same ratios shares them.
struct GuardrailEvidence::Grids {
  // Ratios below the harm grid, for the interval only: from a tenth of the harm ratio.
  static constexpr std::size_t lower_nodes = 12;

  Grids(double harm_ratio, double margin_ratio);

  double harm_ratio;
  double margin_ratio;
  std::shared_ptr<const RatioNodes> every_block;  // the lower nodes, then the harm grid
  std::shared_ptr<const RatioNodes> user_facing;
  std::vector<double> harm_weights;
  std::vector<double> non_inferior_weights;
  std::vector<double> interval_weights;
};

}  // namespace sluice::stats
