// Manifests for the tests, as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "api/types.h"

namespace sluice::api {

// YAML as the API server would get it from kubectl. Throws when it cannot be read.
nlohmann::json parse_yaml(const std::string& text);
nlohmann::json read_yaml(const std::string& path);

nlohmann::json
full_manifest();  // tests/testdata/rollout.yaml: each field of the spec, each unlike its default
nlohmann::json minimal_manifest();  // only what is required
nlohmann::json rollout_crd();

// The Rollout of a manifest that is known to be good; a failed assertion otherwise.
Rollout read_good(const nlohmann::json& manifest);

}  // namespace sluice::api
