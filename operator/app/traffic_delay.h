// How long it takes from a decision until users feel it: from when another share of the traffic is decided until the
// gateway has accepted the route that has it. For the metric sluice_decision_to_traffic_seconds.
//
// What was decided before this process began is not measured. Thread-safe.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "api/types.h"
#include "kube/resource.h"

namespace sluice::app {

class TrafficDelay {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  // Of one Rollout, decision after decision, as rollout::DecisionObserver is told. The delay, when `routed` ends one;
  // a share that is changed again before that counts from the last change.
  std::optional<std::chrono::nanoseconds> decided(const kube::Key& key, const api::RolloutStatus& before,
                                                  const api::RolloutStatus& after, bool routed, Instant now);
  void forgotten(const kube::Key& key);

 private:
  std::mutex mutex_;
  std::unordered_map<kube::Key, Instant, kube::KeyHash> since_;  // of shares that are not routed yet
};

}  // namespace sluice::app
