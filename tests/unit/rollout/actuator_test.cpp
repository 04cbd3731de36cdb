// What is made and taken away, against an API server in memory: nothing for a Rollout that is gone, nothing from those
// to whom users are sent, both as the server says itself.
#include "rollout/actuator.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/json.h"
#include "kube/object.h"
#include "support/faulty_client.h"
#include "support/memory_api_server.h"
#include "support/virtual_clock.h"
#include "workload/builders.h"
#include "workload/revision.h"

namespace sluice::rollout {
namespace {

using nlohmann::json;

const kube::Key kKey{"ml", "digits"};

json manifest() {
  return json::parse(R"({
    "metadata": {"name": "digits", "namespace": "ml"},
    "spec": {
      "replicas": 2, "port": 8080, "traffic": {"gatewayAPI": {"parentRefs": [{"name": "public"}]}},
      "template": {"spec": {"containers": [{"name": "model", "image": "model:1"}]}},
      "stages": []
    }})");
}

class RefusedReads final : public test::Faults {
 public:
  std::optional<Error> before(const test::Call& call) override {
    if (call.verb != test::Call::Verb::Get) return std::nullopt;
    const bool hit = (refuse && call.resource == traffic::kHttpRoutes) ||
                     (refuse_rollouts && call.resource == api::kRollouts);
    return hit ? std::optional(Error{ErrorCode::Unavailable, "no connection", {}}) : std::nullopt;
  }
  bool refuse = false;  // of routes
  bool refuse_rollouts = false;
};

// Stable has all the traffic, the gateway has accepted that, and the cache has seen it. `former` still has a pod.
class TakingAway : public ::testing::Test {
 protected:
  TakingAway() {
    rollout = api::read_rollout(*server.create(api::kRollouts, manifest())).rollout;
    rollout.status.stable_revision = "stable";
    for (const char* revision : {"stable", "former"}) {
      EXPECT_TRUE(server.create(workload::kDeployments, workload::deployment(rollout, revision, 1)).ok());
      EXPECT_TRUE(server.create(workload::kServices, workload::revision_service(rollout, revision)).ok());
      show(workload::kDeployments, deployment_of(revision));
      show(workload::kServices, deployment_of(revision));
    }
    EXPECT_TRUE(server.create(workload::kServices, workload::stable_service(rollout, "stable")).ok());
    show(workload::kServices, kKey);
    split = split_of(rollout.status);
    const traffic::Provider& provider = traffic::provider_for(rollout.spec.traffic);
    EXPECT_TRUE(server.create(traffic::kHttpRoutes, provider.desired(rollout, *split)).ok());
    accept();
    show(traffic::kHttpRoutes, kKey);
  }

  static kube::Key deployment_of(const std::string& revision) {
    return {"ml", workload::deployment_name("digits", revision)};
  }
  // Shows the cache what the server has, as a watch does.
  void show(const kube::Resource& resource, const kube::Key& key) {
    for (const auto& [served, sink] : cache.sinks()) {
      json object = *server.get(resource, key);
      if (served == resource) sink->applied(object);
    }
  }
  // As a gateway that has followed the route as it is now.
  void accept() {
    const json route = *server.get(traffic::kHttpRoutes, kKey);
    json conditions = json::array();
    for (const char* type : {"Accepted", "ResolvedRefs"}) {
      conditions.push_back(
          {{"type", type}, {"status", "True"}, {"reason", type}, {"observedGeneration", kube::generation_of(route)}});
    }
    const json parent = {{"parentRef", route["spec"]["parentRefs"][0]}, {"conditions", conditions}};
    const json answer = {{"status", {{"parents", json::array({parent})}}}};
    EXPECT_TRUE(server.patch(traffic::kHttpRoutes, kKey, answer, {.subresource = "status"}).ok());
  }
  // Somebody sends a fifth of the requests there.
  void send_some_to_former() {
    json rules = (*server.get(traffic::kHttpRoutes, kKey))["spec"]["rules"];
    rules[0]["backendRefs"] = json::parse(R"([{"name": "digits-stable", "port": 8080, "weight": 80},
                                              {"name": "digits-former", "port": 8080, "weight": 20}])");
    EXPECT_TRUE(server.as("kubectl")->patch(traffic::kHttpRoutes, kKey, {{"spec", {{"rules", rules}}}}, {}).ok());
  }
  void set_route_back() {
    const json wanted = traffic::provider_for(rollout.spec.traffic).desired(rollout, *split);
    const kube::PatchOptions apply{.type = kube::PatchType::Apply, .field_manager = kFieldManager, .force = true};
    EXPECT_TRUE(server.patch(traffic::kHttpRoutes, kKey, wanted, apply).ok());
  }
  Outcome take_pods() {
    return actuate(client, cache, rollout, {.revisions = {{"stable", 1}, {"former", 0}}, .split = split}, "", false);
  }
  Outcome remove() {
    return actuate(client, cache, rollout, {.revisions = {{"stable", 1}}, .deleted = {"former"}, .split = split}, "", false);
  }
  // Of `former`; nullopt: it is gone.
  std::optional<int> pods() {
    const auto live = server.get(workload::kDeployments, deployment_of("former"));
    return live ? std::optional(static_cast<int>(kube::int_at(*live, {"spec", "replicas"}))) : std::nullopt;
  }

