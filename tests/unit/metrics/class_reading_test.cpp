// Predictions by class: by a label or by the bins of a histogram, with the blocks and gaps of all other counters.
#include "metrics/class_reading.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "metrics/collector.h"
#include "support/virtual_clock.h"
#include "unit/metrics/memory_source.h"

namespace sluice::metrics {
namespace {

// A counter that rises by `rate` a second, scraped each 5 s over 1000 s.
Series steady(Labels labels, double rate, int from = 0) {
  std::vector<Plain> samples;
  for (int t = from; t <= 1000; t += 5) samples.push_back({static_cast<double>(t), rate * (t - from)});
  return series(std::move(labels), samples);
}

Labels of_class(const std::string& pod, const std::string& value) { return {{"pod", pod}, {"class", value}}; }

Series bucket(const std::string& pod, const std::string& le, double rate) {
  return steady({{"pod", pod}, {"le", le}}, rate);
}

class Classes : public testing::Test {
 protected:
  Classes() {
    source.put("stable", {steady(of_class("s1", "cat"), 5), steady(of_class("s2", "cat"), 1),
                          steady(of_class("s1", "dog"), 3), steady({{"pod", "s2"}}, 1)});
    source.put("candidate", {steady(of_class("c1", "dog"), 2), steady(of_class("c1", "bird"), 1)});
    source.put("errors", {});
    source.put("total", {steady({{"pod", "s1"}}, 10)});
    look.metrics = {{"predictions", ClassesQuery{"stable", "class", {}}, ClassesQuery{"candidate", "class", {}}}};
    look.from = at(900);
    look.to = at(930);
  }
  LookResult run() { return take(look, source, clock, {}, options); }
  MetricReading reading() { return run().metrics.at(0); }
  void keep(std::vector<std::string> kept) {
    std::get<ClassesQuery>(look.metrics[0].stable).kept = kept;
    std::get<ClassesQuery>(look.metrics[0].candidate).kept = kept;
  }
  void use_scores(std::vector<std::string> kept = {}) {
    look.metrics = {{"scores", ScoresQuery{"stable", kept}, ScoresQuery{"candidate", kept}}};
    source.put("stable", {bucket("s1", "-1", 1), bucket("s1", "0.5", 4), bucket("s1", "1.0", 9),
                          bucket("s1", "+Inf", 10)});
    source.put("candidate", {bucket("c1", "-1.0", 0), bucket("c1", "0.5", 1), bucket("c1", "1", 1),
                             bucket("c1", "+Inf", 2)});
  }

