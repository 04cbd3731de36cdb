// One simulated rollout: the world throws the dice, the shipped engine judges.
//
// The evidence is stats::MetricEvidence, and of goals what rollout/goals.h says; phi_0 comes from
// rollout::past_dispersion, verdicts from rollout::decide and decide_ab_test; nothing of them is repeated here.
// Counts are binomial, or beta-binomial when the scenario is bursty; the exposures are those of a router that splits
// evenly.
//
// A value for one thread. Two trials of the same (seed, run, purpose) are the same to the bit.
#pragma once

#include <cstdint>
#include <vector>

#include "forecast/goal_trial.h"
#include "forecast/random.h"
#include "forecast/scenario.h"
#include "rollout/verdict.h"
#include "stats/metric_evidence.h"

namespace sluice::forecast {

// The log likelihood ratio of Wald's sequential test of one simple hypothesis against another: that the rates'
// ratio is the true one, against that it is the one at the edge of the null hypothesis. Given that it errs with
// probability alpha at most, no test of the same error needs fewer events on average (Wald & Wolfowitz 1948). It
// knows the true dispersion too.
class Oracle {
 public:
  Oracle(double true_ratio, double null_ratio, double dispersion);
  void add(const stats::Block& block);
  double log_likelihood_ratio() const { return sum_; }

 private:
  double true_ratio_;
  double null_ratio_;
  double dispersion_;
  double sum_ = 0.0;
};

class Trial {
 public:
  // `purpose` tells the trials of one run apart, which share stable's past.
  Trial(const Scenario& scenario, std::uint64_t run, std::uint64_t purpose);

  // One block for every guardrail, at this weight, and in an abTest stage for every goal.
  void look(double weight, bool ab_test = false);
  int looks() const { return looks_; }

  // The decision table with everything in it, of an abTest stage the one of such. Power is asked for only where the
  // decision turns on it.
  rollout::StepVerdict decide(const rollout::StepState& step, bool ab_test = false);
  // Has every guardrail been proven to be non-inferior, were there no dwell, no power and no harm?
  bool proven_non_inferior();
  // Whether Wald's test has decided: of harm for any guardrail, of non-inferiority for all of them.
  bool oracle_rolls_back() const { return oracle_rolls_back_; }
  bool oracle_promotes() const { return oracle_promotes_; }
  // Of the guardrail whose proof is weakest: does the absolute limb of the margin carry it, not the ratio?
  bool ceiling_carries() const;

  const stats::GuardrailEvidence& evidence(std::size_t guardrail) const { return guardrails_[guardrail].evidence.part(0); }

 private:
  struct Guardrail {
    Random random;
    double candidate_factor;  // of the pods of the arm, on its rate
    double stable_factor;
    stats::MetricEvidence evidence;
    Oracle harm;
    Oracle non_inferior;
    bool oracle_proven = false;
  };

  Guardrail make(std::size_t index, std::uint64_t run, std::uint64_t purpose) const;
  rollout::StepVerdict judged(const rollout::StepState& step, bool ab_test) const;
  stats::Block draw(std::size_t index, const Requests& requests);
  void ask_oracle(Guardrail& guardrail, const Truth& truth, const stats::Block& block);

  const Scenario* scenario_;
  Traffic traffic_;
  std::vector<Guardrail> guardrails_;
  std::vector<GoalTrial> goals_;
  std::vector<rollout::GuardrailEvidenceSummary> summaries_;
  std::vector<rollout::GuardrailEvidenceSummary> unharmed_;  // the same, as if harm had not been looked for
  int looks_ = 0;
  bool oracle_rolls_back_ = false;
  bool oracle_promotes_ = false;
};

}  // namespace sluice::forecast
