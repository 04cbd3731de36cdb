#include "rollout/job_reading.h"

#include <nlohmann/json.hpp>

namespace sluice::rollout {
namespace {

// A cache may be behind what the process before this one has seen: a Job is gone only when the server says so.
Outcome find_missing(kube::Client& client, const ClusterCache& cache, const api::Rollout& rollout,
                     const api::JobStatus& job, Observation& seen) {
  if (job.uid.empty() || job.verdict != api::Verdict::None || seen.jobs.contains(job.name)) return Ok{};
  const auto found = client.get(workload::kJobs, {rollout.key.ns, job.name});
  if (!found) return found.error().code == ErrorCode::NotFound ? Outcome(Ok{}) : Outcome(found.error());
  if (const auto view = workload::project_job(*found)) cache.add_job(*view, rollout, seen);
  return Ok{};
}

}  // namespace

Outcome read_job(kube::Client& client, const ClusterCache& cache, const api::Rollout& rollout,
                 const api::RolloutStatus& status, Observation& seen) {
  if (!status.stage || !status.stage->job) return Ok{};
  if (auto known = find_missing(client, cache, rollout, *status.stage->job, seen); !known) return known;
  const auto wanted = wanted_log(status, seen);
  if (!wanted) return Ok{};
  const auto log = client.log({rollout.key.ns, wanted->pod}, {.container = wanted->container});
  seen.log = log ? LogTail{*log, ""} : LogTail{"", log.error().message};
  return Ok{};
}

}  // namespace sluice::rollout
