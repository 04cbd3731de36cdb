// What a load of several rates tells of a candidate: how much it carries, and how soon it is well again.
//
// Pure, no throw.
#pragma once

#include <optional>

#include "loadtest/bounds.h"
#include "loadtest/load_judge.h"

namespace sluice::loadtest {

// The steps up to the highest rate, and where the objective broke. A step holds when each response-time, failure and
// rate criterion does with confidence, the 5 % shared by the steps; it is broken when one of them is. Without such
// criteria a step holds with at most 1 % failures at 95 % of the asked rate. What is said of a step is taken to be
// said of all lower ones: more load does no good.
struct Knee {
  double value = 0.0;                // the highest rate that held by its point estimates; 0: none
  double held = 0.0;                 // the highest rate that held with confidence; 0: none
  std::optional<double> broken;      // the lowest rate that was broken with confidence
  double highest = 0.0;              // that was asked for
  Windows at_held;                   // the windows of `held`
  Windows below_broken;              // of the highest step that was not broken
};

// `risk.high` is that of taking a sound step for broken, `risk.low` that of taking a broken one for sound.
Knee knee_of(const std::vector<api::LoadCriterion>& criteria, const Windows& windows, Risk risk);

// Seconds after the highest rate until windows are like those before it: not more than three times as many requests
// as before may be slow or fail. Slow is slower than 1.5 times the quantile before.
//
// `value` and `high`: from when on all windows are like it, three at a time, and all of them together with
// confidence. `low`: the begin of the last window that is worse with confidence, shared by the windows. Infinite: not
// before the load ended.
struct Recovery {
  std::optional<Bounds> bounds;  // nothing: there is nothing before or after the highest rate
  double watched = 0.0;          // seconds after it
};
Recovery recovery_of(const Windows& windows, double quantile, Risk risk);

}  // namespace sluice::loadtest
