// Whether a candidate stood a load test: confidence bounds, never point values.
//
// A criterion holds when the one-sided bound at 95 % keeps its limit, and is broken when the bound on the other side
// is beyond it at 95 % shared by all criteria of the stage (Bonferroni): a sound candidate fails with a probability
// of at most 5 % however many criteria there are. All hold: Pass. One broken: Fail. Neither: Inconclusive, more load
// decides. A result that says nothing about the candidate is Invalid: the generator was saturated, lost a worker,
// stopped early, or reached less than the asked rate while its users were idle.
//
// The bounds, by criterion:
//   responseTime        order statistics of the whole histogram, ranks by the binomial; its windows scatter more than
//                       requests that are independent, so counts are divided by the dispersion of the windows
//   ... with a margin   both intervals combined on the logarithm (MOVER; Zou & Donner 2008)
//   failures            Clopper-Pearson on counts divided in the same way
//   rate                ratio of sums over windows with Student's bound; Poisson bounds with fewer than three windows
//   knee                the two above at each step, shared by the steps
//   recovery            Clopper-Pearson, window by window after the highest rate
//   ...Growth           slope of Theil and Sen with the bounds of Sen (1968), widened for autocorrelation
//   restarts            counted
//   ratePerReplica      Student's bound of the rate at the highest step that held
//
// Which requests a criterion is about, by profile: docs/load-tests.md. Pure, deterministic, no throw.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/load_test.h"
#include "api/types.h"
#include "loadtest/load_result.h"

namespace sluice::loadtest {

// Memory of the candidate's pods together.
struct MemorySample {
  Time at{};
  double bytes = 0.0;
};

struct LoadObservation {
  LoadResult result;
  std::vector<MemorySample> memory;  // by time; may reach beyond the load; empty: not known
  int restarts = 0;                  // of the candidate's containers while under load
  int replicas = 1;                  // that were ready
  std::optional<LoadResult> stable;  // stable's own run of this stage
};

// One criterion. value, low and high are in the units of its limit: seconds, shares, requests a second, counts;
// low and high are the bounds that the verdict was taken by, and may be infinite. NaN where nothing could be said.
struct CriterionFinding {
  api::LoadCriterion criterion;
  api::Verdict verdict = api::Verdict::Inconclusive;
  double value = 0.0;
  double low = 0.0;
  double high = 0.0;
  double limit = 0.0;
  std::string sentence;
};

struct LoadVerdict {
  api::Verdict verdict = api::Verdict::Inconclusive;  // Pass, Fail, Inconclusive or Invalid
  std::string message;                                // one sentence: what decided it
  std::vector<CriterionFinding> findings;             // one a criterion, in their order
};

LoadVerdict judge_load(const api::LoadTestStage& stage, const LoadObservation& seen);

}  // namespace sluice::loadtest
