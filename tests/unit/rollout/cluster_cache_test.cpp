// What the cache keeps and whom it tells, of Rollouts that are this process's and of others.
#include "rollout/cluster_cache.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "api/json.h"
#include "runtime/work_queue.h"
#include "support/memory_api_server.h"
#include "support/stepped_reflector.h"
#include "support/virtual_clock.h"

namespace sluice::rollout {
namespace {

using nlohmann::json;

json labelled(const std::string& name, const json& labels) {
  return {{"metadata", {{"name", name}, {"namespace", "ml"}, {"labels", labels}}}};
}

class ClusterCacheTest : public ::testing::Test {
 protected:
  // A Rollout and one of each kind that belongs to it.
  void make(const std::string& name, const std::string& team) {
    create(api::kRollouts, labelled(name, {{"team", team}}));
    const json of_rollout = {{api::kRolloutLabel, name}, {"kubernetes.io/service-name", name + "-1"}};
    for (const auto& resource :
         {workload::kDeployments, workload::kServices, workload::kEndpointSlices, workload::kPods}) {
      create(resource, labelled(name + "-1", of_rollout));
    }
    create(traffic::kHttpRoutes, labelled(name, of_rollout));
  }
  void create(const kube::Resource& resource, const json& object) {
    const auto made = server.create(resource, object);
    ASSERT_TRUE(made) << made.error().message;
  }

  // Fills a cache, as the operator with this scope would.
  struct Process {
    Process(ClusterCacheTest& test, const Scope& scope) : server(test.server), cache(scope) {
      cache.on_change([this](const kube::Key& key) { told.insert(key.name); });
      for (const auto& [resource, sink] : cache.sinks()) {
        reflectors.push_back(std::make_unique<test::SteppedReflector>(server, resource, *sink, test.clock,
                                                                      watch_options(resource, scope)));
      }
      follow();
    }
    void follow() {
      for (const auto& reflector : reflectors) {
        while (reflector->step()) {
        }
      }
      server.pump();
    }
    // Of what belongs to a Rollout, how much is held.
    int held(const std::string& name) const {
      return (cache.rollout({"ml", name}) != nullptr) + (cache.deployment({"ml", name + "-1"}) != nullptr) +
             (cache.service({"ml", name + "-1"}) != nullptr) + (cache.route({"ml", name}) != nullptr);
    }
    test::MemoryApiServer& server;
    ClusterCache cache;
    std::set<std::string> told;
    std::vector<std::unique_ptr<test::SteppedReflector>> reflectors;
  };

