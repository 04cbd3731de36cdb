// What plan() must know of a test that no watch tells: whether a Job that is not in the cache is gone, what a test
// that has ended has said, and what the same load has made of stable. They are asked of the API server, and only then.
#pragma once

#include "base/result.h"
#include "kube/client.h"
#include "rollout/cluster_cache.h"
#include "rollout/plan.h"

namespace sluice::rollout {

// Adds them to `seen`, which has the look already; `rollout` is the one that plan() is called with. Asks nothing while a
// test runs, and after it was judged. Errors: those of the client, when a Job may be there or not, or stable's result;
// a log that cannot be read is none.
Outcome read_job(kube::Client& client, const ClusterCache& cache, const api::Rollout& rollout, Observation& seen);

}  // namespace sluice::rollout
