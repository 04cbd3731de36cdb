#include "rollout/stages.h"

#include <algorithm>

#include "api/conditions.h"
#include "rollout/evidence.h"
#include "rollout/job_attempts.h"
#include "rollout/load_reading.h"
#include "rollout/predictions.h"
#include "rollout/split_check.h"

namespace sluice::rollout {
namespace {

void set_exposure(Context& context, const Exposure& exposure) {
  api::RolloutStatus& status = context.status();
  status.traffic = {.stable = 100 - exposure.weight,
                    .candidate = exposure.weight,
                    .mirror = exposure.mirror,
                    .assigned = exposure.assigned,
                    .assignment = exposure.assignment,
                    .realised = {},
                    .accepted = false,
                    .reasserted = 0};
  status.stage->weight_set_at.reset();
  status.stage->looks = 0;
  restart_predictions(context);
}

std::string told(const api::Assignment& assignment) {
  if (const auto* header = std::get_if<api::HeaderAssignment>(&assignment)) {
    return "users are assigned by the header " + header->header + ": the candidate gets those with one of " +
           std::to_string(header->values.size()) + (header->values.size() == 1 ? " value" : " values");
  }
  return "users are assigned by the cookie " + std::get<api::CookieAssignment>(assignment).cookie +
         ": new ones by weight, and they keep their revision";
}

void announce(Context& context, const Exposure& before, const Exposure& exposure) {
  if (exposure.weight != before.weight) {
    context.event(Event::Type::Normal, "WeightSet",
                  "the candidate is given " + std::to_string(exposure.weight) + " % of the traffic");
  }
  if (exposure.mirror != before.mirror) {
    context.event(Event::Type::Normal, "MirrorSet",
                  "the candidate is sent a copy of " + std::to_string(exposure.mirror) + " % of the requests");
  }
  if (exposure.assignment != before.assignment) {
    context.event(Event::Type::Normal, "AssignmentSet",
                  exposure.assignment ? told(*exposure.assignment) : "users are no longer assigned to a revision");
  }
}

void enter_stage(Context& context, int index) {
  api::RolloutStatus& status = context.status();
  const auto first_traffic = status.stage ? status.stage->first_traffic_at : std::nullopt;
  const auto weight_set = status.stage ? status.stage->weight_set_at : std::nullopt;
  api::StageStatus stage;
  stage.index = index;
  stage.name = context.spec().stages[static_cast<std::size_t>(index)].name;
  stage.started_at = context.now;
  stage.first_traffic_at = first_traffic;
  stage.weight_set_at = weight_set;
  stage.edits = status.stage ? status.stage->edits : 0;
  status.stage = stage;
  note_declared(context);
  status.evidence.shadow.clear();  // copies are a proof of their own stage only
  restart_predictions(context);
  context.event(Event::Type::Normal, "StageStarted", "stage " + stage.name + " started");
}

// What the gateway makes of the split that was asked for. Evidence counts only from when it was accepted.
void follow_route(Context& context) {
  api::RolloutStatus& status = context.status();
  api::StageStatus& stage = *status.stage;
  const traffic::RouteState& route = context.seen.route;
  if (!exposure_of(status.traffic).any()) return;
  status.traffic.accepted = route.as_wanted && route.acceptance == traffic::Acceptance::Accepted;
  if (status.traffic.accepted) {
    if (!stage.weight_set_at) stage.weight_set_at = context.now;
    if (!stage.first_traffic_at) stage.first_traffic_at = context.now;
    return;
  }
  if (route.as_wanted || !stage.weight_set_at) return;
  // It was as asked, and is no longer: what is counted meanwhile cannot be attributed.
  stage.weight_set_at.reset();
  if (route.foreign_writer.empty()) return;
  reset_split(context, "for somebody else had changed the route");
  ++status.traffic.reasserted;
  context.event(Event::Type::Warning, status.traffic.reasserted > 1 ? "RouteConflict" : "RouteReasserted",
                "the route was changed by " + route.foreign_writer +
                    (status.traffic.reasserted > 1 ? " again; it is left alone until it is as asked"
                                                   : "; it is set back as asked"));
}

// A candidate without pods must not be sent anything: a gateway answers for it with errors.
void withdraw_if_gone(Context& context) {
  api::RolloutStatus& status = context.status();
  if (!exposure_of(status.traffic).any()) return;
  if (context.revision(status.stable_revision).endpoints == 0) reset_split(context, "for stable had no pods");
  if (context.revision(status.candidate_revision).endpoints > 0) return;
  set_exposure(context, {});
  reset_split(context, "for the candidate had no pods");
  context.event(Event::Type::Warning, "CandidateUnavailable",
                "no pod of the candidate is ready: it is given no traffic until one is");
}

void check_deadline(Context& context) {
  api::RolloutStatus& status = context.status();
  if (context.spec().paused || status.verdict == "Inconclusive" || is_invalid(status)) return;
  const Time deadline = status.stage->started_at + current_stage(context).max_duration;
  if (context.now < deadline) {
    context.wake_at(deadline);
    return;
  }
  const std::string message = "stage " + status.stage->name + " found no verdict within maxDuration, " +
                              humane(current_stage(context).max_duration);
  const bool looks = exposure_of(status.traffic).any() || memory_look(context.rollout, status, context.seen);
  const auto blind = std::find_if(status.conditions.begin(), status.conditions.end(), [&](const auto& c) {
    return looks && c.type == "MetricsAvailable" && c.status != api::ConditionStatus::True;
  });
  if (blind != status.conditions.end()) {  // an outage is not a verdict
    context.stalled_reason = blind->reason;
    context.hold = message + " because evidence is missing";
    return;
  }
  be_inconclusive(context, message);
}

// The next stage that the candidate goes through, from the one at `index` on; nullopt: there is none.
std::optional<int> stage_from(const Context& context, int index) {
  const auto& stages = context.spec().stages;
  for (; index < static_cast<int>(stages.size()); ++index) {
    const api::StageSpec& stage = stages[static_cast<std::size_t>(index)];
    if (!context.is_first() || kind_of(stage).initial(stage)) return index;
  }
  return std::nullopt;
}

}  // namespace

void expose_to(Context& context, const Exposure& exposure) {
  announce(context, exposure_of(context.status().traffic), exposure);
  set_exposure(context, exposure);
}

bool has_stages(const Context& context) { return stage_from(context, 0).has_value(); }

void be_inconclusive(Context& context, const std::string& message) {
  conclude_predictions(context);
  if (context.spec().on_inconclusive == api::OnInconclusive::RollBack) {
    roll_back(context, "Inconclusive", message);
    return;
  }
  context.status().verdict = "Inconclusive";
  context.event(Event::Type::Warning, "Inconclusive", message);
}

void follow_stage(Context& context) {
  if (!context.status().stage || context.spec().stages.empty()) return;
  follow_edited_spec(context);
  follow_route(context);
}

const api::StageSpec& current_stage(const Context& context) {
  return context.spec().stages[static_cast<std::size_t>(context.status().stage->index)];
}

Exposure asked_exposure(const Context& context) {
  if (context.is_first()) return {};  // there is no route yet
  const api::StageStatus& stage = *context.status().stage;
  return exposure_at(context.spec(), stage.index, stage.step);
}

Exposure exposure_of(const api::TrafficStatus& traffic) {
  return {traffic.candidate, traffic.mirror, traffic.assigned, traffic.assignment};
}

bool exposed_as_asked(const Context& context) {
  return asked_exposure(context) == exposure_of(context.status().traffic);
}

namespace {

void leave_when_passed(Context& context) {
  const api::StageStatus& stage = *context.status().stage;
  if (stage.passed.empty() || context.status().promoting_since) return;
  const Time earliest = stage.started_at + current_stage(context).min_duration;
  if (context.now >= earliest) return pass_stage(context, std::string(stage.passed));
  context.hold = "can be passed (" + stage.passed + "), minDuration is over in " + humane(earliest - context.now);
  context.wake_at(earliest);
}

// Whether the candidate can be exposed so; when not, says why in `hold`.
bool may_expose(Context& context, const Exposure& exposure) {
  const int needed = capacity_for(context.spec(), exposure.share());
  const bool first = exposure.any() && !exposure_of(context.status().traffic).any();
  if (first ? !pods_settled(context, needed, kGatewaySettling) : !pods_ready(context, needed)) return false;
  const bool users_come = exposure.users() && !exposure_of(context.status().traffic).users();
  if (users_come && !pods_gone(context, needed)) return false;
  const bool past_missing = !context.spec().analysis.metrics.empty() && !context.status().evidence.past_read;
  if (!exposure.any() || !past_missing) return true;
  context.hold = "reading stable's past from Prometheus before the first request goes to the candidate";
  return false;
}

void expose(Context& context) {
  if (exposed_as_asked(context)) return;
  const Exposure asked = asked_exposure(context);
  if (context.spec().paused) {
    context.hold = "paused";
  } else if (may_expose(context, asked)) {
    expose_to(context, asked);
  } else if (const Exposure now = exposure_of(context.status().traffic); asked.mirror < now.mirror) {
    Exposure without = now;
    without.mirror = asked.mirror;
    expose_to(context, without);  // what is not asked for any more waits for nothing
  }
}

}  // namespace

void run_stages(Context& context) {
  api::RolloutStatus& status = context.status();
  if (!status.stage) {
    if (context.spec().paused) {
      context.hold = "paused before the first stage";
      return;
    }
    const int first = *stage_from(context, 0);
    if (!may_expose(context, context.is_first() ? Exposure{} : exposure_at(context.spec(), first, 0))) return;
    enter_stage(context, first);
  }
  if (context.is_first() && !kind_of(current_stage(context)).initial(current_stage(context))) {
    return pass_stage(context, "NotInitial");  // the spec was edited
  }
  withdraw_if_gone(context);
  if (split_holds(context)) {
    context.stalled_reason = api::reason::kSampleRatioMismatch;
    context.hold = split_sentence(context) + "; resume, retry or abort it, or set analysis.splitCheck";
    return;
  }
  expose(context);
  kind_of(current_stage(context)).follow(context);
  if (!status.stage) return;  // rolled back
  if (exposed_as_asked(context) && !context.spec().paused) {
    kind_of(current_stage(context)).visit(context);
    if (!status.stage) return;
    leave_when_passed(context);
    if (status.stage && !status.promoting_since) expose(context);  // the next stage may ask for less
  }
  check_deadline(context);
}

void pass_stage(Context& context, const std::string& reason, const std::string& told) {
  const api::StageStatus& stage = *context.status().stage;
  const std::string drift = conclude_predictions(context);
  context.event(Event::Type::Normal, "StagePassed",
                "stage " + stage.name + " was passed: " + (told.empty() ? reason : told) + drift);
  if (const auto next = stage_from(context, stage.index + 1)) {
    enter_stage(context, *next);
  } else {
    begin_promotion(context, reason, "all stages were passed");
  }
}

namespace {

// No later step and no later stage proves that the candidate is not worse: this one must.
bool is_last_proof(const Context& context) {
  const auto& stages = context.spec().stages;
  const api::StageStatus& stage = *context.status().stage;
  const auto index = static_cast<std::size_t>(stage.index);
  if (stage.step + 1 < kind_of(stages[index]).steps(stages[index])) return false;
  return std::none_of(stages.begin() + stage.index + 1, stages.end(),
                      [](const api::StageSpec& later) { return kind_of(later).proves(later); });
}

void pass_step(Context& context, const std::string& reason) {
  api::StageStatus& stage = *context.status().stage;
  const api::StageSpec& spec = current_stage(context);
  if (stage.step + 1 < kind_of(spec).steps(spec)) {
    context.event(Event::Type::Normal, "StepPassed",
                  "no harm was found at " + std::to_string(context.status().traffic.candidate) + " %");
    ++stage.step;
    stage.looks = 0;
    note_declared(context);
    return;
  }
  stage.passed = reason;  // run_stages() goes on once minDuration is over
}

// The evidence behind a verdict, as a sentence.
std::string evidence_sentence(const api::RolloutStatus& status, const std::string& name) {
  const auto metric =
      std::find_if(status.metrics.begin(), status.metrics.end(), [&](const auto& m) { return m.name == name; });
  return metric == status.metrics.end() ? name : name + ": " + metric->message;
}

}  // namespace

void follow_look(Context& context, const LookSummary& look) {
  api::RolloutStatus& status = context.status();
  const api::StageSpec& stage = current_stage(context);
  StepState step;
  step.looks = status.stage->looks;
  step.min_looks = kind_of(stage).min_looks(stage);
  step.last_step = is_last_proof(context);
  step.promote_when = context.spec().analysis.promote_when;
  step.both_sides = kind_of(stage).both_sides(stage);
  const StepVerdict verdict = kind_of(stage).judge(context.spec().analysis, look, step);
  if (verdict.action == Action::RollBack) {
    roll_back(context, verdict.reason, evidence_sentence(status, verdict.metric));
    return;
  }
  const bool held = context.spec().paused || status.promoting_since || status.verdict == "Inconclusive" ||
                    !exposed_as_asked(context);
  if (held) return;
  status.stage->passed.clear();
  if (verdict.action != Action::Hold) pass_step(context, verdict.reason);
}

StepVerdict StageKind::judge(const api::AnalysisSpec& analysis, const LookSummary& look, const StepState& step) const {
  const Thresholds limits = thresholds(analysis.false_rollback, analysis.false_promotion, tests_of_harm(analysis));
  return decide(look.guardrails, limits, step);
}

const StageKind& kind_of(const api::StageSpec& stage) {
  return std::visit([](const auto& body) -> const StageKind& { return kind_of(body); }, stage.body);
}

int largest_share(const api::Spec& spec, int stage, int step) {
  int largest = 0;
  for (int i = 0; i <= stage; ++i) {
    const api::StageSpec& one = spec.stages[static_cast<std::size_t>(i)];
    const int last = i < stage ? kind_of(one).steps(one) - 1 : step;
    for (int k = 0; k <= last; ++k) {
      const Exposure exposure = exposure_at(spec, i, k);
      largest = exposure.users() ? std::max(largest, exposure.share()) : 0;
    }
  }
  return std::max(largest, exposure_at(spec, stage, step).share());
}

Exposure exposure_at(const api::Spec& spec, int stage, int step) {
  Exposure before;
  for (int i = 0; i < stage; ++i) {
    const api::StageSpec& earlier = spec.stages[static_cast<std::size_t>(i)];
    before = kind_of(earlier).exposure(earlier, kind_of(earlier).steps(earlier) - 1, before);
  }
  const api::StageSpec& asked = spec.stages[static_cast<std::size_t>(stage)];
  return kind_of(asked).exposure(asked, step, before);
}

}  // namespace sluice::rollout
