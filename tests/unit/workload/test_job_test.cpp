#include "workload/test_job.h"

#include <gtest/gtest.h>

#include <set>

#include "kube/object.h"
#include "rollouts.h"
#include "workload/views.h"

namespace sluice::workload {
namespace {

using nlohmann::json;

const TestAttempt kAttempt{"twl7sgl8", "acceptance", 1, Time{seconds(1'700'000'000)}, 2};

api::StageSpec stage(const char* job) {
  api::SystemTestStage test;
  test.job = json::parse(job);
  return {.name = "acceptance", .body = std::move(test), .min_duration = {}, .max_duration = hours(2)};
}

const char* const kPlain = R"({"template": {"spec": {"containers": [{"name": "test", "image": "tests:1"}]}}})";

TEST(TestJob, IsComplete) {
  const json job = test_job(digits(), stage(kPlain), kAttempt);
  const json env = json::parse(R"([
    {"name": "SLUICE_URL", "value": "http://digits-twl7sgl8.ml.svc:8080"},
    {"name": "SLUICE_REVISION", "value": "twl7sgl8"},
    {"name": "SLUICE_ROLLOUT", "value": "digits"}, {"name": "SLUICE_NAMESPACE", "value": "ml"}])");
  const json policy = json::parse(R"({"rules": [
    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
    {"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [0]}}]})");
  const json labels = {{"sluice.dev/rollout", "digits"}, {"sluice.dev/stage", "acceptance"}};
  EXPECT_EQ(job["apiVersion"], "batch/v1");
  EXPECT_EQ(job["kind"], "Job");
  EXPECT_EQ(kube::controller_of(job)->uid, digits().uid);
  EXPECT_EQ(job["metadata"]["namespace"], "ml");
  EXPECT_EQ(job["metadata"]["labels"], json::parse(R"({
    "sluice.dev/rollout": "digits", "sluice.dev/revision": "twl7sgl8", "sluice.dev/stage": "acceptance",
    "sluice.dev/attempt": "2", "app.kubernetes.io/managed-by": "sluice"})"));
  EXPECT_EQ(job["spec"], (json{{"backoffLimit", 0},
                               {"activeDeadlineSeconds", 600},
                               {"podFailurePolicy", policy},
                               {"template",
                                {{"metadata", {{"labels", labels}}},
                                 {"spec",
                                  {{"restartPolicy", "Never"},
                                   {"containers", {{{"name", "test"}, {"image", "tests:1"}, {"env", env}}}}}}}}}));
}

TEST(TestJob, ItsPodsAreBehindNoService) {
  const json labels = test_job(digits(), stage(kPlain), kAttempt)["spec"]["template"]["metadata"]["labels"];
  EXPECT_FALSE(labels.contains(api::kRevisionLabel)) << "the revision's Service selects by it";
}

TEST(TestJob, WhatTheUserWroteStays) {
  const json job = test_job(digits(), stage(R"x({
    "backoffLimit": 3, "activeDeadlineSeconds": 42, "ttlSecondsAfterFinished": 100, "parallelism": 2,
    "podFailurePolicy": {"rules": []},
    "template": {
      "metadata": {"labels": {"team": "vision"}, "annotations": {"a": "b"}},
      "spec": {"serviceAccountName": "tester",
        "containers": [{"name": "test", "env": [{"name": "SLUICE_URL", "value": "http://mine"},
                                                {"name": "ALL", "value": "$(SLUICE_REVISION)"}]}],
        "initContainers": [{"name": "wait"}]}}})x"),
                            kAttempt);
  const json& spec = job["spec"];
  EXPECT_EQ(spec["backoffLimit"], 3);
  EXPECT_EQ(spec["activeDeadlineSeconds"], 42);
  EXPECT_EQ(spec["ttlSecondsAfterFinished"], 100);
  EXPECT_EQ(spec["parallelism"], 2);
  EXPECT_EQ(spec["podFailurePolicy"], json::parse(R"({"rules": []})"));
  EXPECT_EQ(spec["template"]["metadata"]["labels"]["team"], "vision");
  EXPECT_EQ(spec["template"]["metadata"]["annotations"]["a"], "b");
  EXPECT_EQ(spec["template"]["spec"]["serviceAccountName"], "tester");
  const json& env = spec["template"]["spec"]["containers"][0]["env"];
  ASSERT_EQ(env.size(), 5u);
  EXPECT_EQ(env[0]["name"], "SLUICE_REVISION") << "ours come first, so that the user's can be made of them";
  EXPECT_EQ(env[3]["value"], "http://mine");
  EXPECT_EQ(spec["template"]["spec"]["initContainers"][0]["env"].size(), 4u);
}

TEST(TestJob, ARestartedContainerHasNoFailurePolicy) {
  const char* const restarted = R"({"template": {"spec": {"restartPolicy": "OnFailure", "containers": []}}})";
  const json job = test_job(digits(), stage(restarted), kAttempt);
  EXPECT_FALSE(job["spec"].contains("podFailurePolicy")) << "Kubernetes takes it with Never only";
  EXPECT_EQ(job["spec"]["template"]["spec"]["restartPolicy"], "OnFailure");
}

TEST(TestJob, DeadlineIsTheUsersOrTenMinutesOrMaxDuration) {
  api::StageSpec test = stage(kPlain);
  EXPECT_EQ(test_deadline(test), minutes(10));
  test.max_duration = minutes(4);
  EXPECT_EQ(test_deadline(test), minutes(4));
  std::get<api::SystemTestStage>(test.body).deadline = milliseconds(1500);
  EXPECT_EQ(test_deadline(test), milliseconds(1500));
  EXPECT_EQ(test_job(digits(), test, kAttempt)["spec"]["activeDeadlineSeconds"], 2) << "whole seconds, not fewer";
}

TEST(TestJobName, TellsAttemptsApart) {
  std::set<std::string> names;
  const auto add = [&](const TestAttempt& attempt) { names.insert(test_job_name("digits", attempt)); };
  add(kAttempt);
  add(kAttempt);
  EXPECT_EQ(names.size(), 1u);
  TestAttempt other = kAttempt;
  other.revision = "abcdefgh";
  add(other);
  other = kAttempt;
  other.stage = "smoke";
  add(other);
  other = kAttempt;
  other.trial = 2;
  add(other);
  other = kAttempt;
  other.trial_started_at += milliseconds(1);
  add(other);
  other = kAttempt;
  other.attempt = 3;
  add(other);
  EXPECT_EQ(names.size(), 6u);
  EXPECT_TRUE(test_job_name("digits", kAttempt).starts_with("digits-acceptance-"));
  EXPECT_TRUE(test_job_name("digits", kAttempt).ends_with("-2"));
}

TEST(TestJobName, FitsAndIsALabel) {
  TestAttempt longest = kAttempt;
  longest.stage = std::string(40, 's');
  for (std::size_t length = 1; length <= 52; ++length) {
    longest.attempt = 11;
    const std::string name = test_job_name(std::string(length, 'r'), longest);
    EXPECT_LE(name.size(), 63u);
    EXPECT_EQ(name.find("--"), std::string::npos) << name;
  }
}

json live_job(const char* conditions) {
  json job = test_job(digits(), stage(kPlain), kAttempt);
  job["metadata"]["uid"] = "j-1";
  job["status"]["conditions"] = json::parse(conditions);
  return job;
}

TEST(JobViews, SayWhatBecameOfIt) {
  const auto state = [](const char* conditions) { return project_job(live_job(conditions))->state; };
  EXPECT_EQ(state("[]"), JobState::Running);
  EXPECT_EQ(state(R"([{"type": "Suspended", "status": "True"}])"), JobState::Running);
  EXPECT_EQ(state(R"([{"type": "SuccessCriteriaMet", "status": "True"}])"), JobState::Running);
  EXPECT_EQ(state(R"([{"type": "Complete", "status": "True"}])"), JobState::Complete);
  EXPECT_EQ(state(R"([{"type": "Failed", "status": "False"}])"), JobState::Running);
  const auto failed = project_job(live_job(R"([{"type": "FailureTarget", "status": "True",
      "reason": "PodFailurePolicy", "message": "Container test failed with exit code 1"}])"));
  EXPECT_EQ(failed->state, JobState::Failed);
  EXPECT_EQ(failed->reason, "PodFailurePolicy");
  EXPECT_EQ(failed->message, "Container test failed with exit code 1");
  EXPECT_EQ(failed->revision, "twl7sgl8");
  EXPECT_EQ(failed->rollout_key(), (kube::Key{"ml", "digits"}));
  EXPECT_EQ(failed->owner_uid, digits().uid);
}

PodView pod_of_job(const char* status) {
  const json owner = json::parse(
      R"({"apiVersion": "batch/v1", "kind": "Job", "name": "t", "uid": "j-1", "controller": true})");
  json pod = {{"metadata",
               {{"name", "t-x"},
                {"namespace", "ml"},
                {"labels", {{"sluice.dev/rollout", "digits"}}},
                {"ownerReferences", {owner}}}},
              {"spec", {{"containers", {{{"name", "test"}}, {{"name", "proxy"}}}}}}};
  pod["status"] = json::parse(status);
  return *project_pod(pod);
}

TEST(PodsOfJobs, SayHowTheTestWent) {
  const PodView none = pod_of_job(R"({"phase": "Pending"})");
  EXPECT_EQ(none.job, "t");
  EXPECT_EQ(none.container, "test");
  EXPECT_FALSE(none.started || none.ended || none.failed || none.disrupted);

  const PodView running = pod_of_job(R"({"phase": "Running", "containerStatuses": [
      {"name": "test", "ready": true, "state": {"running": {}}}],
      "conditions": [{"type": "Ready", "status": "True"}]})");
  EXPECT_TRUE(running.started);
  EXPECT_FALSE(running.ended);

  const PodView failed = pod_of_job(R"({"phase": "Failed", "containerStatuses": [
      {"name": "test", "state": {"terminated": {"exitCode": 0}}},
      {"name": "proxy", "state": {"terminated": {"exitCode": 3, "reason": "Error"}}}]})");
  EXPECT_TRUE(failed.started && failed.ended && failed.failed);
  EXPECT_EQ(failed.container, "proxy");
  EXPECT_EQ(failed.exit, "container proxy exited with 3");

  const PodView first = pod_of_job(R"({"phase": "Failed", "initContainerStatuses": [
      {"name": "load", "state": {"terminated": {"exitCode": 1}}}]})");
  EXPECT_TRUE(first.failed);
  EXPECT_FALSE(first.started) << "the test itself did not run";

  const PodView unable = pod_of_job(R"({"phase": "Failed", "containerStatuses": [
      {"name": "test", "state": {"terminated": {"exitCode": 128, "reason": "StartError"}}}]})");
  EXPECT_FALSE(unable.started || unable.failed);

  const PodView drained = pod_of_job(R"({"phase": "Failed", "conditions": [
      {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]})");
  EXPECT_TRUE(drained.disrupted);
}

}  // namespace
}  // namespace sluice::workload
