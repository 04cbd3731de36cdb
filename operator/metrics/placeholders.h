// The `$(name)` placeholders of a metric's selector, and what Sluice puts in their place.
//
// A value is escaped for the place where it stands: inside "..." or '...' backslash, that quote and newline
// are escaped; inside `...`, where PromQL knows no escapes, a backtick is refused; outside of any quotes only
// what could be part of a metric's name is let through. So a value can never end the string it was put in.
// Pure; thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::metrics {

// `selector` with each `$(name)` replaced by values.at(name). A `$` without a parenthesis is left as it is.
// Errors: Invalid, naming the placeholder that is unknown or not closed, or whose value cannot stand there.
Result<std::string> fill(std::string_view selector, const std::map<std::string, std::string>& values);

// A regular expression for the names of the pods of one revision, that is of the Deployment
// `<rollout>-<revision>`. Anchored, as all regular expressions of PromQL are. Long names are honoured:
// Kubernetes cuts what precedes a pod's random suffix at 58 characters.
std::string pods_regex(std::string_view rollout, std::string_view revision);

}  // namespace sluice::metrics
