// A Rollout from a file, for the commands that work without a cluster.
#pragma once

#include <string>

#include "api/types.h"
#include "base/result.h"

namespace sluice::cli {

// The first Rollout of a YAML or JSON file, which may hold other objects too; "-" reads the standard input. Read
// with all defaults and validated. The error names the file and each field that is wrong.
Result<api::Rollout> read_manifest(const std::string& path);

// The same from text; `name` is for messages.
Result<api::Rollout> parse_manifest(const std::string& text, const std::string& name);

}  // namespace sluice::cli
