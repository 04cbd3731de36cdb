// What is to be simulated: the rollout as it is specified, and the truth that nobody knows when it runs.
//
// The first half (analysis, steps) is what the engine is told; it comes from flags or from a Rollout manifest. The
// second half is the world: traffic, true rates, bursts. Plain values.
//
// Units: rates, ratios, weights and shares are fractions (5 % is 0.05); time is counted in looks of
// analysis.interval each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/types.h"
#include "base/result.h"
#include "rollout/verdict.h"

namespace sluice::forecast {

// The truth about one guardrail.
struct Truth {
  double base_rate = 0.01;      // stable's share of events at the start
  double base_rate_end = 0.01;  // at the last look; between them it moves evenly in the logarithm, or evenly
                                // when one of the two is 0
  double ratio = 1.0;           // the candidate's rate over stable's, at every look
};

// A goal of the abTest stages, and the truth about it. Of a mean, all is in units of stable's mean.
struct Goal {
  api::MetricSpec metric;
  double base_rate = 0.1;    // stable's share of events; not read of a mean
  double improvement = 0.1;  // how much better the candidate is, as a part of stable's; below 0 it is worse
  double variation = 1.0;    // of a mean: the standard deviation of one observation

  bool is_mean() const { return std::holds_alternative<api::MeanSource>(metric.source); }
  // The candidate's share or mean over stable's: above 1 is better where more is.
  double factor() const { return 1.0 + (metric.direction == api::Direction::Increase ? improvement : -improvement); }
};

// The time of a stage, in looks.
struct StageTime {
  int most = 1;   // maxDuration
  int least = 0;  // minDuration
  bool operator==(const StageTime&) const = default;
};

// One weight, held until the engine says "advance".
struct Step {
  double weight = 0.1;
  int min_looks = 5;
  int stage = 0;         // index into Scenario::stages
  bool ab_test = false;  // the goals are counted, and decide
};

// Which answers a run is carried on for. A run ends when all that were asked for are known.
struct Questions {
  bool roll_back = true;   // when is harm proven, as if nothing else ended the run
  bool promotion = true;   // when is non-inferiority proven, as if nothing else ended the run
  bool outcome = true;     // what would the product have done, with dwell, power and steps
  bool oracle = false;     // when would Wald's test have decided that is told the true ratio
};

struct Scenario {
  api::AnalysisSpec analysis;       // every metric is a guardrail; the goals are apart
  rollout::Thresholds thresholds;   // of the whole rollout; see thresholds_of
  std::vector<Step> steps;          // at least one
  std::vector<StageTime> stages;
  double fixed_dispersion = 0.0;    // phi as given to the engine; 0: it is estimated
  int history = 30;                 // looks of stable's past that the engine may read before the start

  std::vector<Truth> truths;        // one a guardrail
  std::vector<Goal> goals;          // none without an abTest stage
  double superior = 0.0;            // log E at which a goal is better
  double requests_per_second = 100.0;
  int looks = 100;                  // the horizon
  double dispersion = 1.0;          // variance of the events of a look over that of independent ones, both arms
  double pod_effect = 0.0;          // standard deviation of log(rate of one pod / rate of its arm)
  int candidate_pods = 1;
  int stable_pods = 9;

  Questions questions;
  int runs = 20'000;
  std::uint64_t seed = 7;
};

// The thresholds that the product uses for this analysis.
rollout::Thresholds thresholds_of(const api::AnalysisSpec& analysis);

// The guardrails and goals of a Rollout's analysis and the steps of all its stages. Base rates are 1 % and ratios 1,
// and of goals as above, to be changed by the caller; the horizon is the sum of the stages. Error: the manifest has
// nothing to judge by.
Result<Scenario> scenario_of(const api::Spec& spec);

// Whether the numbers make sense together. The message begins with the flag of `sluice simulate` that sets the
// number that is wrong: "--ramp: ...".
Outcome check(const Scenario& scenario);

// Stable's rate of a guardrail at a look, 0-based.
double base_rate_at(const Truth& truth, int look, int looks);

// The requests of one look, counted whole: what is left of a fraction comes with a later look, so that the sum
// over the looks is right. One value a run.
struct Requests {
  std::int64_t candidate = 0;
  std::int64_t stable = 0;
};
class Traffic {
 public:
  explicit Traffic(const Scenario& scenario);
  Requests next(double weight);

 private:
  double per_look_;
  double candidate_ = 0.0;  // requests so far, with their fraction
  double stable_ = 0.0;
};

}  // namespace sluice::forecast
