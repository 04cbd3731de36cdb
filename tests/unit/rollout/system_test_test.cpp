// The stage systemTest: each row of the table in stage_system_test.cpp, and what people do meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "api/json.h"
#include "fixture.h"
#include "metrics/placeholders.h"
#include "rollout/log_tail.h"

namespace sluice::rollout {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::kEqual;
using testing::World;
using workload::JobState;

api::StageSpec test_stage(bool initial = false) {
  const auto job = nlohmann::json::parse(R"({"template": {"spec": {"containers": [{"name": "test"}]}}})");
  return {.name = "acceptance",
          .body = api::SystemTestStage{.job = job, .deadline = minutes(7), .retries = 2, .initial = initial},
          .min_duration = {},
          .max_duration = hours(4)};
}

class SystemTests : public ::testing::Test {
 protected:
  SystemTests() {
    world.rollout.spec.stages = {test_stage(),
                                 {.name = "canary",
                                  .body = api::CanaryStage{.weights = {50}, .min_looks = 2},
                                  .min_duration = {},
                                  .max_duration = hours(4)}};
  }

  // v1 stable, the Job of v2 running.
  void start() {
    world.start_stable();
    world.change_template("v2");
    world.settle();
    ASSERT_EQ(world.jobs_made.size(), 1u) << status().message;
    ASSERT_EQ(status().stage->name, "acceptance");
  }
  // Ends the latest Job as the Job controller would, without telling of its pod.
  JobSeen& end_job(JobState state, const std::string& reason = "", const std::string& message = "") {
    JobSeen& job = world.seen.jobs.at(world.jobs_made.back());
    job.state = state;
    job.reason = reason;
    job.message = message;
    return job;
  }
  workload::PodView& pod_of(JobSeen& job) {
    job.pod.key = {"ml", world.jobs_made.back() + "-x"};
    job.pod.container = "test";
    return job.pod;
  }
  void pass() {
    end_job(JobState::Complete);
    world.settle();
  }
  void fail_by_exit() {
    workload::PodView& pod = pod_of(end_job(JobState::Failed, "PodFailurePolicy", "exit code 1"));
    pod.started = pod.ended = pod.failed = true;
    pod.exit = "container test exited with 1";
  }
  void disrupt() {
    workload::PodView& pod = pod_of(end_job(JobState::Failed, "BackoffLimitExceeded", "has reached the limit"));
    pod.started = pod.ended = pod.disrupted = true;
  }
  void wait_for_retry() {
    ASSERT_TRUE(status().stage && status().stage->job && status().stage->job->retry_at) << status().message;
    world.now = *status().stage->job->retry_at;
    world.settle();
  }
  void annotate(const char* verb, const std::string& value) {
    world.rollout.annotations[verb] = value;
    world.settle();
  }
  bool is_there(const std::string& job) const { return world.seen.jobs.contains(job); }

