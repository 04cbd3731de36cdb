#include "metrics/collector.h"

#include <gtest/gtest.h>

#include <regex>

#include <cmath>

#include "support/virtual_clock.h"
#include "unit/metrics/memory_source.h"

namespace sluice::metrics {
namespace {

Labels pod(const std::string& name, Labels more = {}) {
  more.emplace("pod", name);
  return more;
}

// A counter that rises by `rate` a second, scraped each 5 s over 1000 s.
Series steady(const Labels& labels, double rate) {
  std::vector<Plain> samples;
  for (int t = 0; t <= 1000; t += 5) samples.push_back({static_cast<double>(t), rate * t});
  return series(labels, samples);
}

class Collector : public testing::Test {
 protected:
  Collector() {
    source.put("stable total", {steady(pod("s1"), 9), steady(pod("s2"), 1)});
    source.put("stable errors", {steady(pod("s1", {{"code", "500"}}), 0.2)});
    source.put("candidate total", {steady(pod("c1"), 2)});
    look.prometheus_address = "http://prometheus";
    look.metrics = {{"errors", CounterQuery{"stable errors", "stable total"},
                     CounterQuery{"candidate errors", "candidate total"}}};
    look.from = at(900);
    look.to = at(930);
  }
  LookResult run(std::stop_token stop = {}) { return take(look, source, clock, stop, options); }

  MemorySource source;
  test::VirtualClock clock;
  CollectOptions options;
  Look look;
};

TEST_F(Collector, AMeanMayBeAboveOneAndItsSumIsNotCut) {
  look.metrics = {{"reward", MeanQuery{"stable errors", "stable total"}, MeanQuery{"candidate sum", "candidate total"}}};
  source.put("candidate sum", {steady(pod("c1"), 7)});
  const auto result = run();
  ASSERT_FALSE(result.error);
  EXPECT_EQ(result.metrics[0].candidate, (Counts{210, 60}));
  EXPECT_EQ(result.metrics[0].stable.total, 300);
  EXPECT_EQ(result.metrics[0].detail, "");
  look.metrics = {{"reward", MeanQuery{"stable errors", ""}, MeanQuery{"candidate sum", "candidate total"}}};
  EXPECT_EQ(run().error->code, ErrorCode::Invalid);
}

TEST_F(Collector, ReadsBothArms) {
  const auto result = run();
  ASSERT_FALSE(result.error);
  EXPECT_EQ(result.look, look);
  ASSERT_EQ(result.metrics.size(), 1u);
  const MetricReading& reading = result.metrics[0];
  EXPECT_EQ(reading.name, "errors");
  EXPECT_EQ(reading.stable.total, 300);
  EXPECT_NEAR(reading.stable.events, 6, 1e-9);
  EXPECT_EQ(reading.candidate, (Counts{0, 60})) << "no errors series: no errors";
  EXPECT_EQ(reading.gap, std::nullopt);
  EXPECT_EQ(reading.detail, "");
  EXPECT_EQ(reading.newest_sample, at(930));
  EXPECT_EQ(source.selectors(), (std::vector<std::string>{"stable total", "stable errors", "candidate total",
                                                          "candidate errors"}));
  for (const auto& question : source.asked()) {
    EXPECT_EQ(question.end, at(930));
    EXPECT_GE(question.window, seconds(30) + options.lookback);
  }
}

TEST_F(Collector, AsksTheSameThingOnce) {
  look.metrics.push_back(look.metrics[0]);
  look.metrics[1].name = "others";
  EXPECT_EQ(run().metrics[1].stable.total, 300);
  EXPECT_EQ(source.asked().size(), 4u);
}

TEST_F(Collector, AGapOfOneArmDropsBoth) {
  source.put("candidate total", {});
  auto reading = run().metrics.at(0);
  EXPECT_EQ(reading.gap, Gap::NoData);
  EXPECT_EQ(reading.detail, "candidate: no samples");
  EXPECT_EQ(reading.stable, Counts{});
  EXPECT_EQ(reading.newest_sample, std::nullopt);

  source.put("candidate total", {steady(pod("c1"), 2), series(pod("c2"), {{915, 3}, {920, 4}, {930, 5}})});
  reading = run().metrics.at(0);
  EXPECT_EQ(reading.gap, Gap::TargetsChanged);
  EXPECT_EQ(reading.detail, "candidate: c2 appeared");
  EXPECT_EQ(reading.newest_sample, at(930));
}

TEST_F(Collector, NewestSampleIsOfTheOlderArm) {
  source.put("candidate total", {series(pod("c1"), {{890, 1}, {900, 2}, {910, 3}, {920, 4}})});
  EXPECT_EQ(run().metrics.at(0).newest_sample, at(920));
}

TEST_F(Collector, OneFailingQueryFailsTheLook) {
  look.metrics.push_back({"latency", HistogramQuery{"buckets", {0.25}}, HistogramQuery{"buckets", {0.25}}});
  source.fail("candidate errors", {ErrorCode::TooManyRequests, "slow down", seconds(3)});
  const auto result = run();
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->code, ErrorCode::TooManyRequests);
  EXPECT_EQ(result.error->message, "metric errors: slow down");
  EXPECT_EQ(result.error->retry_after, seconds(3));
  EXPECT_TRUE(result.metrics.empty());
}

TEST_F(Collector, TheDeadlineIsForAllQueriesTogether) {
  source.on_question([&](const std::string&) { clock.advance(seconds(4)); });
  const auto result = run();
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->code, ErrorCode::Timeout);
  ASSERT_EQ(source.asked().size(), 3u);
  EXPECT_EQ(source.asked()[0].deadline, seconds(10));
  EXPECT_EQ(source.asked()[2].deadline, seconds(2));
}

