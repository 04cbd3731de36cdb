// Names of things at the API server: which resource, which object.
#pragma once

#include <compare>
#include <functional>
#include <string>

namespace sluice::kube {

// A kind as the API server serves it, e.g. {"apps", "v1", "deployments", "Deployment"}.
struct Resource {
  std::string group;  // empty for the core group
  std::string version;
  std::string plural;
  std::string kind;
  bool namespaced = true;

  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  bool operator==(const Resource&) const = default;
};

// An object of a known kind. `ns` is empty for cluster-scoped ones.
struct Key {
  std::string ns;
  std::string name;

  std::string str() const { return ns.empty() ? name : ns + "/" + name; }
  auto operator<=>(const Key&) const = default;
};

struct KeyHash {
  std::size_t operator()(const Key& key) const {
    return std::hash<std::string>()(key.ns) * 1000003u ^ std::hash<std::string>()(key.name);
  }
};

}  // namespace sluice::kube
