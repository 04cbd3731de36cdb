// What plan() must know of a system test that no watch tells: whether a Job that is not in the cache is gone, and
// what a test that failed has said. Both are asked of the API server, and only then.
#pragma once

#include "base/result.h"
#include "kube/client.h"
#include "rollout/cluster_cache.h"
#include "rollout/plan.h"

namespace sluice::rollout {

// Adds both to `seen`; `status` is the one that plan() is called with. Asks nothing while a test runs, and after it
// has ended. Errors: those of the client, when a Job may be there or not; a log that cannot be read is none.
Outcome read_job(kube::Client& client, const ClusterCache& cache, const api::Rollout& rollout,
                 const api::RolloutStatus& status, Observation& seen);

}  // namespace sluice::rollout