TEST_F(Collector, StopsWhenAsked) {
  std::stop_source stop;
  source.on_question([&](const std::string&) { stop.request_stop(); });
  EXPECT_EQ(run(stop.get_token()).error->code, ErrorCode::Cancelled);
  EXPECT_EQ(source.asked().size(), 1u);
}

TEST_F(Collector, RefusesLooksWithoutSense) {
  look.to = look.from;
  EXPECT_EQ(run().error->code, ErrorCode::Invalid);
  look.to = at(930);
  look.past = -1;
  EXPECT_EQ(run().error->code, ErrorCode::Invalid);
  look.past = 0;
  look.metrics[0].stable = CounterQuery{"stable errors", ""};
  EXPECT_EQ(run().error->code, ErrorCode::Invalid);
  look.metrics[0].stable = HistogramQuery{"", {1}};
  EXPECT_EQ(run().error->code, ErrorCode::Invalid);
  look.metrics.clear();
  EXPECT_FALSE(run().error);
}

// --- the past
// -----------------------------------------------------------------------------------------------

TEST_F(Collector, ThePastIsReadByOneQueryASelector) {
  look.past = 20;
  const auto result = run();
  ASSERT_FALSE(result.error);
  const MetricReading& reading = result.metrics.at(0);
  ASSERT_EQ(reading.past.size(), 20u);
  for (const Counts& block : reading.past) EXPECT_EQ(block.total, 300);
  EXPECT_EQ(reading.stable, Counts{});
  EXPECT_EQ(source.selectors(), (std::vector<std::string>{"stable total", "stable errors"}));
  EXPECT_GE(source.asked()[0].window, 20 * seconds(30) + options.lookback);
}

TEST_F(Collector, ThePastIsAlsoCountedByPod) {
  look.past = 20;
  const MetricReading reading = run().metrics.at(0);
  ASSERT_EQ(reading.pods.size(), 2u);
  EXPECT_EQ(reading.pods[0].total, 20 * 30 * 9);
  EXPECT_NEAR(reading.pods[0].events, 20 * 30 * 0.2, 1e-9);
  EXPECT_EQ(reading.pods[1], (Counts{0, 20 * 30 * 1}));
  look.past = 0;
  EXPECT_TRUE(run().metrics.at(0).pods.empty());
}

// A pod that came during the past counts from its first whole block on, whatever that does to the block's sum.
TEST_F(Collector, APodThatCameLateCountsFromItsFirstWholeBlock) {
  std::vector<Plain> samples;
  for (int t = 800; t <= 930; t += 5) samples.push_back({static_cast<double>(t), 100.0 + t});
  source.put("stable total", {steady(pod("s1"), 9), series(pod("s2"), samples)});
  look.past = 6;  // from 750 on; s2 appears within the block that ends at 810
  const MetricReading reading = run().metrics.at(0);
  ASSERT_EQ(reading.pods.size(), 2u);
  EXPECT_EQ(reading.pods[0].total, 6 * 30 * 9);
  EXPECT_EQ(reading.pods[1].total, 4 * 30);
}

TEST_F(Collector, APastWithGapsKeepsItsPlaces) {
  // Scraped from second 800 on: the blocks before have no data, the one in which it appears is dropped.
  std::vector<Plain> samples;
  for (int t = 800; t <= 930; t += 5) samples.push_back({static_cast<double>(t), 100.0 + t});
  source.put("stable total", {series(pod("s1"), samples)});
  source.put("stable errors", {});
  look.past = 6;  // from 750 on
  const auto reading = run().metrics.at(0);
  EXPECT_EQ(reading.past, (std::vector<Counts>{{}, {}, {0, 30}, {0, 30}, {0, 30}, {0, 30}}));
  EXPECT_EQ(reading.gap, std::nullopt);

  source.put("stable total", {});
  const auto none = run().metrics.at(0);
  EXPECT_TRUE(none.past.empty());
  EXPECT_EQ(none.gap, Gap::NoData);
  EXPECT_EQ(none.detail, "stable: no samples");
}

// --- histograms
// ---------------------------------------------------------------------------------------------

// The regular expression of the matcher that with_edges adds; everything without one.
std::regex edges_asked_for(std::string_view selector) {
  const std::size_t start = selector.find("le=~");
  if (start == std::string_view::npos) return std::regex(".*");
  std::string out;
  for (std::size_t i = start + 5; i < selector.rfind('"'); ++i) {
    if (selector[i] == '\\') ++i;
    out += selector[i];
  }
  return std::regex(out);
}

