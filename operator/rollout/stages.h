// The stages of a candidate, whatever their kind: entering, exposure, looks' verdicts, deadlines, passing.
// Private to rollout/.
#pragma once

#include "rollout/context.h"
#include "rollout/stage_kind.h"

namespace sluice::rollout {

// What edits of the spec and of the route mean for the stage under way; first of all.
void follow_stage(Context& context);

// edited_stage.cpp: what the spec says of the stage under way by now. Precondition: status.stage, and stages.
void follow_edited_spec(Context& context);
// The same: remembers what is declared of the stage under way up to its step.
void note_declared(Context& context);

// One visit of the stage under way, or of the first one. Precondition: has_stages().
void run_stages(Context& context);

// Whether the candidate has any stage to go through: the first revision has those that are `initial`.
bool has_stages(const Context& context);

// An attempt of the stage that is under way. Precondition: status.stage.
workload::TestAttempt attempt_of(const api::RolloutStatus& status, int attempt);

// No verdict can be found without a person. RollBack or Pause, as the spec has it.
void be_inconclusive(Context& context, const std::string& message);

const api::StageSpec& current_stage(const Context& context);  // precondition: status().stage

// What the step under way asks for, and whether that is what the status asks the route for.
Exposure asked_exposure(const Context& context);
bool exposed_as_asked(const Context& context);
Exposure exposure_of(const api::TrafficStatus& traffic);

// Asks the route for this exposure, and tells of it.
void expose_to(Context& context, const Exposure& exposure);

// What a look means that saw every guardrail.
void follow_look(Context& context, const LookSummary& look);

// On to the next stage, or to promotion. `reason` is the verdict; the event says `told`, or the reason if it is empty.
void pass_stage(Context& context, const std::string& reason, const std::string& told = {});

}  // namespace sluice::rollout
