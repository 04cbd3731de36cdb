// The parts of validate() that are about stages and evidence. For the .cpp files of this folder only.
#pragma once

#include <vector>

#include "api/field_error.h"
#include "api/types.h"

namespace sluice::api {

void check_stages(const Spec& spec, std::vector<FieldError>& out);
void check_analysis(const Spec& spec, std::vector<FieldError>& out);

}  // namespace sluice::api
