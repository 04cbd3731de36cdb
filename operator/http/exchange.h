// One request on its way: the meeting point of the caller's thread and the network library's threads.
//
// The caller's thread waits here, so it is the deadline timer, the listener to the stop token and the one
// that consumes the body; no timer of the library decides how long a call takes, and no thread of the library
// ever runs a caller's code. A piece of the body stays in the library's buffer until the caller has consumed
// it: the library reads no further meanwhile, which is the back-pressure.
//
// Both sides hold it by shared_ptr: a caller that gives up returns at once, and what the library still
// reports afterwards goes nowhere.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string_view>

#include "http/fault.h"
#include "http/transport.h"

namespace sluice::http {

class Exchange {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  struct Head {
    int status = 0;
    Headers headers;
  };

  // What a wait ended with.
  enum class Event { Head, Piece, Finished, Failed, TimedOut, Stopped };

  // --- the library's side ---
  void on_head(Head head);
  // `bytes` stay valid until `release` is called, exactly once, maybe before this returns. Never throws.
  void on_piece(std::string_view bytes, std::function<void()> release) noexcept;
  void on_finished();
  void on_failed(Fault fault);

  // --- the caller's side; one thread ---
  Event wait_for_head(Instant deadline, const std::stop_token& stop);
  // After Head. Finished and Failed come only when all pieces were consumed.
  Event wait_for_body(Instant deadline, const std::stop_token& stop);
  // After wait_for_body answered Piece: hands it to `consume` without a lock, then lets the library go on.
  // Answers what `consume` answered; false also when it threw.
  bool consume_piece(const std::function<bool(std::string_view)>& consume);
  // No more interest: pieces are dropped from now on.
  void abandon() noexcept;

  const Head& head() const { return *head_; }     // after Head
  const Fault& fault() const { return *fault_; }  // after Failed

 private:
  template <class Predicate>
  bool wait(std::unique_lock<std::mutex>& lock, Instant deadline, const std::stop_token& stop,
            Predicate ready);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Head> head_;
  std::optional<Fault> fault_;
  bool finished_ = false;
  bool abandoned_ = false;
  std::string_view piece_;
  std::function<void()> release_;  // set while there is a piece
};

}  // namespace sluice::http
