// Pictures of a load test, as those who ran it by hand would look at them.
//
// Five stand-alone SVGs without scripts, fonts or background, in colours that can be read on light and on dark pages,
// each below 60 KB: requests a second (asked and reached), quantiles of the response time over time, failures, users,
// and the histogram of all response times.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "api/load_test.h"
#include "loadtest/load_result.h"

namespace sluice::loadtest {

// File name ("request-rate.svg") and text. Deterministic; no throw, whatever the result.
std::vector<std::pair<std::string, std::string>> load_charts(const api::LoadTestStage& stage,
                                                             const LoadResult& result);

}  // namespace sluice::loadtest
