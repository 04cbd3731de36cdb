#include "traffic/backend.h"

#include "api/validate.h"

namespace sluice::traffic {

Backend backend_of(const api::Rollout& rollout, const std::string& revision) {
  return {"", "Service", rollout.key.name + "-" + revision, api::port_number(rollout.spec).value_or(0)};
}

std::optional<std::string> revision_served_by(const api::Rollout& rollout, const std::string& backend_name) {
  const std::string prefix = rollout.key.name + "-";
  if (backend_name.size() <= prefix.size() || !backend_name.starts_with(prefix)) return std::nullopt;
  return backend_name.substr(prefix.size());
}

}  // namespace sluice::traffic
