// What a rollout will need before it is started: how long to find a doubled error rate, how long to prove that an
// equal candidate is not worse, how long to show that a goal is better by what is assumed of it, whether that fits
// the time that its stages have, and if not, what would fit.
//
// The answers come from a small simulation of the engine itself, not from an approximation of it: a few hundred to a
// few thousand runs from a fixed seed. Where a decision takes hundreds of looks, looks are merged for speed, which
// moves nothing but the grain: splitting a block leaves its evidence as it is.
//
// Units as in scenario.h; times are in looks of the manifest's interval. Deterministic; seconds at most, except for
// stages of tens of thousands of looks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "forecast/scenario.h"
#include "forecast/summary.h"

namespace sluice::forecast {

enum class Quarry { Harm, NonInferiority };

// How long one guardrail takes from nothing at one weight held for as long as it takes. Absent times: not within the
// practicable.
struct Waiting {
  Times looks;
  bool by_ceiling = false;  // NonInferiority: in most runs the absolute limb of the margin carried the proof
};

// Of scenario.truths[guardrail] at `weight`, with the thresholds of the whole rollout.
Waiting waiting(const Scenario& scenario, std::size_t guardrail, double weight, Quarry quarry, unsigned threads = 0);

struct StepPlan {
  double weight = 0.0;
  int stage = 0;
  Waiting doubled;       // the candidate has twice stable's events
  Waiting non_inferior;  // the candidate equals stable
};

struct GuardrailPlan {
  std::string name;
  double base_rate = 0.0;
  std::vector<StepPlan> steps;
  Times doubled_in_rollout;  // through all steps, as the product goes them
};

// How long an abTest stage takes to show that a goal is better by its `improvement`.
struct GoalPlan {
  std::string name;
  int stage = 0;
  double weight = 0.0;
  Times looks;                               // from the begin of the stage, for as long as it takes
  std::optional<double> least_improvement;   // that nine of ten show within maxDuration; absent: not even a doubling
};

// Of scenario.goals[goal] at `weight`, with its improvement; at most `longest` looks (0: as long as is practicable).
Times goal_waiting(const Scenario& scenario, std::size_t goal, double weight, int longest = 0, unsigned threads = 0);
std::vector<GoalPlan> plan_goals(const Scenario& scenario, unsigned threads = 0);

// Each alone would let nine of ten equal candidates be promoted in time; absent: it would not, at any value.
struct Remedies {
  std::optional<double> least_weight;   // raise the weights below it to it
  std::string guardrail;                // the slowest one, whose margin is meant by the next two
  std::optional<double> margin_ratio;
  std::optional<double> or_below;
  std::optional<Duration> max_duration; // of the stage whose time runs out, warm-up included
};

struct Plan {
  std::vector<GuardrailPlan> guardrails;
  std::vector<GoalPlan> goals;       // of each abTest stage
  Times promotion;                   // of a candidate that equals stable, goals apart, through all steps
  bool fits = true;                  // at least nine of ten such candidates are promoted in time
  int tight_stage = 0;               // the stage whose time runs out most often; meaningful when it does not fit
  Remedies remedies;                 // when it does not fit
};

// Precondition: check(scenario).ok(). Ratios, runs and questions of the scenario are not read.
Plan plan(const Scenario& scenario, unsigned threads = 0);

// Looks as a time, with what passes `before` the first of them; absent for absent looks.
std::optional<Duration> duration_of(const std::optional<double>& looks, Duration interval,
                                    Duration before = Duration(0));

// `stage_names` in the order of the manifest. The times of whole rollouts include the warm-up.
nlohmann::ordered_json to_json(const Plan& plan, const Scenario& scenario,
                               const std::vector<std::string>& stage_names);

}  // namespace sluice::forecast
