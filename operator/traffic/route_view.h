// RouteView: what the stores keep of a route, whichever provider's it is.
//
//   runtime::Store<RouteView> store("httproutes", project_route);
//
// The reflector must keep managedFields (ReflectorOptions::keep_managed_fields): they tell who else has
// written the spec. The spec is kept as compact text, a tenth of its tree. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "kube/resource.h"

namespace sluice::traffic {

// HTTPRoutes of the Gateway API.
inline const kube::Resource kHttpRoutes{"gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute", true};

// Who writes what we own: the field manager of our applies and updates. The name before the '/' in the
// client's User-Agent must be the same, because the server takes that for writes that name no manager.
inline constexpr const char* kFieldManager = "sluice";

// On a route: the mirror that was asked for when it was written, so that one that the server dropped is missed:
// "<revision> <percent>", or "<revision> unsupported" when it was left out because the server does not know it.
inline constexpr const char* kMirrorAnnotation = "sluice.dev/mirror";

// To what a route is attached, with the defaults of the Gateway API filled in.
struct ParentRef {
  std::string group;
  std::string kind;
  std::string ns;
  std::string name;
  std::string section;  // empty: all listeners
  int port = 0;         // 0: all ports

  std::string str() const;  // "Gateway ml/public", "Gateway ml/public (listener https)"
  bool operator==(const ParentRef&) const = default;
};

// `ns` is the one of the route.
ParentRef parse_parent_ref(const nlohmann::json& reference, const std::string& ns);

struct RouteCondition {
  std::string type;
  std::string status;  // True, False, Unknown
  std::string reason;
  std::string message;
  std::int64_t observed_generation = 0;
};

// What one controller says about one parent.
struct ParentStatus {
  ParentRef parent;
  std::string controller;
  std::vector<RouteCondition> conditions;
};

// Another manager that owns top-level fields of the spec that we do not own: it has written them last.
struct SpecWriter {
  std::string manager;
  Time time{};
  std::vector<std::string> fields;  // "rules", "parentRefs" ...
};

struct RouteView {
  kube::Key key;
  std::string uid;
  std::string resource_version;
  std::int64_t generation = 0;
  std::string rollout;    // label sluice.dev/rollout
  std::string owner_uid;  // of the owner that is the controller; empty: none
  std::string owner;      // the same for a person: "Rollout digits"
  std::string mirror;     // annotation kMirrorAnnotation; empty: no mirror was asked for
  std::string spec;       // compact JSON
  std::vector<ParentStatus> parents;
  std::vector<SpecWriter> foreign_writers;  // the latest first
  bool deleting = false;

  kube::Key rollout_key() const { return {key.ns, rollout}; }
};

// nullopt for an object without a name. A route that is not ours is projected too, so that a conflict of
// names is seen; `rollout` is empty then.
std::optional<RouteView> project_route(const nlohmann::json& object);

}  // namespace sluice::traffic
