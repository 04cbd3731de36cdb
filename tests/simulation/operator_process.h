// The operator as it ships, composed as in app/operator_app.cpp, but without threads: each of its parts does one
// thing when it is told to. Deleting it is a crash: nothing is saved, nothing is said.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "faults.h"
#include "metrics/scheduler.h"
#include "rollout/cluster_cache.h"
#include "rollout/reconciler.h"
#include "runtime/controller.h"
#include "runtime/events.h"
#include "support/stepped_reflector.h"
#include "world.h"

namespace sluice::simulation {

// Not thread-safe. Everything given outlives it.
class OperatorProcess final : private rollout::Looks, private runtime::EventSink {
 public:
  OperatorProcess(World& world, Faults& faults, Counters& counters, std::uint64_t seed);

  // Each does one thing; false: there is none to be done.
  bool request(std::size_t reflector);                        // a list, or the opening of a watch
  bool deliver(std::size_t reflector, std::size_t at_most);   // events of a watch
  bool reconcile();                                           // one key; only once the caches are complete
  bool look();                                                // all looks that are due
  bool hand_over();                                           // the result of one of them to the reconciler
  bool write_event();

  std::size_t reflectors() const { return reflectors_.size(); }
  bool synced() const;
  bool watching() const;  // all watches are open
  // When time alone gives it something to do.
  std::optional<Time> next_due();
  // The last moment at which every watch had been delivered completely.
  Time caught_up_at() const { return caught_up_at_; }
  void note_caught_up() { caught_up_at_ = world_.clock.now(); }

  std::uint64_t events_recorded() const { return events_recorded_; }

 private:
  void schedule(const kube::Key& key, const metrics::Look& look, Time due) override;
  void cancel(const kube::Key& key) override { scheduler_.cancel(key); }
  void record(runtime::Event event) override;
  Time wall(runtime::Instant instant) const;

  World& world_;
  Faults& faults_;
  Counters& counters_;
  std::unique_ptr<kube::Client> direct_;  // the API server, as our field manager
  test::FaultyClient client_;
  rollout::ClusterCache cache_;
  std::vector<std::unique_ptr<test::SteppedReflector>> reflectors_;
  runtime::EventRecorder recorder_;
  metrics::LookScheduler scheduler_;
  rollout::RolloutReconciler reconciler_;
  runtime::Controller controller_;
  std::deque<std::pair<kube::Key, metrics::LookResult>> answered_;
  Time caught_up_at_{};
  std::uint64_t events_recorded_ = 0;
};

}  // namespace sluice::simulation
