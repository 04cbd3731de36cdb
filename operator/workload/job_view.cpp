// What became of a Job, from its conditions.
#include <nlohmann/json.hpp>

#include "workload/object_view.h"
#include "workload/views.h"

namespace sluice::workload {

std::string explained(const std::string& reason, const std::string& message) {
  return reason.empty() || message.empty() ? reason + message : reason + ": " + message;
}

std::optional<JobView> project_job(const nlohmann::json& object) {
  JobView view;
  if (!read_metadata(object, view)) return std::nullopt;
  view.ended = kube::time_at(object, {"status", "completionTime"}).value_or(Time{});
  for (const nlohmann::json& condition : list_at(object, {"status", "conditions"})) {
    if (kube::string_at(condition, {"status"}) != "True") continue;
    const std::string type = kube::string_at(condition, {"type"});
    if (type == "Complete") view.state = JobState::Complete;
    // FailureTarget comes first, while the pods still end and their logs can be read. There is no way back from it.
    if (type != "Failed" && type != "FailureTarget") continue;
    view.state = JobState::Failed;
    view.reason = kube::string_at(condition, {"reason"});
    view.message = shortened(kube::string_at(condition, {"message"}));
  }
  return view;
}

}  // namespace sluice::workload
