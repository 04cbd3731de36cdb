#include "workload/views.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "workload/object_view.h"

namespace sluice::workload {
namespace {

// ReplicaFailure says why no pod can be made (quota, admission) and so tells more than that time has passed.
std::string failure_of(const nlohmann::json& object) {
  std::string late;
  for (const nlohmann::json& condition : list_at(object, {"status", "conditions"})) {
    const std::string type = kube::string_at(condition, {"type"});
    const std::string value = kube::string_at(condition, {"status"});
    const std::string what =
        explained(kube::string_at(condition, {"reason"}), kube::string_at(condition, {"message"}));
    if (type == "ReplicaFailure" && value == "True") return what;
    if (type == "Progressing" && value == "False") late = what;
  }
  return late;
}

std::map<std::string, std::string> images_of(const nlohmann::json& object) {
  std::map<std::string, std::string> images;
  for (const char* kind : {"containers", "initContainers"}) {
    for (const nlohmann::json& container : list_at(object, {"spec", "template", "spec", kind})) {
      images[kube::string_at(container, {"name"})] = kube::string_at(container, {"image"});
    }
  }
  return images;
}

std::map<std::string, std::string> selector_of(const nlohmann::json& object) {
  std::map<std::string, std::string> selector;
  const nlohmann::json* labels = kube::find(object, {"spec", "selector"});
  if (labels == nullptr || !labels->is_object()) return selector;
  for (const auto& [name, value] : labels->items()) {
    if (value.is_string()) selector.emplace(name, value.get<std::string>());
  }
  return selector;
}

std::string port_target(const nlohmann::json& port) {
  const std::string name = kube::string_at(port, {"targetPort"});
  if (!name.empty()) return name;
  const int number = count_at(port, {"targetPort"});
  return std::to_string(number != 0 ? number : count_at(port, {"port"}));  // the server's default
}

// The server's default for what a manifest may leave out.
int count_or(const nlohmann::json& object, Path path, int otherwise) {
  return kube::find(object, path) == nullptr ? otherwise : count_at(object, path);
}

}  // namespace

std::optional<DeploymentView> project_deployment(const nlohmann::json& object) {
  DeploymentView view;
  if (!read_metadata(object, view)) return std::nullopt;
  view.generation = kube::generation_of(object);
  view.observed_generation = kube::int_at(object, {"status", "observedGeneration"});
  view.desired = count_or(object, {"spec", "replicas"}, 1);
  view.replicas = count_at(object, {"status", "replicas"});
  view.updated = count_at(object, {"status", "updatedReplicas"});
  view.ready = count_at(object, {"status", "readyReplicas"});
  view.available = count_at(object, {"status", "availableReplicas"});
  view.progress_deadline_seconds = count_or(object, {"spec", "progressDeadlineSeconds"}, 600);
  view.images = images_of(object);
  view.failure = failure_of(object);
  return view;
}

std::optional<ServiceView> project_service(const nlohmann::json& object) {
  ServiceView view;
  if (!read_metadata(object, view)) return std::nullopt;
  view.selector = selector_of(object);
  for (const nlohmann::json& port : list_at(object, {"spec", "ports"})) {
    view.ports.push_back({kube::string_at(port, {"name"}), count_at(port, {"port"}), port_target(port)});
  }
  return view;
}

std::string ServiceView::selected_revision() const {
  const auto found = selector.find(api::kRevisionLabel);
  return found == selector.end() ? std::string() : found->second;
}

std::optional<EndpointsView> project_endpoints(const nlohmann::json& object) {
  EndpointsView view;
  if (!read_metadata(object, view)) return std::nullopt;
  view.service = kube::label_of(object, "kubernetes.io/service-name");
  if (view.service.empty()) return std::nullopt;
  view.address_type = kube::string_at(object, {"addressType"});
  // Pods whose containers do not declare the Service's named port are put into a slice without ports.
  if (list_at(object, {"ports"}).empty()) return view;
  for (const nlohmann::json& endpoint : list_at(object, {"endpoints"})) {
    // "A nil value should be interpreted as true"; terminating endpoints are never ready.
    const nlohmann::json* ready = kube::find(endpoint, {"conditions", "ready"});
    if (ready == nullptr || ready->is_null() || *ready == true) ++view.ready;
  }
  return view;
}

int ready_endpoints(const std::vector<EndpointsView>& slices) {
  std::map<std::string, int> by_family;
  for (const EndpointsView& slice : slices) by_family[slice.address_type] += slice.ready;
  int most = 0;
  for (const auto& [family, count] : by_family) most = std::max(most, count);
  return most;
}

}  // namespace sluice::workload
