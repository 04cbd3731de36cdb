#include "rollout/job_reading.h"

#include <nlohmann/json.hpp>

#include "kube/object.h"
#include "workload/load_job.h"

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

// No report of stable's is none: it was promoted without this stage.
Outcome read_stable_load(kube::Client& client, const api::Rollout& rollout, Observation& seen) {
  const api::RolloutStatus& status = rollout.status;
  if (status.stable_revision.empty()) return Ok{};
  const std::string name = workload::report_name(rollout.key.name, status.stable_revision, status.stage->name);
  const auto found = client.get(workload::kConfigMaps, {rollout.key.ns, name});
  if (!found) return found.error().code == ErrorCode::NotFound ? Outcome(Ok{}) : Outcome(found.error());
  if (auto result = loadtest::parse_load_result(kube::string_at(*found, {"data", "result.json"}))) {
    seen.stable_load = std::move(result).take();
  }
  return Ok{};
}

}  // namespace

Outcome read_job(kube::Client& client, const ClusterCache& cache, const api::Rollout& rollout, Observation& seen) {
  const api::RolloutStatus& status = rollout.status;
  if (!status.stage || !status.stage->job) return Ok{};
  if (auto known = find_missing(client, cache, rollout, *status.stage->job, seen); !known) return known;
  const auto wanted = wanted_log(rollout, seen);
  if (!wanted) return Ok{};
  const auto log = client.log({rollout.key.ns, wanted->pod}, {.container = wanted->container,
                                                              .tail_lines = wanted->tail_lines,
                                                              .limit_bytes = wanted->limit_bytes});
  seen.log = log ? LogTail{*log, ""} : LogTail{"", log.error().message};
  return wanted->stable_load ? read_stable_load(client, rollout, seen) : Outcome(Ok{});
}

}  // namespace sluice::rollout
