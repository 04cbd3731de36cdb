// Taking a look: from the question (metrics/block.h) to the counts of both arms.
//
//   LookResult result = take(look, source, clock, stop);
//
// Asks the source once for each different selector of the look, `total` before `events` (so that no event can
// be newer than what it is counted against), for the block and a lookback before it, and counts with
// metrics/counter.h. A look is all or nothing: one failing query is the error of the whole look, and nothing
// is judged. A metric without data is not an error: its reading has a gap. Nor is a failing query of classes, which
// decide nothing.
#pragma once

#include <stop_token>

#include "base/time.h"
#include "metrics/block.h"
#include "metrics/sample.h"

namespace sluice::metrics {

// How long after the end of a block its last scrapes are surely visible; a good distance between Look::to and
// the time when the look is due.
inline constexpr Duration kSettle = seconds(2);

struct CollectOptions {
  Duration lookback = minutes(3);   // how old a sample at a block's boundary may be at most
  Duration deadline = seconds(10);  // for all queries of one look together
};

// Blocks on the source; call it from a thread that may wait. Thread-safe for different sources, and for one
// source that is. In the result, readings stand in the order of look.metrics.
//
// With look.past = n > 0 stable's n blocks of length (to - from) that end at `to` are read instead, oldest
// first, by one query a selector; the candidate's selectors are not asked. `past` then has n entries, in
// which a block with a gap is {0, 0}; it is empty, and `gap` says why, when no block could be read.
//
// Errors in the result: Invalid (from >= to; a refused query), Timeout (the overall deadline), Cancelled, and
// those of SampleSource.
LookResult take(const Look& look, SampleSource& source, const Clock& clock, std::stop_token stop,
                const CollectOptions& options = {});

}  // namespace sluice::metrics
