// JSON objects as request bodies.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace sluice::kube {

// Compact. Bytes that are not UTF-8 become U+FFFD: this never throws.
std::string to_text(const nlohmann::json& value);

// The same for a server-side apply, whose body the server reads with a YAML parser: characters that JSON
// allows in a string but that YAML forbids, or takes for a line break, are escaped; all others stay as they
// are, because YAML does not know JSON's escapes of two UTF-16 halves.
std::string to_yaml_text(const nlohmann::json& value);

}  // namespace sluice::kube
