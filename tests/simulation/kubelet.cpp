#include "kubelet.h"

#include <algorithm>

#include "api/types.h"
#include "kube/object.h"
#include "workload/revision.h"
#include "workload/views.h"

namespace sluice::simulation {
namespace {

using nlohmann::json;

json owner(const char* api_version, const char* kind, const std::string& name, const std::string& uid) {
  return {{"apiVersion", api_version}, {"kind", kind}, {"name", name}, {"uid", uid}, {"controller", true}};
}

json ready_condition(bool ready, Time since) {
  return json::array(
      {{{"type", "Ready"}, {"status", ready ? "True" : "False"}, {"lastTransitionTime", format_time(since)}}});
}

bool is_broken(const std::string& image) { return image.find(":broken") != std::string::npos; }

}  // namespace

int Workload::ready() const {
  return static_cast<int>(std::count_if(pods.begin(), pods.end(), [](const Pod& pod) { return pod.ready; }));
}

Kubelet::Kubelet(test::MemoryApiServer& server, const Clock& clock, Random random)
    : server_(server), clock_(clock), random_(random) {}

void Kubelet::notice_deployment(const kube::Key& key) {
  const auto live = server_.get(workload::kDeployments, key);
  if (!live) {
    workloads_.erase(key);  // its pods go with it
    changed_ = true;
    return;
  }
  Workload& workload = workloads_[key];
  if (workload.uid != kube::uid_of(*live)) {
    workload = {};
    workload.uid = kube::uid_of(*live);
    workload.rollout = kube::label_of(*live, api::kRolloutLabel);
    workload.revision = kube::label_of(*live, api::kRevisionLabel);
  }
  const json* containers = kube::find(*live, {"spec", "template", "spec", "containers"});
  if (containers != nullptr && !containers->empty()) workload.image = kube::string_at((*containers)[0], {"image"});
  workload.replicas = static_cast<int>(kube::int_at(*live, {"spec", "replicas"}));
  if (workload.generation == kube::generation_of(*live)) return;
  workload.generation = kube::generation_of(*live);
  workload.changed = changed_ = true;
}

void Kubelet::notice_service(const kube::Key& key) {
  const auto live = server_.get(workload::kServices, key);
  changed_ = true;
  if (!live) {
    services_.erase(key);
    return;
  }
  ServiceSeen& service = services_[key];
  if (service.uid != kube::uid_of(*live)) service = {};
  service.uid = kube::uid_of(*live);
  service.labels = live->at("metadata").value("labels", json::object());
  service.rollout = kube::string_at(*live, {"spec", "selector", api::kRolloutLabel});
  service.revision = kube::string_at(*live, {"spec", "selector", api::kRevisionLabel});
}

void Kubelet::act() {
  changed_ = false;
  for (auto& [key, workload] : workloads_) {
    scale(key, workload);
    make_ready(key, workload);
    if (workload.changed) write_status(key, workload);
    workload.changed = false;
  }
  for (auto& [key, service] : services_) write_slice(key, service);
}

std::optional<Time> Kubelet::next_due() const {
  if (changed_) return clock_.now();
  std::optional<Time> first;
  for (const auto& [key, workload] : workloads_) {
    for (const Pod& pod : workload.pods) {
      if (pod.ready || pod.ready_at == Time::max()) continue;
      if (!first || pod.ready_at < *first) first = pod.ready_at;
    }
  }
  return first;
}

void Kubelet::scale(const kube::Key& key, Workload& workload) {
  auto& pods = workload.pods;
  while (static_cast<int>(pods.size()) < workload.replicas) start_pod(key, workload);
  while (static_cast<int>(pods.size()) > workload.replicas) {
    // Those that are not ready go first, then the youngest.
    auto victim = std::find_if(pods.begin(), pods.end(), [](const Pod& pod) { return !pod.ready; });
    if (victim == pods.end()) victim = std::prev(pods.end());
    if (victim->ready) workload.last_ready = clock_.now();
    (void)server_.remove(workload::kPods, {key.ns, victim->name});
    pods.erase(victim);
    workload.changed = true;
  }
}

void Kubelet::start_pod(const kube::Key& key, Workload& workload) {
  Pod pod;
  pod.name = key.name + "-" + std::to_string(workload.next_pod++);
  const Duration takes = random_.between(seconds(1), seconds(20)) + slow_start_;
  const bool broken = is_broken(workload.image);
  pod.ready_at = broken ? Time::max() : clock_.now() + takes;
  json made = {{"metadata",
                {{"name", pod.name},
                 {"namespace", key.ns},
                 {"labels", {{api::kRolloutLabel, workload.rollout}, {api::kRevisionLabel, workload.revision}}},
                 {"ownerReferences", json::array({owner("apps/v1", "Deployment", key.name, workload.uid)})}}}};
  (void)server_.create(workload::kPods, made);
  if (broken) {
    const json waiting = {{"waiting", {{"reason", "CrashLoopBackOff"}, {"message", "back-off"}}}};
    const json container = {{"name", "model"}, {"ready", false}, {"restartCount", 3}, {"state", waiting}};
    const json status = {{"conditions", ready_condition(false, clock_.now())},
                         {"containerStatuses", json::array({container})}};
    (void)server_.patch(workload::kPods, {key.ns, pod.name}, {{"status", status}}, {.subresource = "status"});
  }
  workload.pods.push_back(std::move(pod));
  workload.changed = true;
}

void Kubelet::make_ready(const kube::Key& key, Workload& workload) {
  for (Pod& pod : workload.pods) {
    if (pod.ready || pod.ready_at > clock_.now()) continue;
    pod.ready = true;
    if (!workload.first_ready) workload.first_ready = clock_.now();
    workload.changed = true;
    const json status = {{"conditions", ready_condition(true, clock_.now())}};
    (void)server_.patch(workload::kPods, {key.ns, pod.name}, {{"status", status}}, {.subresource = "status"});
  }
}

void Kubelet::write_status(const kube::Key& key, const Workload& workload) {
  const json status = {{"observedGeneration", workload.generation}, {"replicas", workload.pods.size()},
                       {"updatedReplicas", workload.pods.size()},   {"readyReplicas", workload.ready()},
                       {"availableReplicas", workload.ready()}};
  (void)server_.patch(workload::kDeployments, key, {{"status", status}}, {.subresource = "status"});
}

// As the endpoint slice controller: one slice, with the labels of the Service.
void Kubelet::write_slice(const kube::Key& key, ServiceSeen& service) {
  std::vector<std::string> ready;
  if (const Workload* workload = behind(key)) {
    for (const Pod& pod : workload->pods) {
      if (pod.ready) ready.push_back(pod.name);
    }
  }
  if (service.written && service.listed == ready) return;
  json endpoints = json::array();
  for (const std::string& pod : ready) {
    endpoints.push_back({{"addresses", json::array({pod})}, {"conditions", {{"ready", true}}}});
  }
  const kube::Key slice{key.ns, key.name + "-slice"};
  const json port = {{"name", "http"}, {"port", 8080}};
  json object = {{"addressType", "IPv4"}, {"ports", json::array({port})}, {"endpoints", endpoints}};
  if (!service.written) {
    object["metadata"] = {{"name", slice.name},
                          {"namespace", slice.ns},
                          {"labels", service.labels},
                          {"ownerReferences", json::array({owner("v1", "Service", key.name, service.uid)})}};
    object["metadata"]["labels"]["kubernetes.io/service-name"] = key.name;
    service.written = server_.create(workload::kEndpointSlices, object).ok();
  } else {
    (void)server_.patch(workload::kEndpointSlices, slice, object, {});
  }
  service.listed = std::move(ready);
}

bool Kubelet::kill_a_pod() {
  std::vector<std::pair<const kube::Key*, Workload*>> alive;
  for (auto& [key, workload] : workloads_) {
    if (workload.ready() > 0) alive.emplace_back(&key, &workload);
  }
  if (alive.empty()) return false;
  const int which = random_.between(0, static_cast<int>(alive.size()) - 1);
  const auto [key, workload] = alive[static_cast<std::size_t>(which)];
  const auto victim =
      std::find_if(workload->pods.begin(), workload->pods.end(), [](const Pod& pod) { return pod.ready; });
  workload->last_ready = clock_.now();
  (void)server_.remove(workload::kPods, {key->ns, victim->name});
  workload->pods.erase(victim);
  workload->changed = changed_ = true;
  return true;
}

const Workload* Kubelet::find(const std::string& ns, const std::string& rollout, const std::string& revision) const {
  const auto found = workloads_.find({ns, workload::deployment_name(rollout, revision)});
  return found == workloads_.end() ? nullptr : &found->second;
}

std::vector<const Workload*> Kubelet::of(const kube::Key& rollout) const {
  std::vector<const Workload*> all;
  for (const auto& [key, workload] : workloads_) {
    if (key.ns == rollout.ns && workload.rollout == rollout.name) all.push_back(&workload);
  }
  return all;
}

std::vector<std::string> Kubelet::names_of(const kube::Key& rollout) const {
  std::vector<std::string> names;
  for (const auto& [key, workload] : workloads_) {
    if (key.ns == rollout.ns && workload.rollout == rollout.name) names.push_back(key.name);
  }
  return names;
}

const Workload* Kubelet::behind(const kube::Key& service) const {
  const auto found = services_.find(service);
  if (found == services_.end()) return nullptr;
  return find(service.ns, found->second.rollout, found->second.revision);
}

}  // namespace sluice::simulation
