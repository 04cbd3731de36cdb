#include "api/validate.h"

#include <algorithm>
#include <set>
#include <utility>

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

void check_port(const Spec& spec, std::vector<FieldError>& out) {
  if (spec.port.is_number_integer()) {
    if (!port_number(spec)) out.push_back({"spec.port", "write a number from 1 to 65535"});
  } else if (!spec.port.is_string()) {
    out.push_back({"spec.port", "is required: write the port's number, or its name in the template"});
  } else if (!port_number(spec)) {
    out.push_back({"spec.port", "no container of the template has a port named \"" +
                                    spec.port.get<std::string>() +
                                    "\": add it to the container's ports, or write the number"});
  }
}

void check_traffic(const TrafficSpec& traffic, std::vector<FieldError>& out) {
  const auto* gateway = std::get_if<GatewayApiTraffic>(&traffic);
  if (gateway == nullptr) return;
  const std::string path = "spec.traffic.gatewayAPI.parentRefs";
  if (!gateway->parent_refs.is_array() || gateway->parent_refs.empty()) {
    out.push_back({path, "write at least one Gateway, such as [{name: public}]"});
    return;
  }
  for (std::size_t i = 0; i < gateway->parent_refs.size(); ++i) {
    const json* name = field(gateway->parent_refs[i], "name");
    if (name == nullptr || !name->is_string() || name->get_ref<const std::string&>().empty()) {
      out.push_back({path + "[" + std::to_string(i) + "].name", "write the Gateway's name"});
    }
  }
}

void check_limits(const Spec& spec, std::vector<FieldError>& out) {
  if (spec.scale_down_delay < Duration(0)) out.push_back({"spec.scaleDownDelay", "must not be negative"});
  if (spec.progress_deadline <= Duration(0)) {
    out.push_back({"spec.progressDeadline", "must be longer than 0s, such as 10m"});
  }
  if (spec.revision_history_limit < 0) out.push_back({"spec.revisionHistoryLimit", "must not be negative"});
}

}  // namespace

std::optional<int> port_number(const Spec& spec) {
  const auto in_range = [](const json& value) -> std::optional<int> {
    if (!value.is_number_integer() || value < 1 || value > 65535) return std::nullopt;
    return value.get<int>();
  };
  if (!spec.port.is_string()) return in_range(spec.port);
  std::optional<int> number;
  each_container(spec.pod_template, [&](const json& container, const std::string&) {
    const json* ports = field(container, "ports");
    if (ports == nullptr || !ports->is_array() || number) return;
    for (const json& port : *ports) {
      const json* name = field(port, "name");
      const json* value = field(port, "containerPort");
      if (name != nullptr && *name == spec.port && value != nullptr) number = in_range(*value);
      if (number) return;
    }
  });
  return number;
}

std::vector<FieldError> validate(const Rollout& rollout) {
  std::vector<FieldError> out;
  const Spec& spec = rollout.spec;
  check_name(rollout, out);
  if (spec.replicas < 0) out.push_back({"spec.replicas", "must not be negative"});
  check_template(spec.pod_template, out);
  check_port(spec, out);
  check_traffic(spec.traffic, out);
  check_stages(spec, out);
  check_analysis(spec, out);
  check_limits(spec, out);
  return out;
}

}  // namespace sluice::api
