// Is what we want already there? The comparison of a wanted object with the one that a server returns.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace sluice::traffic {

// True when `live` says everything that `wanted` says:
//  - an object: each wanted member is contained in the live one; live members that are not wanted are
//  tolerated,
//    because the API server and newer CRDs fill in defaults;
//  - a list: of the same length, element by element, in order. One more element is a change;
//  - a scalar: equal;
//  - a wanted null, empty list or empty object is also contained in nothing at all, because clients that
//  decode
//    into typed structures drop those when they write back.
// Pure; the depth of recursion is that of `wanted`.
bool contained(const nlohmann::json& wanted, const nlohmann::json& live);

}  // namespace sluice::traffic
