#include "loadtest/load_judge.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "loads.h"
#include "loadtest/load_profile.h"
#include "loadtest/load_report.h"

namespace sluice::loadtest {
namespace {

using api::LoadMetric;
using api::LoadProfile;
using api::Verdict;
using testing::HasSubstr;

Behaviour sound(double, double) { return {}; }

template <class How>
LoadObservation observe(const api::LoadTestStage& stage, How how, std::uint64_t seed = 1) {
  LoadObservation seen;
  const double window = static_cast<double>(window_length(stage).count()) / 1000.0;
  seen.result = load_of(load_steps(stage), window, how, seed);
  const Duration whole = load_duration(stage);
  for (int i = 0; i <= 60; ++i) seen.memory.push_back({seen.result.started_at + whole * i / 60, 1e9 + 1e6 * (i % 3)});
  return seen;
}

const CriterionFinding& finding(const LoadVerdict& verdict, LoadMetric metric) {
  for (const CriterionFinding& one : verdict.findings) {
    if (one.criterion.metric == metric) return one;
  }
  throw std::runtime_error("no such criterion");
}

class EachProfile : public testing::TestWithParam<LoadProfile> {};

TEST_P(EachProfile, PassesASoundCandidateByItsDefaults) {
  const auto stage = stage_of(GetParam(), 40, minutes(10));
  const LoadVerdict verdict = judge_load(stage, observe(stage, sound));
  EXPECT_EQ(verdict.verdict, Verdict::Pass) << verdict.message;
  EXPECT_EQ(verdict.findings.size(), load_criteria(stage).size());
  EXPECT_THAT(verdict.message, HasSubstr(" criteria held"));
}

TEST_P(EachProfile, FailsOneThatFailsATenthOfTheRequests) {
  const auto stage = stage_of(GetParam(), 40, minutes(10));
  const LoadVerdict verdict = judge_load(stage, observe(stage, [](double, double) {
    Behaviour how;
    how.failures = 0.1;
    return how;
  }));
  EXPECT_EQ(verdict.verdict, Verdict::Fail) << verdict.message;
  EXPECT_EQ(finding(verdict, LoadMetric::Failures).verdict, Verdict::Fail);
}

INSTANTIATE_TEST_SUITE_P(All, EachProfile,
                         testing::Values(LoadProfile::Performance, LoadProfile::Stress, LoadProfile::Endurance,
                                         LoadProfile::Volume, LoadProfile::Scalability, LoadProfile::Spike));

struct LimitCase {
  double max;  // the truth is 38.6 ms
  Verdict verdict;
};
class ResponseTimeLimit : public testing::TestWithParam<LimitCase> {};

TEST_P(ResponseTimeLimit, IsJudgedByBoundsNotByTheValue) {
  api::LoadTestStage stage = stage_of(LoadProfile::Performance, 20, seconds(60));
  stage.criteria = {at_most(LoadMetric::ResponseTime, GetParam().max, 0.95)};
  const LoadVerdict verdict = judge_load(stage, observe(stage, sound));
  EXPECT_EQ(verdict.verdict, GetParam().verdict) << verdict.message;
}
INSTANTIATE_TEST_SUITE_P(Table, ResponseTimeLimit,
                         testing::Values(LimitCase{0.060, Verdict::Pass}, LimitCase{0.045, Verdict::Pass},
                                         LimitCase{0.039, Verdict::Inconclusive}, LimitCase{0.033, Verdict::Fail},
                                         LimitCase{0.010, Verdict::Fail}));

TEST(JudgeLoad, AVerdictIsOneSentenceWithItsNumbers) {
  api::LoadTestStage stage = stage_of(LoadProfile::Performance, 20, seconds(60));
  stage.criteria = {at_most(LoadMetric::ResponseTime, 0.010, 0.95)};
  const LoadVerdict verdict = judge_load(stage, observe(stage, sound));
  EXPECT_THAT(verdict.message, testing::MatchesRegex("1 of 1 criterion broken: 95% of response times are within .*ms "
                                                     "\\(.*ms to .*ms with confidence\\); at most 10ms is asked for: "
                                                     "broken"));
}

TEST(JudgeLoad, ManyCriteriaShareTheRiskOfFailing) {
  api::LoadTestStage one = stage_of(LoadProfile::Performance, 20, seconds(60));
  one.criteria = {at_most(LoadMetric::ResponseTime, 0.033, 0.95)};
  api::LoadTestStage many = one;
  for (int i = 0; i < 20; ++i) many.criteria.push_back(at_most(LoadMetric::Restarts, i));
  const auto seen = observe(one, sound);
  const CriterionFinding alone = judge_load(one, seen).findings[0];
  const CriterionFinding shared = judge_load(many, seen).findings[0];
  EXPECT_GT(alone.low, shared.low);          // what breaks shares the 5 %
  EXPECT_DOUBLE_EQ(alone.high, shared.high);  // each must hold at 95 %
}

TEST(JudgeLoad, ComparesWithStableWhereItIsKnown) {
  api::LoadTestStage stage = stage_of(LoadProfile::Performance, 50, minutes(2));
  api::LoadCriterion criterion;
  criterion.metric = LoadMetric::ResponseTime;
  criterion.quantile = 0.95;
  criterion.margin = 0.2;
  stage.criteria = {criterion};
  const auto slower = [](double factor) {
    return [=](double, double) {
      Behaviour how;
      how.median *= factor;
      return how;
    };
  };
  const LoadResult stable = observe(stage, sound, 7).result;
  const auto verdict_of = [&](double factor) {
    LoadObservation seen = observe(stage, slower(factor));
    seen.stable = stable;
    return judge_load(stage, seen);
  };
  EXPECT_EQ(verdict_of(1.0).verdict, Verdict::Pass) << verdict_of(1.0).message;
  EXPECT_EQ(verdict_of(1.2).verdict, Verdict::Inconclusive) << verdict_of(1.2).message;
  EXPECT_EQ(verdict_of(1.5).verdict, Verdict::Fail);
  EXPECT_THAT(verdict_of(1.5).message, HasSubstr("compared with stable's"));
  EXPECT_NEAR(verdict_of(1.5).findings[0].limit, 1.2 * 0.0386, 0.003);
  const LoadVerdict alone = judge_load(stage, observe(stage, slower(1.5)));
  EXPECT_EQ(alone.verdict, Verdict::Pass);
  EXPECT_THAT(alone.message, HasSubstr("no run of stable"));
  stage.criteria[0].max = 0.010;  // and the limit in seconds counts all the same
  EXPECT_EQ(verdict_of(1.0).verdict, Verdict::Fail);
}

TEST(JudgeLoad, FindsTheRateThatWasNotReached) {
  api::LoadTestStage stage = stage_of(LoadProfile::Performance, 20, seconds(60));
  stage.criteria = {at_least(LoadMetric::Rate, 0.95)};
  const LoadVerdict verdict = judge_load(stage, observe(stage, [](double, double) {
    Behaviour how;
    how.median = 1.2;
    how.reached = 0.8;
    return how;
  }));
  EXPECT_EQ(verdict.verdict, Verdict::Fail) << verdict.message;
}

TEST(JudgeLoad, StressExpectsFailuresBeyondTheKnee) {
  api::LoadTestStage stage = stage_of(LoadProfile::Stress, 100, minutes(6));
  const auto breaks_above = [](double knee) {
    return [=](double, double rate) {
      Behaviour how;
      how.failures = rate > knee ? 0.4 : 0.0;
      return how;
    };
  };
  EXPECT_EQ(judge_load(stage, observe(stage, breaks_above(80))).verdict, Verdict::Pass);
  const LoadVerdict low = judge_load(stage, observe(stage, breaks_above(60)));
  EXPECT_EQ(low.verdict, Verdict::Fail);
  EXPECT_EQ(finding(low, LoadMetric::Knee).verdict, Verdict::Fail);
  EXPECT_THAT(finding(low, LoadMetric::Knee).sentence,
              HasSubstr("held up to 60/s with confidence, broke at 80/s; at least 80/s is asked for: broken"));
}

TEST(JudgeLoad, AKneeBetweenTwoStepsIsUndecided) {
  api::LoadTestStage stage = stage_of(LoadProfile::Stress, 100, minutes(6));
  stage.criteria = {at_least(LoadMetric::Knee, 70), at_most(LoadMetric::Failures, 0.01)};
  const LoadVerdict verdict = judge_load(stage, observe(stage, [](double, double rate) {
    Behaviour how;
    how.failures = rate > 60 ? 0.4 : 0.0;
    return how;
  }));
  EXPECT_EQ(finding(verdict, LoadMetric::Knee).verdict, Verdict::Inconclusive);
}

TEST(JudgeLoad, ARateThatWasNeverAskedForIsUndecided) {
  api::LoadTestStage stage = stage_of(LoadProfile::Stress, 100, minutes(6));
  stage.criteria = {at_least(LoadMetric::Knee, 150), at_least(LoadMetric::RatePerReplica, 60)};
  LoadObservation seen = observe(stage, sound);
  seen.replicas = 2;
  const LoadVerdict verdict = judge_load(stage, seen);
  EXPECT_EQ(verdict.verdict, Verdict::Inconclusive);
  EXPECT_THAT(verdict.findings[0].sentence, HasSubstr("no more than 100/s was asked for"));
  EXPECT_THAT(verdict.findings[1].sentence, HasSubstr("with 2 replicas"));
}

TEST(JudgeLoad, CountsTheRateOfEachReplica) {
  api::LoadTestStage stage = stage_of(LoadProfile::Scalability, 100, minutes(6));
  stage.criteria = {at_least(LoadMetric::RatePerReplica, 40), at_most(LoadMetric::Failures, 0.01)};
  const auto per_replica = [&](double knee) {
    LoadObservation seen = observe(stage, [=](double, double rate) {
      Behaviour how;
      how.failures = rate > knee ? 0.4 : 0.0;
      return how;
    });
    seen.replicas = 2;
    return judge_load(stage, seen).findings[0];
  };
  EXPECT_EQ(per_replica(100).verdict, Verdict::Pass);
  EXPECT_NEAR(per_replica(100).value, 50, 0.5);
  EXPECT_EQ(per_replica(50).verdict, Verdict::Fail);
}

TEST(JudgeLoad, FindsGrowth) {
  const auto stage = stage_of(LoadProfile::Endurance, 20, minutes(10));
  const LoadVerdict slower = judge_load(stage, observe(stage, [](double at, double) {
    Behaviour how;
    how.median *= 1.0 + 0.5 * at / 600.0;
    return how;
  }));
  EXPECT_EQ(finding(slower, LoadMetric::ResponseTimeGrowth).verdict, Verdict::Fail) << slower.message;
  EXPECT_NEAR(finding(slower, LoadMetric::ResponseTimeGrowth).value, 0.5, 0.1);
  LoadObservation leak = observe(stage, sound);
  for (std::size_t i = 0; i < leak.memory.size(); ++i) leak.memory[i].bytes *= 1.0 + 0.005 * static_cast<double>(i);
  const LoadVerdict leaking = judge_load(stage, leak);
  EXPECT_EQ(finding(leaking, LoadMetric::MemoryGrowth).verdict, Verdict::Fail) << leaking.message;
  EXPECT_EQ(finding(leaking, LoadMetric::ResponseTimeGrowth).verdict, Verdict::Pass);
}

TEST(JudgeLoad, WithoutMemoryItsGrowthIsUndecided) {
  const auto stage = stage_of(LoadProfile::Endurance, 20, minutes(10));
  LoadObservation seen = observe(stage, sound);
  for (MemorySample& sample : seen.memory) sample.at += hours(2);  // not under this load
  const LoadVerdict verdict = judge_load(stage, seen);
  EXPECT_EQ(verdict.verdict, Verdict::Inconclusive);
  EXPECT_THAT(verdict.message, HasSubstr("1 of 5 criteria undecided: growth of memory: at least 8 samples"));
}

TEST(JudgeLoad, CountsRestarts) {
  const auto stage = stage_of(LoadProfile::Endurance, 20, minutes(10));
  LoadObservation seen = observe(stage, sound);
  seen.restarts = 1;
  const LoadVerdict verdict = judge_load(stage, seen);
  EXPECT_EQ(verdict.verdict, Verdict::Fail);
  EXPECT_THAT(verdict.message, HasSubstr("restarts: 1; at most 0 is asked for: broken"));
}

TEST(JudgeLoad, WatchesRecovery) {
  const auto stage = stage_of(LoadProfile::Spike, 100, minutes(5));
  const auto ill_for = [&](double seconds_after) {
    return judge_load(stage, observe(stage, [=](double at, double) {
      Behaviour how;
      if (at >= 120 && at < 180 + seconds_after) how.median = 0.8;
      return how;
    }));
  };
  EXPECT_EQ(ill_for(0).verdict, Verdict::Pass) << ill_for(0).message;
  EXPECT_EQ(ill_for(20).verdict, Verdict::Pass) << ill_for(20).message;
  EXPECT_EQ(ill_for(50).verdict, Verdict::Fail) << ill_for(50).message;
  EXPECT_THAT(ill_for(500).message, HasSubstr("not within the 120s that were watched"));
}

struct InvalidCase {
  const char* name;
  std::function<void(LoadResult&)> breaking;
  const char* message;
};
class Invalid : public testing::TestWithParam<InvalidCase> {};

TEST_P(Invalid, NeitherPassesNorFails) {
  const auto stage = stage_of(LoadProfile::Performance, 20, seconds(60));
  for (const bool of_stable : {false, true}) {
    LoadObservation seen = observe(stage, sound);
    seen.restarts = 5;
    if (of_stable) seen.stable = seen.result;
    GetParam().breaking(of_stable ? *seen.stable : seen.result);
    const LoadVerdict verdict = judge_load(stage, seen);
    EXPECT_EQ(verdict.verdict, Verdict::Invalid);
    EXPECT_THAT(verdict.message, HasSubstr(GetParam().message));
    EXPECT_EQ(verdict.message.find("stable's run: ") == 0, of_stable);
  }
}
INSTANTIATE_TEST_SUITE_P(
    Table, Invalid,
    testing::Values(InvalidCase{"lost", [](LoadResult& r) { r.generator.lost_workers = 1; },
                                "1 worker of the generator"},
                    InvalidCase{"saturated",
                                [](LoadResult& r) { r.generator.saturated = true, r.generator.why = "cpu"; },
                                "the generator was saturated: cpu"},
                    InvalidCase{"short", [](LoadResult& r) { r.windows.resize(r.windows.size() / 2); },
                                "the load ended after 30s of 60s"},
                    InvalidCase{"nothing",
                                [](LoadResult& r) {
                                  for (LoadWindow& window : r.windows) window.requests = window.failures = 0;
                                },
                                "no request was made"},
                    InvalidCase{"idle",
                                [](LoadResult& r) {
                                  for (LoadWindow& window : r.windows) window.requests /= 2;
                                },
                                "the generator did not ask for more"}),
    [](const auto& one) { return std::string(one.param.name); });

// Users who wait for slow answers miss their turns, and nobody takes them: that is the candidate's doing.
TEST(JudgeLoad, ARateThatSlowAnswersCostIsNotTheGeneratorsFault) {
  api::LoadTestStage stage = stage_of(LoadProfile::Performance, 40, seconds(20));
  stage.criteria = {at_most(LoadMetric::ResponseTime, 1.0, 0.95), at_least(LoadMetric::Rate, 0.8)};
  LoadObservation seen = observe(stage, sound);
  for (LoadWindow& window : seen.result.windows) {
    const auto asked = static_cast<std::int64_t>(window.requests);
    const std::int64_t slow = asked * 23 / 100;  // 30 % of those that are made; a user's mean is 0.7 * 1 s + 0.3 * 2 s
    window.requests = asked * 77 / 100;
    window.response_times = {{0.02, window.requests - slow}, {2.0, slow}};
  }
  const LoadVerdict verdict = judge_load(stage, seen);
  EXPECT_EQ(verdict.verdict, Verdict::Fail) << verdict.message;
  EXPECT_THAT(verdict.message, HasSubstr("response times"));
}

TEST(JudgeLoad, AJobWithOneWindowIsJudged) {
  api::LoadTestStage stage;
  stage.generator = api::JobGenerator{};
  stage.criteria = {at_most(LoadMetric::ResponseTime, 0.06, 0.95), at_most(LoadMetric::Failures, 0.01)};
  LoadObservation seen;
  seen.result = load_of({{seconds(60), 50}}, 60, sound);
  seen.result.windows[0].asked_rate = seen.result.windows[0].users = 0;
  EXPECT_EQ(judge_load(stage, seen).verdict, Verdict::Pass);
  stage.criteria.push_back(at_least(LoadMetric::Rate, 0.9));
  EXPECT_THAT(judge_load(stage, seen).message, HasSubstr("does not say which rate was asked for"));
}

TEST(JudgeLoad, NothingAtAllIsInvalid) {
  for (const LoadProfile profile : {LoadProfile::Performance, LoadProfile::Stress, LoadProfile::Spike,
                                    LoadProfile::Endurance, LoadProfile::Scalability}) {
    const LoadVerdict verdict = judge_load(stage_of(profile, 10, seconds(10)), {});
    EXPECT_EQ(verdict.verdict, Verdict::Invalid);
    for (const CriterionFinding& one : verdict.findings) EXPECT_FALSE(one.sentence.empty());
  }
}

TEST(LoadReport, FitsIntoAConfigMap) {
  const auto stage = stage_of(LoadProfile::Endurance, 20, minutes(10));
  LoadObservation seen = observe(stage, sound);
  auto report = load_report(stage, seen, judge_load(stage, seen));
  EXPECT_THAT(report, testing::SizeIs(7));
  EXPECT_EQ(*parse_load_result(report["result.json"]), *parse_load_result(format_load_result(seen.result)));
  const auto json = nlohmann::json::parse(report["report.json"]);
  EXPECT_EQ(json.at("verdict"), "Pass");
  EXPECT_EQ(json.at("profile"), "Endurance");
  EXPECT_EQ(json.at("criteria").size(), 5U);
  EXPECT_EQ(json.at("criteria")[0].at("max"), 0.01);
  for (LoadWindow& window : seen.result.windows) {
    for (int i = 0; i < 800; ++i) window.response_times.push_back({10.0 + i * 1.2345678, 1});
    window.requests += 800;
  }
  std::size_t size = 0;
  report = load_report(stage, seen, judge_load(stage, seen));
  for (const auto& [name, text] : report) size += name.size() + text.size();
  EXPECT_LT(size, 1'000'000U);
}

}  // namespace
}  // namespace sluice::loadtest
