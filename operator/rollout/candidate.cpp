// Which revision is under way, the verbs that people give, and the three ways in which it ends: promoted, rolled
// back, superseded.
#include "api/conditions.h"
#include "rollout/context.h"
#include "rollout/job_attempts.h"
#include "rollout/predictions.h"
#include "rollout/split_check.h"
#include "rollout/stages.h"

namespace sluice::rollout {
namespace {

constexpr std::size_t kHistory = 10;
constexpr Duration kRejectedGrace = seconds(30);  // open connections may end before the pods go

std::string stage_name(const api::RolloutStatus& status) { return status.stage ? status.stage->name : ""; }

void record(Context& context, api::Outcome outcome, const std::string& reason, const std::string& message) {
  api::RolloutStatus& status = context.status();
  api::HistoryEntry entry;
  entry.revision = status.candidate_revision;
  entry.outcome = outcome;
  entry.reason = reason;
  entry.stage = stage_name(status);
  entry.started_at = status.started_at.value_or(context.now);
  entry.finished_at = context.now;
  entry.looks = looks_so_far(status);
  entry.attempt = status.attempt;
  entry.message = message + drift_found(status);
  entry.approvals = status.approvals;
  for (const api::LoadTestStatus& test : status.load_tests) entry.reports.push_back(test.report);
  status.history.insert(status.history.begin(), std::move(entry));
  if (status.history.size() > kHistory) status.history.resize(kHistory);
}

void retire(Context& context, const std::string& revision, Duration delay) {
  auto& retired = context.status().retired;
  std::erase_if(retired, [&](const auto& r) { return r.revision == revision; });
  retired.insert(retired.begin(), {revision, context.now + delay});
}

// The candidate is no longer under way: no exposure, and nothing left of its stage. The numbers of the metrics
// stay until the next candidate, for people to read.
void clear_candidate(api::RolloutStatus& status) {
  status.candidate_revision.clear();
  status.stage.reset();
  status.approvals.clear();
  status.waiting_since.reset();
  status.promoting_since.reset();
  status.evidence = {};
  status.traffic = {};
}

void begin(Context& context, const std::string& revision, std::int64_t attempt) {
  api::RolloutStatus& status = context.status();
  clear_candidate(status);
  status.candidate_revision = revision;
  status.rejected_revision.clear();
  status.verdict.clear();
  status.metrics.clear();
  status.load_tests.clear();
  status.started_at = context.now;
  status.attempt = attempt;
  status.evidence.revision = revision;
  std::erase_if(status.retired, [&](const auto& r) { return r.revision == revision; });
  context.event(Event::Type::Normal, "RolloutStarted",
                status.stable_revision.empty()
                    ? "revision " + revision + " is the first one; it becomes stable once it is ready"
                    : "revision " + revision + " is a candidate to replace " + status.stable_revision +
                          (attempt > 1 ? ", attempt " + std::to_string(attempt) + ": with a fresh error budget" : ""));
}

// What was stable may be returned to by spec.rollbackWindow, unless it is found to be bad later.
void note_former_stable(api::RolloutStatus& status, const std::string& old, const std::string& promoted) {
  auto& former = status.former_stable;
  std::erase_if(former, [&](const std::string& revision) { return revision == old || revision == promoted; });
  former.insert(former.begin(), old);
  if (former.size() > api::kMostFormerStable) former.resize(api::kMostFormerStable);
}

// The template is again one that had passed the stages: they are not asked a second time. What was deleted since is
// a new revision to the cluster, and goes through them.
void skip_stages_within_window(Context& context, const std::string& revision) {
  const RevisionSeen& seen = context.revision(revision);
  const bool kept = seen.exists && !seen.foreign;
  if (context.spec().stages.empty() || !kept || !within_rollback_window(context, revision)) return;
  begin_promotion(context, kRollbackWindow,
                  "revision " + revision +
                      " was stable before and is within rollbackWindow: it returns without the stages");
}

void supersede(Context& context) {
  api::RolloutStatus& status = context.status();
  const std::string old = status.candidate_revision;
  const std::string message = "revision " + old + " was superseded by " + context.seen.wanted_revision;
  if (!status.stable_revision.empty()) {
    record(context, api::Outcome::Superseded, "Superseded", message);
    retire(context, old, std::min(kRejectedGrace, context.spec().scale_down_delay));
    context.event(Event::Type::Normal, "RolloutSuperseded", message);
  }
  clear_candidate(status);
}

void finish_promotion(Context& context) {
  api::RolloutStatus& status = context.status();
  const std::string promoted = status.candidate_revision;
  const std::string old = status.stable_revision;
  std::string message = old.empty() ? "revision " + promoted + " is the first one and is ready"
                                    : "revision " + promoted + " replaced " + old + " (" + status.verdict + ")";
  if (status.verdict == kRollbackWindow) {
    message = "revision " + promoted + " returned in place of " + old +
              ": it was stable before and is within rollbackWindow, so that the stages were skipped";
  }
  record(context, api::Outcome::Promoted, status.verdict, message);
  if (!old.empty()) {
    retire(context, old, context.spec().scale_down_delay);
    note_former_stable(status, old, promoted);
  }
  clear_candidate(status);
  status.stable_revision = promoted;
  context.event(Event::Type::Normal, "RolloutPromoted", message);
}

// All stages are passed: full size first, then all the traffic, then the new name of stable.
void advance_promotion(Context& context) {
  api::RolloutStatus& status = context.status();
  if (context.spec().paused) {
    context.hold = "paused after all stages were passed (" + status.verdict + ")";
    if (status.verdict == kRollbackWindow) {
      context.hold = "paused: revision " + status.candidate_revision + " returns without the stages once it is resumed";
    }
    return;
  }
  if (status.verdict != "PromotedByUser" && split_holds(context)) {
    context.stalled_reason = api::reason::kSampleRatioMismatch;
    context.hold = "is not promoted: " + split_sentence(context);
    return;
  }
  const int needed = std::max(1, context.spec().replicas);
  const bool first = status.traffic.candidate == 0;
  if (first ? !pods_settled(context, needed, kGatewaySettling) : !pods_ready(context, needed)) return;
  if (status.traffic.candidate != 100) {
    status.traffic = {.stable = 0, .candidate = 100, .mirror = 0, .realised = {}, .accepted = false,
                      .reasserted = status.traffic.reasserted};
    if (status.stage) status.stage->weight_set_at.reset();
    context.event(Event::Type::Normal, "WeightSet", "the candidate is given 100 % of the traffic");
    return;
  }
  const traffic::RouteState& route = context.seen.route;
  if (route.as_wanted && route.acceptance == traffic::Acceptance::Accepted) finish_promotion(context);
}

// The first revision has nothing to be compared with, and nobody to take traffic from. It goes through those stages
// that ask for it.
void advance_first(Context& context) {
  if (!context.status().promoting_since && has_stages(context)) return run_stages(context);
  if (!pods_ready(context, context.spec().replicas)) return;
  if (context.status().verdict != "PromotedByUser") context.status().verdict = "Initial";
  finish_promotion(context);
}

// After a pause because numbers could not be trusted: nothing of it is held against the stage.
void resume(Context& context) {
  api::RolloutStatus& status = context.status();
  if (is_invalid(status)) {
    status.stage->job->retry_at = context.now;
    status.stage->started_at = context.now;
  }
  if (!split_mismatch(status)) return;
  reset_split(context, "on request");
  if (status.stage && status.stage->job) status.stage->job->errors = 0;
  if (status.stage) status.stage->started_at = context.now;
}

}  // namespace

bool asked(Context& context, const char* annotation, const std::string& value) {
  if (value.empty()) return false;
  const auto found = context.rollout.annotations.find(annotation);
  if (found == context.rollout.annotations.end()) return false;
  const std::string& given = found->second;
  if (given != value && !given.starts_with(value + "/")) return false;
  std::string& handled = context.status().handled[annotation];
  if (handled == given) return false;
  handled = given;
  return true;
}

void settle_target(Context& context) {
  api::RolloutStatus& status = context.status();
  const std::string& wanted = context.seen.wanted_revision;
  if (wanted.empty() || wanted == status.candidate_revision) return;
  if (!status.candidate_revision.empty()) supersede(context);
  if (wanted == status.stable_revision) {
    status.rejected_revision.clear();
    return;
  }
  if (wanted == status.rejected_revision) return;  // the spec still names what was rolled back
  begin(context, wanted, 1);
  skip_stages_within_window(context, wanted);
}

bool within_rollback_window(const Context& context, const std::string& revision) {
  const auto& former = context.status().former_stable;
  const auto window = static_cast<std::size_t>(std::max(0, context.spec().rollback_window.value_or(0)));
  const auto end = former.begin() + static_cast<std::ptrdiff_t>(std::min(window, former.size()));
  return std::find(former.begin(), end, revision) != end;
}

namespace {

// What was asked of the wanted revision is done with, and does nothing.
void ignore(Context& context, const char* annotation, const char* event, const std::string& why) {
  const std::string& wanted = context.seen.wanted_revision;
  if (!asked(context, annotation, wanted)) return;
  context.event(Event::Type::Warning, event, std::string(annotation) + "=" + wanted + " does nothing: " + why);
}

}  // namespace

void apply_verbs(Context& context) {
  api::RolloutStatus& status = context.status();
  const std::string& wanted = context.seen.wanted_revision;
  const bool rejected = wanted == status.rejected_revision;
  const bool undecided = wanted == status.candidate_revision &&
                         (status.verdict == "Inconclusive" || split_holds(context) || is_invalid(status));
  if ((rejected || undecided) && asked(context, api::kRetryAnnotation, wanted)) {
    const char* why = split_holds(context)   ? api::reason::kSampleRatioMismatch
                      : is_invalid(status) ? kLoadTestInvalid
                                           : "Inconclusive";
    if (undecided) record(context, api::Outcome::Superseded, why, "a new attempt was asked for");
    begin(context, wanted, status.attempt + 1);
    return;
  }
  // Who wants it to be tried again has not seen how it ends: that word must not bring it back later.
  if (wanted == status.candidate_revision) {
    ignore(context, api::kRetryAnnotation, "RetryIgnored", "the revision is under way");
  }
  // Nor must what was said of a revision that was rolled back already act on its next attempt.
  if (rejected) {
    const std::string why = "the revision was rolled back; " + std::string(api::kRetryAnnotation) + " starts it over";
    ignore(context, api::kPromoteAnnotation, "PromoteIgnored", why);
    ignore(context, api::kAbortAnnotation, "AbortIgnored", why);
    ignore(context, api::kResumeAnnotation, "ResumeIgnored", why);
  }
  // A first revision without stages becomes stable by itself.
  if (status.candidate_revision.empty() || (context.is_first() && !status.stage)) return;
  if (asked(context, api::kAbortAnnotation, status.candidate_revision)) {
    roll_back(context, "Aborted", "revision " + status.candidate_revision + " was rolled back on request");
    return;
  }
  if (asked(context, api::kResumeAnnotation, status.candidate_revision)) resume(context);
  if (!status.promoting_since && asked(context, api::kPromoteAnnotation, status.candidate_revision)) {
    begin_promotion(context, "PromotedByUser", "the remaining stages are skipped on request");
  }
}

void roll_back(Context& context, const std::string& reason, const std::string& message) {
  api::RolloutStatus& status = context.status();
  conclude_predictions(context);
  record(context, api::Outcome::RolledBack, reason, message);
  context.event(Event::Type::Warning, "RolloutRolledBack", message);
  const std::string revision = status.candidate_revision;
  clear_candidate(status);
  status.rejected_revision = revision;
  std::erase(status.former_stable, revision);
  status.verdict = reason;
  retire(context, revision, std::min(kRejectedGrace, context.spec().scale_down_delay));
}

void begin_promotion(Context& context, const std::string& verdict, const std::string& message) {
  api::RolloutStatus& status = context.status();
  conclude_predictions(context);
  status.verdict = verdict;
  status.promoting_since = context.now;
  context.event(Event::Type::Normal, "StagesPassed", message);
}

void advance_candidate(Context& context) {
  api::RolloutStatus& status = context.status();
  if (status.candidate_revision.empty()) return;
  if (context.is_first()) {
    advance_first(context);
  } else if (status.promoting_since) {
    advance_promotion(context);
  } else if (context.spec().stages.empty()) {
    begin_promotion(context, "NoStages", "no stages are declared");
    advance_promotion(context);
  } else {
    run_stages(context);
  }
}

}  // namespace sluice::rollout
