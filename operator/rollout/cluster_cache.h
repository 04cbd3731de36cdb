// All that the reconciler reads: typed copies of the Rollouts and of what belongs to them, filled by watches.
//
// Everything that carries the label sluice.dev/rollout is found by the key of its Rollout, and a change of any of
// it puts that key into the queue. Reading is thread-safe and asks no server.
//
// It holds what is in its scope. The one exception: with a label selector, what belongs to other Rollouts is kept
// too (some hundred bytes an object), because a Rollout may be labelled later and is then to be found whole. Such
// objects put no key into the queue.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <utility>
#include <vector>

#include "api/types.h"
#include "api/validate.h"
#include "kube/client.h"
#include "rollout/plan.h"
#include "rollout/scope.h"
#include "runtime/observer.h"
#include "runtime/reflector.h"
#include "runtime/store.h"
#include "traffic/provider.h"
#include "workload/up_to_date.h"
#include "workload/views.h"

namespace sluice::rollout {

// A Rollout as it was read, with all that is wrong with its spec.
struct KnownRollout {
  api::Rollout rollout;
  std::vector<api::FieldError> invalid;
  std::string wanted_revision;  // of its template
};

// Never fails: what cannot be read is listed in `invalid`. nullopt: not even a Rollout's metadata.
std::optional<KnownRollout> read_rollout(const nlohmann::json& object);

// How a resource of the cache is listed and watched.
runtime::ReflectorOptions watch_options(const kube::Resource& resource, const Scope& scope);

class ClusterCache {
 public:
  explicit ClusterCache(Scope scope = {});

  // One watch per kind. Call once, before on_change and start, and before any other thread reads from here.
  void watch(kube::Client& client, const Clock& clock, runtime::Observer& observer);

  // `changed` is called with the key of a Rollout whenever it, or something of it, changed. What belongs to a
  // Rollout that is not there calls nobody: the Rollout itself does when it comes.
  void on_change(const std::function<void(const kube::Key&)>& changed);

  // All Rollouts, for a process that begins to act: those under way or changed as Change, the idle ones as Resync, so
  // that no candidate waits until all of these were looked at.
  std::vector<std::pair<kube::Key, runtime::Priority>> first_visits() const;

  void start();
  bool wait_synced(Duration timeout);
  // Begins to read all kinds anew. wait_fresh() waits for it, at most for `timeout`: what is held then is at least as
  // new as the call of refresh().
  void refresh();
  bool wait_fresh(Duration timeout);
  void retry_now();  // whatever backs off; for when the API server is known to answer again
  std::string unsynced() const;  // a resource of which there is no complete copy yet; empty: all are there
  void stop();

  std::shared_ptr<const KnownRollout> rollout(const kube::Key& key) const { return rollouts_.get(key); }
  std::size_t size() const { return rollouts_.size(); }

  // Everything about one Rollout as plan() wants it; `status` is the one to judge the route against.
  Observation observe(const KnownRollout& known, const api::RolloutStatus& status) const;

  // Adds a Job of the Rollout, with the pod of it that tells most and what is known of its workers, unless it is
  // somebody else's.
  void add_job(const workload::JobView& job, const api::Rollout& rollout, Observation& seen) const;

  std::shared_ptr<const workload::JobView> job(const kube::Key& key) const { return jobs_.get(key); }
  std::shared_ptr<const workload::DeploymentView> deployment(const kube::Key& key) const {
    return deployments_.get(key);
  }
  std::shared_ptr<const workload::ServiceView> service(const kube::Key& key) const { return services_.get(key); }
  std::shared_ptr<const traffic::RouteView> route(const kube::Key& key) const { return routes_.get(key); }

  // The stores by themselves, for harnesses that fill them without threads.
  std::vector<std::pair<kube::Resource, runtime::ReflectorSink*>> sinks();

 private:
  bool wait_for_all(Duration timeout, bool (runtime::Reflector::*wait)(Duration));

  const Scope scope_;
  runtime::Store<KnownRollout> rollouts_;
  runtime::Store<workload::DeploymentView> deployments_;
  runtime::Store<workload::ServiceView> services_;
  runtime::Store<workload::EndpointsView> endpoints_;
  runtime::Store<workload::PodView> pods_;
  runtime::Store<workload::JobView> jobs_;
  runtime::Store<traffic::RouteView> routes_;
  std::size_t deployments_of_ = 0;
  std::size_t endpoints_of_ = 0;
  std::size_t pods_of_ = 0;
  std::size_t jobs_of_ = 0;
  std::vector<std::unique_ptr<runtime::Reflector>> reflectors_;
};

}  // namespace sluice::rollout
