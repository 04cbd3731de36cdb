// Exponential backoff with jitter, for one thing that is tried again and again.
//
// The base doubles from `initial`; each delay is the base times a random factor in [1, 1 + jitter], and no
// delay exceeds `ceiling`, at which the jitter is kept: many processes that lost the same server do not come
// back at the same moment. After `reset_after` without a failure the base starts anew.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "runtime/instant.h"

namespace sluice::runtime {

// A small random number generator whose whole state is its seed, so that a run can be repeated. Not for
// secrets.
class Jitter {
 public:
  // A seed of 0 takes one from the operating system.
  explicit Jitter(std::uint64_t seed);

  double uniform();  // in [0, 1)

 private:
  std::uint64_t state_;
};

// Not thread-safe.
class Backoff {
 public:
  struct Options {
    Duration initial{800};
    Duration ceiling{30'000};
    double jitter = 1.0;
    Duration reset_after{120'000};
  };

  Backoff(const Options& options, std::uint64_t seed);

  // Notes a failure at `now` and returns how long to wait before the next try.
  Duration next(Instant now);
  void reset();

 private:
  Options options_;
  Jitter jitter_;
  Duration base_;
  std::optional<Instant> last_;
};

}  // namespace sluice::runtime
