// Takes looks when they are due, on threads of its own, so that no reconcile ever waits for a metrics store.
//
//   LookScheduler looks(options, clock, connect, on_result, observe);
//   looks.schedule(rollout, look, look.to + kSettle);     // from any thread, returns at once
//
// One store that does not answer must not hold up the looks at others: at most half of the threads wait for one
// address, and a single one while the last look at it ran out of time.
//
// Guarantees: one source (hence one connection pool) an address, made at the first look at it. A result is
// handed over at most once a schedule() that returned true, and not at all after cancel() or once a different
// look was scheduled for the key, except when the handing over had already begun. So whoever receives it
// compares LookResult::look with what it waits for. Nothing is repeated: after a result with an error,
// schedule again.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "kube/resource.h"
#include "metrics/block.h"
#include "metrics/collector.h"
#include "metrics/due_queue.h"
#include "metrics/sample.h"

namespace sluice::metrics {

struct SchedulerOptions {
  int threads = 4;  // 0: none; run_due() then takes the looks, e.g. under a virtual clock
  CollectOptions collect;
};

class LookScheduler {
 public:
  // Makes the source for an address; called outside of locks, perhaps on several threads at once.
  using Connect = std::function<Result<std::unique_ptr<SampleSource>>(const std::string& address)>;
  // Receives results, on the scheduler's threads or inside run_due(). It must not throw, nor call stop(); it
  // may call schedule() and cancel().
  using OnResult = std::function<void(const kube::Key& key, LookResult result)>;
  // Told of every look that was taken, obsolete or not, before its result is handed over: for metrics of our
  // own.
  using Observe = std::function<void(const LookResult& result, std::chrono::steady_clock::duration took)>;

  // `clock` must outlive this. Threads start here.
  LookScheduler(SchedulerOptions options, const Clock& clock, Connect connect, OnResult on_result,
                Observe observe = {});
  ~LookScheduler();  // stop()
  LookScheduler(const LookScheduler&) = delete;
  LookScheduler& operator=(const LookScheduler&) = delete;

  // See DueQueue. Thread-safe; never wait for a look. After stop() they do nothing.
  bool schedule(const kube::Key& key, Look look, Time due);
  void cancel(const kube::Key& key);

  // The earliest due time of what waits. Thread-safe.
  std::optional<Time> next_due() const;

  // Takes all looks that are due at `now`, on this thread; returns how many.
  int run_due(Time now);

  // Cancels what is under way and joins the threads; no result is handed over afterwards. Idempotent.
  void stop();

 private:
  // A metrics store, made when it is asked first.
  struct Provider {
    std::shared_ptr<SampleSource> source;
    int under_way = 0;
    bool hangs = false;  // the last look at it found no answer in time
  };

  void work(std::stop_token stop);
  std::optional<DueQueue::Taken> take_locked(Time now);
  bool has_room(const std::string& address) const;
  bool finish(const DueQueue::Taken& taken, const LookResult& result);
  std::optional<DueQueue::Taken> wait_for_due(std::stop_token stop);
  void run(const DueQueue::Taken& taken);
  LookResult take_look(const DueQueue::Taken& taken);
  Result<std::shared_ptr<SampleSource>> source_for(const std::string& address);

  const SchedulerOptions options_;
  const Clock& clock_;
  const Connect connect_;
  const OnResult on_result_;
  const Observe observe_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  DueQueue queue_;                             // guarded by mutex_
  std::uint64_t changes_ = 0;                  // of queue_; guarded by mutex_
  bool stopped_ = false;                       // guarded by mutex_
  std::map<std::string, Provider> providers_;  // by address; guarded by mutex_
  std::vector<std::jthread> threads_;
};

}  // namespace sluice::metrics
