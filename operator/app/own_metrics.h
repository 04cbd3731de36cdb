// The operator's own metrics, under the names that controller-runtime and client-go use where they have one, so
// that existing dashboards and alerts work.
//
// Collects from all parts through their observer interfaces; app/web_server.h publishes the result. Thread-safe.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "app/traffic_delay.h"
#include "base/time.h"
#include "kube/rest_client.h"
#include "metrics/block.h"
#include "rollout/reconciler.h"
#include "runtime/observer.h"

namespace sluice::app {

class OwnMetrics final : public runtime::Observer, public rollout::DecisionObserver {
 public:
  // `server` is the address of the API server. `clock` outlives this.
  OwnMetrics(const Clock& clock, const std::string& server);
  ~OwnMetrics() override;

  // All of it in the text format of Prometheus.
  std::string text() const;

  // One HTTP exchange with the API server.
  void api_request(const kube::RequestRecord& record);
  // One look, taken by the scheduler.
  void look_taken(const metrics::LookResult& result, std::chrono::nanoseconds took);

  // How long keys have been worked on that are not done yet: all together, and the one that takes longest. Told
  // just before text().
  void queue_unfinished(std::string_view queue, std::chrono::nanoseconds all, std::chrono::nanoseconds longest);

  // runtime::Observer
  void queue_depth(std::string_view queue, runtime::Priority priority, std::size_t depth) override;
  void queue_added(std::string_view queue) override;
  void queue_retried(std::string_view queue) override;
  void queue_waited(std::string_view queue, std::chrono::nanoseconds took) override;
  void queue_worked(std::string_view queue, std::chrono::nanoseconds took) override;
  void reconciled(std::string_view controller, runtime::ReconcileResult result, std::chrono::nanoseconds took) override;
  void terminal_error(std::string_view controller) override;
  void panicked(std::string_view controller) override;
  void active_workers(std::string_view controller, std::size_t count) override;
  void max_workers(std::string_view controller, std::size_t count) override;
  void listed(std::string_view reflector, bool ok, std::size_t items) override;
  void watch_ended(std::string_view reflector, runtime::WatchEnd end) override;
  void leader(std::string_view lease, bool leading) override;
  void event_written() override;
  void event_dropped() override;

  // rollout::DecisionObserver
  void decided(const kube::Key& key, const api::RolloutStatus& before, const api::RolloutStatus& after,
               bool routed) override;
  void forgotten(const kube::Key& key) override;

 private:
  void drop_weight(const kube::Key& key);

  struct Families;
  const Clock& clock_;
  const std::string host_;
  TrafficDelay delay_;
  std::unique_ptr<Families> families_;
};

}  // namespace sluice::app
