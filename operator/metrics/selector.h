// The small part of PromQL's grammar that Sluice edits: adding a matcher to a selector. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace sluice::metrics {

// `selector` narrowed to the buckets that one edge needs: le="+Inf" and `edge`, in any of the usual spellings
// of that number ("0.25", "0.250", "1", "1.0", "1e+06"). An exporter may use another one, so an empty answer
// does not prove that the edge is missing. It saves reading a histogram's other buckets.
std::string with_edge(std::string_view selector, double edge);

}  // namespace sluice::metrics
