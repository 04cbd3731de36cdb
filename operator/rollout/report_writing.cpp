#include "rollout/report_writing.h"

#include <nlohmann/json.hpp>

#include "kube/object.h"
#include "rollout/actuator.h"
#include "workload/builders.h"
#include "workload/load_job.h"
#include "workload/revision.h"

namespace sluice::rollout {
namespace {

using nlohmann::json;

json config_map(const ClusterCache& cache, const api::Rollout& rollout, const LoadReport& report) {
  json meta = workload::metadata(rollout, report.name);
  meta["labels"][api::kRevisionLabel] = report.revision;
  meta["labels"][api::kStageLabel] = report.stage;
  const std::string deployment = workload::deployment_name(rollout.key.name, report.revision);
  if (const auto live = cache.deployment({rollout.key.ns, deployment})) {
    meta["ownerReferences"] = json::array(
        {{{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", deployment}, {"uid", live->uid}}});
  }
  return {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", std::move(meta)}, {"data", report.data}};
}

}  // namespace

Outcome write_report(kube::Client& client, const ClusterCache& cache, const api::Rollout& rollout,
                     const LoadReport& report) {
  const kube::Key key{rollout.key.ns, report.name};
  const auto live = client.get(workload::kConfigMaps, key);
  if (live && kube::label_of(*live, api::kRolloutLabel) != rollout.key.name) {
    return Error{ErrorCode::Conflict,
                 "ConfigMap " + key.str() + " exists and belongs to somebody else: delete or rename it", {}};
  }
  if (!live && live.error().code != ErrorCode::NotFound) return live.error();
  kube::PatchOptions options;
  options.type = kube::PatchType::Apply;
  options.field_manager = kFieldManager;
  options.force = true;
  auto done = client.patch(workload::kConfigMaps, key, config_map(cache, rollout, report), options);
  return done ? Outcome(Ok{}) : Outcome(done.error());
}

}  // namespace sluice::rollout
