// Whether the API server answers. While it does not, for several requests in a row, hardly any are sent, however many
// Rollouts want to; when it answers again, what has failed meanwhile need not wait for the rest of its backoff.
//
//   Reachability server;
//   client_options.reached = [&](bool answered) { server.reached(answered); };
//   client_options.admits = [&] { return server.may_try(clock.steady()); };
//   server.on_return([&] { queue.retry_now(); });
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "base/time.h"

namespace sluice::app {

// Thread-safe.
class Reachability {
 public:
  // Called by whichever thread got the answer, under a lock: `back` is quick, and asks the server for nothing. Once
  // on_return({}) has returned, what was given before is not called any more.
  void on_return(std::function<void()> back) {
    const std::lock_guard lock(mutex_);
    back_ = std::move(back);
  }

  void reached(bool answered) {
    const std::lock_guard lock(mutex_);
    if (!answered) {
      if (++unanswered_ == kAway) tried_.reset();
    } else if (std::exchange(unanswered_, 0) >= kAway && back_) {
      back_();
    }
  }

  // False: it is away, and was asked within the last second. Who gets true should ask it at once.
  bool may_try(std::chrono::steady_clock::time_point now) {
    const std::lock_guard lock(mutex_);
    if (unanswered_ < kAway) return true;
    if (tried_ && now - *tried_ < kBetweenTries) return false;
    tried_ = now;
    return true;
  }

 private:
  static constexpr int kAway = 3;  // one connection that breaks is no outage
  static constexpr seconds kBetweenTries{1};

  std::mutex mutex_;
  int unanswered_ = 0;          // in a row; this and what follows is guarded by mutex_
  std::optional<std::chrono::steady_clock::time_point> tried_;  // while it is away
  std::function<void()> back_;
};

}  // namespace sluice::app
