// The answer of `sluice plan` for people. Pure: from values to lines of text.
#pragma once

#include <string>
#include <vector>

#include "forecast/plan.h"

namespace sluice::cli {

// Ends with a line break. `stage_names` in the order of the manifest.
std::string plan_view(const forecast::Plan& plan, const forecast::Scenario& scenario,
                      const std::vector<std::string>& stage_names, bool colour);

}  // namespace sluice::cli
