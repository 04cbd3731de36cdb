// WorkQueue: the keys that wait to be reconciled, shared by watch handlers, timers and workers.
//
//   queue.add({"ml", "digits"});
//   while (auto key = queue.pop(stop)) {
//     ...
//     queue.forget(*key);                      // or queue.add_backoff(*key)
//     queue.done(*key);
//   }
//
// The rules (de-duplication, one worker a key, delays, backoff, priorities) are KeyQueue's; see key_queue.h.
// A single-threaded harness uses try_pop() and next_due() with a virtual Clock instead of pop().
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "runtime/key_queue.h"

namespace sluice::runtime {

// Thread-safe.
class WorkQueue {
 public:
  // `name` is for metrics. `clock` and `observer` outlive the queue.
  WorkQueue(std::string name, const Clock& clock, const QueueOptions& options = {},
            Observer& observer = no_observer());

  void add(const kube::Key& key, Priority priority = Priority::Change);
  void add_after(const kube::Key& key, Duration delay, Priority priority = Priority::Change);
  // Counts a failure; returns the delay. `at_least`: what a server asked for.
  Duration add_backoff(const kube::Key& key, Duration at_least = Duration::zero());
  void retry_now();
  void forget(const kube::Key& key);
  unsigned failures(const kube::Key& key) const;

  // Waits for a key. Nothing once shut down or when `stop` is requested.
  std::optional<kube::Key> pop(const std::stop_token& stop);
  std::optional<kube::Key> try_pop();
  // Must follow each pop, on any thread.
  void done(const kube::Key& key);

  // When try_pop() can next return something; nothing if only an add can help.
  std::optional<Instant> next_due() const;

  // Refuses adds, drops what waits, lets what runs finish. Wakes all that wait in pop().
  void shut_down();
  // Waits until nobody works on a key, at most for `timeout`; false if somebody still does.
  bool drain(Duration timeout);

  std::size_t depth() const;       // ready, of all priorities
  std::size_t delayed() const;     // waiting for their time
  std::size_t processing() const;  // being worked on
  nanoseconds unfinished() const;
  nanoseconds longest_running() const;

 private:
  void report();
  std::optional<kube::Key> pop_locked();

  const std::string name_;
  const Clock& clock_;
  Observer& observer_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;  // something was added, or shut down
  std::condition_variable idle_;         // nobody works any more
  KeyQueue queue_;
  std::uint64_t told_ = 0;  // of queue_.added()
};

}  // namespace sluice::runtime
