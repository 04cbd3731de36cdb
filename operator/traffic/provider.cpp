#include "traffic/provider.h"

#include <variant>

namespace sluice::traffic {

const Provider& provider_for(const api::TrafficSpec& traffic) {
  return std::visit([](const auto& kind) -> const Provider& { return provider_of(kind); }, traffic);
}

}  // namespace sluice::traffic
