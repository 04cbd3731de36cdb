#include "traffic/route_view.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "api/types.h"
#include "kube/object.h"
#include "traffic/lists.h"

namespace sluice::traffic {
namespace {

constexpr const char* kGatewayGroup = "gateway.networking.k8s.io";

std::string text_or(const nlohmann::json& object, std::string_view name, const std::string& otherwise) {
  const nlohmann::json* value = kube::find(object, {name});
  return value != nullptr && value->is_string() ? value->get<std::string>() : otherwise;
}

std::vector<ParentStatus> parents_of(const nlohmann::json& object, const std::string& ns) {
  static const nlohmann::json kNone;
  std::vector<ParentStatus> parents;
  for (const nlohmann::json& entry : list_at(object, {"status", "parents"})) {
    const nlohmann::json* reference = kube::find(entry, {"parentRef"});
    ParentStatus parent{parse_parent_ref(reference == nullptr ? kNone : *reference, ns),
                        kube::string_at(entry, {"controllerName"}),
                        {}};
    for (const nlohmann::json& condition : list_at(entry, {"conditions"})) {
      parent.conditions.push_back(
          {kube::string_at(condition, {"type"}), kube::string_at(condition, {"status"}),
           kube::string_at(condition, {"reason"}), kube::string_at(condition, {"message"}),
           kube::int_at(condition, {"observedGeneration"})});
    }
    parents.push_back(std::move(parent));
  }
  return parents;
}

// The top-level fields of the spec in an entry of managedFields; none in one about the status.
std::vector<std::string> spec_fields(const nlohmann::json& entry) {
  std::vector<std::string> fields;
  if (!kube::string_at(entry, {"subresource"}).empty()) return fields;
  const nlohmann::json* spec = kube::find(entry, {"fieldsV1", "f:spec"});
  if (spec == nullptr || !spec->is_object()) return fields;
  for (const auto& [name, value] : spec->items()) {
    if (name.starts_with("f:")) fields.push_back(name.substr(2));
  }
  return fields;
}

// A write by somebody else of another value takes a field away from us; an apply of the same value shares it.
// So the fields that others have and we do not are those that they have written last.
std::vector<SpecWriter> foreign_writers_of(const nlohmann::json& object) {
  const nlohmann::json& entries = list_at(object, {"metadata", "managedFields"});
  std::set<std::string> ours;
  for (const nlohmann::json& entry : entries) {
    if (kube::string_at(entry, {"manager"}) == kFieldManager) {
      for (std::string& field : spec_fields(entry)) ours.insert(std::move(field));
    }
  }
  std::vector<SpecWriter> writers;
  for (const nlohmann::json& entry : entries) {
    if (kube::string_at(entry, {"manager"}) == kFieldManager) continue;
    SpecWriter writer{kube::string_at(entry, {"manager"}), {}, spec_fields(entry)};
    std::erase_if(writer.fields, [&](const std::string& field) { return ours.contains(field); });
    if (writer.fields.empty()) continue;
    if (const auto time = parse_time(kube::string_at(entry, {"time"}))) writer.time = *time;
    writers.push_back(std::move(writer));
  }
  std::stable_sort(writers.begin(), writers.end(),
                   [](const SpecWriter& a, const SpecWriter& b) { return a.time > b.time; });
  return writers;
}

}  // namespace

std::string ParentRef::str() const {
  std::string out = kind + " " + (ns.empty() ? name : ns + "/" + name);
  if (!section.empty()) out += " (listener " + section + ")";
  if (port != 0) out += " (port " + std::to_string(port) + ")";
  return out;
}

ParentRef parse_parent_ref(const nlohmann::json& reference, const std::string& ns) {
  return {text_or(reference, "group", kGatewayGroup),  text_or(reference, "kind", "Gateway"),
          text_or(reference, "namespace", ns),         kube::string_at(reference, {"name"}),
          kube::string_at(reference, {"sectionName"}), static_cast<int>(kube::int_at(reference, {"port"}))};
}

std::optional<RouteView> project_route(const nlohmann::json& object) {
  RouteView view;
  view.key = kube::key_of(object);
  if (view.key.name.empty()) return std::nullopt;
  view.uid = kube::uid_of(object);
  view.resource_version = kube::resource_version_of(object);
  view.generation = kube::generation_of(object);
  view.rollout = kube::label_of(object, api::kRolloutLabel);
  view.mirror = kube::annotation_of(object, kMirrorAnnotation);
  view.deleting = kube::is_being_deleted(object);
  if (const auto owner = kube::controller_of(object)) {
    view.owner_uid = owner->uid;
    view.owner = owner->kind + " " + owner->name;
  }
  if (const nlohmann::json* spec = kube::find(object, {"spec"})) {
    view.spec = spec->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  view.parents = parents_of(object, view.key.ns);
  view.foreign_writers = foreign_writers_of(object);
  return view;
}

}  // namespace sluice::traffic
