// The reconciler and its cache against an API server in memory: what they believe, and what they do not.
#include "rollout/reconciler.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <variant>

#include "api/json.h"
#include "support/memory_api_server.h"
#include "support/virtual_clock.h"
#include "workload/revision.h"

namespace sluice::rollout {
namespace {

using nlohmann::json;
using test::MemoryApiServer;

class NoLooks final : public Looks {
 public:
  void schedule(const kube::Key&, const metrics::Look&, Time) override {}
  void cancel(const kube::Key&) override {}
};

class NoEvents final : public runtime::EventSink {
 public:
  void record(runtime::Event) override {}
};

const kube::Key kKey{"ml", "digits"};

json manifest() {
  return json::parse(R"({
    "metadata": {"name": "digits", "namespace": "ml"},
    "spec": {
      "replicas": 2, "port": 8080, "traffic": {"manual": {}},
      "template": {"spec": {"containers": [{"name": "model", "image": "model:1"}]}},
      "stages": [], "analysis": {"prometheus": {"address": "http://prometheus:9090"}, "metrics": []}
    }})");
}

class ReconcilerTest : public testing::Test {
 protected:
  runtime::ReflectorSink& sink(const std::string& plural) {
    for (const auto& [resource, found] : cache.sinks()) {
      if (resource.plural == plural) return *found;
    }
    throw std::logic_error("no cache of " + plural);
  }
  // Shows the cache an object, as a watch does.
  void show(const std::string& plural, json object) { sink(plural).applied(object); }
  void show_rollout() { show("rollouts", *server.get(api::kRollouts, kKey)); }
  Result<runtime::Requeue> reconcile() { return reconciler.reconcile(kKey, {}); }
  api::RolloutStatus stored() { return api::read_rollout(*server.get(api::kRollouts, kKey)).rollout.status; }
  // As another process that led before, or leads meanwhile.
  void save_as_another(const api::RolloutStatus& status) {
    const json body = {{"status", api::status_to_json(status)}};
    ASSERT_TRUE(server.as("another")->patch(api::kRollouts, kKey, body, {.subresource = "status"}).ok());
  }

  test::VirtualClock clock;
  MemoryApiServer server{clock};
  ClusterCache cache;
  NoLooks looks;
  NoEvents events;
  RolloutReconciler reconciler{server, cache, looks, events, clock};
};

TEST_F(ReconcilerTest, DoesNotUndoAStatusThatItsCacheHadNotSeen) {
  ASSERT_TRUE(server.create(api::kRollouts, manifest()).ok());
  show_rollout();
  api::RolloutStatus newer;
  newer.stable_revision = "former";
  newer.history.push_back({.revision = "former", .outcome = api::Outcome::Promoted, .reason = "Initial"});
  save_as_another(newer);

  const auto first = reconcile();
  ASSERT_FALSE(first.ok());
  EXPECT_EQ(first.error().code, ErrorCode::Conflict);
  show_rollout();
  ASSERT_TRUE(reconcile().ok());
  EXPECT_EQ(stored().stable_revision, "former");
  ASSERT_EQ(stored().history.size(), 1u);
}

TEST_F(ReconcilerTest, GoesOnFromItsOwnStatusWhenOnlyTheSpecWasChanged) {
  ASSERT_TRUE(server.create(api::kRollouts, manifest()).ok());
  show_rollout();
  ASSERT_TRUE(reconcile().ok());
  const std::string candidate = stored().candidate_revision;
  ASSERT_FALSE(candidate.empty());
  const json edit = {{"spec", {{"replicas", 3}}}};
  ASSERT_TRUE(server.as("kubectl")->patch(api::kRollouts, kKey, edit, {}).ok());
  show_rollout();
  ASSERT_TRUE(reconcile().ok());
  EXPECT_EQ(stored().candidate_revision, candidate);
  EXPECT_EQ(stored().observed_generation, 2);
}

TEST_F(ReconcilerTest, EndpointsOfAFormerRolloutOfTheSameNameAreNotCounted) {
  ASSERT_TRUE(server.create(api::kRollouts, manifest()).ok());
  show_rollout();
  ASSERT_TRUE(reconcile().ok());  // makes Deployment and Service
  const auto known = cache.rollout(kKey);
  const std::string name = workload::deployment_name("digits", known->wanted_revision);
  show("deployments", *server.get(workload::kDeployments, {"ml", name}));
  const json service = *server.get(workload::kServices, {"ml", name});
  show("services", service);

  const auto slice = [&](const std::string& uid) {
    return json{{"metadata",
                 {{"name", name + "-x"},
                  {"namespace", "ml"},
                  {"labels", {{"sluice.dev/rollout", "digits"}, {"kubernetes.io/service-name", name}}},
                  {"ownerReferences",
                   {{{"apiVersion", "v1"},
                     {"kind", "Service"},
                     {"name", name},
                     {"uid", uid},
                     {"controller", true}}}}}},
                {"addressType", "IPv4"},
                {"ports", {{{"port", 8080}}}},
                {"endpoints", {{{"conditions", {{"ready", true}}}}, {{"conditions", {{"ready", true}}}}}}};
  };
  const auto endpoints = [&] { return cache.observe(*known, stored()).revisions[known->wanted_revision].endpoints; };
  show("endpointslices", slice("of-an-earlier-service"));
  EXPECT_EQ(endpoints(), 0);
  show("endpointslices", slice(service["metadata"]["uid"]));
  EXPECT_EQ(endpoints(), 2);
}

// What a cache of the API server holds may be older than what the process before this one saved and did.
TEST(WatchOptions, TheFirstListOfRolloutsIsTheLatest) {
  runtime::Store<int> store("numbers", [](const json&) { return std::optional<int>(1); });
  const auto asked = [&](const kube::Resource& resource) {
    runtime::ListWatch machine(resource.plural, store, watch_options(resource, {}));
    return std::get<runtime::ListWatch::Watch>(machine.next()).options.resource_version;
  };
  EXPECT_EQ(asked(api::kRollouts), "");
  EXPECT_EQ(asked(workload::kDeployments), "0");
}

}  // namespace
}  // namespace sluice::rollout
