// System tests through the reconciler, against an API server in memory: one Job an attempt, whatever the cache knows.
#include "rollout/job_reading.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "api/json.h"
#include "kube/object.h"
#include "rollout/reconciler.h"
#include "support/faulty_client.h"
#include "support/memory_api_server.h"
#include "support/virtual_clock.h"
#include "unheard.h"
#include "workload/revision.h"

namespace sluice::rollout {
namespace {

using ::testing::HasSubstr;
using nlohmann::json;

const kube::Key kKey{"ml", "digits"};

json manifest() {
  return json::parse(R"({
    "metadata": {"name": "digits", "namespace": "ml"},
    "spec": {
      "replicas": 1, "port": 8080, "traffic": {"manual": {}},
      "template": {"spec": {"containers": [{"name": "model", "image": "model:1"}]}},
      "stages": [{"name": "acceptance", "systemTest": {
        "initial": true, "job": {"template": {"spec": {"containers": [{"name": "test"}]}}}}}]
    }})");
}

class LostAnswer final : public test::Faults {
 public:
  std::optional<Error> after(const test::Call& call) override {
    if (call.subresource != "status" || !std::exchange(lose, false)) return std::nullopt;
    return Error{ErrorCode::Unavailable, "the connection broke", {}};
  }
  bool lose = false;  // that of the next save
};

// The operator; what its cache holds is shown to it.
struct Process {
  Process(kube::Client& api, const Clock& clock) : reconciler(api, cache, looks, events, clock) {}

  void show(const kube::Resource& resource, json object) {
    for (const auto& [served, sink] : cache.sinks()) {
      if (served == resource) sink->applied(object);
    }
  }
  void hide(const kube::Resource& resource, json object) {
    for (const auto& [served, sink] : cache.sinks()) {
      if (served == resource) sink->deleted(object);
    }
  }

