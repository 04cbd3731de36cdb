// The small part of PromQL's grammar that Sluice edits: adding a matcher to a selector. Pure; thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sluice::metrics {

// `selector` narrowed to the buckets that these edges need: le="+Inf" and each of `edges`, in any of the usual
// spellings of that number ("0.25", "0.250", "1", "1.0", "1e+06"). An exporter may use another one, so an empty answer
// does not prove that an edge is missing. It saves reading a histogram's other buckets.
std::string with_edges(std::string_view selector, std::span<const double> edges);

}  // namespace sluice::metrics
