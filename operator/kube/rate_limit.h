// A token bucket: at most `burst` at once and `rate` a second in the long run.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>

#include "base/time.h"

namespace sluice::kube {

class RateLimit {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  // `rate` 0 or less: no limit. `burst` is at least 1.
  RateLimit(double rate, int burst);

  // Takes a token and says how long to wait before using it; zero most of the time. Callers that wait hold
  // their place: the next one waits longer. Nothing, and no token is taken, when that would be `longest` or more.
  // Thread-safe.
  std::optional<Duration> take(Instant now, Duration longest = Duration::max());

 private:
  const double rate_;
  const double burst_;
  std::mutex mutex_;
  double tokens_;
  Instant last_{};
  bool used_ = false;
};

}  // namespace sluice::kube