class BucketSource final : public SampleSource {
 public:
  explicit BucketSource(std::vector<std::string> edges) : edges_(std::move(edges)) {}
  int asked = 0;

  Result<Matrix> samples(std::string_view selector, Time, Duration, Duration, std::stop_token) override {
    ++asked;
    const std::regex wanted = edges_asked_for(selector);
    Matrix out;
    double share = 0;
    for (const std::string& le : edges_) {
      share = le == "+Inf" ? 1 : share + 0.1;
      if (!std::regex_match(le, wanted)) continue;
      out.push_back(steady(pod("p", {{"le", le}}), 10 * share));
    }
    return out;
  }

 private:
  std::vector<std::string> edges_;
};

TEST_F(Collector, AHistogramReadsOnlyTheBucketsItNeeds) {
  look.metrics = {{"latency", HistogramQuery{"b{a=\"1\"}", {0.25}}, HistogramQuery{"b{a=\"1\"}", {0.25}}}};
  BucketSource usual({"0.1", "0.25", "+Inf"});
  auto reading = take(look, usual, clock, {}).metrics.at(0);
  EXPECT_EQ(reading.gap, std::nullopt) << reading.detail;
  EXPECT_NEAR(reading.candidate.events, 240, 1e-9);
  EXPECT_NEAR(reading.candidate.total, 300, 1e-9);
  EXPECT_EQ(usual.asked, 1);

  look.past = 4;
  const auto past = take(look, usual, clock, {}).metrics.at(0);
  ASSERT_EQ(past.pods.size(), 1u);
  EXPECT_NEAR(past.pods[0].events, 4 * 240, 1e-9);
  EXPECT_NEAR(past.pods[0].total, 4 * 300, 1e-9);
  look.past = 0;

  BucketSource unusual({"0.1", "+25.0e-2", "+Inf"});
  reading = take(look, unusual, clock, {}).metrics.at(0);
  EXPECT_EQ(reading.gap, std::nullopt) << reading.detail;
  EXPECT_NEAR(reading.candidate.events, 240, 1e-9);

  BucketSource missing({"0.1", "0.5", "+Inf"});
  reading = take(look, missing, clock, {}).metrics.at(0);
  EXPECT_EQ(reading.gap, Gap::EdgeMissing);
  EXPECT_EQ(reading.detail, "0.1, 0.5, +Inf");
}

TEST_F(Collector, ADistributionIsReadAtEachOfItsEdges) {
  look.metrics = {{"latency", HistogramQuery{"b", {0.1, 0.5}}, HistogramQuery{"b", {0.1, 0.5}}}};
  BucketSource three({"0.1", "0.25", "0.5", "+Inf"});
  const auto reading = take(look, three, clock, {}).metrics.at(0);
  EXPECT_EQ(reading.gap, std::nullopt) << reading.detail;
  EXPECT_EQ(three.asked, 1) << "one query for all edges";
  ASSERT_EQ(reading.edges.size(), 2u);
  EXPECT_EQ(reading.edges[0].edge, 0.1);
  EXPECT_NEAR(reading.edges[0].stable.events, 270, 1e-9);
  EXPECT_NEAR(reading.edges[1].candidate.events, 210, 1e-9);
  EXPECT_NEAR(reading.edges[1].candidate.total, 300, 1e-9);
  EXPECT_EQ(reading.stable, reading.edges[0].stable) << "the first one stands for the metric";

  BucketSource missing({"0.1", "0.25", "+Inf"});
  const auto gap = take(look, missing, clock, {}).metrics.at(0);
  EXPECT_EQ(gap.gap, Gap::EdgeMissing);
  EXPECT_TRUE(gap.edges.empty());
}

TEST_F(Collector, WithoutEdgesAllThatStableHasAreRead) {
  look.metrics = {{"latency", HistogramQuery{"b", {}}, HistogramQuery{"b", {}}}};
  BucketSource four({"0", "0.1", "0.25", "+Inf"});
  const auto reading = take(look, four, clock, {}).metrics.at(0);
  EXPECT_EQ(reading.gap, std::nullopt) << reading.detail;
  ASSERT_EQ(reading.edges.size(), 2u) << "0 and +Inf tell nothing";
  EXPECT_NEAR(reading.edges[1].stable.events, 210, 1e-9);

  look.past = 4;
  const auto past = take(look, four, clock, {}).metrics.at(0);
  ASSERT_EQ(past.edges.size(), 2u);
  ASSERT_EQ(past.edges[1].past.size(), 4u);
  EXPECT_NEAR(past.edges[1].past[3].events, 210, 1e-9);
  EXPECT_EQ(past.past, past.edges[0].past);

  BucketSource nothing({"+Inf"});
  look.past = 0;
  EXPECT_EQ(take(look, nothing, clock, {}).metrics.at(0).gap, Gap::EdgeMissing);
}

}  // namespace
}  // namespace sluice::metrics
