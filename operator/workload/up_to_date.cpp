#include "workload/up_to_date.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "workload/object_view.h"

namespace sluice::workload {
namespace {

// The same projection on both sides, so that defaults are read alike.
bool same_identity(const ObjectView& live, const ObjectView& wanted) {
  return live.key == wanted.key && live.rollout == wanted.rollout && live.revision == wanted.revision &&
         live.owner_uid == wanted.owner_uid;
}

}  // namespace

Ownership ownership(const ObjectView& live, const api::Rollout& rollout) {
  if (!live.owner_uid.empty()) return live.owner_uid == rollout.uid ? Ownership::Ours : Ownership::Foreign;
  return live.rollout == rollout.key.name ? Ownership::Orphan : Ownership::Foreign;
}

bool up_to_date(const DeploymentView& live, const nlohmann::json& wanted) {
  const auto want = project_deployment(wanted);
  return want && same_identity(live, *want) && live.desired == want->desired && live.images == want->images &&
         live.progress_deadline_seconds == want->progress_deadline_seconds;
}

bool up_to_date(const ServiceView& live, const nlohmann::json& wanted) {
  const auto want = project_service(wanted);
  if (!want || !same_identity(live, *want) || live.selector != want->selector) return false;
  return std::all_of(want->ports.begin(), want->ports.end(), [&](const ServicePortView& port) {
    return std::find(live.ports.begin(), live.ports.end(), port) != live.ports.end();
  });
}

}  // namespace sluice::workload
