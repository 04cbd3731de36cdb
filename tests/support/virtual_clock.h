// A clock that stands still until it is told to move.
//
// `skew` is how much the wall clock of a process is ahead of the true one: processes on different machines
// share one course of time, but not one clock.
#pragma once

#include <atomic>
#include <chrono>

#include "base/time.h"

namespace sluice::test {

// Thread-safe.
class VirtualClock final : public Clock {
 public:
  // Starts on 2026-01-01T00:00:00Z, and at 1 h of the monotonic clock, so that subtracting a little is no
  // error.
  explicit VirtualClock(Duration skew = Duration::zero()) : skew_(skew) {}

  void advance(Duration by) { elapsed_ += by.count(); }
  Duration elapsed() const { return Duration(elapsed_.load()); }

  Time now() const override { return Time(Duration(1'767'225'600'000)) + skew_ + elapsed(); }
  std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::time_point(hours(1)) + elapsed();
  }

 private:
  const Duration skew_;
  std::atomic<Duration::rep> elapsed_{0};
};

}  // namespace sluice::test
