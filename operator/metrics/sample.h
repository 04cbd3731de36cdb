// Raw samples as a metrics store holds them, and where they come from.
//
// Evidence is computed from raw samples, not from `rate()` or `increase()`: those extrapolate. A SampleSource
// is one store seen through the question that Sluice asks: the samples of a selector's series up to a time.
// The memory of pods under load, which is no evidence of that kind, may be any expression. metrics/prometheus.h asks a real one; tests and the simulation keep theirs in memory.
#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace sluice::metrics {

using Labels = std::map<std::string, std::string>;

struct Sample {
  Time at{};
  double value = 0;
  bool operator==(const Sample&) const = default;
};

// One label combination. Readers must not rely on an order of the samples, nor on their being distinct.
struct Series {
  Labels labels;
  std::vector<Sample> samples;
  bool operator==(const Series&) const = default;
};
using Matrix = std::vector<Series>;

class SampleSource {
 public:
  virtual ~SampleSource() = default;

  // All samples of the series that `selector` matches with a timestamp in [end - window, end]; series without
  // one are left out. Precondition: window > 0. `deadline` is for the whole call. Thread-safe. Errors:
  // Unavailable, Timeout, TooManyRequests (both perhaps with retry_after), Invalid (the store refuses the
  // selector), TooLarge, Unauthorized, Forbidden, NotFound, Cancelled.
  virtual Result<Matrix> samples(std::string_view selector, Time end, Duration window, Duration deadline,
                                 std::stop_token stop) = 0;

  // What `query`, any expression that gives one value a series, gives every `step` from `end - window` to `end`.
  // Preconditions and errors as above, with step > 0; Invalid from a store that only knows selectors.
  virtual Result<Matrix> values(std::string_view query, Time end, Duration window, Duration step, Duration deadline,
                                std::stop_token stop);
};

// What stands behind a series: one scraped process, by the labels that name it (job, instance, pod ...). Two
// series of one target were read by the same scrapes. Empty when a series has none of these labels.
std::string target_of(const Labels& labels);

// The same for a person: the pod's name if there is one, else the instance.
std::string target_name(const Labels& labels);

}  // namespace sluice::metrics
