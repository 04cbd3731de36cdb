// What many runs add up to: shares of runs and times to decide, as values and as JSON.
//
// Times are in looks. They are of the first crossing, with runs that never crossed counted as longer than the
// horizon: the median is absent unless half of all runs crossed, the 90th percentile unless nine tenths did. The
// mean is that of min(time, horizon), which a run that never crossed enters as the horizon: it is biased towards
// small when many did not, and the same for our test and for Wald's; absent unless half of the runs crossed.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <vector>

#include "forecast/simulation.h"

namespace sluice::forecast {

struct Times {
  double share = 0.0;  // of all runs that crossed within the horizon
  std::optional<double> median;
  std::optional<double> p90;
  std::optional<double> mean;
};

// `looks` holds 0 for a run that never crossed. Precondition: not empty.
Times times_of(std::vector<int> looks, int horizon);

struct Summary {
  std::map<int, std::optional<double>> rolled_back;  // by number of looks: 1, 20, 50, 100 and the horizon;
  std::map<int, std::optional<double>> promoted;     // absent beyond the horizon
  Times roll_back;
  Times promotion;
  std::optional<Times> oracle_roll_back;  // present when asked for and there is something to find
  std::optional<Times> oracle_promotion;
  double outcome_rolled_back = 0.0;  // shares of runs
  double outcome_promoted = 0.0;
  double outcome_inconclusive = 0.0;
  Times outcome_roll_back;   // when the product ended
  Times outcome_promotion;
};

Summary summarise(const Scenario& scenario, std::span<const RunResult> results);

// The test that Wald's is compared with: harm when there is any, else non-inferiority. And the ratio of the mean
// times, ours over Wald's; absent when either mean is.
bool oracle_is_of_harm(const Summary& summary);
std::optional<double> price_of_ignorance(const Summary& summary);

nlohmann::ordered_json to_json(const Scenario& scenario, const Summary& summary);

// null for an absent number.
nlohmann::ordered_json to_json(const Times& times);

}  // namespace sluice::forecast
