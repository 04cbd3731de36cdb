// Why a pod is not ready, from what the kubelet and the scheduler say about it.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "workload/object_view.h"
#include "workload/views.h"

namespace sluice::workload {
namespace {

struct Problem {
  std::string reason;
  std::string message;
};

// Init containers first: the others wait for them.
std::vector<const nlohmann::json*> container_statuses(const nlohmann::json& pod) {
  std::vector<const nlohmann::json*> all;
  for (const char* kind : {"initContainerStatuses", "containerStatuses"}) {
    for (const nlohmann::json& container : list_at(pod, {"status", kind})) all.push_back(&container);
  }
  return all;
}

const nlohmann::json& condition(const nlohmann::json& pod, const char* type) {
  static const nlohmann::json kNone;
  for (const nlohmann::json& entry : list_at(pod, {"status", "conditions"})) {
    if (kube::string_at(entry, {"type"}) == type) return entry;
  }
  return kNone;
}

// "container model exited with 137 (OOMKilled)"
std::string exit_text(const std::string& container, const nlohmann::json& terminated) {
  std::string out =
      "container " + container + " exited with " + std::to_string(kube::int_at(terminated, {"exitCode"}));
  const std::string reason = kube::string_at(terminated, {"reason"});
  if (!reason.empty() && reason != "Error") out += " (" + reason + ")";
  const std::string message = kube::string_at(terminated, {"message"});
  return message.empty() ? out : out + ": " + message;
}

std::optional<Problem> container_problem(const nlohmann::json& container) {
  const std::string name = kube::string_at(container, {"name"});
  const std::string reason = kube::string_at(container, {"state", "waiting", "reason"});
  if (!reason.empty() && reason != "ContainerCreating" && reason != "PodInitializing") {
    // For a crash loop the kubelet's own message only says for how long it backs off.
    const nlohmann::json* last = kube::find(container, {"lastState", "terminated"});
    if (last != nullptr && last->is_object()) return Problem{reason, exit_text(name, *last)};
    return Problem{reason, kube::string_at(container, {"state", "waiting", "message"})};
  }
  const nlohmann::json* terminated = kube::find(container, {"state", "terminated"});
  if (terminated != nullptr && kube::int_at(*terminated, {"exitCode"}) != 0) {
    return Problem{"ContainerExited", exit_text(name, *terminated)};
  }
  return std::nullopt;
}

std::optional<Problem> probe_problem(const nlohmann::json& container) {
  const nlohmann::json* running = kube::find(container, {"state", "running"});
  if (running == nullptr || !running->is_object() || kube::bool_at(container, {"ready"})) return std::nullopt;
  const nlohmann::json* started = kube::find(container, {"started"});
  const char* probe = started != nullptr && *started == false ? "startup" : "readiness";
  return Problem{"NotReady", "container " + kube::string_at(container, {"name"}) + " runs, but its " + probe +
                                 " probe does not pass"};
}

Problem problem_of(const nlohmann::json& pod) {
  if (kube::string_at(pod, {"status", "phase"}) == "Failed") {
    const std::string reason = kube::string_at(pod, {"status", "reason"});
    return {reason.empty() ? "PodFailed" : reason, kube::string_at(pod, {"status", "message"})};
  }
  const auto containers = container_statuses(pod);
  for (const nlohmann::json* container : containers) {
    if (auto problem = container_problem(*container)) return *std::move(problem);
  }
  const nlohmann::json& scheduled = condition(pod, "PodScheduled");
  if (kube::string_at(scheduled, {"status"}) == "False") {
    return {kube::string_at(scheduled, {"reason"}), kube::string_at(scheduled, {"message"})};
  }
  for (const nlohmann::json* container : containers) {
    if (auto problem = probe_problem(*container)) return *std::move(problem);
  }
  return {};
}

// The kubelet says so of a container that it could not even begin, with an exit code of its own.
bool never_ran(const nlohmann::json& terminated) {
  const std::string reason = kube::string_at(terminated, {"reason"});
  return reason == "StartError" || reason == "ContainerCannotRun" || reason == "ContainerStatusUnknown";
}

// How the containers of a Job's pod went. `own`: not one of those that run before the others.
void read_runs(const nlohmann::json& container, bool own, PodView& view) {
  const nlohmann::json* running = kube::find(container, {"state", "running"});
  if (own && running != nullptr && running->is_object()) view.started = true;
  for (const char* when : {"lastState", "state"}) {
    const nlohmann::json* ended = kube::find(container, {when, "terminated"});
    if (ended == nullptr || !ended->is_object() || never_ran(*ended)) continue;
    if (own) view.started = true;
    if (kube::int_at(*ended, {"exitCode"}) == 0) continue;
    view.failed = true;
    view.container = kube::string_at(container, {"name"});
    view.exit = shortened(exit_text(view.container, *ended));
  }
}

void read_job(const nlohmann::json& object, PodView& view) {
  const auto owner = kube::controller_of(object);
  if (!owner || owner->kind != "Job") return;
  view.job = owner->name;
  const std::string phase = kube::string_at(object, {"status", "phase"});
  view.ended = phase == "Failed" || phase == "Succeeded";
  const auto& containers = list_at(object, {"spec", "containers"});
  if (!containers.empty()) view.container = kube::string_at(containers.front(), {"name"});
  view.disrupted = kube::string_at(condition(object, "DisruptionTarget"), {"status"}) == "True";
  for (const nlohmann::json& container : list_at(object, {"status", "initContainerStatuses"})) {
    read_runs(container, false, view);
  }
  for (const nlohmann::json& container : list_at(object, {"status", "containerStatuses"})) {
    read_runs(container, true, view);
  }
}

}  // namespace

std::optional<PodView> project_pod(const nlohmann::json& object) {
  PodView view;
  if (!read_metadata(object, view)) return std::nullopt;
  const nlohmann::json& ready = condition(object, "Ready");
  view.ready = kube::string_at(ready, {"status"}) == "True";
  if (view.ready) view.ready_since = kube::time_at(ready, {"lastTransitionTime"}).value_or(Time{});
  for (const nlohmann::json* container : container_statuses(object)) {
    view.restarts += count_at(*container, {"restartCount"});
  }
  read_job(object, view);
  if (view.ready || view.deleting) return view;
  Problem problem = problem_of(object);
  view.reason = std::move(problem.reason);
  view.message = shortened(std::move(problem.message));
  return view;
}

std::optional<Time> ready_since(const std::vector<PodView>& pods) {
  std::optional<Time> first;
  for (const PodView& pod : pods) {
    if (!pod.ready || pod.deleting) continue;
    const bool silent = pod.ready_since == Time{};
    if (!first || *first == Time{}) first = pod.ready_since;
    else if (!silent) first = std::min(*first, pod.ready_since);
  }
  return first;
}

std::string why_not_ready(const DeploymentView* deployment, const std::vector<PodView>& pods) {
  std::map<std::string, int> count;
  int alive = 0;
  for (const PodView& pod : pods) {
    if (pod.deleting) continue;
    ++alive;
    if (!pod.reason.empty()) ++count[pod.reason];
  }
  const auto most = std::max_element(count.begin(), count.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most == count.end()) return deployment == nullptr ? std::string() : deployment->failure;
  const auto example = std::find_if(pods.begin(), pods.end(), [&](const PodView& pod) {
    return !pod.deleting && pod.reason == most->first;
  });
  return std::to_string(most->second) + " of " + std::to_string(alive) + (alive == 1 ? " pod: " : " pods: ") +
         explained(example->reason, example->message);
}

}  // namespace sluice::workload
