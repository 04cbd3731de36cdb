// At which edges of a histogram a metric is compared, and what was read there. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "api/types.h"
#include "metrics/block.h"
#include "stats/metric_evidence.h"

namespace sluice::rollout {

// Whether the whole distribution is compared, at edges that Sluice chooses.
bool is_distribution(const api::MetricSpec& metric);

// The edges at which a metric is read: the one that the user names, or those that were chosen for a whole
// distribution. Empty: a counter, or not chosen yet.
std::vector<double> edges_of(const api::MetricSpec& metric, const api::EvidenceStatus& evidence);

// By what stable had above each edge: in its past, or in one block, which must then not be counted as well.
std::vector<double> edges_by_past(const metrics::MetricReading& reading);
std::vector<double> edges_by_block(const metrics::MetricReading& reading);

// Under which name the past of edge `k` is kept: that of the metric, or "metric@edge" where there are several.
std::string past_name(const std::string& metric, std::span<const double> edges, std::size_t k);

// How an edge is written for people: "0.25s". Precondition: the metric is a histogram.
std::string edge_text(const api::MetricSpec& metric, double edge);

// The blocks of one look, one for each of `edges` (one for a counter). Empty: not all of them were read.
std::vector<stats::Block> blocks_of(const metrics::MetricReading& reading, std::span<const double> edges);

// What was read of stable's past at edge `k`; nullptr: nothing.
const std::vector<metrics::Counts>* past_at(const metrics::MetricReading& reading, std::span<const double> edges,
                                            std::size_t k);

}  // namespace sluice::rollout
