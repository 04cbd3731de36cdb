// What an edit of the spec means for the stage that is under way.
//
//   | the stage under way                                         | then                                             |
//   |-------------------------------------------------------------|--------------------------------------------------|
//   | is as it was up to its step, whatever else has changed      | goes on; what has changed applies from now on    |
//   | is another one: its kind, weights, share, assignment, Job   | starts over                                      |
//   | is no longer declared                                       | the one at its place starts, or else the last one |
//
// A stage that starts over is one that was just entered: its first step, no looks, its limits of time from now on, a new
// Job. Of the exposure, what the stage does not allow now is withdrawn at once, also while all else is held; what it
// allows beyond is given as to any stage, when the candidate can take it. Evidence is about the candidate and is kept,
// but for the shadow stage's own.
#include <algorithm>

#include "rollout/predictions.h"
#include "rollout/stages.h"
#include "workload/revision.h"

namespace sluice::rollout {
namespace {

// Each value by its length, so that no two lists are told alike.
std::string told(const api::Assignment& assignment) {
  std::string text;
  const auto add = [&](const std::string& value) { text += " " + std::to_string(value.size()) + ":" + value; };
  if (const auto* header = std::get_if<api::HeaderAssignment>(&assignment)) {
    add(header->header);
    for (const std::string& value : header->values) add(value);
    return text;
  }
  const auto& cookie = std::get<api::CookieAssignment>(assignment);
  add(cookie.cookie);
  return text + " " + std::to_string(cookie.ttl.count());
}

// Precondition: the stage has the step.
std::string digest_of(const Context& context) {
  const api::StageStatus& stage = *context.status().stage;
  const api::StageSpec& spec = current_stage(context);
  std::string text = kind_of(spec).declared(spec);
  for (int step = 0; step <= stage.step; ++step) {
    const Exposure exposure = exposure_at(context.spec(), stage.index, step);
    text += "\n" + std::to_string(exposure.weight) + " " + std::to_string(exposure.mirror) + " " +
            std::to_string(exposure.assigned);
    if (exposure.assignment) text += told(*exposure.assignment);
  }
  return workload::short_hash(text);
}

// Where the stage of that name is now, else the one at its place; whether it is that stage still.
bool find_place(const api::Spec& spec, api::StageStatus& stage) {
  const auto& stages = spec.stages;
  const auto found = std::find_if(stages.begin(), stages.end(), [&](const auto& s) { return s.name == stage.name; });
  if (found != stages.end()) {
    stage.index = static_cast<int>(found - stages.begin());
    return true;
  }
  stage.index = std::min(stage.index, static_cast<int>(stages.size()) - 1);
  stage.name = stages[static_cast<std::size_t>(stage.index)].name;
  return false;
}

// What both allow.
Exposure common(const Exposure& one, const Exposure& other) {
  Exposure both{.weight = std::min(one.weight, other.weight), .mirror = std::min(one.mirror, other.mirror)};
  if (one.assignment == other.assignment) {
    both.assigned = std::min(one.assigned, other.assigned);
    both.assignment = one.assignment;
  }
  return both;
}

void start_over(Context& context, const std::string& why) {
  api::RolloutStatus& status = context.status();
  api::StageStatus fresh;
  fresh.index = status.stage->index;
  fresh.name = status.stage->name;
  fresh.started_at = context.now;
  fresh.first_traffic_at = status.stage->first_traffic_at;
  fresh.weight_set_at = status.stage->weight_set_at;
  fresh.edits = status.stage->edits + 1;
  status.stage = std::move(fresh);
  note_declared(context);
  status.evidence.shadow.clear();
  restart_predictions(context, true);
  if (status.verdict == "Inconclusive") status.verdict.clear();
  context.event(Event::Type::Normal, "StageEdited", why);
  const Exposure now = exposure_of(status.traffic);
  const Exposure allowed = common(now, asked_exposure(context));
  if (allowed != now) expose_to(context, allowed);
}

}  // namespace

void note_declared(Context& context) { context.status().stage->digest = digest_of(context); }

void follow_edited_spec(Context& context) {
  api::StageStatus& stage = *context.status().stage;
  const std::string name = stage.name;
  const bool there = find_place(context.spec(), stage);
  const api::StageSpec& spec = current_stage(context);
  const int last = kind_of(spec).steps(spec) - 1;
  if (context.status().promoting_since) {
    stage.step = std::min(stage.step, last);
    return;
  }
  if (!there) return start_over(context, "stage " + name + " is no longer declared: stage " + stage.name + " starts");
  const bool same = stage.step <= last && (stage.digest.empty() || stage.digest == digest_of(context));
  if (!same) return start_over(context, "stage " + name + " was edited while it was under way: it starts over");
  if (stage.step < last) stage.passed.clear();  // a step was added
  note_declared(context);
}

}  // namespace sluice::rollout
