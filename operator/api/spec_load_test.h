// The stage loadTest: reading and checking what it asks for. For the .cpp files of this folder.
#pragma once

#include <string>
#include <vector>

#include "api/field_reader.h"
#include "api/types.h"

namespace sluice::api {

// Adds a problem for each field that is missing or has the wrong form.
void read_load_test(const FieldReader& in, LoadTestStage& out);

// What a schema cannot refuse. `path` is that of the body, `max_duration` the stage's.
void check_load_test(const LoadTestStage& test, const AnalysisSpec& analysis, Duration max_duration,
                     const std::string& path, std::vector<FieldError>& out);

}  // namespace sluice::api
