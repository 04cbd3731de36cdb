// The thin part: reads the cache, asks plan(), saves the status, changes the cluster, publishes the events.
//
// One key is with one worker at a time. Between two calls a Rollout's latest status is remembered here, because
// numbers that only moved are saved at most once in `status_interval`; what is lost with the process is read again
// from Prometheus. While this process leads, it is the only writer of the status.
//
// The events of a decision are published once it is saved. When the answer of a save was lost, they are kept until
// it is known whether the save was done. Those of a process that ends between the two are lost: events are a courtesy.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/time.h"
#include "kube/client.h"
#include "metrics/block.h"
#include "rollout/cluster_cache.h"
#include "rollout/plan.h"
#include "runtime/controller.h"
#include "runtime/events.h"

namespace sluice::rollout {

// Where looks are taken. metrics::LookScheduler in the operator; a scripted one in simulations.
class Looks {
 public:
  virtual ~Looks() = default;
  virtual void schedule(const kube::Key& key, const metrics::Look& look, Time due) = 0;  // idempotent
  virtual void cancel(const kube::Key& key) = 0;
};

// What own metrics count.
class DecisionObserver {
 public:
  virtual ~DecisionObserver() = default;
  // Once the status is saved, before anything of it is carried out.
  // `routed`: the gateway has accepted the split that `before` asks for.
  virtual void decided(const kube::Key& key, const api::RolloutStatus& before, const api::RolloutStatus& after,
                       bool routed) = 0;
  virtual void forgotten(const kube::Key& key) = 0;
};

struct ReconcilerOptions {
  Duration status_interval = minutes(1);
};

class RolloutReconciler final : public runtime::Reconciler {
 public:
  // All references outlive the reconciler.
  RolloutReconciler(kube::Client& client, const ClusterCache& cache, Looks& looks, runtime::EventSink& events,
                    const Clock& clock, DecisionObserver* observer = nullptr, ReconcilerOptions options = {});

  Result<runtime::Requeue> reconcile(const kube::Key& key, std::stop_token stop) override;

  // Hands over a finished look; the caller then puts the key into the queue. Thread-safe.
  void look_finished(const kube::Key& key, metrics::LookResult result);

  // Saves what is remembered and not yet saved, e.g. before the process ends. Errors are only logged.
  void save_all();

 private:
  // A save of which nobody knows whether it was done, and what is to be told if it was.
  struct Unconfirmed {
    api::RolloutStatus status;
    std::vector<Event> events;
  };
  // A status is shared with whoever has the same, for one takes some kilobytes: an idle Rollout has that of the cache.
  using StatusPtr = std::shared_ptr<const api::RolloutStatus>;
  struct Memory {
    std::string uid;
    StatusPtr status;             // the latest; never null
    StatusPtr saved;              // as the API server has it; never null
    std::string version;          // of the object when it had `saved`: what the next save is guarded by
    Time saved_at{};
    std::string trouble;          // why the last decision could not be carried out
    std::string report_error;     // why its report could not be written; told to the next decision only
    std::vector<Unconfirmed> unconfirmed;  // oldest first, since the last save that was done for certain
    std::shared_ptr<const KnownRollout> read;  // from the server, as long as the cache has an older one
    bool outdated = false;        // the server may have a newer status: it is read again before anything is decided
  };

  std::shared_ptr<Memory> recall(const kube::Key& key, const std::shared_ptr<const KnownRollout>& known);
  Outcome catch_up(const kube::Key& key, const KnownRollout& known, Memory& memory);
  // Of what the cache has and what was read from the server.
  static std::shared_ptr<const KnownRollout> newest(std::shared_ptr<const KnownRollout> cached, Memory& memory);
  void forget(const kube::Key& key);
  std::optional<metrics::LookResult> take_finished(const kube::Key& key);
  Outcome save(const kube::Key& key, const KnownRollout& known, Memory& memory);
  Outcome save_decision(const kube::Key& key, const KnownRollout& known, Memory& memory,
                        const std::vector<Event>& events);
  bool was_saved(const kube::Key& key, const KnownRollout& known, Memory& memory);
  // The server has this status: if it was saved by one of the unconfirmed saves, tells what that one had to tell.
  void publish_confirmed(const kube::Key& key, const KnownRollout& known, Memory& memory,
                         const api::RolloutStatus& status);
  void note_saved(Memory& memory, std::string version);
  static bool is_saved(const Memory& memory);
  bool must_save(const Memory& memory, Time now) const;
  // Back to what was known before a decision that was not saved: the next visit plans again, with the same look.
  void take_back(const kube::Key& key, Memory& memory, StatusPtr before, Observation& seen);
  void publish(const kube::Key& key, const KnownRollout& known, const std::vector<Event>& events);

  kube::Client& client_;
  const ClusterCache& cache_;
  Looks& looks_;
  runtime::EventSink& events_;
  const Clock& clock_;
  DecisionObserver* observer_;
  const ReconcilerOptions options_;
  std::mutex mutex_;  // guards the two maps, not what they point to
  std::unordered_map<kube::Key, std::shared_ptr<Memory>, kube::KeyHash> memories_;
  std::unordered_map<kube::Key, metrics::LookResult, kube::KeyHash> finished_;
};

}  // namespace sluice::rollout
