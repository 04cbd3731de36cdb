#include "traffic/provider.h"

#include <variant>

namespace sluice::traffic {

bool may_be_routed(const RouteState& route, const std::string& revision) {
  const auto& live = route.live;
  if (live && ((live->stable == revision && live->candidate_percent < 100) ||
               (live->candidate == revision && (live->candidate_percent > 0 || live->assignment)))) {
    return true;
  }
  return !route.as_wanted || route.acceptance != Acceptance::Accepted;
}

const Provider& provider_for(const api::TrafficSpec& traffic) {
  return std::visit([](const auto& kind) -> const Provider& { return provider_of(kind); }, traffic);
}

}  // namespace sluice::traffic
