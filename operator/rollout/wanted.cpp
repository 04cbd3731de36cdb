// The cluster that a status asks for: sizes, deletions, the stable Service, the split.
#include <set>
#include <tuple>

#include "rollout/stages.h"

namespace sluice::rollout {
namespace {

int candidate_replicas(const Context& context) {
  const api::RolloutStatus& status = context.status();
  const api::Spec& spec = context.spec();
  if (status.promoting_since || (context.is_first() && !has_stages(context))) return spec.replicas;
  if (context.is_first()) return std::max(1, spec.replicas);  // without a pod there is nothing to be tested
  int share = exposure_of(status.traffic).share();
  if (!spec.stages.empty()) {
    share = std::max(share, (status.stage ? asked_exposure(context) : exposure_at(spec, 0, 0)).share());
  }
  if (!spec.stages.empty() && status.stage && exposure_of(status.traffic).users()) {
    share = std::max(share, largest_share(spec, status.stage->index, status.stage->step));
  }
  const std::size_t stage = status.stage ? static_cast<std::size_t>(status.stage->index) : 0;
  const int own = spec.stages.empty() ? 0 : kind_of(spec.stages[stage]).pods(spec);
  return std::min(std::max(1, spec.replicas), std::max(own, capacity_for(spec, share)));
}

// Whether requests may still go to a former revision. Before there is a stable one there is no route.
bool may_be_routed(const Context& context, const std::string& revision) {
  return !context.is_first() && traffic::may_be_routed(context.seen.route, revision);
}

// A former revision keeps its size until its delay is over, and as long as it may get requests.
int retired_replicas(Context& context, const api::RetiredRevision& retired) {
  const int now_there = context.revision(retired.revision).desired;
  if (may_be_routed(context, retired.revision)) return now_there;
  if (context.now >= retired.scale_down_at) return 0;
  context.wake_at(retired.scale_down_at);
  return now_there;
}

void want_former_revisions(Context& context, std::set<std::string> placed) {
  api::RolloutStatus& status = context.status();
  Wanted& wanted = context.decision.wanted;
  std::vector<std::tuple<bool, Time, std::string>> idle;
  const auto note_idle = [&](const std::string& name) {
    idle.emplace_back(within_rollback_window(context, name), context.revision(name).created, name);
  };
  for (const api::RetiredRevision& retired : status.retired) {
    if (!context.revision(retired.revision).exists || !placed.insert(retired.revision).second) continue;
    const int replicas = retired_replicas(context, retired);
    wanted.revisions.push_back({retired.revision, replicas});
    if (replicas == 0) note_idle(retired.revision);
  }
  // What the status does not know was superseded before we gave it any traffic; somebody else may have.
  for (const auto& [name, seen] : context.seen.revisions) {
    if (!seen.exists || seen.foreign || !placed.insert(name).second) continue;
    const int replicas = may_be_routed(context, name) ? seen.desired : 0;
    wanted.revisions.push_back({name, replicas});
    if (replicas == 0) note_idle(name);
  }
  std::sort(idle.rbegin(), idle.rend());  // those to which may be returned first, then the newest
  const auto keep = static_cast<std::size_t>(std::max(0, context.spec().revision_history_limit));
  for (std::size_t i = keep; i < idle.size(); ++i) wanted.deleted.push_back(std::get<2>(idle[i]));
  std::erase_if(wanted.revisions, [&](const WantedRevision& r) {
    return std::find(wanted.deleted.begin(), wanted.deleted.end(), r.revision) != wanted.deleted.end();
  });
  std::erase_if(status.retired, [&](const api::RetiredRevision& r) { return !context.revision(r.revision).exists; });
}

// The Job of the attempt that is under way, with all that belongs to it.
std::optional<WantedJob> current_job(const Context& context) {
  const api::StageStatus& stage = *context.status().stage;
  const api::JobStatus& job = *stage.job;
  if (job.verdict != api::Verdict::None || context.spec().stages.empty()) return std::nullopt;
  WantedJob wanted{stage.name, attempt_of(context.status(), job.attempt), job.uid};
  if (job.uid.empty()) return wanted;
  const auto seen = context.seen.jobs.find(job.name);
  const bool runs = seen != context.seen.jobs.end() && seen->second.state == workload::JobState::Running &&
                    !seen->second.deleting;
  const auto* load = std::get_if<api::LoadTestStage>(&current_stage(context).body);
  const bool locust = load != nullptr && std::holds_alternative<api::LocustGenerator>(load->generator);
  return runs && locust && !seen->second.has_workers ? std::optional(wanted) : std::nullopt;
}

// A load that cannot be judged any more is ended, or the next one would meet it.
bool must_end(const Context& context, const JobSeen& job) {
  return context.status().stage->job->verdict != api::Verdict::None && job.state == workload::JobState::Running;
}

// Jobs of tests: the one of the attempt under way, and for people those that have ended and may tell why.
void want_jobs(Context& context) {
  const api::RolloutStatus& status = context.status();
  Wanted& wanted = context.decision.wanted;
  const bool tested = status.stage && status.stage->job && !status.promoting_since;
  const std::string current = tested ? status.stage->job->name : std::string();
  if (tested) wanted.job = current_job(context);
  std::vector<std::pair<Time, std::string>> kept;
  for (const auto& [name, job] : context.seen.jobs) {
    if (job.deleting || (name == current && !must_end(context, job))) continue;
    const bool ended = job.state != workload::JobState::Running;
    // A load that rolled back is complete all the same.
    const bool failed = job.state == workload::JobState::Failed || (ended && status.verdict == "LoadTestFailed");
    const bool telling = (ended && job.revision == status.candidate_revision) ||
                         (failed && job.revision == status.rejected_revision);
    if (telling) {
      kept.emplace_back(job.created, name);
    } else {
      wanted.deleted_jobs.push_back(name);
    }
  }
  std::sort(kept.rbegin(), kept.rend());  // newest first
  const auto keep = static_cast<std::size_t>(std::max(0, context.spec().revision_history_limit));
  for (std::size_t i = keep; i < kept.size(); ++i) wanted.deleted_jobs.push_back(kept[i].second);
}

}  // namespace

void want(Context& context) {
  api::RolloutStatus& status = context.status();
  Wanted& wanted = context.decision.wanted;
  if (!context.seen.invalid.empty()) {
    wanted.split = split_of(status);  // hold what is: nothing new is derived from a spec that makes no sense
    wanted.service_revision = status.stable_revision;
    return;
  }
  std::set<std::string> placed;
  if (!status.stable_revision.empty()) {
    wanted.revisions.push_back({status.stable_revision, context.spec().replicas});
    placed.insert(status.stable_revision);
  }
  if (!status.candidate_revision.empty()) {
    wanted.revisions.push_back({status.candidate_revision, candidate_replicas(context)});
    placed.insert(status.candidate_revision);
  }
  want_former_revisions(context, placed);
  want_jobs(context);
  wanted.service_revision = status.stable_revision;
  wanted.split = split_of(status);
  // Somebody keeps changing the route: do not fight. It is written again with the next change of ours.
  const bool contested = status.traffic.reasserted > 1 && status.stage && !status.stage->weight_set_at;
  if (contested) wanted.split.reset();
}

}  // namespace sluice::rollout
