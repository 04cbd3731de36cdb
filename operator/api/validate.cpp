#include "api/validate.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "api/spec_stages.h"
#include "api/validate_analysis.h"

namespace sluice::api {
namespace {

using nlohmann::json;

bool lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// RFC 1035, because Services have the Rollout's name.
bool is_label(std::string_view name) {
  return !name.empty() && name.front() >= 'a' && name.front() <= 'z' && lower_or_digit(name.back()) &&
         std::all_of(name.begin(), name.end(), [](char c) { return lower_or_digit(c) || c == '-'; });
}

const json* field(const json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

// Calls visit(container, path) for each container, those that run beside the others before them included.
template <class Visit>
void each_container(const json& pod_template, Visit visit) {
  const json* spec = field(pod_template, "spec");
  if (spec == nullptr) return;
  for (const char* list : {"containers", "initContainers"}) {
    const json* containers = field(*spec, list);
    if (containers == nullptr || !containers->is_array()) continue;
    for (std::size_t i = 0; i < containers->size(); ++i) {
      visit((*containers)[i], "spec.template.spec." + std::string(list) + "[" + std::to_string(i) + "]");
    }
  }
}

void check_name(const Rollout& rollout, std::vector<FieldError>& out) {
  const std::string& name = rollout.key.name;
  if (name.size() > kLongestName) {
    out.push_back({"metadata.name", "has " + std::to_string(name.size()) + " characters: use at most " +
                                        std::to_string(kLongestName) +
                                        ", since the revisions' names add to it"});
  } else if (!is_label(name)) {
    out.push_back({"metadata.name",
                   "use lower-case letters, digits and '-', with a letter first: Services get this name"});
  }
}

std::optional<int> in_range(std::int64_t port) {
  if (port < 1 || port > 65535) return std::nullopt;
  return static_cast<int>(port);
}

// What the first container port of this name has as its number.
std::optional<int> named_port(const std::string& wanted, const json& pod_template) {
  std::optional<int> number;
  each_container(pod_template, [&](const json& container, const std::string&) {
    const json* ports = field(container, "ports");
    if (ports == nullptr || !ports->is_array() || number) return;
    for (const json& port : *ports) {
      const json* name = field(port, "name");
      const json* value = field(port, "containerPort");
      const bool found = name != nullptr && *name == wanted && value != nullptr && value->is_number_integer();
      if (found) number = in_range(value->get<std::int64_t>());
      if (number) return;
    }
  });
  return number;
}

std::optional<int> port_of(const Port& port, const json& pod_template) {
  if (const auto* number = std::get_if<std::int64_t>(&port)) return in_range(*number);
  if (const auto* name = std::get_if<std::string>(&port)) return named_port(*name, pod_template);
  return std::nullopt;
}

// Labels of ours on a template would select pods of another revision.
void check_template(const json& pod_template, std::vector<FieldError>& out) {
  if (!pod_template.is_object()) {
    out.push_back({"spec.template", "is required: write the pod template that serves the model"});
    return;
  }
  const json* spec = field(pod_template, "spec");
  const json* containers = spec == nullptr ? nullptr : field(*spec, "containers");
  if (containers == nullptr || !containers->is_array() || containers->empty()) {
    out.push_back({"spec.template.spec.containers", "write at least one container"});
  }
  each_container(pod_template, [&](const json& container, const std::string& path) {
    const json* name = field(container, "name");
    if (name == nullptr || !name->is_string()) out.push_back({path + ".name", "is required"});
  });
  const json* restart = spec == nullptr ? nullptr : field(*spec, "restartPolicy");
  if (restart != nullptr && !restart->is_null() && *restart != "Always") {
    out.push_back(
        {"spec.template.spec.restartPolicy", "leave it out or write Always: a server runs for ever"});
  }
  const json* metadata = field(pod_template, "metadata");
  const json* labels = metadata == nullptr ? nullptr : field(*metadata, "labels");
  for (const char* ours : {kRolloutLabel, kRevisionLabel}) {
    if (labels != nullptr && field(*labels, ours) != nullptr) {
      out.push_back({"spec.template.metadata.labels", "remove " + std::string(ours) + ": Sluice sets it"});
    }
  }
}

void check_port(const Spec& spec, const json& pod_template, std::vector<FieldError>& out) {
  const auto* name = std::get_if<std::string>(&spec.port);
  if (std::holds_alternative<std::monostate>(spec.port)) {
    out.push_back({"spec.port", "is required: write the port's number, or its name in the template"});
  } else if (port_of(spec.port, pod_template)) {
    return;
  } else if (name == nullptr) {
    out.push_back({"spec.port", "write a number from 1 to 65535"});
  } else {
    out.push_back({"spec.port", "no container of the template has a port named \"" + *name +
                                    "\": add it to the container's ports, or write the number"});
  }
}

void check_traffic(const TrafficSpec& traffic, std::vector<FieldError>& out) {
  const auto* gateway = std::get_if<GatewayApiTraffic>(&traffic);
  if (gateway == nullptr) return;
  const std::string path = "spec.traffic.gatewayAPI.parentRefs";
  const json parents = gateway->parent_refs.tree();
  if (!parents.is_array() || parents.empty()) {
    out.push_back({path, "write at least one Gateway, such as [{name: public}]"});
    return;
  }
  for (std::size_t i = 0; i < parents.size(); ++i) {
    const json* name = field(parents[i], "name");
    if (name == nullptr || !name->is_string() || name->get_ref<const std::string&>().empty()) {
      out.push_back({path + "[" + std::to_string(i) + "].name", "write the Gateway's name"});
    }
  }
}

void check_limits(const Spec& spec, std::vector<FieldError>& out) {
  if (spec.scale_down_delay < Duration(0)) out.push_back({"spec.scaleDownDelay", "must not be negative"});
  if (spec.rollback_window && (*spec.rollback_window < 1 || *spec.rollback_window > kMostFormerStable)) {
    const std::string most = std::to_string(kMostFormerStable);
    out.push_back({"spec.rollbackWindow.revisions", "write a number from 1 to " + most + ", or leave out rollbackWindow"});
  }
  if (spec.progress_deadline <= Duration(0)) {
    out.push_back({"spec.progressDeadline", "must be longer than 0s, such as 10m"});
  }
  if (spec.revision_history_limit < 0) out.push_back({"spec.revisionHistoryLimit", "must not be negative"});
}

}  // namespace

std::optional<int> port_number(const Spec& spec) {
  // Only a name has to be looked up: the template is not parsed for a number.
  const bool named = std::holds_alternative<std::string>(spec.port);
  return port_of(spec.port, named ? spec.pod_template.tree() : json());
}

std::vector<FieldError> validate(const Rollout& rollout) {
  std::vector<FieldError> out;
  const Spec& spec = rollout.spec;
  check_name(rollout, out);
  if (spec.replicas < 0) out.push_back({"spec.replicas", "must not be negative"});
  const json pod_template = spec.pod_template.tree();
  check_template(pod_template, out);
  check_port(spec, pod_template, out);
  check_traffic(spec.traffic, out);
  check_stages(spec, out);
  check_analysis(spec, out);
  check_limits(spec, out);
  return out;
}

}  // namespace sluice::api
