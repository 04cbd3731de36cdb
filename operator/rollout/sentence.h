// Numbers as sentences: what a person reads in a condition, an event or the live view.
#pragma once

#include <optional>
#include <string>

#include "api/types.h"
#include "metrics/block.h"
#include "rollout/verdict.h"

namespace sluice::rollout {

// A share as a percentage with three significant digits: "0.101%", "4%", "0%".
std::string percent(double share);

// A number with three significant digits, without an exponent where it can be avoided: "1.08", "0.0123", "2.4e+12".
std::string number(double value);

// e^log, as `number`; beyond what a double holds as a power of ten.
std::string e_value(double log_e);

// "harmed: 3.9% (47 of 1204) against 0.02% (2 of 10876) of stable, ratio 212 (31.5 to 980)".
std::string sentence(const api::MetricStatus& metric, GuardrailState state);

// The same of a goal: "better: 12.1% (121 of 1000) against 10% (300 of 3000) of stable, ratio 1.21 (1.05 to 1.4)", or of
// a mean "better: 4.2 (of 1000) against 4 (of 3000) of stable, difference 0.2 (0.05 to 0.35)".
std::string goal_sentence(const api::MetricStatus& goal, GoalState state);

// What copies say of the other side of equivalence, by the natural logarithm of the evidence for it.
std::string not_better_sentence(double log_e, double threshold);

// Below this many pods of the candidate, what sets one pod apart is not averaged out.
inline constexpr int kFewPods = 3;

// "with 1 pod of the candidate, a difference between pods (5% in stable's past) cannot be told from one between
// revisions". nullopt: stable's spread is not known.
std::string few_pods_sentence(int candidate_pods, std::optional<double> pod_spread);

// "PSI 0.0792 (above 0.05 it counts), p 1.2e-09, cat 41.2% -> 55%": p once it was computed, and the class that moved
// most. Precondition for both: metric.drift.
std::string drift_sentence(const api::MetricStatus& metric);

// "<state>: PSI ... (Jensen-Shannon 0.0137; 5400 predictions of stable, 600 of the candidate)".
std::string predictions_sentence(const api::MetricStatus& metric, const std::string& state);

// "no series of the candidate matched metric errors".
std::string gap_sentence(const std::string& metric, metrics::Gap gap, const std::string& detail);

}  // namespace sluice::rollout
