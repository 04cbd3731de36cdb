// Private to traffic/.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string_view>

#include "kube/object.h"

namespace sluice::traffic {

// The list at a path; empty when there is none. The reference lives as long as `object`.
inline const nlohmann::json& list_at(const nlohmann::json& object,
                                     std::initializer_list<std::string_view> path) {
  static const nlohmann::json kEmpty = nlohmann::json::array();
  const nlohmann::json* value = kube::find(object, path);
  return value != nullptr && value->is_array() ? *value : kEmpty;
}

}  // namespace sluice::traffic
