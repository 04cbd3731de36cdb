#include "forecast/summary.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "forecast/evidence_plot.h"
#include "scenarios.h"

namespace sluice::forecast {
namespace {

TEST(Times, AreThoseOfTheFirstCrossing) {
  const Times times = times_of({3, 1, 2, 5, 4, 6, 7, 8, 9, 10}, 10);
  EXPECT_EQ(times.share, 1.0);
  EXPECT_EQ(times.median, 5.0);
  EXPECT_EQ(times.p90, 9.0);
  EXPECT_EQ(times.mean, 5.5);
}

TEST(Times, RunsThatNeverCrossedCountAsLongerThanTheHorizon) {
  const Times half = times_of({1, 2, 3, 0, 0, 0}, 10);
  EXPECT_EQ(half.share, 0.5);
  EXPECT_EQ(half.median, 3.0);
  EXPECT_EQ(half.p90, std::nullopt);
  EXPECT_EQ(half.mean, 6.0);  // (1 + 2 + 3 + 10 + 10 + 10) / 6
  const Times few = times_of({1, 0, 0}, 10);
  EXPECT_EQ(few.median, std::nullopt);
  EXPECT_EQ(few.mean, std::nullopt);
}

std::vector<RunResult> four_runs() {
  std::vector<RunResult> runs(4);
  runs[0].rolled_back = 1;
  runs[0].ending = Ending::RolledBack;
  runs[0].ended = 1;
  runs[1].promoted = 20;
  runs[1].rolled_back = 30;
  runs[1].ending = Ending::Promoted;
  runs[1].ended = 21;
  runs[2].promoted = 30;
  runs[2].ending = Ending::Promoted;
  runs[2].ended = 31;
  return runs;
}

TEST(Summary, HasTheShapeThatIsPromised) {
  Scenario s = scenario();
  set_looks(s, 40);
  s.runs = 4;
  const auto json = to_json(s, summarise(s, four_runs()));
  EXPECT_EQ(json["rolledBack"]["1"], 0.25);
  EXPECT_EQ(json["rolledBack"]["20"], 0.25);
  EXPECT_TRUE(json["rolledBack"]["50"].is_null());
  EXPECT_TRUE(json["rolledBack"]["100"].is_null());
  EXPECT_EQ(json["rolledBack"]["40"], 0.5);
  EXPECT_EQ(json["promoted"]["20"], 0.25);
  EXPECT_EQ(json["promoteLooks"]["median"], 30.0);
  EXPECT_TRUE(json["promoteLooks"]["p90"].is_null());
  EXPECT_EQ(json["rollBackLooks"]["median"], 30.0);
  EXPECT_EQ(json["outcome"]["rolledBack"], 0.25);
  EXPECT_EQ(json["outcome"]["promoted"], 0.5);
  EXPECT_EQ(json["outcome"]["inconclusive"], 0.25);
  EXPECT_TRUE(json["oracleLooks"].is_null());
  EXPECT_EQ(json["runs"], 4);
  EXPECT_EQ(json["seed"], 7);
}

TEST(Summary, TheOracleIsThatOfHarmWhenThereIsAny) {
  Scenario s = scenario(0.01, 1.2);
  s.questions.oracle = true;
  auto runs = four_runs();
  for (RunResult& run : runs) {
    run.rolled_back = 12;
    run.oracle_rolls_back = 10;
    run.oracle_promotes = 3;
  }
  const Summary summary = summarise(s, runs);
  EXPECT_NEAR(*price_of_ignorance(summary), 1.2, 1e-12);
  const auto json = to_json(s, summary);
  EXPECT_EQ(json["oracleLooks"]["mean"], 10.0);
  EXPECT_EQ(json["oracleLooks"]["of"], "rollBack");
  EXPECT_EQ(json["oracleLooks"]["promote"]["mean"], 3.0);
}

TEST(EvidencePlot, ShowsThreeCandidatesAndIsTheSameEveryTime) {
  Scenario s = scenario(0.01, 3.0);
  set_looks(s, 12);
  const std::string plot = evidence_plot(s, 1);
  EXPECT_EQ(plot, evidence_plot(s, 2));
  EXPECT_TRUE(plot.starts_with("<svg "));
  EXPECT_TRUE(plot.ends_with("</svg>\n"));
  EXPECT_NE(plot.find("bad: 3 times"), std::string::npos);
  EXPECT_NE(plot.find("roll back at 20"), std::string::npos);
  std::size_t curves = 0;
  for (auto at = plot.find("<polyline"); at != std::string::npos; at = plot.find("<polyline", at + 1)) ++curves;
  EXPECT_EQ(curves, 6U);
  for (const char* not_a_number : {"nan", "inf,", ",inf"}) {
    EXPECT_EQ(plot.find(not_a_number), std::string::npos) << not_a_number;
  }
}

TEST(EvidencePlot, ItsPathsAreThoseOfTheEngine) {
  Scenario s = scenario(0.01, 3.0);
  s.runs = 20;
  set_looks(s, 30);
  const auto results = simulate(s);
  for (std::uint64_t run = 0; run < 20; ++run) {
    const EvidencePath path = evidence_path(s, run);
    const int crossed = results[run].rolled_back;
    ASSERT_GT(crossed, 0);
    EXPECT_GE(path.harm[static_cast<std::size_t>(crossed - 1)], s.thresholds.harm);
  }
}

}  // namespace
}  // namespace sluice::forecast
