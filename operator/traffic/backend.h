// Which object serves a revision: what a route names as its backend. Private to traffic/.
//
// The names and the port are those under which workload/ creates the Services; the unit tests hold the two
// together.
#pragma once

#include <optional>
#include <string>

#include "api/types.h"

namespace sluice::traffic {

struct Backend {
  std::string group;
  std::string kind;
  std::string name;
  int port = 0;
  bool operator==(const Backend&) const = default;
};

Backend backend_of(const api::Rollout& rollout, const std::string& revision);

// The other way round: the revision that a backend of this name serves; nullopt: it is not one of this
// Rollout's.
std::optional<std::string> revision_served_by(const api::Rollout& rollout, const std::string& backend_name);

}  // namespace sluice::traffic
