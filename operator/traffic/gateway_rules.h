// The JSON of an HTTPRoute's spec: the Layout of gateway_arms.h together with what the user wrote. Private to
// traffic/.
//
// Rules, in this order:
//   model      the user's matches; the weighted backends, and the mirror
//   candidate  where a stage assigns users: the same matches, and the header or cookie of the candidate's users
//   stable     where it does so by cookie: the same for stable's
// The Gateway API takes the match with more header conditions first, whatever the order of the rules, so the weighted
// one can stand first and keep its place when the others come and go (see gateway_arms.h for why).
// Fields for which the CRD has a default are written out, so that the live spec equals ours.
//
// A match of the user that has a condition on the same header already cannot have another one (they are a map by
// name): what it matches is split by weight. A rule holds 64 matches and a route 128: the API server refuses more.
//
// Seen with Envoy Gateway 1.9 and Envoy 1.39 (tests/integration/test_traffic.py): the rules of the arms win though
// they stand last; a Set-Cookie that a backend's filter adds is a header of its own beside those of the model; a
// mirror copies the share that it is asked for, and one whose backend is down is not felt by users.
//
// Pure, thread-safe; never throws, whatever a user or a server wrote.
#pragma once

#include <array>
#include <nlohmann/json_fwd.hpp>

#include "api/types.h"
#include "traffic/gateway_arms.h"

namespace sluice::traffic {

// Of the request header kRevisionHeader in the match of an arm that has parted. Nobody sends that.
inline constexpr const char* kPartedValue = "parted";

inline constexpr const char* kWeightedRule = "model";
inline constexpr std::array<const char*, 2> kAssignedRules = {"candidate", "stable"};

nlohmann::json route_spec(const api::Rollout& rollout, const Layout& layout);

// The same for a comparison by contained(): what we leave out where it would be obeyed, a filter say, is named too.
nlohmann::json complete_spec(const api::Rollout& rollout, const Layout& layout);

}  // namespace sluice::traffic
