// From the counts of a look to the numbers of each metric.
//
// The state of every test lives in the status, packed; a look unpacks it, adds one block, packs it again and
// writes the readable numbers beside it. Pure: the same readings after a restart give the same bits.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "api/types.h"
#include "metrics/block.h"
#include "rollout/verdict.h"
#include "stats/metric_evidence.h"

namespace sluice::rollout {

// The tests' parameters for one metric. `past_dispersion` as kept in the status; 0: stable had no readable past.
stats::GuardrailParameters parameters_of(const api::MetricSpec& metric, double past_dispersion);

// The number of tests of harm that share falseRollback: guardrails, those of them that have a ceiling, and goals.
int tests_of_harm(const api::AnalysisSpec& analysis);

// What the evidence of one goal being better must reach: log(G / falsePromotion) with G goals.
double superior_threshold(const api::AnalysisSpec& analysis);

// phi_0 from stable's own past, block by block: a past that is bursty by chance only would slow every verdict, so
// it counts where it is significant, and is 1 otherwise. 0 (there is no past) below two blocks.
double past_dispersion(std::span<const double> events, std::span<const double> exposure);

// What the tests say of one guardrail, as decide() wants it, without its power. A simulation asks for this at
// millions of looks, so the interval is asked only where its answer is read: where harm has crossed its threshold.
void summarise(const stats::MetricEvidence& evidence, const api::AnalysisSpec& analysis,
               const Thresholds& limits, GuardrailEvidenceSummary& out);

// The power to see analysis.catastrophicEffect with the exposure so far. Some microseconds.
double catastrophe_power(const stats::MetricEvidence& evidence, const api::AnalysisSpec& analysis,
                         const Thresholds& limits);

// What one look showed.
struct LookSummary {
  std::vector<GuardrailEvidenceSummary> guardrails;
  std::vector<GuardrailEvidenceSummary> goals;  // of a stage that takes them: goals.h
  std::string gap_metric;    // a guardrail or a goal whose block could not be used; empty: all could
  bool guardrail_gap = false;  // it is a guardrail
  std::string gap_reason;    // NoData, Stale, TargetsChanged, EdgeMissing, EdgesChosen
  std::string gap_message;
};

// Adds the readings of one block to `status` (metrics, evidence). Precondition: the look did not fail.
// `candidate_pods` took the candidate's requests in it; 0: not known. It only shapes the sentences.
// While status.traffic asks for a mirror the block holds copies: they count for harm, and for a proof of the stage's
// own, which is what the summary and the numbers then tell; the proof that promotes does not hear of them. With
// `both_sides` copies are also asked whether the candidate is not better.
LookSummary add_readings(const api::AnalysisSpec& analysis, const metrics::LookResult& look,
                         api::RolloutStatus& status, int candidate_pods = 0, bool both_sides = false);

// For the files of this folder that add readings: the reading of a metric (nullptr: none), its numbers in the status
// (made when they are not there yet), and what the summary tells of a block that could not be used.
const metrics::MetricReading* find_reading(const metrics::LookResult& look, const std::string& name);
api::MetricStatus& status_of(api::RolloutStatus& status, const api::MetricSpec& metric);
void note_gap(const std::string& metric, const metrics::MetricReading* reading, LookSummary& out);

// Takes in stable's past: for each metric where it was readable phi_0, the spread between pods, and the edges at which
// a whole distribution is to be compared.
void add_past(const api::AnalysisSpec& analysis, const metrics::LookResult& look, api::RolloutStatus& status);

}  // namespace sluice::rollout