  MemorySource source;
  test::VirtualClock clock;
  CollectOptions options;
  Look look;
};

using Readings = std::vector<ClassReading>;

TEST_F(Classes, OfStableTheLargestFirstAndTheRest) {
  const MetricReading found = reading();
  EXPECT_EQ(found.gap, std::nullopt);
  EXPECT_EQ(found.classes, (Readings{{"cat", 180, 0}, {"dog", 90, 60}, {"", 30, 0}, {"other", 0, 30}}));
  EXPECT_EQ(found.stable.total, 300);
  EXPECT_EQ(found.candidate.total, 90);
  EXPECT_EQ(found.newest_sample, at(930));
}

TEST_F(Classes, OnceChosenTheyAreKeptInTheirOrder) {
  keep({"bird", "cat"});
  EXPECT_EQ(reading().classes, (Readings{{"bird", 0, 30}, {"cat", 180, 0}, {"other", 120, 60}}));
}

TEST_F(Classes, AreBoundedInNumber) {
  Matrix many;
  for (int i = 0; i < 500; ++i) many.push_back(steady(of_class("s1", "c" + std::to_string(i)), 1 + (i % 250)));
  source.put("stable", many);
  const auto classes = reading().classes;
  ASSERT_EQ(classes.size(), kMostClasses + 1);
  EXPECT_EQ(classes[0].name, "c249") << "of equals the first by name";
  EXPECT_EQ(classes[1].name, "c499");
  EXPECT_EQ(classes.back().name, "other");
  double all = 0;
  for (const auto& one : classes) all += one.stable;
  EXPECT_EQ(all, reading().stable.total);
}

TEST_F(Classes, OneThatIsCalledLikeTheRestIsPartOfIt) {
  source.put("stable", {steady(of_class("s1", "other"), 5), steady(of_class("s1", "dog"), 1)});
  EXPECT_EQ(reading().classes, (Readings{{"dog", 30, 60}, {"other", 150, 30}}));
}

TEST_F(Classes, OneThatIsNewCountsFromZero) {
  source.put("candidate", {steady(of_class("c1", "dog"), 2), steady(of_class("c1", "cat"), 1, 910)});
  keep({"cat"});
  EXPECT_EQ(reading().classes, (Readings{{"cat", 180, 20}, {"other", 120, 60}}));
}

TEST_F(Classes, AGapOfOneArmDropsBoth) {
  source.put("candidate", {});
  EXPECT_EQ(reading().gap, Gap::NoData);
  EXPECT_EQ(reading().detail, "candidate: no samples");
  EXPECT_TRUE(reading().classes.empty());
  source.put("candidate", {steady(of_class("c1", "dog"), 2),
                           series(of_class("c2", "dog"), {{915, 3}, {920, 4}, {930, 5}})});
  EXPECT_EQ(reading().gap, Gap::TargetsChanged);
  EXPECT_EQ(reading().detail, "candidate: c2 appeared");
}

TEST_F(Classes, AFailingQueryIsTheirOwnGap) {
  const CounterQuery errors{"errors", "total"};
  look.metrics.insert(look.metrics.begin(), {"errors", errors, errors});
  source.fail("candidate", {ErrorCode::TooLarge, "more than 8 MB", {}});
  const LookResult result = run();
  ASSERT_FALSE(result.error);
  EXPECT_EQ(result.metrics.at(0).stable.total, 300);
  EXPECT_EQ(result.metrics.at(1).gap, Gap::Unread);
  EXPECT_EQ(result.metrics.at(1).detail, "more than 8 MB");
  look.past = 3;
  source.fail("stable", {ErrorCode::Invalid, "refused", {}});
  EXPECT_EQ(run().metrics.at(1).gap, Gap::Unread);
  source.fail("stable", {ErrorCode::Cancelled, "stopped", {}});
  EXPECT_EQ(run().error->code, ErrorCode::Cancelled);
}

TEST_F(Classes, OfThePastAreThoseOfStableAlone) {
  look.past = 4;
  const MetricReading found = reading();
  EXPECT_EQ(found.classes, (Readings{{"cat", 720, 0}, {"dog", 360, 0}, {"", 120, 0}, {"other", 0, 0}}));
  EXPECT_EQ(source.selectors(), (std::vector<std::string>{"stable"}));
  source.put("stable", {});
  EXPECT_EQ(reading().gap, Gap::NoData);
}

TEST_F(Classes, ThePastIsReadWhereAPartOfItIs) {
  source.put("stable", {steady(of_class("s1", "cat"), 5, 850)});
  look.past = 4;
  EXPECT_EQ(reading().classes, (Readings{{"cat", 300, 0}, {"other", 0, 0}})) << "two blocks of four";
}

TEST_F(Classes, OfScoresAreTheBins) {
  use_scores();
  EXPECT_EQ(reading().classes,
            (Readings{{"0.5..1", 150, 0}, {"-1..0.5", 90, 30}, {"<=-1", 30, 0}, {">1", 30, 30}, {"other", 0, 0}}));
  EXPECT_EQ(reading().stable.total, 300);
  use_scores({">1"});
  EXPECT_EQ(reading().classes, (Readings{{">1", 30, 30}, {"other", 270, 30}}));
}

TEST_F(Classes, OfScoresTheEdgesMustBeThoseOfStable) {
  use_scores();
  source.put("candidate", {bucket("c1", "0.5", 1), bucket("c1", "1", 1), bucket("c1", "+Inf", 2)});
  EXPECT_EQ(reading().gap, Gap::EdgeMissing);
  EXPECT_EQ(reading().detail, "0.5, 1, +Inf");
  source.put("stable", {bucket("s1", "+Inf", 2)});
  source.put("candidate", {bucket("c1", "+Inf", 2)});
  EXPECT_EQ(reading().gap, Gap::EdgeMissing) << "without an edge there are no bins";
  source.put("stable", {});
  EXPECT_EQ(reading().gap, Gap::NoData);
}

TEST_F(Classes, OfScoresAResetIsOneOfAllBuckets) {
  use_scores();
  source.put("candidate", {series({{"pod", "c1"}, {"le", "-1"}}, {{895, 0}, {900, 0}, {915, 0}, {930, 0}}),
                           series({{"pod", "c1"}, {"le", "0.5"}}, {{895, 2}, {900, 2}, {915, 5}, {930, 5}}),
                           series({{"pod", "c1"}, {"le", "1"}}, {{895, 80}, {900, 80}, {915, 6}, {930, 6}}),
                           series({{"pod", "c1"}, {"le", "+Inf"}}, {{895, 90}, {900, 90}, {915, 7}, {930, 8}})});
  const std::vector<std::string> kept{"-1..0.5", "0.5..1", ">1"};
  look.metrics = {{"scores", ScoresQuery{"stable", kept}, ScoresQuery{"candidate", kept}}};
  EXPECT_EQ(reading().classes, (Readings{{"-1..0.5", 90, 5}, {"0.5..1", 150, 1}, {">1", 30, 2}, {"other", 30, 0}}));
}

TEST(ClassName, IsBoundedAndPrintable) {
  EXPECT_EQ(class_name("cat"), "cat");
  EXPECT_EQ(class_name(""), "");
  EXPECT_EQ(class_name("a\nb\x1b[2J"), "a?b?[2J");
  EXPECT_EQ(class_name(std::string(32, 'x')), std::string(32, 'x'));
  const std::string one = class_name(std::string(100, 'x') + "1");
  const std::string two = class_name(std::string(100, 'x') + "2");
  EXPECT_EQ(one.size(), 32U);
  EXPECT_EQ(one.substr(0, 24), std::string(23, 'x') + "~");
  EXPECT_NE(one, two);
  std::string long_text;
  for (int i = 0; i < 20; ++i) long_text += "\u4e2d";  // three bytes each
  EXPECT_EQ(class_name(long_text).substr(0, 22), long_text.substr(0, 21) + "~") << "no half characters";
}

TEST(BinName, SaysTheEdges) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(bin_name(-infinity, 0.1), "<=0.1");
  EXPECT_EQ(bin_name(-0.5, 0.25), "-0.5..0.25");
  EXPECT_EQ(bin_name(0.9, infinity), ">0.9");
}

}  // namespace
}  // namespace sluice::metrics
