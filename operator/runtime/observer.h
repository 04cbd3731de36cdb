// What the machinery of this folder tells about itself.
//
// This folder does not know how metrics are exported; the app implements Observer and publishes the values
// under the names that controller-runtime and client-go use, so that existing dashboards work:
//
//   queue_depth        workqueue_depth{name,priority}            reconciled
//   controller_runtime_reconcile_total{controller,result} queue_added        workqueue_adds_total{name}
//   controller_runtime_reconcile_errors_total{controller} queue_retried      workqueue_retries_total{name}
//   controller_runtime_reconcile_time_seconds{controller} queue_waited workqueue_queue_duration_seconds{name}
//   panicked     controller_runtime_reconcile_panics_total{controller} queue_worked
//   workqueue_work_duration_seconds{name}     active_workers  controller_runtime_active_workers{controller}
//   leader             leader_election_master_status{name}       max_workers
//   controller_runtime_max_concurrent_reconciles{controller} listed             reflector_lists_total,
//   reflector_list_errors_total, reflector_items_per_list {name} watch_ended        reflector_watches_total,
//   reflector_short_watches_total {name}; sluice_watch_restarts_total{name,reason} event_written /
//   event_dropped   sluice_events_written_total, sluice_events_dropped_total
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

// In which order keys are worked on: what somebody changed, or what is only looked at again.
enum class Priority { Change, Resync };

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
