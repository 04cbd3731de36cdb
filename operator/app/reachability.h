// Notices when the API server answers again after it did not, for several requests in a row: then what has failed
// meanwhile need not wait for the rest of its backoff.
//
//   Reachability server;
//   client_options.reached = [&](bool answered) { server.reached(answered); };
//   server.on_return([&] { queue.retry_now(); });
#pragma once

#include <functional>
#include <mutex>
#include <utility>

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
      ++unanswered_;
    } else if (std::exchange(unanswered_, 0) >= kAway && back_) {
      back_();
    }
  }

 private:
  static constexpr int kAway = 3;  // one connection that breaks is no outage

  std::mutex mutex_;
  int unanswered_ = 0;          // in a row; guarded by mutex_
  std::function<void()> back_;  // guarded by mutex_
};

}  // namespace sluice::app
