#include "rollout/plan.h"

#include "rollout/stages.h"

namespace sluice::rollout {

Decision plan(const api::Rollout& rollout, const Observation& seen, Time now) {
  Decision decision;
  decision.status = rollout.status;
  if (rollout.deleting) return decision;  // owner references take everything with it

  Context context{rollout, seen, now, decision, {}, {}, {}};
  decision.status.observed_generation = rollout.generation;
  if (seen.invalid.empty()) {
    apply_verbs(context);
    settle_target(context);
    follow_stage(context);
    take_look(context);
    advance_candidate(context);
    tell_ignored_approval(context);
    request_look(context);
  }
  want(context);
  summarise(context);
  return decision;
}

std::optional<traffic::Split> split_of(const api::RolloutStatus& status) {
  if (status.stable_revision.empty()) return std::nullopt;
  traffic::Split split{status.stable_revision, status.candidate_revision, status.traffic.candidate};
  split.mirror_percent = status.traffic.mirror;
  split.assignment = status.traffic.assignment;
  return split;
}

bool noticeably_different(const api::RolloutStatus& before, const api::RolloutStatus& after) {
  // What moves with every look is blanked out; the rest is what people and tools wait for.
  const auto steady = [](api::RolloutStatus status) {
    status.message.clear();
    for (api::MetricStatus& metric : status.metrics) {
      const Box<api::DriftStatus> drift = metric.drift;
      metric = api::MetricStatus{.name = metric.name, .role = metric.role, .verdict = metric.verdict};
      if (drift) metric.drift = api::DriftStatus{.verdict = drift->verdict, .tested = drift->tested};
    }
    status.evidence.packed.clear();
    status.evidence.split.clear();
    status.evidence.split_disturbed.reset();
    status.evidence.through.reset();
    if (status.stage) status.stage->looks = 0;
    if (status.stage && status.stage->job) status.stage->job->message.clear();
    status.traffic.realised.reset();
    for (api::Condition& condition : status.conditions) condition.message.clear();
    return status;
  };
  return !(steady(before) == steady(after));
}

}  // namespace sluice::rollout
