#include "support/object_rules.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace sluice::test {
namespace {

using nlohmann::json;

// Kept by the server: what a writer sends in them is ignored.
constexpr std::array kServerFields = {"name",          "namespace",         "uid",
                                      "generation",    "creationTimestamp", "deletionTimestamp",
                                      "managedFields", "resourceVersion",   "deletionGracePeriodSeconds"};

}  // namespace

Error api_error(ErrorCode code, std::string message) {
  return {.code = code, .message = std::move(message), .retry_after = {}};
}

std::string qualified(const kube::Resource& resource) {
  return resource.group.empty() ? resource.plural : resource.plural + "." + resource.group;
}

Error not_found(const kube::Resource& resource, const kube::Key& key) {
  return api_error(ErrorCode::NotFound, qualified(resource) + " \"" + key.name + "\" not found");
}

std::string meta_of(const json& object, const char* field) {
  const json* meta = object.is_object() && object.contains("metadata") ? &object["metadata"] : nullptr;
  if (meta == nullptr || !meta->is_object() || !meta->contains(field)) return {};
  const json& value = (*meta)[field];
  return value.is_string() ? value.get<std::string>() : std::string();
}

kube::Key key_of(const json& object) {
  return {meta_of(object, "namespace"), meta_of(object, "name")};
}

bool is_deleting(const json& object) {
  return !meta_of(object, "deletionTimestamp").empty();
}

bool has_finalizers(const json& object) {
  const json& meta = object.at("metadata");
  return meta.contains("finalizers") && !meta["finalizers"].empty();
}

std::optional<Error> refuse_create(const kube::Resource& resource, const json& object) {
  const kube::Key key = key_of(object);
  const auto invalid = [&](const std::string& why) {
    return api_error(ErrorCode::Invalid, qualified(resource) + " \"" + key.name + "\" is invalid: " + why);
  };
  if (key.name.empty()) return invalid("metadata.name: Required value: name is required");
  if (resource.namespaced && key.ns.empty()) return invalid("metadata.namespace: Required value");
  if (!resource.namespaced && !key.ns.empty()) return invalid("metadata.namespace: not allowed on this type");
  if (!meta_of(object, "resourceVersion").empty()) {
    return invalid("resourceVersion should not be set on objects to be created");
  }
  if (object.value("kind", resource.kind) != resource.kind ||
      object.value("apiVersion", resource.api_version()) != resource.api_version()) {
    return invalid("apiVersion and kind do not match the resource");
  }
  return std::nullopt;
}

std::optional<Error> refuse_stale(const kube::Resource& resource, const json& live, const json& body) {
  const std::string where =
      "Operation cannot be fulfilled on " + qualified(resource) + " \"" + meta_of(live, "name") + "\": ";
  const std::string uid = meta_of(body, "uid");
  if (!uid.empty() && uid != meta_of(live, "uid")) {
    return api_error(ErrorCode::Conflict, where + "the object has been replaced by another of the same name");
  }
  const std::string version = meta_of(body, "resourceVersion");
  if (!version.empty() && version != meta_of(live, "resourceVersion")) {
    return api_error(ErrorCode::Conflict,
                     where + "the object has been modified; please apply your changes to the latest version");
  }
  return std::nullopt;
}

std::optional<Error> refuse_finalizers(const json& live, const json& next) {
  if (!is_deleting(live)) return std::nullopt;
  const json before = live["metadata"].value("finalizers", json::array());
  for (const json& finalizer : next["metadata"].value("finalizers", json::array())) {
    if (std::ranges::count(before, finalizer) == 0) {
      return api_error(
          ErrorCode::Invalid,
          "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being "
          "deleted");
    }
  }
  return std::nullopt;
}

json settled(const json& live, json next, const std::string& subresource, bool has_status) {
  const auto take = [&live](json& into, const char* field) {
    if (live.contains(field)) {
      into[field] = live[field];
    } else {
      into.erase(field);
    }
  };
  if (subresource == "status") {
    json out = live;
    if (next.contains("status")) {
      out["status"] = std::move(next["status"]);
    } else {
      out.erase("status");
    }
    return out;
  }
  if (has_status) take(next, "status");
  take(next, "apiVersion");
  take(next, "kind");
  json& meta = next["metadata"];
  for (const char* field : kServerFields) {
    if (live["metadata"].contains(field)) {
      meta[field] = live["metadata"][field];
    } else {
      meta.erase(field);
    }
  }
  drop_empty_metadata(next);
  return next;
}

bool spec_differs(const json& before, const json& after) {
  const auto rest = [](const json& object) {
    json copy = object;
    copy.erase("metadata");
    copy.erase("status");
    return copy;
  };
  return rest(before) != rest(after);
}

void drop_empty_metadata(json& object) {
  json& meta = object["metadata"];
  for (const char* field : {"labels", "annotations", "finalizers", "ownerReferences"}) {
    if (meta.contains(field) && (meta[field].is_null() || meta[field].empty())) meta.erase(field);
  }
}

}  // namespace sluice::test
