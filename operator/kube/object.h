// Reading Kubernetes objects as JSON without surprises: a field that is missing, or of another type than it
// should be, reads as empty. None of these functions throws; pointers stay valid as long as the object is
// unchanged.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "kube/resource.h"

namespace sluice::kube {

// The value at a path of member names, e.g. find(pod, {"status", "phase"}); null when there is none.
const nlohmann::json* find(const nlohmann::json& object, std::initializer_list<std::string_view> path);

// The same, for one type. Integers: 0 when missing, a fraction, or out of range.
std::string string_at(const nlohmann::json& object, std::initializer_list<std::string_view> path);
std::int64_t int_at(const nlohmann::json& object, std::initializer_list<std::string_view> path);
bool bool_at(const nlohmann::json& object, std::initializer_list<std::string_view> path);

std::string name_of(const nlohmann::json& object);
std::string namespace_of(const nlohmann::json& object);
Key key_of(const nlohmann::json& object);
std::string uid_of(const nlohmann::json& object);
std::string resource_version_of(const nlohmann::json& object);
// Of two versions of one object. Servers number them in ascending order, and since Kubernetes 1.35 promise to. False
// when one is no number.
bool is_older_version(const std::string& version, const std::string& than);
std::int64_t generation_of(const nlohmann::json& object);
// Empty when the object has no such label or annotation.
std::string label_of(const nlohmann::json& object, std::string_view label);
std::string annotation_of(const nlohmann::json& object, std::string_view annotation);
// The time at a path; nullopt when there is none, or none that can be read.
std::optional<Time> time_at(const nlohmann::json& object, std::initializer_list<std::string_view> path);
std::optional<Time> creation_time_of(const nlohmann::json& object);
std::optional<Time> deletion_time_of(const nlohmann::json& object);
bool is_being_deleted(const nlohmann::json& object);

struct OwnerReference {
  std::string api_version;
  std::string kind;
  std::string name;
  std::string uid;
  bool controller = false;
};
std::vector<OwnerReference> owners_of(const nlohmann::json& object);
// The one owner with `controller: true`.
std::optional<OwnerReference> controller_of(const nlohmann::json& object);

// Removes metadata.managedFields, which is often most of an object and of no use to a controller's cache.
void strip_managed_fields(nlohmann::json& object);

}  // namespace sluice::kube