  ClusterCache cache;
  NoLooks looks;
  NoEvents events;
  RolloutReconciler reconciler;
};

class SystemTestObjects : public ::testing::Test {
 protected:
  // The first revision's pod is ready, its Job made; the cache of `process` does not know of the Job yet.
  void start() {
    ASSERT_TRUE(server.create(api::kRollouts, manifest()).ok());
    visit();
    visit();
    ASSERT_EQ(server.size(workload::kJobs), 1u) << status().message;
  }
  void visit() {
    show_all();
    ASSERT_TRUE(process->reconciler.reconcile(kKey, {}).ok());
  }
  // What is there but Jobs, with one ready pod behind each Service.
  void show_all() {
    process->show(api::kRollouts, *server.get(api::kRollouts, kKey));
    for (const kube::Resource& resource : {workload::kDeployments, workload::kServices}) {
      for (const json& object : all(resource)) process->show(resource, object);
    }
    for (const json& service : all(workload::kServices)) {
      const std::string name = kube::name_of(service);
      process->show(workload::kEndpointSlices,
                    {{"metadata",
                      {{"name", name + "-x"},
                       {"namespace", "ml"},
                       {"labels", {{"sluice.dev/rollout", "digits"}, {"kubernetes.io/service-name", name}}}}},
                     {"addressType", "IPv4"},
                     {"ports", {{{"port", 8080}}}},
                     {"endpoints", {{{"conditions", {{"ready", true}}}}}}});
      process->show(workload::kPods, {{"metadata",
                                       {{"name", name + "-pod"},
                                        {"namespace", "ml"},
                                        {"labels", service.at("spec").at("selector")}}},
                                      {"status", {{"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}});
    }
  }
  std::vector<json> all(const kube::Resource& resource) { return server.list(resource, "ml", {})->items; }
  json job() { return all(workload::kJobs).at(0); }
  void show_job() { process->show(workload::kJobs, job()); }
  void crash() { process = std::make_unique<Process>(client, clock); }
  api::RolloutStatus status() { return api::read_rollout(*server.get(api::kRollouts, kKey)).rollout.status; }
  api::Verdict verdict() { return status().stage->job->verdict; }

  test::VirtualClock clock;
  test::MemoryApiServer server{clock};
  LostAnswer faults;
  test::FaultyClient client{server, faults};
  std::unique_ptr<Process> process = std::make_unique<Process>(client, clock);
};

TEST_F(SystemTestObjects, TheJobIsMadeOnceAndNeverChanged) {
  start();
  const json before = job();
  EXPECT_EQ(kube::controller_of(before)->uid, kube::uid_of(*server.get(api::kRollouts, kKey)));
  visit();  // the cache is behind
  crash();
  visit();
  EXPECT_EQ(server.size(workload::kJobs), 1u);
  EXPECT_EQ(job(), before);
  show_job();
  const std::uint64_t writes = server.writes();
  visit();
  visit();
  EXPECT_EQ(server.writes(), writes + 1) << "the uid is saved, nothing else";
  EXPECT_EQ(status().stage->job->uid, kube::uid_of(before));
}

TEST_F(SystemTestObjects, AJobIsGoneOnlyWhenTheServerSaysSo) {
  start();
  show_job();
  visit();
  crash();  // the new process' cache does not know of the Job yet
  visit();
  EXPECT_EQ(verdict(), api::Verdict::None);
  ASSERT_TRUE(server.remove(workload::kJobs, {"ml", kube::name_of(job())}).ok());
  visit();
  EXPECT_EQ(verdict(), api::Verdict::Error);
  EXPECT_THAT(status().stage->job->message, HasSubstr("deleted"));
}

// From the status before that save the Job would be one that is still to be made.
TEST_F(SystemTestObjects, AJobThatWasSeenIsNotMadeAgainThoughTheAnswerOfTheSaveWasLost) {
  start();
  const json made = job();
  show_job();
  faults.lose = true;
  ASSERT_FALSE(process->reconciler.reconcile(kKey, {}).ok());
  ASSERT_EQ(status().stage->job->uid, kube::uid_of(made));
  ASSERT_TRUE(server.remove(workload::kJobs, kube::key_of(made)).ok());
  process->hide(workload::kJobs, made);
  ASSERT_TRUE(process->reconciler.reconcile(kKey, {}).ok());
  EXPECT_EQ(server.size(workload::kJobs), 0u);
  EXPECT_EQ(verdict(), api::Verdict::Error);
}

TEST_F(SystemTestObjects, AJobOfThatNameThatIsSomebodyElsesIsLeftAlone) {
  ASSERT_TRUE(server.create(api::kRollouts, manifest()).ok());
  visit();
  show_all();
  // Its name is known beforehand: that of the attempt which the next visit begins.
  const auto known = process->cache.rollout(kKey);
  const std::string name =
      workload::test_job_name("digits", {known->wanted_revision, "acceptance", 1, *status().started_at, 1});
  ASSERT_TRUE(server.create(workload::kJobs, {{"metadata", {{"name", name}, {"namespace", "ml"}}}}).ok());
  const auto done = process->reconciler.reconcile(kKey, {});
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code, ErrorCode::Conflict);
  EXPECT_THAT(done.error().message, HasSubstr("belongs to somebody else"));
}

TEST_F(SystemTestObjects, TheLogOfAFailedTestIsReadOnce) {
  start();
  show_job();
  visit();
  const json ended = json::parse(
      R"({"status": {"conditions": [{"type": "FailureTarget", "status": "True", "reason": "PodFailurePolicy"}]}})");
  const json failed = *server.patch(workload::kJobs, kube::key_of(job()), ended, {.subresource = "status"});
  json pod = {{"metadata",
               {{"name", "test-pod"},
                {"namespace", "ml"},
                {"labels", {{"sluice.dev/rollout", "digits"}}},
                {"ownerReferences",
                 {{{"apiVersion", "batch/v1"},
                   {"kind", "Job"},
                   {"name", kube::name_of(failed)},
                   {"uid", kube::uid_of(failed)},
                   {"controller", true}}}}}},
              {"spec", {{"containers", {{{"name", "test"}}}}}}};
  ASSERT_TRUE(server.create(workload::kPods, pod).ok());
  server.write_log({"ml", "test-pod"}, "first\nexpected 7, got 3\n");
  pod["status"] = json::parse(
      R"({"phase": "Failed", "containerStatuses": [{"name": "test", "state": {"terminated": {"exitCode": 1}}}]})");
  process->show(workload::kPods, pod);
  show_job();
  visit();
  EXPECT_EQ(status().phase, api::Phase::RolledBack);
  EXPECT_THAT(status().message, HasSubstr("exited with 1; its log ends with:\nfirst\nexpected 7, got 3"));
  const std::uint64_t requests = server.requests();
  (void)process->reconciler.reconcile(kKey, {});
  EXPECT_EQ(server.requests(), requests) << "at rest nothing is asked";
}

}  // namespace
}  // namespace sluice::rollout
