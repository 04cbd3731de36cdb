// The exact conditional test of a 2x2 table (Fisher), with the conditional odds ratio and its interval.
//
// Given both margins, the candidate's events are hypergeometric; under an odds ratio w the weights are
// multiplied by w^x (Fisher's noncentral hypergeometric). Everything is in log space. Two-sided p: all
// outcomes with a probability up to that of the observed one times 1 + 1e-7, as R and scipy do. Interval: 1 -
// level in both tails together, or in one for a one-sided alternative, as R's fisher.test gives it, to the
// same four digits.
//
// Counts are rounded to whole numbers. The work grows with the smaller margin; above about 1e5 use a score
// test (proportions.h). Pure, no throw, no NaN.
#pragma once

#include <optional>

#include "stats/tails.h"

namespace sluice::stats {

struct Table {
  double candidate_events = 0.0;
  double candidate_rest = 0.0;  // without the event
  double stable_events = 0.0;
  double stable_rest = 0.0;
};

PValue fisher_exact(const Table& table, Alternative alternative);

struct OddsRatio {
  std::optional<double>
      estimate;  // conditional maximum likelihood; none when the margins leave one outcome only
  Interval interval{};
};
OddsRatio conditional_odds_ratio(const Table& table, double level, Alternative alternative);

}  // namespace sluice::stats
