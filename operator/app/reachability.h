// Whether the API server answers. While it does not, for several requests in a row, hardly any are sent, however many
// Rollouts want to; when it answers again, what has failed meanwhile need not wait for the rest of its backoff.
//
//   Reachability server;
//   client_options.reached = [&](bool answered) { server.reached(answered, clock.steady()); };
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
  using Instant = std::chrono::steady_clock::time_point;

  // Called by whichever thread got the answer, under a lock: `back` is quick, and asks the server for nothing. Once
  // on_return({}) has returned, what was given before is not called any more.
  void on_return(std::function<void()> back) {
    const std::lock_guard lock(mutex_);
    back_ = std::move(back);
  }

  void reached(bool answered, Instant now) {
    const std::lock_guard lock(mutex_);
    if (!answered) {
      if (++unanswered_ == kAway) tried_.reset();
      return;
    }
    if (std::exchange(unanswered_, 0) >= kAway) is_back_ = true;
    if (!is_back_ || (returned_ && now - *returned_ < kBetweenReturns)) return;
    is_back_ = false;
    returned_ = now;
    if (back_) back_();
  }

  // False: it is away, and was asked within the last second. Who gets true should ask it at once.
  bool may_try(Instant now) {
    const std::lock_guard lock(mutex_);
    if (unanswered_ < kAway) return true;
    if (tried_ && now - *tried_ < kBetweenTries) return false;
    tried_ = now;
    return true;
  }

 private:
  static constexpr int kAway = 3;  // one connection that breaks is no outage
  static constexpr seconds kBetweenTries{1};
  // Where some requests get through and others never do, as with a proxy that cuts watches off, the backoff of those
  // must have its effect.
  static constexpr seconds kBetweenReturns{10};

  std::mutex mutex_;
  int unanswered_ = 0;               // in a row; this and what follows is guarded by mutex_
  std::optional<Instant> tried_;     // while it is away
  bool is_back_ = false;             // is still to be told
  std::optional<Instant> returned_;  // told last
  std::function<void()> back_;
};

}  // namespace sluice::app
