// Where things are at the API server: paths and queries.
#pragma once

#include <string>
#include <string_view>

#include "kube/resource.h"

namespace sluice::kube {

// "/api/v1/namespaces/ml/pods", "/apis/apps/v1/deployments". `ns` empty, or a cluster-scoped resource: no
// namespace in the path.
std::string collection_path(const Resource& resource, const std::string& ns);

// collection_path + "/name" and, when given, "/status".
std::string object_path(const Resource& resource, const Key& key, const std::string& subresource = "");

// Builds "?a=b&c=d": names as they are, values encoded; parameters with empty values are left out.
class Query {
 public:
  Query& add(std::string_view name, std::string_view value);
  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

}  // namespace sluice::kube
