// The stage loadTest: verdicts of stage_load_test.cpp, and what people do meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "load_fixture.h"

namespace sluice::rollout {
namespace {

using api::Verdict;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::LoadTests;
using testing::result_of;
using workload::JobState;

TEST_F(LoadTests, MeetAllThePodsAndNoUser) {
  start();
  EXPECT_EQ(status().traffic.candidate, 0);
  EXPECT_EQ(world.replicas_wanted("v2"), 4);
  EXPECT_THAT(status().message, HasSubstr("load: Job " + world.jobs_made.back() + " runs"));
  EXPECT_TRUE(world.had_event("LoadTestStarted"));
  EXPECT_TRUE(job().has_workers) << "what belongs to the master is asked for until it is there";
  EXPECT_FALSE(world.last.wanted.job);
}

TEST_F(LoadTests, WaitForAllThePods) {
  world.start_stable();
  world.change_template("v2");
  world.pods_follow = false;
  world.seen.revisions["v2"] = {.exists = true, .desired = 4, .endpoints = 3, .ready_since = Time{}};
  world.settle();
  EXPECT_THAT(world.jobs_made, IsEmpty());
  EXPECT_THAT(status().message, HasSubstr("3 of 4 pods"));
  world.seen.revisions["v2"].endpoints = 4;
  world.settle();
  EXPECT_EQ(world.jobs_made.size(), 1u);
}

TEST_F(LoadTests, PassWhenEveryCriterionHolds) {
  start();
  complete(result_of(80));
  EXPECT_TRUE(world.had_event("LoadTestPassed"));
  ASSERT_EQ(status().load_tests.size(), 1u);
  const api::LoadTestStatus& told = status().load_tests[0];
  EXPECT_EQ(told.stage, "load");
  EXPECT_EQ(told.verdict, Verdict::Pass);
  EXPECT_EQ(told.requests, 6000);
  EXPECT_EQ(told.failures, 0);
  EXPECT_EQ(told.rate, "50/s");
  EXPECT_EQ(told.p50, "80ms");
  EXPECT_EQ(told.p95, "100ms");
  EXPECT_EQ(told.report, "digits-v2-load");
  EXPECT_THAT(told.message, Not(IsEmpty()));
  world.settle();
  ASSERT_TRUE(status().stage);
  EXPECT_EQ(status().stage->name, "canary");
}

TEST_F(LoadTests, TheReportIsThereWithTheVerdict) {
  start();
  complete(result_of(80));
  ASSERT_TRUE(world.last.report);
  EXPECT_EQ(world.last.report->name, "digits-v2-load");
  EXPECT_EQ(world.last.report->revision, "v2");
  EXPECT_EQ(world.last.report->stage, "load");
  EXPECT_TRUE(world.last.report->data.contains("report.json"));
  EXPECT_EQ(world.last.report->data.size(), 7u) << "two texts and five charts";
  world.settle();
  EXPECT_FALSE(world.last.report);
}

TEST_F(LoadTests, ABrokenCriterionRollsBack) {
  start();
  complete(result_of(900));
  EXPECT_EQ(status().phase, api::Phase::RolledBack);
  EXPECT_EQ(status().verdict, "LoadTestFailed");
  EXPECT_TRUE(world.had_event("LoadTestFailed"));
  ASSERT_EQ(status().load_tests.size(), 1u);
  EXPECT_EQ(status().load_tests[0].verdict, Verdict::Fail);
  EXPECT_THAT(status().message, HasSubstr(status().load_tests[0].message));
  EXPECT_THAT(status().history.front().reports, ElementsAre("digits-v2-load"));
  EXPECT_TRUE(world.last.report) << "it is written for what failed, too";
  EXPECT_THAT(world.last.wanted.deleted_jobs, IsEmpty()) << "its Job is kept for people";
}

TEST_F(LoadTests, NeitherHeldNorBrokenAsksAPerson) {
  body().steps = {{seconds(5), 0.6}};
  start();
  loadtest::LoadResult few = result_of(80);
  few.windows.resize(1);
  few.windows[0].requests = 3;
  few.windows[0].asked_rate = few.windows[0].users = 0.6;
  few.windows[0].response_times = {{0.08, 3}};
  complete(few);
  world.settle();
  EXPECT_EQ(status().verdict, "Inconclusive") << status().message;
  EXPECT_EQ(status().phase, api::Phase::Paused);
  EXPECT_THAT(status().message, HasSubstr(status().load_tests[0].message));
  EXPECT_EQ(world.jobs_made.size(), 1u) << "more of the same load is for a person to decide";
  annotate(api::kRetryAnnotation, "v2");
  EXPECT_EQ(status().attempt, 2);
  EXPECT_EQ(world.jobs_made.size(), 2u);
}

TEST_F(LoadTests, NeitherHeldNorBrokenRollsBackWhereAsked) {
  body().steps = {{seconds(5), 0.6}};
  start();
  world.rollout.spec.on_inconclusive = api::OnInconclusive::RollBack;
  loadtest::LoadResult few = result_of(80);
  few.windows.resize(1);
  few.windows[0].requests = 3;
  few.windows[0].asked_rate = few.windows[0].users = 0.6;
  few.windows[0].response_times = {{0.08, 3}};
  complete(few);
  world.settle();
  EXPECT_EQ(status().phase, api::Phase::RolledBack);
  EXPECT_EQ(status().verdict, "Inconclusive");
}

class InvalidLoadTests : public LoadTests {
 protected:
  void saturate() {
    start();
    loadtest::LoadResult result = result_of(80);
    result.generator.saturated = true;
    result.generator.why = "a worker used all of its CPU";
    complete(result);
    world.settle();
  }
};

TEST_F(InvalidLoadTests, PauseAndSayWhatToDo) {
  saturate();
  EXPECT_EQ(status().phase, api::Phase::Paused) << status().message;
  EXPECT_EQ(world.reason("Stalled"), "LoadTestInvalid");
  EXPECT_TRUE(world.had_event("LoadTestInvalid"));
  EXPECT_THAT(status().message, AllOf(HasSubstr("a worker used all of its CPU"), HasSubstr("sluice.dev/resume=v2")));
  world.rollout.spec.on_inconclusive = api::OnInconclusive::RollBack;
  world.now += hours(24);  // beyond maxDuration: numbers that cannot be trusted never roll back
  world.settle();
  EXPECT_EQ(status().phase, api::Phase::Paused);
  EXPECT_EQ(world.jobs_made.size(), 1u);
}

TEST_F(InvalidLoadTests, ResumeLoadsItAgain) {
  saturate();
  world.now += hours(24);
  annotate(api::kResumeAnnotation, "v2");
  EXPECT_EQ(world.jobs_made.size(), 2u);
  EXPECT_EQ(status().phase, api::Phase::Progressing) << "the pause does not count: " << status().message;
  run();
  complete(result_of(80));
  world.settle();
  EXPECT_EQ(status().stage->name, "canary");
  EXPECT_EQ(status().load_tests.size(), 1u) << "the latest attempt of a stage is told";
}

TEST_F(InvalidLoadTests, RetryStartsOver) {
  saturate();
  annotate(api::kRetryAnnotation, "v2");
  EXPECT_EQ(status().attempt, 2);
  EXPECT_EQ(world.jobs_made.size(), 2u);
  EXPECT_EQ(status().history.front().reason, "LoadTestInvalid");
}

TEST_F(InvalidLoadTests, AbortAndPromoteWorkAsEver) {
  saturate();
  annotate(api::kAbortAnnotation, "v2");
  EXPECT_EQ(status().history.front().reason, "Aborted");
}

TEST_F(LoadTests, APauseHoldsWhatFollowsAndNotTheVerdict) {
  start();
  world.rollout.spec.paused = true;
  complete(result_of(80));
  world.settle();
  EXPECT_EQ(status().stage->name, "load");
  EXPECT_EQ(status().stage->job->verdict, Verdict::Pass);
  world.rollout.spec.paused = false;
  world.settle();
  EXPECT_EQ(status().stage->name, "canary");
}

TEST_F(LoadTests, AnAbortEndsTheLoad) {
  start();
  const std::string name = world.jobs_made.back();
  annotate(api::kAbortAnnotation, "v2");
  EXPECT_FALSE(world.seen.jobs.contains(name));
  EXPECT_EQ(status().history.front().reason, "Aborted");
}

TEST_F(LoadTests, TheFirstRevisionIsLoadedWhereAsked) {
  body().initial = true;
  world.settle();
  ASSERT_EQ(world.jobs_made.size(), 1u);
  run();
  complete(result_of(80));
  world.settle();
  EXPECT_EQ(status().stable_revision, "v1");
  EXPECT_THAT(status().history.front().reports, ElementsAre("digits-v1-load"));
}

TEST_F(LoadTests, RestartsAreThoseUnderLoad) {
  body().criteria.push_back({.metric = api::LoadMetric::Restarts, .max = 0});
  world.start_stable();
  world.change_template("v2");
  world.step();
  world.seen.revisions["v2"].restarts = 3;  // before the load
  world.settle();
  run();
  complete(result_of(80));
  EXPECT_TRUE(world.had_event("LoadTestPassed")) << status().message;
}

TEST_F(LoadTests, ARestartUnderLoadIsBroken) {
  body().criteria.push_back({.metric = api::LoadMetric::Restarts, .max = 0});
  start();
  world.seen.revisions["v2"].restarts = 1;
  complete(result_of(80));
  EXPECT_EQ(status().verdict, "LoadTestFailed") << status().message;
}

TEST_F(LoadTests, AMarginIsToStablesOwnRun) {
  body().criteria = {{.metric = api::LoadMetric::ResponseTime, .quantile = 0.95, .margin = 0.1}};
  start();
  job().state = JobState::Complete;
  const auto log = wanted_log(world.rollout, world.seen);
  ASSERT_TRUE(log);
  EXPECT_TRUE(log->stable_load);
  EXPECT_GE(log->limit_bytes, 1'000'000);
  world.seen.stable_load = result_of(40);
  complete(result_of(80));
  EXPECT_EQ(status().verdict, "LoadTestFailed") << status().message;
}

}  // namespace
}  // namespace sluice::rollout
