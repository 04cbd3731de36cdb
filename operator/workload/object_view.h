// What the projections share. Private to workload/.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "kube/object.h"
#include "workload/views.h"

namespace sluice::workload {

using Path = std::initializer_list<std::string_view>;

// The list at a path; empty when there is none. The reference lives as long as `object`.
inline const nlohmann::json& list_at(const nlohmann::json& object, Path path) {
  static const nlohmann::json kEmpty = nlohmann::json::array();
  const nlohmann::json* value = kube::find(object, path);
  return value != nullptr && value->is_array() ? *value : kEmpty;
}

inline int count_at(const nlohmann::json& object, Path path) {
  return static_cast<int>(kube::int_at(object, path));
}

// False when the object is none of ours: then `view` is of no use.
inline bool read_metadata(const nlohmann::json& object, ObjectView& view) {
  view.key = kube::key_of(object);
  view.uid = kube::uid_of(object);
  view.resource_version = kube::resource_version_of(object);
  view.rollout = kube::label_of(object, api::kRolloutLabel);
  view.revision = kube::label_of(object, api::kRevisionLabel);
  if (const auto owner = kube::controller_of(object)) view.owner_uid = owner->uid;
  view.deleting = kube::is_being_deleted(object);
  view.created = kube::creation_time_of(object).value_or(Time{});
  return !view.key.name.empty() && !view.rollout.empty();
}

// Cut to a length fit for a status message and for events.
inline std::string shortened(std::string message) {
  constexpr std::size_t kMessageLimit = 300;  // bytes
  if (message.size() <= kMessageLimit) return message;
  std::size_t end = kMessageLimit;
  while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xC0) == 0x80) --end;  // not inside a character
  message.resize(end);
  return message + "...";
}

}  // namespace sluice::workload