  test::VirtualClock clock;
  test::MemoryApiServer server{clock};
  RefusedReads faults;
  test::FaultyClient client{server, faults};
  ClusterCache cache;
  api::Rollout rollout;
  std::optional<traffic::Split> split;
};

TEST_F(TakingAway, PodsGoOnceNobodyIsSentToThem) {
  ASSERT_TRUE(take_pods().ok());
  EXPECT_EQ(pods(), 0);
}

TEST_F(TakingAway, StableIsScaledToNothingWhenAPersonAsksForThat) {
  ASSERT_TRUE(actuate(client, cache, rollout, {.revisions = {{"stable", 0}}, .split = split}, "", false).ok());
  const auto live = server.get(workload::kDeployments, deployment_of("stable"));
  EXPECT_EQ(kube::int_at(*live, {"spec", "replicas"}), 0);
}

TEST_F(TakingAway, PodsStayWhileSomebodyElsesEditOfTheRouteHasNotBeenSeen) {
  send_some_to_former();
  ASSERT_TRUE(take_pods().ok());
  EXPECT_EQ(pods(), 1);
  ASSERT_TRUE(remove().ok());
  EXPECT_EQ(pods(), 1);
}

// The gateway may have followed the edit, and not yet its undoing.
TEST_F(TakingAway, PodsStayUntilTheGatewayHasFollowedAnUndoneEdit) {
  send_some_to_former();
  set_route_back();
  ASSERT_TRUE(take_pods().ok());
  EXPECT_EQ(pods(), 1);
  accept();
  ASSERT_TRUE(take_pods().ok());
  EXPECT_EQ(pods(), 0);
}

TEST_F(TakingAway, PodsStayWhileTheRouteCannotBeRead) {
  faults.refuse = true;
  EXPECT_FALSE(take_pods().ok());
  EXPECT_EQ(pods(), 1);
}

TEST_F(TakingAway, WhatHasNoPodsIsDeletedWithoutAsking) {
  ASSERT_TRUE(take_pods().ok());
  show(workload::kDeployments, deployment_of("former"));
  faults.refuse = true;
  ASSERT_TRUE(remove().ok());
  EXPECT_EQ(pods(), std::nullopt);
}

// The save of the visit has told that it is there.
TEST_F(TakingAway, NobodyAsksForARolloutThatWasJustSaved) {
  EXPECT_TRUE(server.remove(workload::kServices, deployment_of("stable")).ok());
  const ClusterCache collected;
  faults.refuse_rollouts = true;
  EXPECT_FALSE(actuate(client, collected, rollout, {.revisions = {{"stable", 1}}}, "stable", false).ok());
  EXPECT_TRUE(actuate(client, collected, rollout, {.revisions = {{"stable", 1}}}, "stable", true).ok());
  EXPECT_TRUE(server.get(workload::kServices, deployment_of("stable")).ok());
}

// A Rollout that was deleted, perhaps made anew, which is not known yet. What was made for it is collected.
class OfAGoneRollout : public TakingAway, public ::testing::WithParamInterface<bool> {
 protected:
  OfAGoneRollout() {
    rollout.spec.stages.push_back({.name = "acceptance", .body = api::SystemTestStage{}});
    EXPECT_TRUE(server.remove(api::kRollouts, kKey).ok());
    if (GetParam()) {
      EXPECT_TRUE(server.create(api::kRollouts, manifest()).ok());
    }
  }
  void expect_not_made(const Wanted& wanted) {
    const ClusterCache collected;
    const Outcome done = actuate(client, collected, rollout, wanted, "stable", false);
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().code, ErrorCode::NotFound) << done.error().message;
    for (const auto& resource : {workload::kDeployments, workload::kServices, traffic::kHttpRoutes, workload::kJobs}) {
      EXPECT_TRUE(server.list(resource, "ml", {})->items.empty()) << resource.kind;
    }
  }
};

TEST_P(OfAGoneRollout, NoDeploymentIsMade) { expect_not_made({.revisions = {{"stable", 1}}}); }
TEST_P(OfAGoneRollout, NoServiceIsMade) { expect_not_made({.service_revision = "stable"}); }
TEST_P(OfAGoneRollout, NoRouteIsMade) { expect_not_made({.split = split}); }
TEST_P(OfAGoneRollout, NoJobIsMade) { expect_not_made({.job = WantedJob{.stage = "acceptance"}}); }

INSTANTIATE_TEST_SUITE_P(AndMadeAnewOrNot, OfAGoneRollout, ::testing::Bool());

}  // namespace
}  // namespace sluice::rollout