  test::VirtualClock clock;
  test::MemoryApiServer server{clock};
};

TEST_F(ClusterCacheTest, HoldsAndTellsOfItsOwnShardOnly) {
  std::set<std::string> all;
  for (int i = 0; i < 12; ++i) {
    const std::string name = "model-" + std::to_string(i);
    make(name, "a");
    all.insert(name);
  }
  std::set<std::string> told;
  for (unsigned index = 0; index < 3; ++index) {
    const Shard shard{index, 3};
    Process process(*this, {.shard = shard});
    for (const std::string& name : all) {
      EXPECT_EQ(process.held(name), shard.owns({"ml", name}) ? 4 : 0) << name;
      EXPECT_EQ(process.told.contains(name), shard.owns({"ml", name})) << name;
    }
    EXPECT_LT(process.told.size(), all.size());
    told.insert(process.told.begin(), process.told.end());

    process.told.clear();
    for (const std::string& name : all) {
      const json body = {{"spec", {{"replicas", 2 + index}}}};
      ASSERT_TRUE(server.patch(workload::kDeployments, {"ml", name + "-1"}, body, {}).ok());
    }
    process.follow();
    for (const std::string& name : all) EXPECT_EQ(process.told.contains(name), shard.owns({"ml", name})) << name;
  }
  EXPECT_EQ(told, all);
}

TEST_F(ClusterCacheTest, WithASelectorWhatBelongsToOthersTellsNobody) {
  make("mine", "a");
  make("theirs", "b");
  Process process(*this, {.selector = "team=a"});
  EXPECT_EQ(process.told, std::set<std::string>{"mine"});
  EXPECT_EQ(process.cache.size(), 1U);
  process.told.clear();
  ASSERT_TRUE(server.patch(workload::kServices, {"ml", "theirs-1"}, {{"spec", {{"type", "ClusterIP"}}}}, {}).ok());
  process.follow();
  EXPECT_EQ(process.told, std::set<std::string>{});
  // Once it is labelled it is ours, with all that belongs to it.
  ASSERT_TRUE(server.patch(api::kRollouts, {"ml", "theirs"}, {{"metadata", {{"labels", {{"team", "a"}}}}}}, {}).ok());
  process.follow();
  EXPECT_EQ(process.told, std::set<std::string>{"theirs"});
  EXPECT_EQ(process.held("theirs"), 4);
}

TEST_F(ClusterCacheTest, WhatIsLabelledAnewTellsBothItsRollouts) {
  make("one", "a");
  make("other", "a");
  Process process(*this, {});
  process.told.clear();
  const json labels = {{"metadata", {{"labels", {{api::kRolloutLabel, "other"}}}}}};
  ASSERT_TRUE(server.patch(workload::kDeployments, {"ml", "one-1"}, labels, {}).ok());
  process.follow();
  EXPECT_EQ(process.told, (std::set<std::string>{"one", "other"}));
}

TEST_F(ClusterCacheTest, IdleRolloutsWaitWhenAProcessBeginsToAct) {
  const std::vector<std::pair<std::string, json>> statuses = {
      {"a-idle", {{"observedGeneration", 1}, {"phase", "Healthy"}, {"stableRevision", "v1"}}},
      {"b-idle", {{"observedGeneration", 1}, {"phase", "RolledBack"}, {"rejectedRevision", "v2"}}},
      {"c-edited", {{"observedGeneration", 0}, {"phase", "Healthy"}, {"stableRevision", "v1"}}},
      {"d-canary", {{"observedGeneration", 1}, {"phase", "Progressing"}, {"candidateRevision", "v2"}}},
      {"e-paused", {{"observedGeneration", 1}, {"phase", "Paused"}, {"candidateRevision", "v2"}}},
      {"f-idle", {{"observedGeneration", 1}, {"phase", "Degraded"}, {"stableRevision", "v1"}}},
      {"g-first", {{"observedGeneration", 1}, {"phase", "Progressing"}}},
  };
  for (const auto& [name, status] : statuses) {
    create(api::kRollouts, labelled(name, json::object()));
    ASSERT_TRUE(server.patch(api::kRollouts, {"ml", name}, {{"status", status}}, {.subresource = "status"}).ok());
  }
  const Process process(*this, {});
  runtime::WorkQueue queue("rollouts", clock);
  for (const auto& [key, priority] : process.cache.first_visits()) queue.add(key, priority);
  std::vector<std::string> visited;
  while (const auto key = queue.try_pop()) visited.push_back(key->name);
  EXPECT_EQ(visited, (std::vector<std::string>{"c-edited", "d-canary", "e-paused", "g-first",  //
                                               "a-idle", "b-idle", "f-idle"}));
}

TEST_F(ClusterCacheTest, IsNotCompleteBeforeItIsFilled) {
  ClusterCache cache;
  EXPECT_EQ(cache.unsynced(), "rollouts");
  cache.watch(server, clock, runtime::no_observer());
  EXPECT_EQ(cache.unsynced(), "rollouts");
}

// A standby whose watches have stood still without ending: what it holds is of before the leader's last writes.
TEST_F(ClusterCacheTest, AStandbyThatCatchesUpHoldsWhatTheLeaderBeforeHasWritten) {
  const SystemClock machine;
  test::MemoryApiServer api(machine);
  const kube::Key key{"ml", "digits"};
  ASSERT_TRUE(api.create(api::kRollouts, labelled("digits", {{"team", "a"}})).ok());
  ASSERT_TRUE(api.create(traffic::kHttpRoutes, labelled("digits", {{api::kRolloutLabel, "digits"}})).ok());
  ClusterCache standby;
  standby.watch(api, machine, runtime::no_observer());
  standby.start();
  ASSERT_TRUE(standby.wait_synced(minutes(1)));
  api.freeze_watch_cache();
  const json status = {{"status", {{"stableRevision", "new"}}}};
  ASSERT_TRUE(api.patch(api::kRollouts, key, status, {.subresource = "status"}).ok());
  const json spec = {{"spec", {{"hostnames", json::array({"digits.test"})}}}};
  const auto route = api.patch(traffic::kHttpRoutes, key, spec, {});
  ASSERT_TRUE(route.ok());
  EXPECT_EQ(standby.rollout(key)->rollout.status.stable_revision, "");

  standby.refresh();
  EXPECT_FALSE(standby.wait_fresh(milliseconds(20)));
  api.thaw_watch_cache();
  ASSERT_TRUE(standby.wait_fresh(minutes(1)));
  EXPECT_EQ(standby.rollout(key)->rollout.status.stable_revision, "new");
  EXPECT_EQ(standby.route(key)->resource_version, kube::resource_version_of(*route));
  standby.stop();
}

}  // namespace
}  // namespace sluice::rollout
