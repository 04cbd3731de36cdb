// Whether the gateways have accepted a route of the Gateway API. Private to traffic/.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "traffic/provider.h"

namespace sluice::traffic {

struct Answer {
  Acceptance acceptance = Acceptance::Unknown;
  std::string reason;   // one CamelCase word
  std::string message;  // a sentence
};

// Of all parents in `spec`: Accepted only when each has an answer for the route's generation with Accepted
// and ResolvedRefs true. Several controllers may answer for one parent; one that accepts suffices. A refusal
// of one parent outweighs the silence of another, because it is what a person must act upon.
Answer gateway_answer(const RouteView& route, const nlohmann::json& spec);

}  // namespace sluice::traffic
