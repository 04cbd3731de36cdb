// The answer of `sluice simulate` for people. Pure: from values to lines of text.
#pragma once

#include <string>

#include "forecast/summary.h"

namespace sluice::cli {

// Ends with a line break.
std::string simulate_view(const forecast::Scenario& scenario, const forecast::Summary& summary, bool colour);

}  // namespace sluice::cli
