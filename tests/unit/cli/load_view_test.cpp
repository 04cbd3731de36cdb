#include "cli/load_view.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

namespace sluice::cli {
namespace {

using api::LoadMetric;
using api::Verdict;
using testing::ContainsRegex;
using testing::HasSubstr;

loadtest::CriterionFinding finding(LoadMetric metric, Verdict verdict, double value, double low, double high) {
  loadtest::CriterionFinding out;
  out.criterion.metric = metric;
  out.criterion.max = out.limit = 0.3;
  out.verdict = verdict;
  out.value = value;
  out.low = low;
  out.high = high;
  return out;
}

TEST(LoadView, HasARowForEachCriterion) {
  api::LoadTestStage stage;
  stage.profile = api::LoadProfile::Spike;
  loadtest::LoadObservation seen;
  seen.result.generator.tool = "locust 2.47.0";
  seen.result.windows = {{Duration(0), seconds(90), 10, 10, 900, 3, {}}};
  seen.result.errors = {{"HTTP 503", 3}};
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const loadtest::LoadVerdict verdict{
      Verdict::Fail,
      "1 of 3 criteria broken",
      {finding(LoadMetric::ResponseTime, Verdict::Fail, 0.42, 0.4, infinity),
       finding(LoadMetric::Failures, Verdict::Pass, 0.0033, 0.001, 0.01),
       finding(LoadMetric::MemoryGrowth, Verdict::Inconclusive, std::nan(""), -infinity, infinity)}};
  const std::string view = load_view(stage, seen, verdict, false);
  EXPECT_THAT(view, HasSubstr("Spike load test by locust 2.47.0: 900 requests in 1m 30s, 3 failed\n"));
  EXPECT_THAT(view, ContainsRegex("95% of response times +420ms +at least 400ms +≤ 300ms +broken\n"));
  EXPECT_THAT(view, ContainsRegex("failures +0.33% +0.1% to 1% +≤ 30% +held\n"));
  EXPECT_THAT(view, ContainsRegex("growth of memory +not known +≤ .30% +undecided\n"));
  EXPECT_THAT(view, HasSubstr("3 times: HTTP 503\n"));
  EXPECT_THAT(view, testing::EndsWith("Fail: 1 of 3 criteria broken\n"));
}

TEST(LoadView, InvalidSaysWhy) {
  const std::string view = load_view({}, {}, {Verdict::Invalid, "no request was made", {}}, false);
  EXPECT_THAT(view, testing::EndsWith("Invalid: no request was made\n"));
}

}  // namespace
}  // namespace sluice::cli
