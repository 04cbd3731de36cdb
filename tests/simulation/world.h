// Everything outside of the operator: the cluster's controllers, the gateway, the requests, Prometheus, and time.
//
//   world.notice(resource, key);        // after each write, whoever wrote
//   world.act();                        // what the cluster does by now
//   world.advance(seconds(5));          // time passes; requests come in and are counted
#pragma once

#include <optional>

#include "gateway.h"
#include "jobs.h"
#include "kubelet.h"
#include "metrics/sample.h"
#include "random.h"
#include "support/memory_api_server.h"
#include "support/virtual_clock.h"
#include "traffic.h"

namespace sluice::simulation {

// Not thread-safe.
class World {
 public:
  World(const Random& random, bool exact_traffic);

  // An object was written (or deleted): the parts of the world that watch it take notice.
  void notice(const kube::Resource& resource, const kube::Key& key);
  // The Rollout is gone, and what it owned with it.
  void notice_all_gone(const kube::Key& rollout);
  void act();
  std::optional<Time> next_due() const;
  void advance(Duration by);

  test::VirtualClock clock;
  test::MemoryApiServer server;
  Kubelet kubelet;
  Jobs jobs;
  Gateway gateway;
  Traffic traffic;
};

}  // namespace sluice::simulation
