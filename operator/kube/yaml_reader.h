// YAML as JSON, for configuration files.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.h"

namespace sluice::kube {

// One document. Plain scalars become null, booleans and numbers as JSON knows them, all else strings; quoted
// ones are strings. Errors: Invalid, with the line.
Result<nlohmann::json> parse_yaml(const std::string& text);

}  // namespace sluice::kube
