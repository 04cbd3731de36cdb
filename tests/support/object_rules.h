// What the API server does to metadata and status of an object that is written, whatever its kind.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "base/result.h"
#include "kube/resource.h"

namespace sluice::test {

Error api_error(ErrorCode code, std::string message);

// "deployments.apps": how messages name a resource, and what tells two resources apart.
std::string qualified(const kube::Resource& resource);

Error not_found(const kube::Resource& resource, const kube::Key& key);

kube::Key key_of(const nlohmann::json& object);
// A string of metadata; empty when there is none.
std::string meta_of(const nlohmann::json& object, const char* field);
bool is_deleting(const nlohmann::json& object);
bool has_finalizers(const nlohmann::json& object);

// The reason why an object cannot be created as this resource, if any.
std::optional<Error> refuse_create(const kube::Resource& resource, const nlohmann::json& object);
// The reason why `body` may not be written over `live`, if any: another uid, a stale resourceVersion.
std::optional<Error> refuse_stale(const kube::Resource& resource, const nlohmann::json& live,
                                  const nlohmann::json& body);
// The reason why `live` may not become `next`: finalizers that are added while it is being deleted.
std::optional<Error> refuse_finalizers(const nlohmann::json& live, const nlohmann::json& next);

// `next` with everything that a write through `subresource` cannot change taken from `live`.
nlohmann::json settled(const nlohmann::json& live, nlohmann::json next, const std::string& subresource,
                       bool has_status);

// Whether anything besides metadata and status differs.
bool spec_differs(const nlohmann::json& before, const nlohmann::json& after);

// Drops empty labels, annotations, finalizers and ownerReferences, as the server's encoding does.
void drop_empty_metadata(nlohmann::json& object);

}  // namespace sluice::test
