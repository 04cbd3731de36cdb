// A token bucket: at most `burst` at once and `rate` a second in the long run.
#pragma once

#include <chrono>
#include <mutex>

#include "base/time.h"

namespace sluice::kube {

class RateLimit {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  // `rate` 0 or less: no limit. `burst` is at least 1.
  RateLimit(double rate, int burst);

  // Takes a token and says how long to wait before using it; zero most of the time. Callers that wait hold
  // their place: the next one waits longer. Thread-safe.
  Duration take(Instant now);

 private:
  const double rate_;
  const double burst_;
  std::mutex mutex_;
  double tokens_;
  Instant last_{};
  bool used_ = false;
};

}  // namespace sluice::kube
