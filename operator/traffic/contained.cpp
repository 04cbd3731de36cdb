#include "traffic/contained.h"

#include <nlohmann/json.hpp>

namespace sluice::traffic {
namespace {

bool says_nothing(const nlohmann::json& value) {
  return value.is_null() || (value.is_structured() && value.empty());
}

}  // namespace

bool contained(const nlohmann::json& wanted, const nlohmann::json& live) {
  if (says_nothing(wanted) && says_nothing(live)) return true;
  if (wanted.is_object()) {
    if (!live.is_object()) return false;
    static const nlohmann::json kNull;
    for (const auto& [name, value] : wanted.items()) {
      const auto found = live.find(name);
      if (!contained(value, found == live.end() ? kNull : *found)) return false;
    }
    return true;
  }
  if (wanted.is_array()) {
    if (!live.is_array() || live.size() != wanted.size()) return false;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (!contained(wanted[i], live[i])) return false;
    }
    return true;
  }
  return wanted == live;
}

}  // namespace sluice::traffic
