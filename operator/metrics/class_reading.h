// Counting predictions by class: from the samples of both arms to the reading of a ClassesQuery or a ScoresQuery.
//
// Blocks, targets and gaps are those of metrics/counter.h: a gap drops the block for every class and from both arms.
// The number of classes in a reading is bounded, and so is the length of a class's name. Pure, no throw.
#pragma once

#include <string>
#include <string_view>

#include "metrics/block.h"
#include "metrics/sample.h"

namespace sluice::metrics {

// The selector of a query that counts by class; nullptr: it is of another kind.
const std::string* class_selector(const ArmQuery& query);

// Of the class with this value of the label: at most 32 bytes of printable UTF-8. What is longer ends in a hash of
// all of it.
std::string class_name(std::string_view value);

// The bin of a histogram between two edges: "<=0.1", "0.1..0.25", ">0.25"; an infinite edge is none.
std::string bin_name(double lower, double upper);

// The block (look.from, look.to]. Precondition: class_selector(query.stable).
MetricReading read_class_block(const MetricQuery& query, const Matrix& stable, const Matrix& candidate,
                               const Look& look, Duration lookback);

// Stable's past, all blocks without a gap together. Precondition: the same, and look.past > 0.
MetricReading read_class_past(const MetricQuery& query, const Matrix& stable, const Look& look, Duration lookback);

}  // namespace sluice::metrics
