// The stage loadTest: what says nothing about the candidate, and what has to be waited for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "load_fixture.h"
#include "stats/split_evidence.h"

namespace sluice::rollout {
namespace {

using api::Verdict;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::LoadTests;
using testing::result_of;
using workload::JobState;

TEST_F(LoadTests, ALocustfileThatDoesNotParseIsNoVerdictOnTheCandidate) {
  start();
  fail("container locust exited with 1", "Traceback\nSyntaxError: invalid syntax (locustfile.py, line 3)\n");
  EXPECT_THAT(status().stage->job->message, HasSubstr("SyntaxError: invalid syntax (locustfile.py, line 3)"));
  expect_error("container locust exited with 1");
}

TEST_F(LoadTests, ErrorsAreTriedAgainLaterAndNotForEver) {
  start();
  for (int attempt = 1; attempt <= 3; ++attempt) {
    fail("container locust exited with 1");
    ASSERT_EQ(status().stage->job->attempt, attempt);
    const Duration pause = std::chrono::duration_cast<Duration>(*status().stage->job->retry_at - world.now);
    EXPECT_GE(pause, seconds(10));
    wait_for_retry();
  }
  EXPECT_EQ(status().verdict, "Inconclusive");
  EXPECT_EQ(world.jobs_made.size(), 3u);
  EXPECT_THAT(status().message, HasSubstr("could not be run"));
}

// The load could not be made, and a person lets it be tried again.
class ResumedLoadTests : public LoadTests {
 protected:
  void invalid_and_resumed(int time) {
    run();
    loadtest::LoadResult result = result_of(80);
    result.generator.saturated = true;
    complete(result);
    ASSERT_EQ(status().stage->job->verdict, Verdict::Invalid) << status().message;
    annotate(api::kResumeAnnotation, "v2/" + std::to_string(time));
    ASSERT_EQ(status().stage->job->verdict, Verdict::None) << status().message;
  }
  void error_and_retry() {
    fail("container locust exited with 1");
    wait_for_retry();
  }
};

TEST_F(ResumedLoadTests, AttemptsThatAPersonAskedForAreNotHeldAgainstTheRetries) {
  start();
  for (int i = 1; i <= 4; ++i) invalid_and_resumed(i);
  ASSERT_EQ(status().stage->job->attempt, 5);
  for (int error = 1; error <= 3; ++error) {
    fail("container locust exited with 1");
    EXPECT_EQ(status().stage->job->errors, error);
    EXPECT_EQ(*status().stage->job->retry_at - world.now, seconds(5) * (1 << error)) << "pauses start over, too";
    wait_for_retry();
  }
  EXPECT_EQ(status().verdict, "Inconclusive");
  EXPECT_EQ(world.jobs_made.size(), 7u);
  EXPECT_EQ(std::set<std::string>(world.jobs_made.begin(), world.jobs_made.end()).size(), 7u);
}

TEST_F(ResumedLoadTests, AnAttemptThatCouldBeRunEndsTheCountOfErrors) {
  start();
  for (int i = 1; i <= 3; ++i) {
    error_and_retry();
    error_and_retry();
    invalid_and_resumed(i);
    ASSERT_EQ(status().stage->job->errors, 0);
  }
  EXPECT_EQ(status().stage->job->attempt, 10);
  EXPECT_EQ(status().verdict, "");
}

TEST_F(ResumedLoadTests, APersonWhoResumesEndsTheCountOfErrors) {
  start();
  error_and_retry();
  fail("container locust exited with 1");
  ASSERT_EQ(status().stage->job->errors, 2);
  stats::SplitEvidence split;  // of a stage before
  ASSERT_TRUE(split.add(2000, 8000, 0.5, 0.02));
  status().evidence.split = split.pack();
  annotate(api::kResumeAnnotation, "v2");
  EXPECT_EQ(status().stage->job->errors, 0);
  wait_for_retry();
  error_and_retry();
  error_and_retry();
  EXPECT_EQ(status().verdict, "") << "two since then";
  EXPECT_EQ(status().stage->job->attempt, 5);
}

TEST_F(LoadTests, AMasterThatIsTakenAwayIsNoVerdict) {
  start();
  job().state = JobState::Failed;
  job().reason = "PodFailurePolicy";
  job().message = "Pod ml/x has condition DisruptionTarget matching FailJob rule at index 0";
  pod().failed = pod().disrupted = pod().ended = true;
  world.step();
  expect_error("taken away by the cluster");
}

TEST_F(LoadTests, AWorkerThatIsLostEndsTheAttempt) {
  start();
  job().lost_worker = "PodFailurePolicy: Container locust exited with 137";
  world.step();
  EXPECT_THAT(world.last.wanted.deleted_jobs, ElementsAre(world.jobs_made.back())) << "or the next load would meet it";
  expect_error("a worker was lost: PodFailurePolicy: Container locust exited with 137");
}

TEST_F(LoadTests, AWorkerThatTheMasterLostIsNoVerdict) {
  start();
  loadtest::LoadResult result = result_of(900);
  result.generator.lost_workers = 1;
  complete(result);
  expect_error("1 of 2 workers were lost");
}

TEST_F(LoadTests, AJobThatSomebodyDeletesIsRunAgain) {
  start();
  world.seen.jobs.clear();
  world.step();
  expect_error("it was deleted before it had ended");
}

TEST_F(LoadTests, ALoadThatDoesNotEndIsNoVerdict) {
  start();
  job().state = JobState::Failed;
  job().reason = "DeadlineExceeded";
  world.step();
  expect_error("did not end within its deadline");
}

TEST_F(LoadTests, PodsThatDoNotStartAreTold) {
  world.start_stable();
  world.change_template("v2");
  world.settle();
  job().problem = "2 of 2 pods: ImagePullBackOff: no such image";
  world.settle();
  EXPECT_THAT(status().message, HasSubstr("starts: its workers: 2 of 2 pods: ImagePullBackOff"));
  job().state = JobState::Failed;
  job().reason = "DeadlineExceeded";
  world.step();
  expect_error("did not start within its deadline, 12m 6s: 2 of 2 pods: ImagePullBackOff: no such image");
}

TEST_F(LoadTests, AResultThatCannotBeReadIsNoVerdict) {
  start();
  complete("it went well\n");
  EXPECT_THAT(status().stage->job->message, HasSubstr("its log ends with:\nit went well"));
  expect_error("it printed no result");
}

TEST_F(LoadTests, AResultWhosePodIsGoneIsNoVerdict) {
  start();
  job().pod = {};
  complete("");
  EXPECT_EQ(status().stage->job->verdict, Verdict::None) << "the news of its pod may be on its way";
  world.now += minutes(2);
  world.step();
  expect_error("its pod is gone");
}

TEST_F(LoadTests, ALogThatCannotBeReadNowIsReadLater) {
  start();
  job().state = JobState::Complete;
  job().ended = world.now;
  world.seen.log = LogTail{"", "the kubelet is away"};
  world.step();
  EXPECT_EQ(status().stage->job->verdict, Verdict::None);
  EXPECT_THAT(status().message, HasSubstr("is complete: its result is being read"));
  EXPECT_EQ(world.last.again, world.now + seconds(10));
  world.now += minutes(3);
  world.step();
  world.seen.log.reset();
  expect_error("its log could not be read: the kubelet is away");
}

TEST_F(LoadTests, AReportThatCannotBeWrittenHoldsTheVerdict) {
  start();
  world.seen.report_error = "configmaps is forbidden";
  complete(result_of(80));
  EXPECT_EQ(status().stage->job->verdict, Verdict::None);
  EXPECT_THAT(status().message, HasSubstr("its report could not be written: configmaps is forbidden"));
  EXPECT_EQ(world.last.again, world.now + seconds(10));
  world.seen.report_error.clear();
  complete(result_of(80));
  EXPECT_TRUE(world.had_event("LoadTestPassed"));
}

class MemoryLoadTests : public LoadTests {
 protected:
  MemoryLoadTests() {
    body().criteria.push_back({.metric = api::LoadMetric::MemoryGrowth, .max = 0.5});
  }
  // The Job is complete; stable's past was read before.
  void end() {
    start();
    world.answer(testing::kEqual);
    complete(result_of(80));
  }
  void remember(double growth) {
    ASSERT_TRUE(world.last.look && world.last.look->look.series) << status().message;
    metrics::LookResult answer;
    answer.look = world.last.look->look;
    for (int i = 0; i <= 24; ++i) {
      answer.series.push_back({result_of(80).started_at + seconds(5) * i, 1e9 * (1 + growth * i / 24)});
    }
    world.seen.look = answer;
    answer_log(format_load_result(result_of(80)));
  }
};

TEST_F(MemoryLoadTests, AreJudgedOnceTheMemoryIsKnown) {
  end();
  EXPECT_EQ(status().stage->job->verdict, Verdict::None);
  ASSERT_TRUE(world.last.look && world.last.look->look.series);
  const metrics::Look look = world.last.look->look;
  EXPECT_EQ(look.series->query,
            "sum(container_memory_working_set_bytes{namespace=\"ml\",pod=~\"digits-v2-[a-z0-9]+-[a-z0-9]{5}\"})");
  EXPECT_EQ(look.from, *status().stage->job->running_since);
  EXPECT_EQ(look.to, job().ended);
  EXPECT_THAT(status().message, HasSubstr("the memory of the pods is read from http://prometheus:9090"));
  remember(0);
  EXPECT_TRUE(world.had_event("LoadTestPassed")) << status().message;
}

TEST_F(MemoryLoadTests, ABrokenOneRollsBack) {
  end();
  remember(4);
  EXPECT_EQ(status().verdict, "LoadTestFailed") << status().message;
}

TEST_F(MemoryLoadTests, AreNotReadAgainAtOnceWhileTheLogIsAwaited) {
  end();
  const metrics::Look look = world.last.look->look;
  job().pod.key = {};
  world.seen.look = metrics::LookResult{.look = look};
  world.step();
  ASSERT_TRUE(world.last.look);
  EXPECT_EQ(world.last.look->look, look);
  EXPECT_GT(world.last.look->due, world.now);
}

TEST_F(MemoryLoadTests, PrometheusThatIsAwayIsAskedAgainAndNothingIsJudged) {
  end();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(world.last.look && world.last.look->look.series);
    world.fail_look("connection refused");
    EXPECT_EQ(status().stage->job->verdict, Verdict::None);
    EXPECT_EQ(world.reason("MetricsAvailable"), "ProviderError");
  }
  world.now += hours(5);  // an outage is not a verdict either
  world.rollout.spec.on_inconclusive = api::OnInconclusive::RollBack;
  world.step();
  EXPECT_EQ(status().phase, api::Phase::Paused) << status().message;
  EXPECT_EQ(world.reason("Stalled"), "ProviderError");
  remember(0);
  EXPECT_TRUE(world.had_event("LoadTestPassed")) << status().message;
}

}  // namespace
}  // namespace sluice::rollout
