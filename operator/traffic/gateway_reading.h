// The Layout of an HTTPRoute's spec that anybody may have written. Private to traffic/.
//
// Pure, thread-safe; never throws, whatever a server sends.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "api/types.h"
#include "traffic/gateway_arms.h"

namespace sluice::traffic {

// Without arms: the rules are none of ours, or nothing is routed.
Layout layout_in(const api::Rollout& rollout, const nlohmann::json& spec);

}  // namespace sluice::traffic
