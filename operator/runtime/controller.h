// Controller: takes keys from a work queue and hands each to a Reconciler, on N worker threads.
//
//   class Rollouts : public Reconciler {
//     Result<Requeue> reconcile(const kube::Key& key, std::stop_token stop) override;
//   };
//   Controller controller({.name = "rollout", .workers = 2}, rollouts, clock);
//   store.on_change([&](const kube::Key& key, auto&&...) { controller.queue().add(key); });
//   controller.start();
//
// Reconciling is level-based: the reconciler is told which object to look at, not what happened to it, and
// makes the world fit. What follows from its answer:
//
//   Requeue{}            success; the key comes back when something changes
//   Requeue{after}       success; the key also comes back then, unless a change brings it back earlier
//   an error             the key comes back after its own exponential backoff, or after the error's
//                        retry_after if that is longer
//   an exception         a bug: logged, counted as a panic, and treated as an error
//
// Log lines of the thread carry the key meanwhile, under the controller's name: rollout=ml/digits.
//
// No key is ever with two workers. The guarantees of the queue are in key_queue.h.
#pragma once

#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "runtime/work_queue.h"

namespace sluice::runtime {

struct Requeue {
  std::optional<Duration> after;         // at the latest; 0 means at once
  Priority priority = Priority::Change;  // of that visit; Resync for a mere safety look
};

// Called from several threads at once, for different keys.
class Reconciler {
 public:
  virtual ~Reconciler() = default;

  // `stop` is requested when the process is to end: give up soon, with ErrorCode::Cancelled.
  virtual Result<Requeue> reconcile(const kube::Key& key, std::stop_token stop) = 0;
};

struct ControllerOptions {
  std::string name;  // of the kind, as in logs and metrics: "rollout"
  unsigned workers = 2;
  QueueOptions queue;
};

class Controller {
 public:
  // What is passed by reference outlives the controller. Its queue accepts keys from now on.
  Controller(ControllerOptions options, Reconciler& reconciler, const Clock& clock,
             Observer& observer = no_observer());
  ~Controller();  // stops, and waits for workers however long they take
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  const std::string& name() const { return options_.name; }
  WorkQueue& queue() { return queue_; }

  // Starts the workers. After stop() it does nothing: whoever gets the lead while the process ends may still
  // call it. start() and stop() are thread-safe.
  void start();
  // Shuts the queue down, requests `stop` of the reconcilers that run, and waits for them at most for
  // `grace`. False: some still run. Threads cannot be ended from outside, so the process should then exit.
  bool stop(Duration grace);

  // For harnesses without threads: reconciles one key if one is due. False: none is. See queue().next_due().
  bool process_next(const std::stop_token& stop = {});

 private:
  void work(const std::stop_token& stop);
  void count_active(int change);
  void handle(const kube::Key& key, const std::stop_token& stop);
  Result<Requeue> guarded(const kube::Key& key, const std::stop_token& stop);
  void back_off(const kube::Key& key, const Error& error);

  const ControllerOptions options_;
  Reconciler& reconciler_;
  const Clock& clock_;
  Observer& observer_;
  WorkQueue queue_;
  std::mutex active_mutex_;
  int active_ = 0;  // guarded by active_mutex_
  std::mutex mutex_;
  bool stopped_ = false;               // guarded by mutex_
  std::vector<std::jthread> workers_;  // guarded by mutex_
};

}  // namespace sluice::runtime
