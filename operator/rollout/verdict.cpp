#include "rollout/verdict.h"

#include <cmath>

namespace sluice::rollout {
namespace {

// A proof of non-inferiority stays proven while the evidence of harm is weak: below half of its threshold on the
// log scale. Beyond that it must hold at this look.
bool is_non_inferior(const GuardrailEvidenceSummary& e, const Thresholds& t) {
  if (e.non_inferior >= t.non_inferior) return true;
  return e.non_inferior_peak >= t.non_inferior && e.harm < t.harm / 2;
}

}  // namespace

Thresholds thresholds(double false_rollback, double false_promotion, int tests) {
  return {std::log(std::max(1, tests) / false_rollback), std::log(1 / false_promotion)};
}

GuardrailState judge(const GuardrailEvidenceSummary& e, const Thresholds& t) {
  if (e.ceiling_peak >= t.harm) return GuardrailState::CeilingExceeded;
  if (e.harm_peak >= t.harm) return e.below_margin ? GuardrailState::Tolerated : GuardrailState::Harmed;
  if (is_non_inferior(e, t)) return GuardrailState::NonInferior;
  return GuardrailState::Unproven;
}

StepVerdict decide(const std::vector<GuardrailEvidenceSummary>& guardrails, const Thresholds& t,
                   const StepState& step) {
  for (const auto& g : guardrails) {
    if (judge(g, t) == GuardrailState::CeilingExceeded) return {Action::RollBack, "CeilingExceeded", g.name};
  }
  for (const auto& g : guardrails) {
    if (judge(g, t) == GuardrailState::Harmed) return {Action::RollBack, "HarmDetected", g.name};
  }
  if (step.looks < step.min_looks) return {Action::Hold, "Dwell", ""};
  for (const auto& g : guardrails) {
    if (g.power < kRequiredPower) return {Action::Hold, "LowPower", g.name};
  }
  if (!step.last_step) return {Action::Advance, "NoHarmShown", ""};
  const bool unproven = step.promote_when == api::PromoteWhen::NoHarmShown && !step.both_sides;
  if (unproven) return {Action::Promote, "NoHarmShown", ""};
  for (const auto& g : guardrails) {
    const bool proven = is_non_inferior(g, t) && (!step.both_sides || g.not_better_peak >= t.non_inferior);
    if (!proven) return {Action::Hold, "NotProven", g.name};
  }
  return {Action::Promote, step.both_sides ? "Equivalent" : "NonInferior", ""};
}

GoalState judge_goal(const GuardrailEvidenceSummary& e, const Thresholds& t, double superior) {
  if (e.harm_peak >= t.harm) return GoalState::Worse;
  return is_non_inferior(e, {t.harm, superior}) ? GoalState::Better : GoalState::Undecided;
}

StepVerdict decide_ab_test(const std::vector<GuardrailEvidenceSummary>& guardrails,
                           const std::vector<GuardrailEvidenceSummary>& goals, const Thresholds& t, double superior,
                           StepState step) {
  step.last_step = true;  // its own proof is asked for, whatever comes later
  const StepVerdict verdict = decide(guardrails, t, step);
  if (verdict.action == Action::RollBack) return verdict;
  for (const auto& g : goals) {
    if (judge_goal(g, t, superior) == GoalState::Worse) return {Action::RollBack, "GoalWorse", g.name};
  }
  if (verdict.action == Action::Hold) return verdict;
  for (const auto& g : goals) {
    if (judge_goal(g, t, superior) == GoalState::Better) return {Action::Promote, "Superior", g.name};
  }
  return {Action::Hold, "NotSuperior", ""};
}

}  // namespace sluice::rollout
