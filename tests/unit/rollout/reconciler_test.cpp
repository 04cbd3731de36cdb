// The reconciler and its cache against an API server in memory: what they believe, and what they do not.
#include "rollout/reconciler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "api/json.h"
#include "kube/object.h"
#include "support/faulty_client.h"
#include "support/memory_api_server.h"
#include "support/virtual_clock.h"
#include "unheard.h"
#include "workload/revision.h"

namespace sluice::rollout {
namespace {

using nlohmann::json;
using test::MemoryApiServer;

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

// From the old status nothing would have to be saved, so nothing would guard what is carried out.
TEST_F(ReconcilerTest, AfterAConflictItGoesOnFromWhatTheServerHas) {
  ASSERT_TRUE(server.create(api::kRollouts, manifest()).ok());
  show_rollout();
  ASSERT_TRUE(reconcile().ok());
  api::RolloutStatus newer = stored();
  newer.rejected_revision = newer.candidate_revision;
  newer.candidate_revision.clear();
  newer.stable_revision = "another";
  save_as_another(newer);
  clock.advance(hours(1));  // the progress deadline is over: there is something to save
  ASSERT_FALSE(reconcile().ok());
  ASSERT_TRUE(reconcile().ok()) << "though the cache has not seen it";
  EXPECT_EQ(stored().stable_revision, "another");
  EXPECT_EQ(stored().rejected_revision, newer.rejected_revision);
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

TEST_F(ReconcilerTest, PodsOfJobsAreNotPodsOfTheModel) {
  ASSERT_TRUE(server.create(api::kRollouts, manifest()).ok());
  show_rollout();
  ASSERT_TRUE(reconcile().ok());
  const auto known = cache.rollout(kKey);
  const std::string revision = known->wanted_revision;
  show("deployments", *server.get(workload::kDeployments, {"ml", workload::deployment_name("digits", revision)}));

  json pod = {
      {"metadata",
       {{"name", "smoke"},
        {"namespace", "ml"},
        {"labels", {{"sluice.dev/rollout", "digits"}, {"sluice.dev/revision", revision}}},
        {"ownerReferences",
         {{{"apiVersion", "batch/v1"}, {"kind", "Job"}, {"name", "smoke"}, {"uid", "j"}, {"controller", true}}}}}},
      {"status",
       {{"conditions",
         {{{"type", "Ready"}, {"status", "True"}, {"lastTransitionTime", "2026-03-01T10:00:00Z"}}}},
        {"containerStatuses", {{{"name", "smoke"}, {"ready", true}, {"restartCount", 2}}}}}}};
  show("pods", pod);
  RevisionSeen seen = cache.observe(*known, stored()).revisions[revision];
  EXPECT_EQ(seen.ready_since, std::nullopt);
  EXPECT_EQ(seen.restarts, 0);

  pod["metadata"]["name"] = "model";
  pod["metadata"].erase("ownerReferences");
  show("pods", pod);
  seen = cache.observe(*known, stored()).revisions[revision];
  EXPECT_EQ(seen.ready_since, *parse_time("2026-03-01T10:00:00Z"));
  EXPECT_EQ(seen.restarts, 2);
}

// Loses the answers of some saves, or sends them twice.
class LostAnswers final : public test::Faults {
 public:
  bool twice(const test::Call& call) override { return is_save(call) && std::exchange(send_twice, false); }
  std::optional<Error> after(const test::Call& call) override {
    if (!is_save(call) || lose == 0) return std::nullopt;
    --lose;
    return Error{ErrorCode::Unavailable, "the connection broke", {}};
  }
  std::optional<Error> before(const test::Call& call) override {
    if (!is_save(call) || refuse == 0) return std::nullopt;
    --refuse;
    return Error{ErrorCode::Unavailable, "no connection", {}};
  }
  bool send_twice = false;
  int lose = 0;
  int refuse = 0;

 private:
  static bool is_save(const test::Call& call) { return call.is_write() && call.subresource == "status"; }
};

class EventList final : public runtime::EventSink {
 public:
  void record(runtime::Event event) override { reasons.push_back(event.reason); }
  std::vector<std::string> reasons;
};

class DecisionList final : public DecisionObserver {
 public:
  void decided(const kube::Key&, const api::RolloutStatus& before, const api::RolloutStatus& after, bool) override {
    if (before.candidate_revision != after.candidate_revision) candidates.push_back(after.candidate_revision);
  }
  void forgotten(const kube::Key&) override {}
  std::vector<std::string> candidates;
};

class LostAnswersTest : public ReconcilerTest {
 protected:
  LostAnswersTest() {
    EXPECT_TRUE(server.create(api::kRollouts, manifest()).ok());
    show_rollout();
  }
  // Visits until one succeeds, with time in between, and the cache up to date or not.
  void settle(bool shown) {
    for (int visit = 0; visit < 6; ++visit) {
      if (shown) show_rollout();
      if (reconciled().ok()) return;
      clock.advance(seconds(1));
      if (visit == 2) shown = true;  // the watch comes in the end
    }
    FAIL() << "never succeeded";
  }
  Result<runtime::Requeue> reconciled() { return lossy.reconcile(kKey, {}); }

  LostAnswers faults;
  test::FaultyClient client{server, faults};
  EventList told;
  DecisionList counted;
  RolloutReconciler lossy{client, cache, looks, told, clock, &counted};
};

TEST_F(LostAnswersTest, EventsOfASaveThatWasSentTwiceAreTold) {
  faults.send_twice = true;
  ASSERT_TRUE(reconciled().ok());
  EXPECT_EQ(told.reasons, std::vector<std::string>{"RolloutStarted"});
}

TEST_F(LostAnswersTest, EventsOfASaveWhoseAnswerWasLostAreToldOnce) {
  for (const bool shown : {true, false}) {
    for (const int lost : {1, 2}) {
      SCOPED_TRACE(std::to_string(lost) + (shown ? " lost, and the watch is quick" : " lost, and the watch is slow"));
      told.reasons.clear();
      counted.candidates.clear();
      const json edit = {{"spec", {{"template", {{"spec", {{"containers", json::array({{{"name", "model"},
                          {"image", "model:" + std::to_string(lost) + std::to_string(shown)}}})}}}}}}}};
      ASSERT_TRUE(server.as("kubectl")->patch(api::kRollouts, kKey, edit, {}).ok());
      show_rollout();
      faults.lose = 1;
      faults.refuse = 0;
      EXPECT_FALSE(reconciled().ok());
      EXPECT_EQ(told.reasons, std::vector<std::string>{});  // nobody knows yet
      faults.refuse = lost - 1;
      clock.advance(seconds(1));
      settle(shown);
      EXPECT_EQ(std::count(told.reasons.begin(), told.reasons.end(), "RolloutStarted"), 1);
      EXPECT_EQ(counted.candidates, std::vector<std::string>{stored().candidate_revision});
    }
  }
}

TEST_F(LostAnswersTest, EventsOfASaveThatWasNotDoneAreToldWithTheOneThatIs) {
  faults.refuse = 2;
  EXPECT_FALSE(reconciled().ok());
  EXPECT_FALSE(reconciled().ok());
  EXPECT_EQ(told.reasons, std::vector<std::string>{});
  ASSERT_TRUE(reconciled().ok());
  EXPECT_EQ(told.reasons, std::vector<std::string>{"RolloutStarted"});
}

// What it has read of the status it has read of the spec, too, and the cache may go on showing an older one.
TEST_F(LostAnswersTest, AfterASaveThatFailedItGoesOnFromTheSpecThatTheServerHas) {
  const auto replicas = [&](int wanted) {
    const json edit = {{"spec", {{"replicas", wanted}}}};
    ASSERT_TRUE(server.as("kubectl")->patch(api::kRollouts, kKey, edit, {}).ok());
  };
  const auto made = [&] {
    const std::string name = workload::deployment_name("digits", stored().candidate_revision);
    const auto live = server.get(workload::kDeployments, {"ml", name});
    return live ? kube::int_at(*live, {"spec", "replicas"}) : 0;
  };
  faults.lose = 1;
  ASSERT_FALSE(reconciled().ok());
  replicas(3);
  for (int visit = 0; visit < 2; ++visit) {
    ASSERT_TRUE(reconciled().ok());
    EXPECT_EQ(made(), 3) << visit;
    EXPECT_EQ(stored().observed_generation, 2) << visit;
  }
  replicas(4);
  show_rollout();
  ASSERT_TRUE(reconciled().ok());
  EXPECT_EQ(made(), 4);
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
