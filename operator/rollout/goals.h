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
#include "stats/guardrail.h"
#include "stats/paired_means.h"

namespace sluice::rollout {

// Adds the readings of one block of a stage that takes goals to `status` (metrics, evidence), and what they mean to
// `out`. A goal whose block could not be used is told as a gap when no guardrail has one.
void add_goals(const api::AnalysisSpec& analysis, const metrics::LookResult& look, api::RolloutStatus& status,
               LookSummary& out);

// The same in parts, for forecasts. Of a share: the parameters of its evidence, and a block as that holds it.
stats::GuardrailParameters parameters_of_goal(double past_dispersion);
stats::Block block_of_goal(const api::MetricSpec& goal, const metrics::Counts& candidate, const metrics::Counts& stable);

// The evidence so far, as the decision table reads it: `harm` is being worse, `non_inferior` is being better.
void summarise_goal(const stats::GuardrailEvidence& evidence, GuardrailEvidenceSummary& out);
void summarise_goal(const api::MetricSpec& goal, const stats::PairedMeans& evidence, GuardrailEvidenceSummary& out);

}  // namespace sluice::rollout
