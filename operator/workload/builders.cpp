#include "workload/builders.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/validate.h"
#include "kube/object.h"
#include "workload/revision.h"

namespace sluice::workload {
namespace {

nlohmann::json owner_reference(const api::Rollout& rollout) {
  return {{"apiVersion", api::kRollouts.api_version()},
          {"kind", api::kRollouts.kind},
          {"name", rollout.key.name},
          {"uid", rollout.uid},
          {"controller", true},
          {"blockOwnerDeletion", true}};
}

nlohmann::json revision_labels(const api::Rollout& rollout, const std::string& revision) {
  return {{api::kRolloutLabel, rollout.key.name}, {api::kRevisionLabel, revision}};
}

nlohmann::json labelled_template(nlohmann::json pod, const nlohmann::json& labels) {
  if (!pod.is_object()) pod = nlohmann::json::object();
  nlohmann::json& meta = pod["metadata"];
  if (!meta.is_object()) meta = nlohmann::json::object();
  nlohmann::json& own = meta["labels"];
  if (!own.is_object()) own = nlohmann::json::object();
  own.update(labels);
  return pod;
}

int progress_deadline_seconds(Duration deadline) {
  return std::max(1, static_cast<int>(std::chrono::ceil<seconds>(deadline).count()));
}

nlohmann::json target_port(const api::Port& port) {
  if (const auto* name = std::get_if<std::string>(&port)) return *name;
  const auto* number = std::get_if<std::int64_t>(&port);
  return number != nullptr ? nlohmann::json(*number) : nlohmann::json();
}

nlohmann::json service(const api::Rollout& rollout, const std::string& name, const std::string& selected) {
  // appProtocol is left out on purpose: a user may set it, and an apply does not take it away.
  const nlohmann::json port = {{"name", "http"},
                               {"port", service_port(rollout.spec)},
                               {"targetPort", target_port(rollout.spec.port)},
                               {"protocol", "TCP"}};
  return {{"apiVersion", "v1"},
          {"kind", "Service"},
          {"metadata", metadata(rollout, name)},
          {"spec",
           {{"type", "ClusterIP"},
            {"selector", revision_labels(rollout, selected)},
            {"ports", nlohmann::json::array({port})}}}};
}

}  // namespace

nlohmann::json metadata(const api::Rollout& rollout, const std::string& name) {
  return {{"name", name},
          {"namespace", rollout.key.ns},
          {"labels", {{api::kRolloutLabel, rollout.key.name}, {"app.kubernetes.io/managed-by", "sluice"}}},
          {"ownerReferences", nlohmann::json::array({owner_reference(rollout)})}};
}

nlohmann::json deployment(const api::Rollout& rollout, const std::string& revision, int replicas) {
  const nlohmann::json selected = revision_labels(rollout, revision);
  nlohmann::json meta = metadata(rollout, deployment_name(rollout.key.name, revision));
  nlohmann::json labels = nlohmann::json::object();
  nlohmann::json pod = rollout.spec.pod_template.tree();
  const nlohmann::json* users = kube::find(pod, {"metadata", "labels"});
  if (users != nullptr && users->is_object()) labels = *users;
  labels.update(meta["labels"]);
  labels.update(selected);
  meta["labels"] = std::move(labels);
  return {
      {"apiVersion", "apps/v1"},
      {"kind", "Deployment"},
      {"metadata", std::move(meta)},
      {"spec",
       {{"replicas", replicas},
        {"selector", {{"matchLabels", selected}}},
        {"template", labelled_template(std::move(pod), selected)},
        {"progressDeadlineSeconds", progress_deadline_seconds(rollout.spec.progress_deadline)},
        {"revisionHistoryLimit", 0},  // a revision's template never changes: there is nothing to go back to
        {"strategy",
         {{"type", "RollingUpdate"}, {"rollingUpdate", {{"maxUnavailable", 0}, {"maxSurge", 1}}}}}}}};
}

nlohmann::json revision_service(const api::Rollout& rollout, const std::string& revision) {
  nlohmann::json out = service(rollout, revision_service_name(rollout.key.name, revision), revision);
  // The EndpointSlices of a Service inherit its labels: this is how they are found by revision.
  out["metadata"]["labels"][api::kRevisionLabel] = revision;
  return out;
}

nlohmann::json stable_service(const api::Rollout& rollout, const std::string& stable_revision) {
  return service(rollout, stable_service_name(rollout.key.name), stable_revision);
}

nlohmann::json scale_patch(int replicas) {
  return {{"spec", {{"replicas", replicas}}}};
}

int service_port(const api::Spec& spec) {
  return api::port_number(spec).value_or(0);
}

}  // namespace sluice::workload
