#include "support/field_ownership.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sluice::test {
namespace {

using nlohmann::json;

// Fields that the server keeps, or that name the object: nobody owns them.
bool is_nobodys(const std::string& path) {
  static const std::set<std::string> kPaths = {"/apiVersion",
                                               "/kind",
                                               "/metadata/name",
                                               "/metadata/namespace",
                                               "/metadata/uid",
                                               "/metadata/resourceVersion",
                                               "/metadata/generation",
                                               "/metadata/creationTimestamp",
                                               "/metadata/deletionTimestamp",
                                               "/metadata/deletionGracePeriodSeconds",
                                               "/metadata/managedFields"};
  return kPaths.contains(path);
}

std::string escaped(const std::string& field) {
  std::string out;
  for (const char c : field) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

const json* value_at(const json& object, const std::string& path) {
  const json::json_pointer pointer(path);
  return object.contains(pointer) ? &object.at(pointer) : nullptr;
}

void merge(json& live, const json& applied) {
  for (const auto& [field, value] : applied.items()) {
    if (value.is_object() && live.contains(field) && live[field].is_object()) {
      merge(live[field], value);
    } else if (value.is_null()) {
      live.erase(field);
    } else {
      live[field] = value;
    }
  }
}

// Takes a field out, and the maps around it that are empty then.
void erase_at(json& object, const std::string& path) {
  json::json_pointer pointer(path);
  if (!object.contains(pointer)) return;
  while (!pointer.empty()) {
    const std::string field = pointer.back();
    pointer.pop_back();
    json& parent = object.at(pointer);
    parent.erase(field);
    if (!parent.empty() || pointer.parent_pointer() == pointer) return;
  }
}

bool under_any(const std::set<std::string>& paths, const std::string& path) {
  const auto next = paths.lower_bound(path + "/");
  return next != paths.end() && next->starts_with(path + "/");
}

}  // namespace

void FieldOwnership::collect(const json& value, const std::string& path, Paths& out) {
  if (is_nobodys(path)) return;
  if (!value.is_object() || (value.empty() && !path.empty())) {
    if (!value.is_null()) out.insert(path);
    return;
  }
  for (const auto& [field, inner] : value.items()) collect(inner, path + "/" + escaped(field), out);
}

FieldOwnership::Paths FieldOwnership::leaves(const json& object) {
  Paths paths;
  collect(object, "", paths);
  paths.erase("/metadata");  // empty once its own fields are left out
  return paths;
}

FieldOwnership::Owner& FieldOwnership::owner(const Writer& writer, bool applies) {
  for (Owner& known : owners_) {
    if (known.applies == applies && known.writer.manager == writer.manager &&
        known.writer.subresource == writer.subresource) {
      return known;
    }
  }
  return owners_.emplace_back(Owner{writer, applies, {}, {}, {}});
}

bool FieldOwnership::owned_by_another(const std::string& path, const Owner& but) const {
  return std::ranges::any_of(
      owners_, [&](const Owner& other) { return &other != &but && other.paths.contains(path); });
}

Result<json> FieldOwnership::apply(const json& live, const json& applied, const Writer& writer, bool force) {
  const Paths wanted = leaves(applied);
  const std::vector<Owner> before = owners_;
  Owner& self = owner(writer, true);
  std::string conflicts;
  for (const std::string& path : wanted) {
    const json* has = value_at(live, path);
    if (has != nullptr && *has == *value_at(applied, path)) continue;
    for (Owner& other : owners_) {
      if (&other == &self || !other.paths.contains(path)) continue;
      conflicts += (conflicts.empty() ? "" : ", ") + ("\"" + other.writer.manager + "\": " + path);
      if (force) other.paths.erase(path);
    }
  }
  if (!conflicts.empty() && !force) {
    owners_ = before;
    return Error{.code = ErrorCode::Conflict,
                 .message = "Apply failed with conflicts with " + conflicts,
                 .retry_after = {}};
  }
  json result = live;
  merge(result, applied);
  for (const std::string& path : self.paths) {
    if (wanted.contains(path) || under_any(wanted, path) || owned_by_another(path, self)) continue;
    erase_at(result, path);
  }
  self.paths = wanted;
  std::erase_if(owners_, [](const Owner& o) { return o.paths.empty(); });
  return result;
}

void FieldOwnership::updated(const json& before, const json& after, const Writer& writer) {
  const Paths old_paths = leaves(before);
  const Paths new_paths = leaves(after);
  Owner& self = owner(writer, false);
  for (Owner& known : owners_) {
    std::erase_if(known.paths, [&](const std::string& path) { return !new_paths.contains(path); });
  }
  for (const std::string& path : new_paths) {
    if (old_paths.contains(path) && *value_at(before, path) == *value_at(after, path)) continue;
    for (Owner& known : owners_) known.paths.erase(path);
    self.paths.insert(path);
  }
  std::erase_if(owners_, [](const Owner& o) { return o.paths.empty(); });
}

json FieldOwnership::managed_fields(const std::string& api_version, const std::string& time) {
  json all = json::array();
  for (Owner& known : owners_) {
    if (known.time.empty() || known.stamped_paths != known.paths) {
      known.time = time;
      known.stamped_paths = known.paths;
    }
    json fields = json::object();
    for (const std::string& path : known.paths) {
      json* here = &fields;
      json::json_pointer pointer(path);
      std::vector<std::string> steps;
      for (; !pointer.empty(); pointer.pop_back()) steps.push_back(pointer.back());
      for (auto step = steps.rbegin(); step != steps.rend(); ++step) here = &(*here)["f:" + *step];
      if (here->is_null()) *here = json::object();
    }
    json entry = {{"manager", known.writer.manager}, {"operation", known.applies ? "Apply" : "Update"},
                  {"apiVersion", api_version},       {"time", known.time},
                  {"fieldsType", "FieldsV1"},        {"fieldsV1", std::move(fields)}};
    if (!known.writer.subresource.empty()) entry["subresource"] = known.writer.subresource;
    all.push_back(std::move(entry));
  }
  return all;
}

}  // namespace sluice::test
