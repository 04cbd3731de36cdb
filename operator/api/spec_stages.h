// Reading and checking of the stages of a spec: one body a stage, each kind with fields of its own.
//
// For the .cpp files of this folder. Nothing throws; what is wrong is named with its path.
#pragma once

#include <string>
#include <vector>

#include "api/field_error.h"
#include "api/field_reader.h"
#include "api/types.h"

namespace sluice::api {

StageSpec read_stage(const FieldReader& in);

// Names, weights, times.
void check_stages(const Spec& spec, std::vector<FieldError>& out);

}  // namespace sluice::api
