#include "api/spec_job.h"

#include <nlohmann/json.hpp>

#include "api/field_reader.h"
#include "api/types.h"
#include "kube/object.h"

namespace sluice::api {
namespace {

// A Job that is gone before its end was seen tells nothing.
constexpr std::int64_t kShortestTtl = 60;

void check_test_template(const nlohmann::json& pod_template, const std::string& path, std::vector<FieldError>& out) {
  const auto* spec = kube::find(pod_template, {"spec"});
  const auto* containers = kube::find(pod_template, {"spec", "containers"});
  if (containers == nullptr || !containers->is_array() || containers->empty()) {
    out.push_back({path + ".spec.containers", "write at least one container"});
  }
  const std::string restart = spec == nullptr ? "" : kube::string_at(*spec, {"restartPolicy"});
  if (!restart.empty() && restart != "Never" && restart != "OnFailure") {
    out.push_back(
        {path + ".spec.restartPolicy", "leave it out, or write Never or OnFailure: a test comes to an end"});
  }
  check_test_labels(pod_template, path, out);
}

}  // namespace

void check_test_labels(const nlohmann::json& pod_template, const std::string& path, std::vector<FieldError>& out) {
  for (const char* ours : {kRolloutLabel, kRevisionLabel, kStageLabel, kAttemptLabel}) {
    if (kube::find(pod_template, {"metadata", "labels", ours}) == nullptr) continue;
    out.push_back({path + ".metadata.labels", "remove " + std::string(ours) + ": Sluice sets it"});
  }
}

void check_test_job(const nlohmann::json& job, const std::string& path, std::vector<FieldError>& out) {
  if (!job.is_object()) {
    out.push_back({path, "is required: write the Job that tests the candidate"});
    return;
  }
  const auto* pod_template = kube::find(job, {"template"});
  check_test_template(pod_template == nullptr ? nlohmann::json() : *pod_template, path + ".template", out);
  const auto* ttl = kube::find(job, {"ttlSecondsAfterFinished"});
  if (ttl != nullptr && whole_number(*ttl).value_or(0) < kShortestTtl) {
    out.push_back({path + ".ttlSecondsAfterFinished", "must be at least 60: its end has to be seen"});
  }
  for (const char* managed : {"selector", "manualSelector"}) {
    if (kube::find(job, {managed}) == nullptr) continue;
    out.push_back({path + "." + managed, "leave it out: Kubernetes sets it"});
  }
}

}  // namespace sluice::api