  api::RolloutStatus& status() { return world.rollout.status; }
  World world;
};

TEST_F(SystemTests, RunBeforeAnyUserIsSent) {
  start();
  EXPECT_EQ(status().traffic.candidate, 0);
  EXPECT_EQ(world.replicas_wanted("v2"), 1);
  EXPECT_EQ(status().phase, api::Phase::Progressing);
  EXPECT_THAT(status().message, HasSubstr("acceptance: Job " + world.jobs_made.back()));
  EXPECT_TRUE(world.had_event("SystemTestStarted"));
  EXPECT_TRUE(world.last.look.has_value()) << "stable's past is read meanwhile";
  world.answer(kEqual);
  EXPECT_EQ(status().traffic.candidate, 0) << "evidence does not pass a test";
}

TEST_F(SystemTests, WaitForThePodsOfTheCandidate) {
  world.start_stable();
  world.change_template("v2");
  world.pods_follow = false;
  world.settle();
  EXPECT_THAT(world.jobs_made, IsEmpty());
  world.seen.revisions["v2"] = {.exists = true, .desired = 1, .endpoints = 1, .ready_since = Time{}};
  world.settle();
  EXPECT_EQ(world.jobs_made.size(), 1u);
}

// The Service refuses connections on a node that has not heard of the pod yet.
TEST_F(SystemTests, WaitUntilAllNodesKnowOfThePod) {
  world.start_stable();
  world.change_template("v2");
  world.pods_follow = false;
  world.seen.revisions["v2"] = {.exists = true, .desired = 1, .endpoints = 1, .ready_since = world.now - seconds(2)};
  world.settle();
  EXPECT_THAT(world.jobs_made, IsEmpty());
  EXPECT_THAT(status().message, HasSubstr("until nodes and gateways know"));
  EXPECT_EQ(world.last.again, world.now + seconds(3));
  world.now += seconds(3);
  world.settle();
  EXPECT_EQ(world.jobs_made.size(), 1u);
}

TEST_F(SystemTests, DoNotWaitForAClockThatIsAhead) {
  world.start_stable();
  world.change_template("v2");
  world.pods_follow = false;
  world.seen.revisions["v2"] = {.exists = true, .desired = 1, .endpoints = 1, .ready_since = world.now + hours(1)};
  world.settle();
  EXPECT_EQ(world.jobs_made.size(), 1u);
}

TEST_F(SystemTests, PassWhenTheJobIsComplete) {
  start();
  world.answer(kEqual);
  pass();
  EXPECT_EQ(status().stage->name, "canary");
  EXPECT_EQ(status().traffic.candidate, 50);
  EXPECT_TRUE(world.had_event("SystemTestPassed"));
  EXPECT_TRUE(is_there(world.jobs_made.back())) << "its log may be of interest as long as the candidate is";
  for (int i = 0; i < 100 && !status().candidate_revision.empty(); ++i) world.answer(kEqual);
  ASSERT_EQ(status().stable_revision, "v2");
  world.settle();
  EXPECT_FALSE(is_there(world.jobs_made.back())) << "nothing is left of it";
}

TEST_F(SystemTests, AreNotPassedBeforeMinDuration) {
  world.rollout.spec.stages.front().min_duration = minutes(10);
  start();
  world.answer(kEqual);
  pass();
  EXPECT_EQ(status().stage->name, "acceptance");
  EXPECT_THAT(status().message, HasSubstr("minDuration"));
  world.now = status().stage->started_at + minutes(10);
  world.settle();
  EXPECT_EQ(status().stage->name, "canary");
}

TEST_F(SystemTests, AFailedOneRollsBackWithTheEndOfItsLog) {
  start();
  fail_by_exit();
  const auto log = wanted_log(world.rollout, world.seen);
  ASSERT_TRUE(log.has_value());
  EXPECT_EQ(log->pod, world.jobs_made.back() + "-x");
  EXPECT_EQ(log->container, "test");
  world.seen.log = LogTail{"one\nexpected 7, got 3\n", ""};
  world.settle();
  EXPECT_EQ(status().rejected_revision, "v2");
  EXPECT_EQ(status().phase, api::Phase::RolledBack);
  EXPECT_EQ(status().verdict, "SystemTestFailed");
  EXPECT_EQ(world.reason("Promoted"), "SystemTestFailed");
  const auto says = AllOf(HasSubstr("container test exited with 1"), HasSubstr("expected 7, got 3"));
  EXPECT_THAT(world.condition("Promoted")->message, says);
  EXPECT_THAT(world.notes_of("SystemTestFailed"), ElementsAre(says));
  EXPECT_EQ(status().history.front().stage, "acceptance");
  EXPECT_FALSE(wanted_log(world.rollout, world.seen).has_value()) << "it is read once";
}

TEST_F(SystemTests, WithoutALogTheReasonIsSaid) {
  start();
  fail_by_exit();
  world.seen.log = LogTail{"", "the kubelet does not answer"};
  world.settle();
  EXPECT_THAT(status().message, HasSubstr("its log could not be read: the kubelet does not answer"));
}

TEST_F(SystemTests, MessagesAreBounded) {
  start();
  fail_by_exit();
  world.seen.log = LogTail{std::string(5000, 'x') + "\n" + std::string(5000, 'y') + "the end", ""};
  world.settle();
  EXPECT_LE(status().history.front().message.size(), 1000u);
  EXPECT_THAT(status().history.front().message, ::testing::EndsWith("ythe end"));
}

TEST_F(SystemTests, TheJobOfAFailedOneStaysUntilTheNextRevision) {
  start();
  const std::string job = world.jobs_made.back();
  fail_by_exit();
  world.settle();
  ASSERT_EQ(status().rejected_revision, "v2");
  EXPECT_TRUE(is_there(job));
  world.change_template("v3");
  world.settle();
  EXPECT_FALSE(is_there(job));
  EXPECT_EQ(world.jobs_made.size(), 2u);
}

TEST_F(SystemTests, OneThatHangsIsAFailedOne) {
  start();
  JobSeen& job = world.seen.jobs.at(world.jobs_made.back());
  pod_of(job).started = true;
  world.settle();
  job.pod = {};  // the Job controller ends it, and it is gone before the Job is seen to have failed
  end_job(JobState::Failed, "DeadlineExceeded", "Job was active longer than specified deadline");
  world.settle();
  EXPECT_EQ(status().verdict, "SystemTestFailed");
  EXPECT_THAT(status().message, HasSubstr("did not end within its deadline, 7m"));
}

TEST_F(SystemTests, OneThatDidNotStartInTimeIsAnError) {
  start();
  workload::PodView& pod = pod_of(world.seen.jobs.at(world.jobs_made.back()));
  pod.reason = "ImagePullBackOff";
  pod.message = "no such image";
  world.settle();
  EXPECT_THAT(status().message, HasSubstr("starts: ImagePullBackOff: no such image"));
  end_job(JobState::Failed, "DeadlineExceeded").pod = {};
  world.settle();
  EXPECT_EQ(status().candidate_revision, "v2");
  EXPECT_EQ(status().stage->job->verdict, api::Verdict::Error);
  EXPECT_THAT(world.notes_of("SystemTestError"),
              ElementsAre(HasSubstr("did not start within 7m: ImagePullBackOff: no such image")));
  EXPECT_FALSE(world.had_event("SystemTestFailed"));
}

TEST_F(SystemTests, ADisruptedOneIsTriedAgainLater) {
  start();
  disrupt();
  EXPECT_FALSE(wanted_log(world.rollout, world.seen).has_value());
  world.settle();
  EXPECT_EQ(status().stage->job->attempt, 1);
  ASSERT_TRUE(world.last.again.has_value());
  EXPECT_EQ(*world.last.again, *status().stage->job->retry_at);
  world.now = *world.last.again - milliseconds(1);
  world.settle();
  EXPECT_EQ(world.jobs_made.size(), 1u);
  wait_for_retry();
  ASSERT_EQ(world.jobs_made.size(), 2u);
  EXPECT_NE(world.jobs_made[0], world.jobs_made[1]);
  EXPECT_EQ(status().stage->job->attempt, 2);
  world.answer(kEqual);
  pass();
  EXPECT_EQ(status().stage->name, "canary");
}

TEST_F(SystemTests, ContainersThatCannotBeginAreAnError) {
  start();
  workload::PodView& pod = pod_of(end_job(JobState::Failed, "PodFailurePolicy", "exit code 128"));
  pod.ended = true;  // and none of its containers ran
  pod.reason = "ContainerExited";
  pod.message = "exec: no such file";
  world.settle();
  EXPECT_THAT(world.notes_of("SystemTestError"), ElementsAre(HasSubstr("exec: no such file")));
}

TEST_F(SystemTests, WithoutAttemptsLeftAPersonIsAsked) {
  start();
  for (int i = 0; i < 2; ++i) {
    disrupt();
    world.settle();
    wait_for_retry();
  }
  ASSERT_EQ(world.jobs_made.size(), 3u);
  disrupt();
  world.settle();
  EXPECT_EQ(status().verdict, "Inconclusive");
  EXPECT_EQ(status().phase, api::Phase::Paused);
  EXPECT_EQ(world.reason("Stalled"), "Inconclusive");
  EXPECT_THAT(status().message, HasSubstr("the test could not be run"));
  world.now += hours(1);
  world.settle();
  EXPECT_EQ(world.jobs_made.size(), 3u);
  annotate(api::kRetryAnnotation, "v2");
  EXPECT_EQ(world.jobs_made.size(), 4u);
  EXPECT_EQ(status().stage->job->attempt, 1);
}

TEST_F(SystemTests, WithoutAttemptsLeftItIsRolledBackWhereTheSpecSaysSo) {
  world.rollout.spec.on_inconclusive = api::OnInconclusive::RollBack;
  std::get<api::SystemTestStage>(world.rollout.spec.stages.front().body).retries = 0;
  start();
  disrupt();
  world.settle();
  EXPECT_EQ(status().rejected_revision, "v2");
  EXPECT_EQ(status().history.front().reason, "Inconclusive");
  EXPECT_THAT(status().history.front().message, HasSubstr("could not be run"));
}

TEST_F(SystemTests, PausesBetweenAttemptsGrow) {
  std::get<api::SystemTestStage>(world.rollout.spec.stages.front().body).retries = 10;
  start();
  std::vector<Duration> pauses;
  for (int i = 0; i < 8; ++i) {
    disrupt();
    world.settle();
    pauses.push_back(*status().stage->job->retry_at - world.now);
    wait_for_retry();
  }
  EXPECT_THAT(pauses, ElementsAre(seconds(10), seconds(20), seconds(40), seconds(80), seconds(160), minutes(5),
                                  minutes(5), minutes(5)));
}

TEST_F(SystemTests, OneThatSomebodyDeletedIsTriedAgain) {
  start();
  world.seen.jobs.clear();
  world.settle();
  EXPECT_THAT(world.notes_of("SystemTestError"), ElementsAre(HasSubstr("deleted before it had ended")));
  EXPECT_EQ(world.jobs_made.size(), 1u);
  wait_for_retry();
  EXPECT_EQ(world.jobs_made.size(), 2u);
}

TEST_F(SystemTests, OneThatIsBeingDeletedIsTriedAgain) {
  start();
  world.seen.jobs.at(world.jobs_made.back()).deleting = true;
  world.settle();
  EXPECT_EQ(status().stage->job->verdict, api::Verdict::Error);
}

TEST_F(SystemTests, ACompleteOneThatIsDeletedHasPassed) {
  start();
  world.answer(kEqual);
  world.seen.jobs.at(world.jobs_made.back()).deleting = true;
  pass();
  EXPECT_EQ(status().stage->name, "canary");
}

// Killed after the status was saved and before, or after, the Job was made: the same Job is asked for.
TEST_F(SystemTests, ACrashMakesNoSecondJob) {
  world.jobs_follow = false;
  world.start_stable();
  world.change_template("v2");
  world.settle();
  ASSERT_TRUE(world.last.wanted.job.has_value());
  const WantedJob wanted = *world.last.wanted.job;
  world.rollout.status = api::status_from_json(api::status_to_json(status()));
  world.now += minutes(2);
  world.settle();
  EXPECT_EQ(world.last.wanted.job, wanted);
  world.jobs_follow = true;
  world.settle();
  ASSERT_EQ(world.jobs_made.size(), 1u);
  EXPECT_EQ(world.jobs_made.back(), status().stage->job->name);
  world.rollout.status = api::status_from_json(api::status_to_json(status()));
  world.settle();
  EXPECT_FALSE(world.last.wanted.job.has_value()) << "it was seen: it is never made again";
  EXPECT_EQ(world.jobs_made.size(), 1u);
}

TEST_F(SystemTests, TheNewsOfTheJobIsWaitedFor) {
  start();
  fail_by_exit();
  end_job(JobState::Running);
  world.settle();
  EXPECT_EQ(status().stage->job->verdict, api::Verdict::None);
  EXPECT_THAT(status().message, HasSubstr("runs: container test exited with 1"));
}

TEST_F(SystemTests, TheNewsOfThePodIsWaitedFor) {
  start();
  workload::PodView& pod = pod_of(end_job(JobState::Failed, "PodFailurePolicy", "exit code 1"));
  pod.started = true;
  world.settle();
  EXPECT_EQ(status().stage->job->verdict, api::Verdict::None);
  fail_by_exit();
  world.settle();
  EXPECT_EQ(status().verdict, "SystemTestFailed");
}

TEST_F(SystemTests, WhenNobodyIsLeftToAskTheJobsWordsCount) {
  start();
  end_job(JobState::Failed, "PodFailurePolicy", "Container test failed with exit code 1");
  world.settle();
  EXPECT_EQ(status().verdict, "SystemTestFailed");
  EXPECT_THAT(status().message, HasSubstr("Container test failed with exit code 1"));
}

TEST_F(SystemTests, PausedARunningOneMayEndButNothingGoesOn) {
  start();
  world.answer(kEqual);
  world.rollout.spec.paused = true;
  world.settle();
  EXPECT_TRUE(is_there(world.jobs_made.back()));
  pass();
  EXPECT_EQ(status().stage->name, "acceptance");
  EXPECT_EQ(status().phase, api::Phase::Paused);
  EXPECT_THAT(status().message, AllOf(HasSubstr("paused"), HasSubstr("Pass")));
  EXPECT_TRUE(world.had_event("SystemTestPassed"));
  world.rollout.spec.paused = false;
  world.settle();
  EXPECT_EQ(status().stage->name, "canary");
}

TEST_F(SystemTests, PausedNoneIsBegun) {
  start();
  disrupt();
  world.rollout.spec.paused = true;
  world.settle();
  world.now += hours(1);
  world.settle();
  EXPECT_EQ(world.jobs_made.size(), 1u);
  world.rollout.spec.paused = false;
  world.settle();
  EXPECT_EQ(world.jobs_made.size(), 2u);
}

TEST_F(SystemTests, PausedAFailedOneStillRollsBack) {
  start();
  world.rollout.spec.paused = true;
  fail_by_exit();
  world.settle();
  EXPECT_EQ(status().rejected_revision, "v2");
}

TEST_F(SystemTests, AbortDeletesTheRunningJob) {
  start();
  annotate(api::kAbortAnnotation, "v2");
  EXPECT_EQ(status().history.front().reason, "Aborted");
  EXPECT_FALSE(is_there(world.jobs_made.back()));
}

TEST_F(SystemTests, PromoteSkipsThemAndDeletesTheRunningJob) {
  start();
  annotate(api::kPromoteAnnotation, "v2");
  EXPECT_EQ(status().stable_revision, "v2");
  EXPECT_EQ(status().history.front().reason, "PromotedByUser");
  EXPECT_FALSE(is_there(world.jobs_made.back()));
}

TEST_F(SystemTests, ANewRevisionDeletesTheRunningJobAndHasItsOwn) {
  start();
  world.change_template("v3");
  world.settle();
  ASSERT_EQ(world.jobs_made.size(), 2u);
  EXPECT_FALSE(is_there(world.jobs_made[0]));
  EXPECT_TRUE(is_there(world.jobs_made[1]));
  world.now += seconds(1);
  world.change_template("v2");  // again: what an earlier Job of it said does not count
  world.settle();
  ASSERT_EQ(world.jobs_made.size(), 3u);
  EXPECT_NE(world.jobs_made[0], world.jobs_made[2]);
}

TEST_F(SystemTests, RetryRunsANewJobAndForgetsTheOldVerdict) {
  start();
  fail_by_exit();
  world.settle();
  ASSERT_EQ(status().rejected_revision, "v2");
  world.now += seconds(1);
  annotate(api::kRetryAnnotation, "v2");
  ASSERT_EQ(world.jobs_made.size(), 2u) << status().message;
  EXPECT_NE(world.jobs_made[0], world.jobs_made[1]);
  EXPECT_TRUE(is_there(world.jobs_made[0])) << "it may still tell why";
  world.answer(kEqual);
  pass();
  EXPECT_EQ(status().stage->name, "canary");
}

TEST_F(SystemTests, NoMoreJobsAreKeptThanRevisions) {
  world.rollout.spec.revision_history_limit = 1;
  start();
  disrupt();
  world.settle();
  wait_for_retry();
  disrupt();
  world.settle();
  wait_for_retry();
  ASSERT_EQ(world.jobs_made.size(), 3u);
  EXPECT_FALSE(is_there(world.jobs_made[0]));
  EXPECT_TRUE(is_there(world.jobs_made[1]));
  EXPECT_TRUE(is_there(world.jobs_made[2])) << "it runs";
}

TEST_F(SystemTests, WithoutAnEndWithinMaxDurationTheyAreInconclusive) {
  world.rollout.spec.stages.front().max_duration = minutes(30);
  start();
  world.now = status().stage->started_at + minutes(30);
  world.settle();
  EXPECT_EQ(status().verdict, "Inconclusive");
  EXPECT_THAT(status().message, HasSubstr("no verdict within maxDuration"));
  pass();
  EXPECT_EQ(status().stage->name, "acceptance") << "a person was asked";
}

TEST_F(SystemTests, AStageThatBecameAnotherKindHasNoJob) {
  start();
  world.rollout.spec.stages.front().body = api::ApprovalStage{};
  world.settle();
  EXPECT_FALSE(status().stage->job.has_value());
  EXPECT_THAT(world.seen.jobs, IsEmpty());
}

TEST_F(SystemTests, TheFirstRevisionIsNotTestedUnlessAskedTo) {
  world.start_stable();
  EXPECT_THAT(world.jobs_made, IsEmpty());
}

class InitialStages : public SystemTests {
 protected:
  InitialStages() {
    world.rollout.spec.stages.front() = test_stage(true);
    world.settle();
  }
};

TEST_F(InitialStages, TheFirstRevisionIsStableOnlyAfterItsTest) {
  ASSERT_EQ(world.jobs_made.size(), 1u) << status().message;
  EXPECT_TRUE(status().stable_revision.empty());
  EXPECT_FALSE(world.last.wanted.split.has_value());
  EXPECT_TRUE(world.last.wanted.service_revision.empty());
  pass();
  EXPECT_EQ(status().stable_revision, "v1");
  EXPECT_EQ(status().history.front().reason, "Initial");
  EXPECT_EQ(status().phase, api::Phase::Healthy);
}

TEST_F(InitialStages, AFirstRevisionThatFailsServesNobody) {
  fail_by_exit();
  world.settle();
  EXPECT_TRUE(status().stable_revision.empty());
  EXPECT_EQ(status().rejected_revision, "v1");
  EXPECT_EQ(status().phase, api::Phase::RolledBack);
  EXPECT_THAT(status().message, HasSubstr("container test exited with 1"));
  EXPECT_FALSE(world.last.wanted.split.has_value());
  world.now += hours(1);
  world.settle();
  EXPECT_EQ(world.replicas_wanted("v1"), 0);
  annotate(api::kRetryAnnotation, "v1");
  EXPECT_EQ(world.jobs_made.size(), 2u);
  pass();
  EXPECT_EQ(status().stable_revision, "v1");
}

TEST_F(InitialStages, AFirstRevisionCanBeAbortedAndPromoted) {
  annotate(api::kAbortAnnotation, "v1");
  EXPECT_EQ(status().rejected_revision, "v1");
  annotate(api::kRetryAnnotation, "v1");
  annotate(api::kPromoteAnnotation, "v1");
  EXPECT_EQ(status().stable_revision, "v1");
  EXPECT_EQ(status().history.front().reason, "PromotedByUser") << "its test was not waited for";
}

TEST_F(InitialStages, ASupersededFirstRevisionLeavesNothing) {
  world.change_template("v2");
  world.settle();
  ASSERT_EQ(world.jobs_made.size(), 2u);
  EXPECT_FALSE(is_there(world.jobs_made[0]));
  pass();
  EXPECT_EQ(status().stable_revision, "v2");
}

TEST_F(InitialStages, AStageThatIsNoLongerInitialIsLeft) {
  world.rollout.spec.stages.front() = test_stage(false);
  world.settle();
  EXPECT_EQ(status().stable_revision, "v1");
  EXPECT_THAT(world.seen.jobs, IsEmpty());
}

TEST_F(InitialStages, ApprovalsCanBeAskedOfTheFirstRevision) {
  pass();
  world = World();
  world.rollout.spec.stages = {{.name = "canary", .body = api::CanaryStage{.weights = {50}}},
                               {.name = "sign-off", .body = api::ApprovalStage{.initial = true}}};
  world.settle();
  EXPECT_TRUE(status().stable_revision.empty());
  EXPECT_EQ(status().stage->name, "sign-off");
  EXPECT_EQ(status().traffic.candidate, 0);
  EXPECT_EQ(status().phase, api::Phase::Paused);
  annotate(api::kApproveAnnotation, "v1/sign-off");
  EXPECT_EQ(status().stable_revision, "v1");
}

// Or the pods of a test would be counted with those that serve. Kubernetes cuts what precedes a pod's random suffix.
TEST(PodsOfTests, AreNotSelectedByMetrics) {
  for (std::size_t length = 1; length <= 52; ++length) {
    const std::string rollout(length, 'r');
    const std::regex serving(metrics::pods_regex(rollout, "twl7sgl8"));
    ASSERT_TRUE(std::regex_match((rollout + "-twl7sgl8-7c9f6d").substr(0, 57) + "-abcde", serving) || length > 40);
    for (const char* stage : {"a", "acceptance", "a-stage-with-a-name-of-quite-some-length"}) {
      const std::string job = workload::test_job_name(rollout, {"twl7sgl8", stage, 1, Time{}, 1});
      const std::string pod = (job + "-").substr(0, 58) + "abcde";
      EXPECT_FALSE(std::regex_match(pod, serving)) << pod;
    }
  }
}

TEST(LogTail, IsTheLastLines) {
  EXPECT_EQ(log_tail("a\nb\nc\n\n", 2, 100), "b\nc");
  EXPECT_EQ(log_tail("a\nb", 10, 100), "a\nb");
  EXPECT_EQ(log_tail("", 10, 100), "");
  EXPECT_EQ(log_tail("one long line", 1, 4), "line");
  EXPECT_EQ(log_tail("x", 1, 0), "");
}

TEST(LogTail, IsPlainText) {
  EXPECT_EQ(log_tail("\x1b[31mred\x1b[0m\ttab\r\n", 1, 100), "red tab");
  EXPECT_EQ(log_tail("a\xff\xc3\x28\xed\xa0\x80z\x01", 1, 100), "a(z");
  EXPECT_EQ(log_tail("caf\xc3\xa9", 1, 1), "") << "no half of a character";
  EXPECT_EQ(log_tail("\xf0\x9f\x98\x80!", 1, 5), "\xf0\x9f\x98\x80!");
  EXPECT_EQ(log_tail("cut \x1b[", 1, 100), "cut");
}

}  // namespace
}  // namespace sluice::rollout
