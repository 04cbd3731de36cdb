#include "rollout/goals.h"

#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "rollout/sentence.h"

namespace sluice::rollout {
namespace {

constexpr const char* kShareMethod =
    "conditional-poisson e-process both ways: events independent, or as bursty as the dispersion says";

// What the numbers of one goal follow from.
struct Goal {
  const api::MetricSpec& spec;
  const metrics::MetricReading* reading;  // nullptr, or with a gap: nothing to add
  const api::AnalysisSpec& analysis;
  const Thresholds& limits;
  double superior;
};

bool more_is_better(const api::MetricSpec& goal) { return goal.direction == api::Direction::Increase; }

// The evidence as it was saved. What cannot be read starts again from nothing: evidence is lost, never invented.
template <class Evidence>
Evidence restored(Result<Evidence> saved, const std::string& name, Evidence fresh) {
  if (saved) return std::move(saved).take();
  log::warn("the saved evidence cannot be used and starts anew",
            {{"metric", name}, {"error", saved.error().message}});
  return fresh;
}

const std::string* packed_of(const api::EvidenceStatus& saved, const std::string& name) {
  const auto found = saved.packed.find(name);
  return found == saved.packed.end() ? nullptr : &found->second;
}

stats::GuardrailEvidence restore_share(const api::MetricSpec& goal, const api::EvidenceStatus& saved) {
  const auto past = saved.past_dispersion.find(goal.name);
  const auto parameters = parameters_of_goal(past == saved.past_dispersion.end() ? 0 : past->second);
  stats::GuardrailEvidence fresh(parameters);
  const std::string* packed = packed_of(saved, goal.name);
  return packed ? restored(stats::GuardrailEvidence::unpack(parameters, *packed), goal.name, fresh) : fresh;
}

stats::PairedMeans restore_mean(const api::MetricSpec& goal, const api::EvidenceStatus& saved) {
  const std::string* packed = packed_of(saved, goal.name);
  stats::PairedMeans fresh;
  return packed ? restored(stats::PairedMeans::unpack(*packed), goal.name, fresh) : fresh;
}

std::optional<Duration> expected_in(const Goal& goal, const stats::GuardrailEvidence& evidence) {
  constexpr double longest = 10'000;
  const stats::Block& totals = evidence.totals();
  if (evidence.looks() < 1) return std::nullopt;
  const double n = evidence.looks();
  const stats::Block per_look{totals.candidate_events / n, totals.stable_events / n, totals.candidate_exposure / n,
                              totals.stable_exposure / n};
  const double looks = evidence.looks_to_non_inferior(per_look, goal.superior);
  if (looks <= 0 || looks > longest) return std::nullopt;
  return goal.analysis.interval * static_cast<std::int64_t>(std::ceil(looks));
}

// The ratio of the candidate's share to stable's, whichever way round the evidence holds them.
void write_ratio(const Goal& goal, const stats::GuardrailEvidence& evidence, api::MetricStatus& out) {
  out.effect.reset();
  out.lower.reset();
  out.upper.reset();
  const stats::Block& totals = evidence.totals();
  if (totals.candidate_events + totals.stable_events <= 0) return;
  stats::RatioInterval ratio = evidence.ratio(goal.analysis.false_promotion);
  if (more_is_better(goal.spec)) ratio = {1 / ratio.estimate, 1 / ratio.upper, 1 / ratio.lower};
  if (std::isfinite(ratio.estimate)) out.effect = ratio.estimate;
  out.lower = ratio.lower;
  if (std::isfinite(ratio.upper)) out.upper = ratio.upper;
}

// Adds the block if there is one; false: it could not be used.
bool add_share(const Goal& goal, api::EvidenceStatus& saved, GuardrailEvidenceSummary& summary,
               api::MetricStatus& out) {
  stats::GuardrailEvidence evidence = restore_share(goal.spec, saved);
  bool used = false;
  if (goal.reading != nullptr && !goal.reading->gap) {
    used = evidence.add(block_of_goal(goal.spec, goal.reading->candidate, goal.reading->stable));
  }
  summarise_goal(evidence, summary);
  if (!used) return false;
  saved.packed[goal.spec.name] = evidence.pack();
  const stats::Block& totals = evidence.totals();
  out.candidate = {totals.candidate_events, totals.candidate_exposure};
  out.stable = {totals.stable_events, totals.stable_exposure};
  if (more_is_better(goal.spec)) std::swap(out.candidate, out.stable);
  write_ratio(goal, evidence, out);
  out.looks = evidence.looks();
  out.dispersion = evidence.dispersion();
  out.method = kShareMethod;
  out.non_inferior_in = expected_in(goal, evidence);
  return true;
}

std::string mean_method(const stats::PairedMeans& evidence) {
  const std::string kind = "t e-process both ways on differences of the two means";
  if (evidence.batch() > 0) return kind + ": means of " + std::to_string(evidence.batch()) + " looks independent";
  return kind + ": " + std::to_string(evidence.differences()) + " of the " +
         std::to_string(stats::PairedMeans::kFirst) + " looks that tell how they hang together";
}

bool add_mean(const Goal& goal, api::EvidenceStatus& saved, GuardrailEvidenceSummary& summary,
              api::MetricStatus& out) {
  stats::PairedMeans evidence = restore_mean(goal.spec, saved);
  bool used = false;
  if (goal.reading != nullptr && !goal.reading->gap) {
    const metrics::Counts& c = goal.reading->candidate;
    const metrics::Counts& s = goal.reading->stable;
    used = evidence.add({c.events, s.events, c.total, s.total});
  }
  summarise_goal(goal.spec, evidence, summary);
  out.mean = true;
  if (!used) return false;
  saved.packed[goal.spec.name] = evidence.pack();
  const stats::MeanBlock& totals = evidence.totals();
  out.candidate = {totals.candidate_sum, totals.candidate_count};
  out.stable = {totals.stable_sum, totals.stable_count};
  out.effect = evidence.difference();
  out.lower.reset();
  out.upper.reset();
  if (const double half = evidence.half_width(goal.analysis.false_promotion); std::isfinite(half)) {
    out.lower = *out.effect - half;
    out.upper = *out.effect + half;
  }
  out.looks = evidence.looks();
  out.method = mean_method(evidence);
  return true;
}

api::Verdict verdict_of(GoalState state) {
  switch (state) {
    case GoalState::Better: return api::Verdict::Pass;
    case GoalState::Worse: return api::Verdict::Fail;
    case GoalState::Undecided: return api::Verdict::Inconclusive;
  }
  return api::Verdict::None;
}

void add_goal(const Goal& goal, api::RolloutStatus& status, LookSummary& out) {
  api::MetricStatus& numbers = status_of(status, goal.spec);
  numbers.harm_log_threshold = goal.limits.harm;
  numbers.non_inferior_log_threshold = goal.superior;
  if (goal.reading != nullptr && goal.reading->newest_sample) numbers.newest_sample = goal.reading->newest_sample;
  GuardrailEvidenceSummary summary;
  summary.name = goal.spec.name;
  const bool mean = std::holds_alternative<api::MeanSource>(goal.spec.source);
  const bool used = mean ? add_mean(goal, status.evidence, summary, numbers)
                         : add_share(goal, status.evidence, summary, numbers);
  out.goals.push_back(summary);
  if (!used) {
    ++numbers.dropped;
    note_gap(goal.spec.name, goal.reading, out);
    return;
  }
  numbers.harm_log_e = summary.harm;
  numbers.harm_log_e_peak = summary.harm_peak;
  numbers.non_inferior_log_e = summary.non_inferior;
  numbers.non_inferior_log_e_peak = summary.non_inferior_peak;
  const GoalState state = judge_goal(summary, goal.limits, goal.superior);
  if (state != GoalState::Undecided) numbers.non_inferior_in.reset();
  numbers.verdict = verdict_of(state);
  numbers.message = goal_sentence(numbers, state);
}

}  // namespace

stats::GuardrailParameters parameters_of_goal(double past_dispersion) {
  stats::GuardrailParameters parameters;
  parameters.harm_ratio = 1.0;
  parameters.margin_ratio = 1.0;
  parameters.or_below = 0.0;
  parameters.past_dispersion = past_dispersion;
  return parameters;
}

stats::Block block_of_goal(const api::MetricSpec& goal, const metrics::Counts& candidate,
                           const metrics::Counts& stable) {
  if (more_is_better(goal)) return {stable.events, candidate.events, stable.total, candidate.total};
  return {candidate.events, stable.events, candidate.total, stable.total};
}

void summarise_goal(const stats::GuardrailEvidence& evidence, GuardrailEvidenceSummary& out) {
  out.harm = evidence.log_e_harm();
  out.harm_peak = evidence.sup_log_e_harm();
  out.non_inferior = evidence.log_e_non_inferior();
  out.non_inferior_peak = evidence.sup_log_e_non_inferior();
}

void summarise_goal(const api::MetricSpec& goal, const stats::PairedMeans& evidence, GuardrailEvidenceSummary& out) {
  const bool more = more_is_better(goal);
  out.harm = more ? evidence.log_e_smaller() : evidence.log_e_larger();
  out.harm_peak = more ? evidence.sup_log_e_smaller() : evidence.sup_log_e_larger();
  out.non_inferior = more ? evidence.log_e_larger() : evidence.log_e_smaller();
  out.non_inferior_peak = more ? evidence.sup_log_e_larger() : evidence.sup_log_e_smaller();
}

void add_goals(const api::AnalysisSpec& analysis, const metrics::LookResult& look, api::RolloutStatus& status,
               LookSummary& out) {
  const Thresholds limits = thresholds(analysis.false_rollback, analysis.false_promotion, tests_of_harm(analysis));
  const double superior = superior_threshold(analysis);
  for (const api::MetricSpec& metric : analysis.metrics) {
    if (metric.role != api::MetricRole::Goal) continue;
    add_goal({metric, find_reading(look, metric.name), analysis, limits, superior}, status, out);
  }
}

}  // namespace sluice::rollout
