// What people and tools read first: the phase, one sentence, and the conditions.
#include "api/conditions.h"
#include "api/names.h"
#include "rollout/context.h"
#include "rollout/sentence.h"
#include "rollout/split_check.h"

namespace sluice::rollout {
namespace {

using api::ConditionStatus;

void set(Context& context, const char* type, ConditionStatus status, const std::string& reason,
         const std::string& message) {
  api::set_condition(context.status().conditions,
                     {.type = type,
                      .status = status,
                      .observed_generation = context.rollout.generation,
                      .last_transition = context.now,
                      .reason = reason,
                      .message = message},
                     context.now);
}

std::string invalid_message(const Observation& seen) {
  std::string text;
  for (const api::FieldError& error : seen.invalid) {
    if (!text.empty()) text += "; ";
    text += error.path + ": " + error.message;
  }
  return text;
}

api::Phase phase_of(Context& context) {
  const api::RolloutStatus& status = context.status();
  if (!context.seen.invalid.empty()) return api::Phase::Degraded;
  if (!status.candidate_revision.empty()) {
    if (context.stalled_reason == "ProgressDeadlineExceeded" || context.stalled_reason == "RouteConflict") {
      return api::Phase::Degraded;
    }
    const bool initial = context.is_first() && !status.stage;
    if (!initial && (context.spec().paused || !context.stalled_reason.empty())) return api::Phase::Paused;
    return api::Phase::Progressing;
  }
  if (!status.rejected_revision.empty() && context.seen.wanted_revision == status.rejected_revision) {
    return api::Phase::RolledBack;
  }
  if (context.is_first()) return api::Phase::Pending;
  return context.revision(status.stable_revision).endpoints < context.spec().replicas ? api::Phase::Degraded
                                                                                     : api::Phase::Healthy;
}

const char* goal_word(api::Verdict verdict) {
  if (verdict == api::Verdict::Pass) return "better";
  return verdict == api::Verdict::Fail ? "worse" : "undecided";
}

// "2 of 3 guardrails not worse, orders undecided, proof for latency expected in 2m".
std::string evidence_message(const api::RolloutStatus& status) {
  int guardrails = 0;
  int proven = 0;
  const api::MetricStatus* slowest = nullptr;
  for (const api::MetricStatus& metric : status.metrics) {
    if (metric.role != api::MetricRole::Guardrail) continue;
    ++guardrails;
    if (metric.verdict == api::Verdict::Pass) {
      ++proven;
    } else if (metric.non_inferior_in && (!slowest || *metric.non_inferior_in > *slowest->non_inferior_in)) {
      slowest = &metric;
    }
  }
  if (guardrails == 0) return "waiting for the first look";
  std::string text = std::to_string(proven) + " of " + std::to_string(guardrails) + " guardrails shown to be not worse";
  for (const api::MetricStatus& metric : status.metrics) {
    if (metric.role == api::MetricRole::Goal) text += ", " + metric.name + " " + goal_word(metric.verdict);
  }
  if (slowest) text += ", proof for " + slowest->name + " expected in " + humane(*slowest->non_inferior_in);
  return text;
}

std::string stable_message(Context& context) {
  const api::RolloutStatus& status = context.status();
  const RevisionSeen& stable = context.revision(status.stable_revision);
  std::string text = "revision " + status.stable_revision + " serves all of the traffic";
  if (stable.endpoints < context.spec().replicas) {
    text += ", with " + std::to_string(stable.endpoints) + " of " + std::to_string(context.spec().replicas) +
            " pods ready";
    if (!stable.exists) text += ": its Deployment is gone";
    if (!stable.problem.empty()) text += ": " + stable.problem;
  }
  return text;
}

// " 25%", " mirror 50%", " by header x-user-bucket"; nothing without exposure.
std::string exposure_text(const api::TrafficStatus& traffic) {
  if (traffic.mirror > 0) return " mirror " + std::to_string(traffic.mirror) + "%";
  if (traffic.assignment) {
    const auto* header = std::get_if<api::HeaderAssignment>(&*traffic.assignment);
    if (header != nullptr) return " by header " + header->header;
  }
  return traffic.candidate > 0 ? " " + std::to_string(traffic.candidate) + "%" : "";
}

std::string job_message(const api::JobStatus& job) {
  const bool running = job.verdict == api::Verdict::None;
  return "Job " + job.name + (running ? " goes on" : std::string(" ended: ") + api::to_string(job.verdict));
}

std::string message_of(Context& context) {
  const api::RolloutStatus& status = context.status();
  if (!context.seen.invalid.empty()) return invalid_message(context.seen);
  if (!context.seen.trouble.empty()) return context.seen.trouble;
  if (status.candidate_revision.empty()) {
    if (status.phase == api::Phase::Pending) return "waiting for a template";
    if (status.phase != api::Phase::RolledBack) return stable_message(context);
    std::string text = "revision " + status.rejected_revision + " was rolled back (" + status.verdict + ")";
    if (!status.history.empty()) text += ": " + status.history.front().message;
    return text;
  }
  if (status.promoting_since) {
    if (!context.hold.empty()) return context.hold;
    if (status.verdict != kRollbackWindow) return "passed (" + status.verdict + "): promoting";
    return "revision " + status.candidate_revision +
           " was stable before and is within rollbackWindow: promoting it without the stages";
  }
  if (!status.stage) return context.hold;
  std::string text = status.stage->name + exposure_text(status.traffic);
  if (status.attempt > 1) text += " (attempt " + std::to_string(status.attempt) + ")";
  text += ": ";
  const auto& job = status.stage->job;
  if (status.verdict == "Inconclusive") {
    std::string why = "no verdict within maxDuration";
    if (job && job->verdict == api::Verdict::Error) why = "the test could not be run: " + job->message;
    if (job && job->verdict == api::Verdict::Inconclusive) why = job->message;
    return text + why + "; promote, abort or retry it";
  }
  if (context.spec().paused) return text + "paused; " + (job ? job_message(*job) : evidence_message(status));
  if (!context.hold.empty()) return text + context.hold;
  if (context.metrics && !context.metrics->available) return text + context.metrics->message;
  if (!status.stage->weight_set_at) return text + "waiting for the gateway to accept the weight";
  return text + evidence_message(status);
}

void set_promoted(Context& context) {
  const api::RolloutStatus& status = context.status();
  const std::string& wanted = context.seen.wanted_revision;
  if (!wanted.empty() && wanted == status.stable_revision) {
    const std::string reason = status.verdict.empty() || status.candidate_revision == wanted ? "Stable" : status.verdict;
    const bool told = !status.history.empty() && status.history.front().revision == wanted;
    const bool returned = told && status.history.front().reason == kRollbackWindow;
    set(context, "Promoted", ConditionStatus::True, told ? status.history.front().reason : reason,
        returned ? status.history.front().message : "revision " + wanted + " is stable");
  } else if (!wanted.empty() && wanted == status.rejected_revision) {
    set(context, "Promoted", ConditionStatus::False, status.verdict.empty() ? "RolledBack" : status.verdict,
        status.message);
  } else {
    set(context, "Promoted", ConditionStatus::Unknown,
        status.verdict == "Inconclusive" ? "Inconclusive" : "InProgress", status.message);
  }
}

void set_ready(Context& context) {
  const api::RolloutStatus& status = context.status();
  switch (status.phase) {
    case api::Phase::Healthy:
      return set(context, "Ready", ConditionStatus::True, "Healthy", status.message);
    case api::Phase::Paused: return set(context, "Ready", ConditionStatus::False, "Paused", status.message);
    case api::Phase::RolledBack: return set(context, "Ready", ConditionStatus::False, "RolledBack", status.message);
    case api::Phase::Degraded: return set(context, "Ready", ConditionStatus::False, "Degraded", status.message);
    case api::Phase::Pending:
    case api::Phase::Progressing:
      return set(context, "Ready", ConditionStatus::False, "Progressing", status.message);
  }
}

// Abnormal-true: present only while they hold.
void set_kstatus(Context& context) {
  api::RolloutStatus& status = context.status();
  std::string stalled = context.stalled_reason;
  if (!context.seen.invalid.empty()) stalled = "InvalidSpec";
  if (status.phase == api::Phase::RolledBack) stalled = "RolledBack";
  if (!stalled.empty()) {
    set(context, "Stalled", ConditionStatus::True, stalled, status.message);
  } else {
    api::remove_condition(status.conditions, "Stalled");
  }
  if (stalled.empty() && (status.phase == api::Phase::Progressing || status.phase == api::Phase::Pending)) {
    set(context, "Reconciling", ConditionStatus::True, "Progressing", status.message);
  } else {
    api::remove_condition(status.conditions, "Reconciling");
  }
}

void set_traffic(Context& context) {
  api::RolloutStatus& status = context.status();
  if (!split_of(status)) return api::remove_condition(status.conditions, "TrafficAccepted");
  const traffic::RouteState& route = context.seen.route;
  if (route.owned_by_other) {
    return set(context, "TrafficAccepted", ConditionStatus::False, "RouteConflict", route.message);
  }
  if (status.traffic.reasserted > 1 && !route.as_wanted) {
    return set(context, "TrafficAccepted", ConditionStatus::False, "RouteConflict",
               "the route is changed by " + route.foreign_writer + " again and again; let only one of them write it");
  }
  if (!route.as_wanted) {
    return set(context, "TrafficAccepted", ConditionStatus::Unknown, "Progressing", "the route is being written");
  }
  switch (route.acceptance) {
    case traffic::Acceptance::Accepted:
      return set(context, "TrafficAccepted", ConditionStatus::True, route.reason.empty() ? "Accepted" : route.reason,
                 route.message.empty() ? "the gateway routes as asked" : route.message);
    case traffic::Acceptance::Rejected:
      return set(context, "TrafficAccepted", ConditionStatus::False,
                 route.reason.empty() ? "NotAccepted" : route.reason, route.message);
    case traffic::Acceptance::Unknown:
      return set(context, "TrafficAccepted", ConditionStatus::False, "NotAccepted", route.message);
  }
}

void set_metrics(Context& context) {
  api::RolloutStatus& status = context.status();
  if (status.candidate_revision.empty()) return api::remove_condition(status.conditions, "MetricsAvailable");
  if (!context.metrics) return;
  set(context, "MetricsAvailable", context.metrics->available ? ConditionStatus::True : ConditionStatus::False,
      context.metrics->reason, context.metrics->message);
}

}  // namespace

void summarise(Context& context) {
  api::RolloutStatus& status = context.status();
  if (status.verdict == "Inconclusive" && !status.candidate_revision.empty() && context.stalled_reason.empty()) {
    context.stalled_reason = "Inconclusive";
  }
  if (status.traffic.reasserted > 1 && !context.seen.route.as_wanted) context.stalled_reason = "RouteConflict";
  status.phase = phase_of(context);
  status.message = message_of(context);
  set_ready(context);
  set_kstatus(context);
  set_promoted(context);
  set_traffic(context);
  set_metrics(context);
  set_split_condition(context);

  status.replicas = 0;
  status.ready_replicas = 0;
  for (const std::string& name : {status.stable_revision, status.candidate_revision}) {
    if (name.empty()) continue;
    status.replicas += context.revision(name).desired;
    status.ready_replicas += context.revision(name).endpoints;
  }
  // The pods of tests have no revision, and do not count for an autoscaler.
  status.selector = std::string(api::kRolloutLabel) + "=" + context.rollout.key.name + "," + api::kRevisionLabel;
}

}  // namespace sluice::rollout
