// Traffic providers: how a split between two revisions is written down for a router, and how it is read back.
//
//   const Provider& provider = provider_for(rollout.spec.traffic);
//   RouteState state = provider.observe(rollout, live, split);
//   if (auto object = provider.next_write(rollout, live, split)) apply(*object);
//
// A provider is pure: it holds nothing, asks nobody, and computes the whole of what must be in the cluster
// from the Rollout and the split. Writing is the reconciler's job, by server-side apply of the whole object
// as kFieldManager: the lists of a route are atomic there, so a partial object would delete the rest.
//
// A new provider: a type in api::TrafficSpec, one file here that defines provider_of() for it, and one line
// at the end of this header; docs/architecture.md names what else it needs (schema, watch, rights).
//
// All functions are thread-safe and never throw on what a user or a server wrote.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/types.h"
#include "base/result.h"
#include "base/time.h"
#include "kube/resource.h"
#include "traffic/route_view.h"

namespace sluice::traffic {

using Assignment = api::Assignment;
using CookieAssignment = api::CookieAssignment;
using HeaderAssignment = api::HeaderAssignment;

// Revisions, and the candidate's share in whole percent, 0..100. Stable gets the rest. `candidate` may be
// empty: then stable gets everything, whatever the rest says.
struct Split {
  std::string stable;
  std::string candidate;
  int candidate_percent = 0;
  int mirror_percent = 0;                // 0..100: the candidate gets a copy of that share of the requests that are
                                         // split by weight; its answers to these are seen by nobody
  std::optional<Assignment> assignment;  // who gets which revision, before weights are asked
  bool operator==(const Split&) const = default;
};

enum class Acceptance {
  Unknown,   // nobody has answered for the route as it is now
  Accepted,  // every gateway that the route names has accepted it as it is now
  Rejected,
};

// The route as it is in the cluster, against the split that is wanted.
struct RouteState {
  bool exists = false;
  bool as_wanted = false;     // nothing needs to be written. False for a missing route
  std::optional<Split> live;  // what is being routed; nullopt: it cannot be read as a split of ours
  Acceptance acceptance = Acceptance::Unknown;  // of the live object, be it as wanted or not
  std::string reason;          // of the acceptance: one CamelCase word, for the condition TrafficAccepted.
                               // Unsupported: the cluster cannot hold what is wanted; what it can hold is routed
  std::string message;         // of the acceptance: a sentence that names the gateway
  std::string foreign_writer;  // who else has rewritten what we own of it; empty: nobody, or undone by now
  bool owned_by_other =
      false;  // it is not ours to write: it belongs to another owner, or was there before us
};

// Whether requests may still go to a revision: the live route sends some there, whoever wrote it, or no gateway has
// accepted the one that does not.
bool may_be_routed(const RouteState& route, const std::string& revision);

struct Capabilities {
  bool shifts_traffic = false;   // false: somebody else follows the weights that status publishes
  bool marks_responses = false;  // each response names its revision in the header kRevisionHeader
  bool mirrors = false;          // Split::mirror_percent
  bool assigns = false;          // Split::assignment
};

// The response header that tells which revision has answered.
inline constexpr const char* kRevisionHeader = "x-sluice-revision";

class Provider {
 public:
  virtual ~Provider() = default;

  // The kind that holds the split; nullopt: nothing in the cluster.
  virtual std::optional<kube::Resource> resource() const = 0;

  virtual Capabilities capabilities() const = 0;

  // The whole object that we own, ready to be applied; null without a resource(). Preconditions: `rollout`
  // has a key, a uid and this provider's traffic; split.stable is not empty.
  virtual nlohmann::json desired(const api::Rollout& rollout, const Split& split) const = 0;

  // What is to be written now on the way from `live` (which may be null) to `wanted`: usually all of it, with
  // what is there kept in its place, and a step in between where a gateway would lose requests otherwise. nullopt:
  // nothing; call again when the route has changed.
  virtual std::optional<nlohmann::json> next_write(const api::Rollout& rollout, const RouteView* live,
                                                   const Split& wanted) const = 0;

  // What is to be written instead when the server has refused next_write(); nullopt: nothing helps but what the error
  // says. `live` is as it was then. Observed afterwards, the route is Unsupported, with what to do about it.
  virtual std::optional<nlohmann::json> instead_of_refused(const api::Rollout& rollout, const RouteView* live,
                                                           const Split& wanted, const Error& refusal) const = 0;

  // `live` may be null: there is none.
  virtual RouteState observe(const api::Rollout& rollout, const RouteView* live,
                             const Split& wanted) const = 0;
};

const Provider& provider_for(const api::TrafficSpec& traffic);

// Every provider, each defined in a file of its own.
const Provider& provider_of(const api::GatewayApiTraffic&);  // gateway_api.cpp
const Provider& provider_of(const api::ManualTraffic&);      // manual.cpp

}  // namespace sluice::traffic
