// Many simulated rollouts, on all cores.
//
// Every run has its own streams of random numbers and its own place in the answer, so the answer does not depend on
// the number of threads nor on their order.
#pragma once

#include <functional>
#include <vector>

#include "forecast/scenario.h"

namespace sluice::forecast {

enum class Ending { Inconclusive, RolledBack, Promoted };

// Looks are counted from 1; 0: not within the horizon, or not asked for.
struct RunResult {
  int rolled_back = 0;          // harm proven (and not tolerated), as if nothing else ended the run
  int promoted = 0;             // non-inferiority proven, as if nothing else ended the run
  bool by_ceiling = false;      // `promoted`: the absolute limb of the margin carried it
  int oracle_rolls_back = 0;    // Wald's test that knows the true ratio, on the same data
  int oracle_promotes = 0;
  Ending ending = Ending::Inconclusive;  // of the product
  int ended = 0;                // at this look
  int stage = 0;                // the stage in which it ended, or was when the horizon came
  int looks_in_stage = 0;       // and so many looks had been taken there
  bool operator==(const RunResult&) const = default;
};

// Precondition: check(scenario).ok(), run < 2^63.
RunResult run_once(const Scenario& scenario, std::uint64_t run);

// The share that is done, 0..1; called now and then by the calling thread.
using Progress = std::function<void(double)>;

// scenario.runs results, in the order of the runs. `threads` 0: one a core.
std::vector<RunResult> simulate(const Scenario& scenario, unsigned threads = 0, const Progress& progress = {});

}  // namespace sluice::forecast
