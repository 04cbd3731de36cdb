// Makes the cluster fit a Wanted: Deployments, Services, the route. Writes only what differs from the cache.
#pragma once

#include "base/result.h"
#include "kube/client.h"
#include "rollout/cluster_cache.h"
#include "rollout/plan.h"

namespace sluice::rollout {

using traffic::kFieldManager;

// In an order that never sends traffic to what is not there: first what must grow, then Services and the route,
// last what may shrink or go. The last pods of a revision that is not stable go only when the server, asked at that moment, has a route
// that sends nobody there and that the gateway has accepted; otherwise they stay, which is no error.
// Stops at the first error; the next call goes on from what it finds.
// `template_revision` is the one whose template stands in the spec; of others only the size can be changed.
// `just_saved`: the server has answered a moment ago that it has this very Rollout. Otherwise it is asked before
// anything that is missing is made.
// Errors: those of the client; Conflict when something of our names belongs to somebody else; NotFound when something
// is missing and the server has this Rollout no longer: then it is not made.
Outcome actuate(kube::Client& client, const ClusterCache& cache, const api::Rollout& rollout, const Wanted& wanted,
                const std::string& template_revision, bool just_saved);

}  // namespace sluice::rollout
