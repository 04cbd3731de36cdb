// The JSON answer of Prometheus' query API, read as a stream of tokens: answers can be many megabytes, and no
// tree of them is ever built. Pure, no throw; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "metrics/sample.h"

namespace sluice::metrics {

struct QueryAnswer {
  std::string status;       // "success" or "error"
  std::string error_type;   // bad_data, execution, timeout ...
  std::string error;        // in Prometheus' own words
  std::string result_type;  // matrix, vector ...
  Matrix matrix;            // when result_type is "matrix"; native histograms are left out
  std::vector<std::string> warnings;
};

// Sample values may be "NaN", "+Inf" and "-Inf". Errors: Invalid when the text is not such an answer.
Result<QueryAnswer> parse_answer(std::string_view body);

}  // namespace sluice::metrics
