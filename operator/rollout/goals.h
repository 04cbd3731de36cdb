// From the counts of a look to the numbers of the goals: what an abTest stage is decided by.
//
// A goal is tested both ways at once, each look: better (which passes the stage) and worse (which rolls back).
//  - A share of events, such as conversions: stats::GuardrailEvidence with the ratio 1 on both sides. Where more is
//    better the arms change places in it, so that better is always the side with the fine grid of small effects.
//  - A mean, such as a reward: stats::PairedMeans.
//
// Pure: the same readings after a restart give the same bits.
#pragma once

#include "api/types.h"
#include "metrics/block.h"
#include "rollout/evidence.h"

namespace sluice::rollout {

// Adds the readings of one block of a stage that takes goals to `status` (metrics, evidence), and what they mean to
// `out`. A goal whose block could not be used is told as a gap when no guardrail has one.
void add_goals(const api::AnalysisSpec& analysis, const metrics::LookResult& look, api::RolloutStatus& status,
               LookSummary& out);

}  // namespace sluice::rollout
