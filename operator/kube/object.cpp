#include "kube/object.h"

#include <nlohmann/json.hpp>

namespace sluice::kube {

using nlohmann::json;

const json* find(const json& object, std::initializer_list<std::string_view> path) {
  const json* at = &object;
  for (const std::string_view name : path) {
    if (!at->is_object()) return nullptr;
    const auto member = at->find(name);
    if (member == at->end()) return nullptr;
    at = &*member;
  }
  return at;
}

std::string string_at(const json& object, std::initializer_list<std::string_view> path) {
  const json* value = find(object, path);
  return value != nullptr && value->is_string() ? value->get_ref<const std::string&>() : std::string();
}

std::int64_t int_at(const json& object, std::initializer_list<std::string_view> path) {
  const json* value = find(object, path);
  if (value == nullptr || !value->is_number_integer()) return 0;
  if (value->is_number_unsigned() && value->get<std::uint64_t>() > std::uint64_t{INT64_MAX}) return 0;
  return value->get<std::int64_t>();
}

bool bool_at(const json& object, std::initializer_list<std::string_view> path) {
  const json* value = find(object, path);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

std::string name_of(const json& object) {
  return string_at(object, {"metadata", "name"});
}
std::string namespace_of(const json& object) {
  return string_at(object, {"metadata", "namespace"});
}
Key key_of(const json& object) {
  return {namespace_of(object), name_of(object)};
}
std::string uid_of(const json& object) {
  return string_at(object, {"metadata", "uid"});
}
std::string resource_version_of(const json& object) {
  return string_at(object, {"metadata", "resourceVersion"});
}
bool is_older_version(const std::string& version, const std::string& than) {
  const auto is_number = [](const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  };
  if (!is_number(version) || !is_number(than)) return false;
  return version.size() != than.size() ? version.size() < than.size() : version < than;
}
std::int64_t generation_of(const json& object) {
  return int_at(object, {"metadata", "generation"});
}

std::string label_of(const json& object, std::string_view label) {
  return string_at(object, {"metadata", "labels", label});
}

std::string annotation_of(const json& object, std::string_view annotation) {
  return string_at(object, {"metadata", "annotations", annotation});
}

std::optional<Time> time_at(const json& object, std::initializer_list<std::string_view> path) {
  const auto time = parse_time(string_at(object, path));
  return time ? std::optional<Time>(*time) : std::nullopt;
}

std::optional<Time> creation_time_of(const json& object) {
  return time_at(object, {"metadata", "creationTimestamp"});
}
std::optional<Time> deletion_time_of(const json& object) {
  return time_at(object, {"metadata", "deletionTimestamp"});
}

// Not by deletion_time_of: a time that we cannot read still means that the object goes.
bool is_being_deleted(const json& object) {
  return !string_at(object, {"metadata", "deletionTimestamp"}).empty();
}

std::vector<OwnerReference> owners_of(const json& object) {
  std::vector<OwnerReference> out;
  const json* references = find(object, {"metadata", "ownerReferences"});
  if (references == nullptr || !references->is_array()) return out;
  for (const json& reference : *references) {
    out.push_back({string_at(reference, {"apiVersion"}), string_at(reference, {"kind"}),
                   string_at(reference, {"name"}), string_at(reference, {"uid"}),
                   bool_at(reference, {"controller"})});
  }
  return out;
}

std::optional<OwnerReference> controller_of(const json& object) {
  for (OwnerReference& owner : owners_of(object)) {
    if (owner.controller) return std::move(owner);
  }
  return std::nullopt;
}

void strip_managed_fields(json& object) {
  if (!object.is_object()) return;
  const auto metadata = object.find("metadata");
  if (metadata != object.end() && metadata->is_object()) metadata->erase("managedFields");
}

}  // namespace sluice::kube
