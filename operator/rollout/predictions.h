// Whether the candidate predicts other shares of the classes than stable does. It decides nothing: a better model
// should differ, so that what is found is told.
//
// The counts are status.evidence.packed, by class; the classes are chosen once a rollout, by what stable predicted
// before it or, without a past, in the first block, which is then not counted. They start anew with each stage and
// each weight. The test is a fixed-horizon one: it is taken once, when the stage ends, and what is read after that in the
// same stage is passed over. Pure; the same readings after a restart give the same bits. Private to rollout/.
#pragma once

#include <string>

#include "api/types.h"
#include "metrics/block.h"

namespace sluice::rollout {

struct Context;

inline constexpr double kSignificantDrift = 0.01;    // p must be below it
inline constexpr double kFewestPredictions = 100.0;  // of each arm, for a verdict

// Takes in what stable predicted before the rollout.
void choose_classes(const api::AnalysisSpec& analysis, const metrics::LookResult& past, api::RolloutStatus& status);

// Adds the readings of one block to `status`, in a stage that counts predictions. What is missing is told by the
// metric itself. Precondition: the look did not fail, and status.stage.
void add_predictions(const api::AnalysisSpec& analysis, const metrics::LookResult& look, api::RolloutStatus& status);

// The exposure is another one, or the stage: what was counted so far does not go with what follows. Precondition:
// status.stage, of the spec as it is. `over_again`: the stage starts over, so that it is tested once more.
void restart_predictions(Context& context, bool over_again = false);

// The stage under way ends: takes the test where its predictions were counted, unless it was taken. Returns what
// drift it has found, to be put behind a sentence: "; predictions drifted: ..."; empty: none.
std::string conclude_predictions(Context& context);

// The same of the whole rollout: "; predictions drifted in stage shadow: ...".
std::string drift_found(const api::RolloutStatus& status);

}  // namespace sluice::rollout
