#include "metrics/counter.h"

#include <gtest/gtest.h>

#include <cmath>

#include "unit/metrics/memory_source.h"

namespace sluice::metrics {
namespace {

constexpr Duration kLookback = minutes(3);

Labels pod(const std::string& name, Labels more = {}) {
  more.emplace("job", "digits");
  more.emplace("instance", name + ":8080");
  more.emplace("pod", name);
  return more;
}
Series ok(const std::string& name, const std::vector<Plain>& samples) {
  return series(pod(name, {{"code", "200"}}), samples);
}
Series bad(const std::string& name, const std::vector<Plain>& samples) {
  return series(pod(name, {{"code", "500"}}), samples);
}

// Reads (60, 120] of scrapes that come every 15 s.
ArmReading block(const Matrix& total, const Matrix& events = {}) {
  return ArmSamples::of_counter(total, events).read(at(60), at(120), kLookback);
}

const std::vector<Plain> kSteady = {{31, 70},  {46, 80},   {59, 90},  {74, 100},
                                    {89, 110}, {104, 120}, {119, 130}};

TEST(Counter, CountsBetweenTheLastScrapesBeforeTheBoundaries) {
  const auto reading = block({ok("a", kSteady)});
  EXPECT_EQ(reading.gap, std::nullopt) << reading.detail;
  EXPECT_EQ(reading.counts, (Counts{0, 40}));
  EXPECT_EQ(reading.newest_sample, at(119));
}

TEST(Counter, BoundaryBelongsToTheBlockThatItEnds) {
  const Matrix total = {ok("a", {{45, 1}, {60, 3}, {75, 7}, {90, 15}, {105, 31}, {120, 63}, {135, 127}})};
  const auto arm = ArmSamples::of_counter(total, {});
  EXPECT_EQ(arm.read(at(60), at(120), kLookback).counts.total, 60);
  EXPECT_EQ(arm.read(at(60), at(90), kLookback).counts.total, 12);
  EXPECT_EQ(arm.read(at(90), at(120), kLookback).counts.total, 48);
}

TEST(Counter, ResetCountsTheNewValue) {
  const auto reading = block({ok("a", {{45, 990}, {59, 1000}, {74, 1010}, {89, 4}, {104, 9}, {119, 2}})});
  EXPECT_EQ(reading.gap, std::nullopt);
  EXPECT_EQ(reading.counts.total, 10 + 4 + 5 + 2);
}

TEST(Counter, FirstErrorsOfAPodCreateTheirSeries) {
  const Matrix errors = {bad("a", {{104, 3}, {119, 5}})};
  const auto reading = block({ok("a", kSteady), errors[0]}, errors);
  EXPECT_EQ(reading.gap, std::nullopt) << reading.detail;
  EXPECT_EQ(reading.counts, (Counts{5, 45}));
}

TEST(Counter, ASeriesSeenBeforeIsNotNew) {
  // Absent at the boundary's scrape, but known from before: only its rise counts.
  const Matrix errors = {bad("a", {{31, 7}, {104, 9}, {119, 9}})};
  EXPECT_EQ(block({ok("a", kSteady), errors[0]}, errors).counts, (Counts{2, 42}));
  // Beyond the lookback it is unknown, in whatever window it was read.
  const auto arm = ArmSamples::of_counter({ok("a", kSteady)}, {bad("a", {{31, 7}, {104, 9}})});
  EXPECT_EQ(arm.read(at(60), at(120), seconds(20)).counts.events, 9);
}

TEST(Counter, NoEventsSeriesIsGoodNews) {
  const auto reading = block({ok("a", kSteady)}, {});
  EXPECT_EQ(reading.gap, std::nullopt);
  EXPECT_EQ(reading.counts, (Counts{0, 40}));
}

TEST(Counter, NumeratorAndDenominatorAreReadAtTheSameScrapes) {
  // The events' query saw one scrape more, and one that `total` has not: neither may count.
  const Matrix total = {ok("a", {{45, 80}, {59, 90}, {74, 100}, {89, 110}, {104, 120}})};
  const Matrix errors = {bad("a", {{45, 1}, {59, 1}, {74, 2}, {89, 3}, {104, 4}, {119, 50}})};
  EXPECT_EQ(block(total, errors).counts, (Counts{3, 30}));
}

TEST(Counter, AppearedPodDropsTheBlock) {
  const auto reading = block({ok("a", kSteady), ok("b", {{89, 5}, {104, 6}, {119, 7}})});
  EXPECT_EQ(reading.gap, Gap::TargetsChanged);
  EXPECT_EQ(reading.detail, "b appeared");
  EXPECT_EQ(reading.counts, Counts{});
}

TEST(Counter, PodThatAppearsAtZeroIsIgnored) {
  const auto reading = block({ok("a", kSteady), ok("b", {{89, 0}, {104, 0}, {119, 0}})});
  EXPECT_EQ(reading.gap, std::nullopt) << reading.detail;
  EXPECT_EQ(reading.counts.total, 40);
}

TEST(Counter, VanishedPodDropsTheBlock) {
  const auto reading = block({ok("a", kSteady), ok("b", {{45, 1}, {59, 5}, {64, 6}})});
  EXPECT_EQ(reading.gap, Gap::TargetsChanged);
  EXPECT_EQ(reading.detail, "b vanished");
  EXPECT_EQ(block({ok("a", kSteady), ok("b", {{45, 5}, {59, 5}, {64, 5}})}).counts.total, 40)
      << "it was idle";
  EXPECT_EQ(block({ok("a", kSteady), ok("b", {{20, 1}, {31, 5}})}).gap, std::nullopt) << "gone before";
  EXPECT_EQ(block({ok("a", kSteady), ok("b", {{62, 1}, {70, 5}})}).detail, "b came and went");
}

TEST(Counter, RelabelledPodDropsTheBlock) {
  // The same pod under new labels: its whole count must not pass for new requests.
  Series before = ok("a", {{45, 5000}, {59, 5010}, {74, 5020}});
  Series after = ok("a", {{89, 5030}, {104, 5040}, {119, 5050}});
  after.labels["team"] = "vision";
  const auto reading = block({before, after});
  EXPECT_EQ(reading.gap, Gap::TargetsChanged);
  EXPECT_EQ(reading.detail, "a all its series were replaced");
  EXPECT_EQ(ArmSamples::of_counter({before, after}, {}).read(at(89), at(120), kLookback).counts.total, 20)
      << "the next block is good again";
}

TEST(Counter, MissedScrapesLoseNothing) {
  const Matrix total = {
      ok("a", {{0, 10}, {15, 20}, {30, 30}, {45, 40}, {90, 70}, {105, 80}, {150, 110}, {165, 120}})};
  const auto arm = ArmSamples::of_counter(total, {});
  const auto first = arm.read(at(60), at(120), kLookback);
  const auto second = arm.read(at(120), at(180), kLookback);
  EXPECT_EQ(first.gap, std::nullopt);
  EXPECT_EQ(first.counts.total, 40);
  EXPECT_EQ(second.counts.total, 40);
}

TEST(Counter, StaleAndNoData) {
  EXPECT_EQ(block({}).gap, Gap::NoData);
  EXPECT_EQ(block({}, {bad("a", {{74, 1}})}).gap, Gap::NoData) << "events without total say nothing";
  EXPECT_EQ(block({ok("a", {{74, NAN}, {89, INFINITY}, {104, -1}})}).gap, Gap::NoData);
  const auto stale = block({ok("a", {{20, 1}, {35, 2}, {50, 3}})});
  EXPECT_EQ(stale.gap, Gap::Stale);
  EXPECT_EQ(stale.newest_sample, at(50));
  EXPECT_NE(stale.detail.find("1m 10s older"), std::string::npos) << stale.detail;
  EXPECT_EQ(block({ok("a", {{130, 1}, {145, 2}})}).gap, Gap::NoData)
      << "what comes after the block is no data of it";
}

TEST(Counter, UncoveredEventsDropTheBlock) {
  const auto reading = block({ok("a", kSteady)}, {bad("proxy", {{74, 0}, {89, 2}})});
  EXPECT_EQ(reading.gap, Gap::TargetsChanged);
  EXPECT_NE(reading.detail.find("proxy"), std::string::npos);
  EXPECT_EQ(block({ok("a", kSteady)}, {bad("proxy", {{45, 2}, {89, 2}})}).gap, std::nullopt);
}

TEST(Counter, EventsNeverExceedTotal) {
  const auto reading = block({ok("a", kSteady)}, {bad("a", {{59, 0}, {119, 500}})});
  EXPECT_EQ(reading.counts, (Counts{40, 40}));
  EXPECT_FALSE(reading.detail.empty());
}

TEST(Counter, OddSamples) {
  // Out of order, twice, NaN in between (a staleness marker of other stores), and the same series in two
  // parts.
  const auto reading = block({ok("a", {{119, 130}, {59, 90}, {89, 110}, {89, 110}, {45, 80}, {95, NAN}}),
                              ok("a", {{74, 100}, {104, 120}, {59, 89}})});
  EXPECT_EQ(reading.gap, std::nullopt) << reading.detail;
  EXPECT_EQ(reading.counts.total, 40);
}

TEST(Counter, SeriesWithoutTargetLabelsAreOneTarget) {
  const auto reading =
      block({series({{"code", "200"}}, kSteady), series({{"code", "404"}}, {{104, 2}, {119, 3}})});
  EXPECT_EQ(reading.counts.total, 43);
}

TEST(Counter, OneSampleAtEachEndIsEnough) {
  EXPECT_EQ(block({ok("a", {{58, 10}, {118, 25}})}).counts.total, 15);
}

// --- histograms
// ---------------------------------------------------------------------------------------------

Series bucket(const std::string& name, const std::string& le, const std::vector<Plain>& samples) {
  return series(pod(name, {{"le", le}}), samples);
}
ArmReading histogram(const Matrix& buckets, double edge) {
  return ArmSamples::of_histogram(buckets, edge).read(at(60), at(120), kLookback);
}

TEST(Histogram, CountsWhatIsAboveTheEdge) {
  const Matrix buckets = {bucket("a", "0.1", {{59, 10}, {89, 20}, {119, 30}}),
                          bucket("a", "0.25", {{59, 50}, {89, 90}, {119, 140}}),
                          bucket("a", "+Inf", {{59, 60}, {89, 105}, {119, 160}})};
  EXPECT_EQ(histogram(buckets, 0.25).counts, (Counts{10, 100}));
  EXPECT_EQ(histogram(buckets, 0.1).counts, (Counts{80, 100}));
}

TEST(Histogram, EdgesAreNumbers) {
  for (const auto& [text, edge] : std::vector<std::pair<std::string, double>>{
           {"0.250", 0.25}, {"1.0", 1}, {"1", 1.0}, {"2.5e-01", 0.25}, {"0.3", 0.1 + 0.2}, {"+2.5", 2.5}}) {
    const Matrix buckets = {bucket("a", text, {{59, 1}, {119, 4}}), bucket("a", "+Inf", {{59, 1}, {119, 6}})};
    EXPECT_EQ(histogram(buckets, edge).counts, (Counts{2, 5})) << text;
  }
  // Prometheus 3 writes "1.0" where the same server wrote "1" before.
  const Matrix respelt = {bucket("a", "1", {{59, 10}, {74, 20}}), bucket("a", "1.0", {{89, 30}, {119, 40}}),
                          bucket("a", "+Inf", {{59, 10}, {74, 21}, {89, 32}, {119, 43}})};
  EXPECT_EQ(histogram(respelt, 1).counts, (Counts{3, 33}));
}

TEST(Histogram, MissingEdgeNamesThoseThatExist) {
  const Matrix buckets = {bucket("a", "+Inf", kSteady), bucket("a", "0.5", kSteady),
                          bucket("a", "0.05", kSteady)};
  const auto reading = histogram(buckets, 0.25);
  EXPECT_EQ(reading.gap, Gap::EdgeMissing);
  EXPECT_EQ(reading.detail, "0.05, 0.5, +Inf");
  EXPECT_FALSE(ArmSamples::of_histogram(buckets, 0.25).complete());
  EXPECT_TRUE(ArmSamples::of_histogram(buckets, 0.5).complete());
  EXPECT_EQ(histogram({bucket("a", "0.5", kSteady)}, 0.5).gap, Gap::EdgeMissing)
      << "without +Inf nothing is above";
  EXPECT_EQ(histogram({}, 0.5).gap, Gap::NoData);
  EXPECT_EQ(histogram({ok("a", kSteady), bucket("a", "x", kSteady)}, 0.5).gap, Gap::NoData);
}

TEST(Histogram, ResetOfOneBucketIsAResetOfAll) {
  // +Inf falls from 100 to 60 while the bucket has already passed its old value.
  const Matrix buckets = {bucket("a", "1", {{59, 50}, {89, 55}, {119, 55}}),
                          bucket("a", "+Inf", {{59, 100}, {89, 60}, {119, 60}})};
  EXPECT_EQ(histogram(buckets, 1).counts, (Counts{5, 60}));
  // The bucket falls, +Inf has passed its old value.
  const Matrix other = {bucket("a", "1", {{59, 100}, {119, 30}}),
                        bucket("a", "+Inf", {{59, 100}, {119, 120}})};
  EXPECT_EQ(histogram(other, 1).counts, (Counts{90, 120}));
}

TEST(Histogram, NewLabelCombinationCountsFromZero) {
  Matrix buckets = {bucket("a", "1", {{59, 50}, {119, 60}}), bucket("a", "+Inf", {{59, 50}, {119, 61}})};
  for (Series extra : {bucket("a", "1", {{119, 2}}), bucket("a", "+Inf", {{119, 5}})}) {
    extra.labels["method"] = "POST";
    buckets.push_back(extra);
  }
  EXPECT_EQ(histogram(buckets, 1).counts, (Counts{4, 16}));
}

}  // namespace
}  // namespace sluice::metrics
