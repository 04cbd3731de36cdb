// The decision table: from the evidence of every metric to one of hold, advance, promote, roll back.
//
// This is STATISTICS across metrics, as plain comparisons of natural logarithms of e-values:
//
//   | what holds                                                             | decision                    |
//   |------------------------------------------------------------------------|-----------------------------|
//   | a ceiling is proven to be exceeded                                     | roll back, CeilingExceeded  |
//   | a guardrail is proven to be harmed, and the harm is not tolerated      | roll back, HarmDetected     |
//   | fewer looks at this weight than asked for                              | hold, Dwell                 |
//   | a guardrail could not have shown a catastrophe yet (power below 80 %)  | hold, LowPower              |
//   | this is not the last step                                              | advance                     |
//   | promoteWhen is NoHarmShown                                             | promote, NoHarmShown        |
//   | every guardrail is proven to be non-inferior                           | promote, NonInferior        |
//   | otherwise                                                              | hold, NotProven             |
//
// A stage with goals (decide_ab_test) has three rows more: after the two that roll back
//
//   | a goal is proven to be worse                                           | roll back, GoalWorse        |
//
// and when every row above it is passed
//
//   | no goal is proven to be better                                         | hold, NotSuperior           |
//   | otherwise                                                              | promote, Superior           |
//
// A shadow that asks for equivalence has these in place of the last three:
//
//   | every guardrail is proven to be neither worse nor better               | pass, Equivalent            |
//   | otherwise                                                              | hold, NotProven             |
//
// Roll-back: weighted Bonferroni over the M tests of harm (guardrails, ceilings and goals) on running suprema: a test
// that crosses log(M / falseRollback) once has crossed; by Ville's inequality and the union bound the chance that
// a candidate that is worse in nothing is ever rolled back is at most falseRollback, however many looks are taken.
// Promotion: intersection-union: each guardrail must cross log(1 / falsePromotion); no correction is needed. Of G goals
// one suffices, so each must cross log(G / falsePromotion).
#pragma once

#include <string>
#include <vector>

#include "api/types.h"

namespace sluice::rollout {

// What the tests say of one guardrail, natural logarithms of e-values; "peak" is the running supremum.
struct GuardrailEvidenceSummary {
  std::string name;
  double harm = 0;
  double harm_peak = 0;
  double ceiling_peak = 0;         // -infinity: no ceiling
  double non_inferior = 0;
  double non_inferior_peak = 0;
  double not_better_peak = 0;      // that of the arms exchanged, where both sides are asked for
  bool below_margin = false;       // the ratio's whole confidence sequence lies below the margin; read after harm
  double power = 0;                // of seeing catastrophicEffect with the exposure so far, 0..1
};

struct Thresholds {
  double harm = 0;          // log(M / falseRollback)
  double non_inferior = 0;  // log(1 / falsePromotion)
};

// `tests` is M. Precondition: alphas in (0, 1).
Thresholds thresholds(double false_rollback, double false_promotion, int tests);

enum class GuardrailState { Unproven, NonInferior, Tolerated, Harmed, CeilingExceeded };

GuardrailState judge(const GuardrailEvidenceSummary& evidence, const Thresholds& thresholds);

enum class Action { Hold, Advance, Promote, RollBack };

struct StepVerdict {
  Action action = Action::Hold;
  std::string reason;   // CamelCase, from the table above
  std::string metric;   // the guardrail that decided or is waited for; empty: none in particular
};

struct StepState {
  int looks = 0;        // at this weight
  int min_looks = 0;
  bool last_step = false;
  api::PromoteWhen promote_when = api::PromoteWhen::NonInferior;
  bool both_sides = false;  // it must also be proven that the candidate is not better by more than the margin
};

inline constexpr double kRequiredPower = 0.8;

StepVerdict decide(const std::vector<GuardrailEvidenceSummary>& guardrails, const Thresholds& thresholds,
                   const StepState& step);

// The same for a stage with goals. Of a goal, `harm` is being worse and `non_inferior` is being better; `superior` is
// what the latter must reach, log(G / falsePromotion).
StepVerdict decide_ab_test(const std::vector<GuardrailEvidenceSummary>& guardrails,
                           const std::vector<GuardrailEvidenceSummary>& goals, const Thresholds& thresholds,
                           double superior, StepState step);

enum class GoalState { Undecided, Better, Worse };

GoalState judge_goal(const GuardrailEvidenceSummary& evidence, const Thresholds& thresholds, double superior);

}  // namespace sluice::rollout
