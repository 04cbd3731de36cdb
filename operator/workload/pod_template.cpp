#include "workload/pod_template.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kube/object.h"

namespace sluice::workload {
namespace {

using nlohmann::json;

bool is_named_list(const json& value) {
  return value.is_array() && !value.empty() && std::all_of(value.begin(), value.end(), [](const json& item) {
    return !kube::string_at(item, {"name"}).empty();
  });
}

json merged_list(json base, const json& over) {
  for (const json& item : over) {
    const std::string name = kube::string_at(item, {"name"});
    const auto same =
        std::find_if(base.begin(), base.end(), [&](const json& one) { return kube::string_at(one, {"name"}) == name; });
    if (same == base.end()) {
      base.push_back(item);
    } else {
      *same = merged(std::move(*same), item);
    }
  }
  return base;
}

}  // namespace

json merged(json base, const json& over) {
  if (!base.is_object() || !over.is_object()) return base;
  for (const auto& [name, value] : over.items()) {
    const auto found = base.find(name);
    if (value.is_null()) {
      base.erase(name);
    } else if (found != base.end() && found->is_object() && value.is_object()) {
      *found = merged(std::move(*found), value);
    } else if (found != base.end() && is_named_list(*found) && is_named_list(value)) {
      *found = merged_list(std::move(*found), value);
    } else {
      base[name] = value;
    }
  }
  return base;
}

}  // namespace sluice::workload
