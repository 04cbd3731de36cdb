// The report of a load test in the cluster: a ConfigMap that is owned by the revision's Deployment, and goes with it.
#pragma once

#include "base/result.h"
#include "kube/client.h"
#include "rollout/cluster_cache.h"
#include "rollout/plan.h"

namespace sluice::rollout {

// Idempotent: server-side apply of the whole. Errors: those of the client; Conflict when a ConfigMap of that name is
// somebody else's.
Outcome write_report(kube::Client& client, const ClusterCache& cache, const api::Rollout& rollout,
                     const LoadReport& report);

}  // namespace sluice::rollout
