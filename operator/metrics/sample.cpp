#include "metrics/sample.h"

namespace sluice::metrics {

Result<Matrix> SampleSource::values(std::string_view, Time, Duration, Duration, Duration, std::stop_token) {
  return Error{ErrorCode::Invalid, "this store answers selectors only", {}};
}

namespace {

// The labels that service discovery attaches to all series of one target, under the names that the usual
// configurations give them. A label too many only makes targets finer, which errs towards dropping a block.
constexpr const char* kTargetLabels[] = {
    "cluster",  "job",      "instance", "namespace", "kubernetes_namespace", "pod", "kubernetes_pod_name",
    "pod_name", "container"};

constexpr const char* kNames[] = {"pod", "kubernetes_pod_name", "pod_name", "instance", "job"};

}  // namespace

std::string target_of(const Labels& labels) {
  std::string key;
  for (const char* label : kTargetLabels) {
    if (const auto found = labels.find(label); found != labels.end() && !found->second.empty()) {
      key.append(label).append(1, '\0').append(found->second).append(1, '\0');
    }
  }
  return key;
}

std::string target_name(const Labels& labels) {
  for (const char* label : kNames) {
    if (const auto found = labels.find(label); found != labels.end() && !found->second.empty()) {
      return found->second;
    }
  }
  return "a target without name";
}

}  // namespace sluice::metrics
