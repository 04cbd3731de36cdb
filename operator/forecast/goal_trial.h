// One goal of a simulated rollout: what its users do, and the shipped evidence of it (rollout/goals.h).
//
// Events are binomial, or beta-binomial when the scenario is bursty. A mean is that of independent observations, one a
// request, of which each arm's sum is normal; they have the spread that Goal::variation says.
//
// A value for one thread. The same streams give the same bits.
#pragma once

#include "forecast/random.h"
#include "forecast/scenario.h"
#include "rollout/verdict.h"
#include "stats/guardrail.h"
#include "stats/paired_means.h"

namespace sluice::forecast {

// phi_0 as the engine would read it from stable's past, when stable had all the traffic; 0: it reads none.
double read_past(const Scenario& scenario, Random& random, double rate);

class GoalTrial {
 public:
  // `before` is the stream of stable's past, `random` the one of all that comes after it.
  GoalTrial(const Scenario& scenario, const Goal& goal, Random& before, const Random& random);

  void look(const Requests& requests);
  const rollout::GuardrailEvidenceSummary& summary() const { return summary_; }
  bool better() const;  // by the shipped table

 private:
  double draw_sum(std::int64_t observations, double mean);

  const Scenario* scenario_;
  const Goal* goal_;
  Random random_;
  stats::GuardrailEvidence share_;
  stats::PairedMeans mean_;
  rollout::GuardrailEvidenceSummary summary_;
};

}  // namespace sluice::forecast
