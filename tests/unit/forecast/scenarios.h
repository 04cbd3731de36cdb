// Scenarios for the tests: a counter of errors as the defaults of the command line describe it.
#pragma once

#include "forecast/scenario.h"

namespace sluice::forecast {

inline Scenario scenario(double base_rate = 0.01, double ratio = 1.0, int guardrails = 1) {
  Scenario s;
  s.analysis.interval = seconds(60);
  for (int i = 0; i < guardrails; ++i) {
    api::MetricSpec metric;
    metric.name = "errors-" + std::to_string(i);
    s.analysis.metrics.push_back(metric);
    s.truths.push_back({base_rate, base_rate, i == 0 ? ratio : 1.0});
  }
  s.thresholds = thresholds_of(s.analysis);
  s.steps = {Step{}};
  s.stages = {{s.looks}};
  s.runs = 500;
  return s;
}

inline void set_looks(Scenario& s, int looks) {
  s.looks = looks;
  s.stages = {{looks}};
}

}  // namespace sluice::forecast
