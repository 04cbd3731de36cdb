// The canary stage: weights in steps, each held until the verdict says otherwise.
#include "rollout/context.h"

namespace sluice::rollout {
namespace {

void set_weight(Context& context, int weight) {
  api::RolloutStatus& status = context.status();
  status.traffic.candidate = weight;
  status.traffic.stable = 100 - weight;
  status.traffic.accepted = false;
  status.traffic.reasserted = 0;
  status.traffic.realised.reset();
  status.stage->weight_set_at.reset();
  status.stage->looks = 0;
  context.event(Event::Type::Normal, "WeightSet",
                "the candidate is given " + std::to_string(weight) + " % of the traffic");
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
  status.stage = stage;
  context.event(Event::Type::Normal, "StageStarted", "stage " + stage.name + " started");
}

// The spec may have been edited while the stage was under way: stay in the stage of that name, else in the one
// at its place, and never beyond what is declared.
void follow_edited_spec(Context& context) {
  api::StageStatus& stage = *context.status().stage;
  const auto& stages = context.spec().stages;
  const auto by_name =
      std::find_if(stages.begin(), stages.end(), [&](const auto& s) { return s.name == stage.name; });
  if (by_name != stages.end()) {
    stage.index = static_cast<int>(by_name - stages.begin());
  } else {
    stage.index = std::min(stage.index, static_cast<int>(stages.size()) - 1);
    stage.name = stages[static_cast<std::size_t>(stage.index)].name;
    stage.step = 0;
    stage.looks = 0;
  }
  const auto& weights = current_stage(context).canary.weights;
  stage.step = std::clamp(stage.step, 0, static_cast<int>(weights.size()) - 1);
}

// What the gateway makes of the split that was asked for. Evidence counts only from when it was accepted.
void follow_route(Context& context) {
  api::RolloutStatus& status = context.status();
  api::StageStatus& stage = *status.stage;
  const traffic::RouteState& route = context.seen.route;
  if (status.traffic.candidate == 0) return;
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
  ++status.traffic.reasserted;
  context.event(Event::Type::Warning, status.traffic.reasserted > 1 ? "RouteConflict" : "RouteReasserted",
                "the route was changed by " + route.foreign_writer +
                    (status.traffic.reasserted > 1 ? " again; it is left alone until it is as asked"
                                                   : "; it is set back as asked"));
}

// A candidate without pods must not be sent anything: a gateway answers for it with errors.
void withdraw_if_gone(Context& context) {
  api::RolloutStatus& status = context.status();
  if (status.traffic.candidate == 0 || context.revision(status.candidate_revision).endpoints > 0) return;
  set_weight(context, 0);
  context.decision.events.back() = {Event::Type::Warning, "CandidateUnavailable",
                                    "no pod of the candidate is ready: it is given no traffic until one is"};
}

void check_deadline(Context& context) {
  api::RolloutStatus& status = context.status();
  if (context.spec().paused || status.verdict == "Inconclusive") return;
  const Time deadline = status.stage->started_at + current_stage(context).max_duration;
  if (context.now < deadline) {
    context.wake_at(deadline);
    return;
  }
  const std::string message = "stage " + status.stage->name + " found no verdict within maxDuration, " +
                              humane(current_stage(context).max_duration);
  const auto blind = std::find_if(status.conditions.begin(), status.conditions.end(), [](const auto& c) {
    return c.type == "MetricsAvailable" && c.status != api::ConditionStatus::True;
  });
  if (blind != status.conditions.end()) {  // an outage is not a verdict
    context.stalled_reason = blind->reason;
    context.hold = message + " because evidence is missing";
    return;
  }
  if (context.spec().on_inconclusive == api::OnInconclusive::RollBack) {
    roll_back(context, "Inconclusive", message);
    return;
  }
  status.verdict = "Inconclusive";
  context.event(Event::Type::Warning, "Inconclusive", message);
}

}  // namespace

void follow_stage(Context& context) {
  if (!context.status().stage || context.spec().stages.empty()) return;
  follow_edited_spec(context);
  follow_route(context);
}

const api::StageSpec& current_stage(const Context& context) {
  return context.spec().stages[static_cast<std::size_t>(context.status().stage->index)];
}

bool at_asked_weight(Context& context) {
  const api::StageStatus& stage = *context.status().stage;
  const auto& weights = current_stage(context).canary.weights;
  return context.status().traffic.candidate == weights[static_cast<std::size_t>(stage.step)];
}

void run_canary(Context& context) {
  api::RolloutStatus& status = context.status();
  if (!status.stage) {
    const int first = context.spec().stages.front().canary.weights.front();
    if (context.spec().paused) {
      context.hold = "paused before the first stage";
      return;
    }
    if (!pods_ready(context, capacity_for(context.spec(), first))) return;
    if (!context.spec().analysis.metrics.empty() && !status.evidence.past_read) {
      context.hold = "reading stable's past from Prometheus before the first request goes to the candidate";
      return;
    }
    enter_stage(context, 0);
  }
  withdraw_if_gone(context);
  if (!at_asked_weight(context)) {
    const int weight = current_stage(context).canary.weights[static_cast<std::size_t>(status.stage->step)];
    if (context.spec().paused) {
      context.hold = "paused";
    } else if (pods_ready(context, capacity_for(context.spec(), weight))) {
      set_weight(context, weight);
    }
  }
  check_deadline(context);
}

void follow_verdict(Context& context, const StepVerdict& verdict) {
  api::RolloutStatus& status = context.status();
  if (verdict.action == Action::RollBack) {
    const auto metric = std::find_if(status.metrics.begin(), status.metrics.end(),
                                     [&](const auto& m) { return m.name == verdict.metric; });
    std::string message = verdict.metric;
    if (metric != status.metrics.end()) message += ": " + metric->message;
    roll_back(context, verdict.reason, message);
    return;
  }
  const bool held = context.spec().paused || status.promoting_since || status.verdict == "Inconclusive" ||
                    !at_asked_weight(context);
  if (held || verdict.action == Action::Hold) return;
  api::StageStatus& stage = *status.stage;
  const auto& weights = current_stage(context).canary.weights;
  if (stage.step + 1 < static_cast<int>(weights.size())) {
    context.event(Event::Type::Normal, "StepPassed",
                  "no harm was found at " + std::to_string(status.traffic.candidate) + " %");
    ++stage.step;
    stage.looks = 0;
    return;
  }
  context.event(Event::Type::Normal, "StagePassed", "stage " + stage.name + " was passed: " + verdict.reason);
  if (stage.index + 1 < static_cast<int>(context.spec().stages.size())) {
    enter_stage(context, stage.index + 1);
  } else {
    begin_promotion(context, verdict.reason, "all stages were passed");
  }
}

}  // namespace sluice::rollout
