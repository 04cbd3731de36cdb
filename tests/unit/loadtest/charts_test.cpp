#include "loadtest/load_charts.h"

#include <gmock/gmock.h>

#include <limits>

#include "loads.h"
#include "loadtest/chart.h"
#include "loadtest/load_profile.h"

namespace sluice::loadtest {
namespace {

using testing::HasSubstr;
using testing::Not;

LoadResult stressed(const api::LoadTestStage& stage, double window) {
  return load_of(load_steps(stage), window, [](double, double rate) {
    Behaviour how;
    how.median = rate > 70 ? 0.4 : 0.02;
    how.failures = rate > 70 ? 0.2 : 0.0;
    return how;
  });
}

TEST(LoadCharts, AreFiveSmallPictures) {
  const auto stage = stage_of(api::LoadProfile::Stress, 90, minutes(4));
  const auto charts = load_charts(stage, stressed(stage, 1));
  ASSERT_EQ(charts.size(), 5U);
  for (const auto& [name, svg] : charts) {
    EXPECT_THAT(name, testing::EndsWith(".svg"));
    EXPECT_LT(svg.size(), 60'000U) << name;
    EXPECT_THAT(svg, testing::StartsWith("<svg xmlns='http://www.w3.org/2000/svg'"));
    EXPECT_THAT(svg, testing::EndsWith("</svg>\n"));
    EXPECT_THAT(svg, HasSubstr("class='title'"));
    EXPECT_THAT(svg, Not(testing::AnyOf(HasSubstr("nan"), HasSubstr("inf"), HasSubstr("<script"))));
  }
  EXPECT_EQ(charts, load_charts(stage, stressed(stage, 1)));
}

TEST(LoadCharts, SayWhatTheyShow) {
  const auto stage = stage_of(api::LoadProfile::Stress, 90, minutes(10));
  const auto charts = load_charts(stage, stressed(stage, 5));
  EXPECT_THAT(charts[0].second, testing::AllOf(HasSubstr("asked for"), HasSubstr("minutes since the start"),
                                               HasSubstr("Stress load test")));
  EXPECT_THAT(charts[1].second, testing::AllOf(HasSubstr("milliseconds"), HasSubstr("limit of 95%: 500ms")));
  EXPECT_THAT(charts[2].second, HasSubstr("% of the requests"));
  EXPECT_THAT(charts[4].second, HasSubstr("95% within"));
}

TEST(LoadCharts, StandWhateverTheResult) {
  const auto stage = stage_of(api::LoadProfile::Performance, 20, seconds(60));
  LoadResult result;
  EXPECT_EQ(load_charts(stage, result).size(), 5U);
  result.windows.push_back({Duration(0), seconds(60), 0, 0, 0, 0, {}});
  EXPECT_EQ(load_charts(stage, result).size(), 5U);
  result.windows[0].response_times = {{0.0, 1}, {99'999'999.0, 1}};
  result.windows[0].requests = 1'000'000'000'000;
  for (const auto& [name, svg] : load_charts(stage, result)) {
    EXPECT_LT(svg.size(), 60'000U) << name;
    EXPECT_THAT(svg, Not(HasSubstr("nan"))) << name;
  }
}

TEST(Draw, EscapesTextAndLeavesOutWhatIsNotFinite) {
  Chart chart;
  chart.title = "<b> & 'c'";
  const double nan = std::numeric_limits<double>::quiet_NaN();
  chart.series = {{"s", "#123456", {{0, 0}, {0.5, nan}, {nan, 0.5}, {1, 1}}}};
  const std::string svg = draw(chart);
  EXPECT_THAT(svg, HasSubstr("&lt;b&gt; &amp; &#39;c&#39;"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace sluice::loadtest
