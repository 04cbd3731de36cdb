// What the cluster makes of workloads: Deployments become pods, pods become ready, Services get EndpointSlices.
//
// How a pod behaves is told by the tag of its image, "model:<quality>-<number>": `good`, `equal`, `bad` differ in
// their error rate (traffic.h); pods of `broken` never become ready. The controllers of a cluster act a moment after
// the object has changed, here in act().
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "random.h"
#include "support/memory_api_server.h"

namespace sluice::simulation {

struct Pod {
  std::string name;
  Time ready_at{};  // Time::max(): never
  bool ready = false;
};

// One Deployment and its pods.
struct Workload {
  std::string rollout;
  std::string revision;
  std::string image;
  std::string uid;
  int replicas = 0;
  std::int64_t generation = 0;
  int next_pod = 0;
  std::vector<Pod> pods;
  bool changed = true;            // act() has something to do with it
  std::optional<Time> first_ready;
  std::optional<Time> last_ready; // when a pod of it was ready last

  int ready() const;
};

// Not thread-safe.
class Kubelet {
 public:
  Kubelet(test::MemoryApiServer& server, const Clock& clock, Random random);

  // A Deployment or a Service may have changed: reads it.
  void notice_deployment(const kube::Key& key);
  void notice_service(const kube::Key& key);
  // Does what is due, as the cluster's controllers.
  void act();
  std::optional<Time> next_due() const;

  // Pods that start from now on take so long at least; zero: as usual.
  void slow_starts(Duration at_least) { slow_start_ = at_least; }
  // Ends one pod at random, if there is any that is ready; its Deployment makes another one.
  bool kill_a_pod();

  const Workload* find(const std::string& ns, const std::string& rollout, const std::string& revision) const;
  std::vector<const Workload*> of(const kube::Key& rollout) const;
  std::vector<std::string> names_of(const kube::Key& rollout) const;  // of its Deployments
  // The workload to which a Service leads; null: to none.
  const Workload* behind(const kube::Key& service) const;

 private:
  struct ServiceSeen {
    std::string uid;
    std::string rollout;
    std::string revision;  // selected
    nlohmann::json labels;
    std::vector<std::string> listed;  // ready pods in its slice
    bool written = false;
  };

  void scale(const kube::Key& key, Workload& workload);
  void start_pod(const kube::Key& key, Workload& workload);
  void make_ready(const kube::Key& key, Workload& workload);
  void write_status(const kube::Key& key, const Workload& workload);
  void write_slice(const kube::Key& key, ServiceSeen& service);

  test::MemoryApiServer& server_;
  const Clock& clock_;
  Random random_;
  Duration slow_start_{0};
  std::map<kube::Key, Workload> workloads_;
  std::map<kube::Key, ServiceSeen> services_;
  bool changed_ = false;
};

}  // namespace sluice::simulation
