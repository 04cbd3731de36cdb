// What the machinery of this folder tells about itself.
//
// This folder does not know how metrics are exported; the app implements Observer and publishes the values
// under the names that controller-runtime and client-go use, so that existing dashboards work:
//
//   queue_depth     workqueue_depth{name,priority}
//   queue_added     workqueue_adds_total{name}
//   queue_retried   workqueue_retries_total{name}
//   queue_waited    workqueue_queue_duration_seconds{name}
//   queue_worked    workqueue_work_duration_seconds{name}
//   reconciled      controller_runtime_reconcile_total{controller,result},
//                   controller_runtime_reconcile_errors_total, controller_runtime_reconcile_time_seconds
//   terminal_error  controller_runtime_terminal_reconcile_errors_total{controller}: the server refused what was
//                   asked as invalid, so that trying again alone does not help
//   panicked        controller_runtime_reconcile_panics_total{controller}
//   active_workers  controller_runtime_active_workers{controller}
//   max_workers     controller_runtime_max_concurrent_reconciles{controller}
//   listed          reflector_lists_total, reflector_list_errors_total, reflector_items {name}
//   watch_ended     sluice_watch_restarts_total{name,reason}
//   leader          leader_election_master_status{name}
//   event_written   sluice_events_written_total
//   event_dropped   sluice_events_dropped_total
//
// WorkQueue::unfinished() and longest_running() are polled at scrape time, for
// workqueue_unfinished_work_seconds and workqueue_longest_running_processor_seconds.
//
// Every function has an empty default. They are called from many threads at once, sometimes under a lock of
// the caller: implementations are thread-safe, quick, and call nothing of this folder.
#pragma once

#include <cstddef>
#include <string_view>

#include "runtime/instant.h"

namespace sluice::runtime {

// In which order keys are worked on: what may be doing harm right now, what somebody changed, or what is only
// looked at again. A smaller value comes first.
enum class Priority { Urgent, Change, Resync };
inline constexpr std::size_t kPriorities = 3;

// As the label of a metric.
constexpr const char* to_string(Priority priority) {
  switch (priority) {
    case Priority::Urgent:
      return "urgent";
    case Priority::Change:
      return "change";
    case Priority::Resync:
      return "resync";
  }
  return "resync";
}

enum class ReconcileResult { Success, RequeueAfter, Error };

// How a watch came to its end: by the server's timeout, with an error, too quickly without an event, or
// because its resourceVersion was too old.
enum class WatchEnd { Finished, Failed, TooShort, Gone };

class Observer {
 public:
  virtual ~Observer() = default;

  virtual void queue_depth(std::string_view /*queue*/, Priority, std::size_t /*depth*/) {}
  virtual void queue_added(std::string_view /*queue*/) {}
  virtual void queue_retried(std::string_view /*queue*/) {}
  virtual void queue_waited(std::string_view /*queue*/, nanoseconds) {}
  virtual void queue_worked(std::string_view /*queue*/, nanoseconds) {}

  virtual void reconciled(std::string_view /*controller*/, ReconcileResult, nanoseconds) {}
  virtual void terminal_error(std::string_view /*controller*/) {}
  virtual void panicked(std::string_view /*controller*/) {}
  virtual void active_workers(std::string_view /*controller*/, std::size_t) {}
  virtual void max_workers(std::string_view /*controller*/, std::size_t) {}

  virtual void listed(std::string_view /*reflector*/, bool /*ok*/, std::size_t /*items*/) {}
  virtual void watch_ended(std::string_view /*reflector*/, WatchEnd) {}

  virtual void leader(std::string_view /*lease*/, bool /*leading*/) {}

  virtual void event_written() {}
  virtual void event_dropped() {}
};

// The observer that nobody reads. Lives as long as the process.
Observer& no_observer();

}  // namespace sluice::runtime
