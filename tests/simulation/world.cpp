#include "world.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "traffic/route_view.h"
#include "workload/views.h"

namespace sluice::simulation {

World::World(const Random& random, bool exact_traffic)
    : server(clock),
      kubelet(server, clock, random.fork(1)),
      jobs(server, kubelet, clock, random.fork(4)),
      gateway(server, clock, random.fork(2)),
      traffic(kubelet, gateway, clock, random.fork(3), exact_traffic) {}

void World::notice(const kube::Resource& resource, const kube::Key& key) {
  if (resource == workload::kDeployments) kubelet.notice_deployment(key);
  if (resource == workload::kServices) kubelet.notice_service(key);
  if (resource == workload::kJobs) jobs.notice(key);
  if (resource == traffic::kHttpRoutes) gateway.notice(key);
}

void World::notice_all_gone(const kube::Key& rollout) {
  for (const std::string& name : kubelet.names_of(rollout)) {
    kubelet.notice_deployment({rollout.ns, name});
    kubelet.notice_service({rollout.ns, name});
  }
  kubelet.notice_service(rollout);
  jobs.notice_all_gone(rollout);
  gateway.notice(rollout);
}

void World::act() {
  kubelet.act();
  jobs.act();
  gateway.act();
}

std::optional<Time> World::next_due() const {
  std::optional<Time> first;
  for (const auto& due : {kubelet.next_due(), jobs.next_due(), gateway.next_due()}) {
    if (due && (!first || *due < *first)) first = due;
  }
  return first;
}

void World::advance(Duration by) {
  while (by > Duration(0)) {
    const Duration until_scrape = std::chrono::duration_cast<Duration>(traffic.next_scrape() - clock.now());
    const Duration part = std::clamp(until_scrape, Duration(1), by);
    traffic.pass(part);
    clock.advance(part);
    if (clock.now() >= traffic.next_scrape()) traffic.scrape();
    by -= part;
  }
}

}  // namespace sluice::simulation
