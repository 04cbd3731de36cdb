// The world of fixture.h with a load test before the canary, and what becomes of its Job.
#pragma once

#include <gmock/gmock.h>

#include <string>

#include "fixture.h"
#include "loadtest/load_result.h"

namespace sluice::rollout::testing {

inline api::StageSpec load_stage() {
  api::LoadTestStage test;
  test.rate = 50;
  test.duration = minutes(2);
  test.generator = api::LocustGenerator{.image = "locust", .workers = 2, .model = "digits"};
  test.criteria = {{.metric = api::LoadMetric::ResponseTime, .quantile = 0.95, .max = 0.3},
                   {.metric = api::LoadMetric::Failures, .max = 0.01}};
  test.retries = 2;
  return {.name = "load", .body = test, .min_duration = {}, .max_duration = hours(4)};
}

// Two minutes at 50 requests a second, answered after `milliseconds`.
inline loadtest::LoadResult result_of(double milliseconds, std::int64_t failures_a_window = 0) {
  loadtest::LoadResult result;
  result.started_at = Time(hours(24 * 365 * 56));
  for (int i = 0; i < 24; ++i) {
    loadtest::LoadWindow window;
    window.at = seconds(5) * i;
    window.length = seconds(5);
    window.asked_rate = window.users = 50;
    window.requests = 250;
    window.failures = failures_a_window;
    window.response_times = {{milliseconds / 1000, 125}, {milliseconds / 800, 125}};
    result.windows.push_back(window);
  }
  result.generator = {.tool = "locust", .workers = 2};
  return result;
}

class LoadTests : public ::testing::Test {
 protected:
  LoadTests() {
    world.rollout.spec.stages = {load_stage(),
                                 {.name = "canary",
                                  .body = api::CanaryStage{.weights = {50}, .min_looks = 2},
                                  .min_duration = {},
                                  .max_duration = hours(4)}};
  }

  api::LoadTestStage& body() { return std::get<api::LoadTestStage>(world.rollout.spec.stages[0].body); }
  // v1 stable, the Job of v2 runs, and so do its workers.
  void start() {
    world.start_stable();
    world.change_template("v2");
    world.settle();
    ASSERT_EQ(world.jobs_made.size(), 1u) << status().message;
    run();
  }
  void run() {
    pod().started = true;
    world.settle();
  }
  JobSeen& job() { return world.seen.jobs.at(world.jobs_made.back()); }
  workload::PodView& pod() {
    job().pod.key = {"ml", world.jobs_made.back() + "-x"};
    job().pod.container = "locust";
    return job().pod;
  }
  // The Job is complete, and its log can be read when it is asked for.
  void complete(const std::string& log) {
    world.now += minutes(3);
    job().state = workload::JobState::Complete;
    job().ended = world.now;
    answer_log(log);
  }
  // Another visit, at which it can be read.
  void answer_log(const std::string& log) {
    world.seen.log.reset();
    if (wanted_log(world.rollout, world.seen)) world.seen.log = LogTail{log, ""};
    world.step();
    world.seen.log.reset();
  }
  void complete(const loadtest::LoadResult& result) { complete("noise\n" + format_load_result(result) + "\nbye\n"); }
  void fail(const std::string& exit, const std::string& log = "") {
    job().state = workload::JobState::Failed;
    job().reason = "PodFailurePolicy";
    pod().failed = pod().ended = true;
    pod().exit = exit;
    world.seen.log = LogTail{log, ""};
    world.step();
    world.seen.log.reset();
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
  void expect_error(const std::string& why) {
    ASSERT_TRUE(status().stage && status().stage->job) << status().message;
    EXPECT_EQ(status().stage->job->verdict, api::Verdict::Error);
    EXPECT_THAT(status().stage->job->message, ::testing::HasSubstr(why));
    EXPECT_TRUE(world.had_event("LoadTestError"));
    EXPECT_TRUE(status().load_tests.empty());
    wait_for_retry();
    EXPECT_EQ(world.jobs_made.size(), 2u);
    EXPECT_EQ(status().stage->job->attempt, 2);
  }

  api::RolloutStatus& status() { return world.rollout.status; }
  World world;
};

}  // namespace sluice::rollout::testing
