#include "traffic/gateway_status.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "traffic/lists.h"

namespace sluice::traffic {
namespace {

const RouteCondition* find(const ParentStatus& status, const char* type) {
  const auto found = std::find_if(status.conditions.begin(), status.conditions.end(),
                                  [&](const RouteCondition& condition) { return condition.type == type; });
  return found == status.conditions.end() ? nullptr : &*found;
}

std::string who(const ParentStatus& status) {
  return status.parent.str() + (status.controller.empty() ? "" : ", controller " + status.controller);
}

// What one controller says about one parent. A refusal of this generation counts, even when the other
// condition is not there yet; acceptance needs both.
Answer controller_answer(const ParentStatus& status, std::int64_t generation) {
  bool complete = true;
  for (const char* type : {"Accepted", "ResolvedRefs"}) {
    const RouteCondition* condition = find(status, type);
    if (condition == nullptr || condition->observed_generation < generation ||
        condition->status == "Unknown") {
      complete = false;
    } else if (condition->status != "True") {
      std::string message = who(status) + ": " + type + " is " + condition->status;
      if (!condition->reason.empty()) message += ", " + condition->reason;
      if (!condition->message.empty()) message += ": " + condition->message;
      return {Acceptance::Rejected, condition->reason.empty() ? "NotAccepted" : condition->reason, message};
    }
  }
  if (!complete) {
    return {Acceptance::Unknown, "Pending",
            who(status) + " has not answered yet for the route as it is now (generation " +
                std::to_string(generation) + ")"};
  }
  return {Acceptance::Accepted, "Accepted", who(status) + " has accepted the route"};
}

int rank(Acceptance acceptance) {  // among the controllers of one parent
  return acceptance == Acceptance::Accepted ? 2 : acceptance == Acceptance::Rejected ? 1 : 0;
}

Answer parent_answer(const RouteView& route, const ParentRef& parent) {
  std::optional<Answer> best;
  for (const ParentStatus& status : route.parents) {
    if (!(status.parent == parent)) continue;
    Answer answer = controller_answer(status, route.generation);
    if (!best || rank(answer.acceptance) > rank(best->acceptance)) best = std::move(answer);
  }
  if (best) return *std::move(best);
  return {Acceptance::Unknown, "NoAnswer",
          "no controller has answered for " + parent.str() +
              ": does it exist, and does it allow routes from namespace " + route.key.ns + "?"};
}

}  // namespace

Answer gateway_answer(const RouteView& route, const nlohmann::json& spec) {
  std::optional<Answer> worst;
  // Among parents a refusal comes first, then silence.
  const auto weight = [](Acceptance acceptance) {
    return acceptance == Acceptance::Rejected ? 2 : acceptance == Acceptance::Unknown ? 1 : 0;
  };
  for (const nlohmann::json& reference : list_at(spec, {"parentRefs"})) {
    Answer answer = parent_answer(route, parse_parent_ref(reference, route.key.ns));
    if (!worst || weight(answer.acceptance) > weight(worst->acceptance)) worst = std::move(answer);
  }
  if (worst) return *std::move(worst);
  return {Acceptance::Unknown, "NoParent",
          "HTTPRoute " + route.key.str() + " names no Gateway in parentRefs"};
}

}  // namespace sluice::traffic
