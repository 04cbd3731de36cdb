#include "workload/job_parts.h"

#include <algorithm>

#include "kube/object.h"
#include "workload/builders.h"
#include "workload/revision.h"

namespace sluice::workload {
namespace {

using nlohmann::json;

// A disruption of the pod says nothing about the test; any other end than success is a test that failed.
json failure_policy() {
  const json disrupted = {{"action", "Ignore"},
                          {"onPodConditions", json::array({{{"type", "DisruptionTarget"}, {"status", "True"}}})}};
  const json failed = {{"action", "FailJob"}, {"onExitCodes", {{"operator", "NotIn"}, {"values", json::array({0})}}}};
  return {{"rules", json::array({disrupted, failed})}};
}

}  // namespace

bool has(const json& object, const char* field) {
  const json* value = kube::find(object, {field});
  return value != nullptr && !value->is_null();
}

json& object_in(json& parent, const char* field) {
  json& child = parent[field];
  if (!child.is_object()) child = json::object();
  return child;
}

json variable(const char* name, const std::string& value) { return {{"name", name}, {"value", value}}; }

json environment(const api::Rollout& rollout, const std::string& revision) {
  const std::string url = "http://" + revision_service_name(rollout.key.name, revision) + "." + rollout.key.ns +
                          ".svc:" + std::to_string(service_port(rollout.spec));
  return json::array({variable("SLUICE_URL", url), variable("SLUICE_REVISION", revision),
                      variable("SLUICE_ROLLOUT", rollout.key.name), variable("SLUICE_NAMESPACE", rollout.key.ns)});
}

void add_environment(json& container, const json& ours) {
  json all = json::array();
  const json users = container.is_object() && has(container, "env") ? container["env"] : json::array();
  for (const json& variable : ours) {
    const bool taken = std::any_of(users.begin(), users.end(), [&](const json& written) {
      return kube::string_at(written, {"name"}) == variable["name"];
    });
    if (!taken) all.push_back(variable);
  }
  for (const json& variable : users) all.push_back(variable);
  container["env"] = std::move(all);
}

json job_labels(const api::Rollout& rollout, const TestAttempt& attempt) {
  return {{api::kRolloutLabel, rollout.key.name},
          {api::kRevisionLabel, attempt.revision},
          {api::kStageLabel, attempt.stage},
          {api::kAttemptLabel, std::to_string(attempt.attempt)},
          {"app.kubernetes.io/managed-by", "sluice"}};
}

json attempt_job(const api::Rollout& rollout, const TestAttempt& attempt, const std::string& name, json spec) {
  json meta = metadata(rollout, name);
  meta["labels"] = job_labels(rollout, attempt);
  return {{"apiVersion", "batch/v1"}, {"kind", "Job"}, {"metadata", std::move(meta)}, {"spec", std::move(spec)}};
}

json user_job_spec(json spec, const api::Rollout& rollout, const TestAttempt& attempt, const json& environment,
                   Duration deadline) {
  json& pod = object_in(spec, "template");
  json& labels = object_in(object_in(pod, "metadata"), "labels");
  labels[api::kRolloutLabel] = rollout.key.name;
  labels[api::kStageLabel] = attempt.stage;
  json& pod_spec = object_in(pod, "spec");
  if (!has(pod_spec, "restartPolicy")) pod_spec["restartPolicy"] = "Never";
  for (const char* list : {"containers", "initContainers"}) {
    if (!has(pod_spec, list)) continue;
    for (json& container : pod_spec[list]) add_environment(container, environment);
  }
  if (!has(spec, "backoffLimit")) spec["backoffLimit"] = 0;
  spec["activeDeadlineSeconds"] = std::chrono::ceil<seconds>(deadline).count();
  // Kubernetes takes a policy with Never only.
  if (!has(spec, "podFailurePolicy") && pod_spec["restartPolicy"] == "Never") {
    spec["podFailurePolicy"] = failure_policy();
  }
  return spec;
}

std::optional<Duration> own_deadline(const api::RawJson& job) {
  const std::int64_t own = kube::int_at(job.tree(), {"activeDeadlineSeconds"});
  if (own <= 0) return std::nullopt;
  return seconds(own);
}

std::string attempt_name(const std::string& rollout, const TestAttempt& attempt, std::size_t longest) {
  const std::string number = std::to_string(attempt.attempt);
  std::string told = rollout + "/" + attempt.revision + "/" + attempt.stage + "/" + std::to_string(attempt.trial) +
                     "/" + format_time(attempt.trial_started_at);
  if (attempt.edits > 0) told += "/" + std::to_string(attempt.edits);
  const std::string trial = short_hash(told);
  const std::string tail = "-" + trial + "-" + number;
  std::string name = (rollout + "-" + attempt.stage).substr(0, longest - tail.size());
  while (name.ends_with('-')) name.pop_back();
  return name + tail;
}

}  // namespace sluice::workload
