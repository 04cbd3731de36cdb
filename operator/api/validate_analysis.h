// The part of validate() that is about evidence. For the .cpp files of this folder only.
#pragma once

#include <vector>

#include "api/field_error.h"
#include "api/types.h"

namespace sluice::api {

void check_analysis(const Spec& spec, std::vector<FieldError>& out);

}  // namespace sluice::api
