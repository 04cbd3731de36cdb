#include "rollout/context.h"

namespace sluice::rollout {
namespace {

constexpr Duration kClockSkew = minutes(1);  // a node's clock that is further ahead says nothing

}  // namespace

bool pods_ready(Context& context, int needed) {
  api::RolloutStatus& status = context.status();
  const RevisionSeen& seen = context.revision(status.candidate_revision);
  if (seen.endpoints >= needed) {
    status.waiting_since.reset();
    return true;
  }
  if (!status.waiting_since) status.waiting_since = context.now;
  const Time deadline = *status.waiting_since + context.spec().progress_deadline;
  context.hold = std::to_string(seen.endpoints) + " of " + std::to_string(needed) + " pods of revision " +
                 status.candidate_revision + " are ready";
  if (seen.foreign) context.hold += ": a Deployment of that name belongs to somebody else";
  if (!seen.problem.empty()) context.hold += ": " + seen.problem;
  if (context.now >= deadline) {
    context.stalled_reason = "ProgressDeadlineExceeded";
    context.hold += " (for longer than progressDeadline, " + humane(context.spec().progress_deadline) + ")";
  } else {
    context.wake_at(deadline);
  }
  return false;
}

bool pods_settled(Context& context, int needed, Duration settling) {
  if (!pods_ready(context, needed)) return false;
  const std::optional<Time> since = context.revision(context.status().candidate_revision).ready_since;
  if (since && (context.now >= *since + settling || *since > context.now + kClockSkew)) return true;
  context.hold = "waits until nodes and gateways know of the pods of revision " + context.status().candidate_revision;
  if (since) context.wake_at(*since + settling);
  return false;
}

bool pods_gone(Context& context, int most) {
  const std::string& revision = context.status().candidate_revision;
  const int there = context.revision(revision).endpoints;
  if (there <= most) return true;
  context.hold = std::to_string(there - most) + " of " + std::to_string(there) + " pods of revision " + revision +
                 " are not needed and end before users are sent there";
  return false;
}

}  // namespace sluice::rollout
