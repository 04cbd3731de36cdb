#include "stats/drift.h"

#include <gtest/gtest.h>

#include <cmath>

namespace sluice::stats {
namespace {

using Counts = std::vector<double>;

TEST(Drift, IsThePsiOfTheSharesWithItsChiSquaredTest) {
  // Over 1/1000 + 1/1000 it is 25.54, with 2 degrees of freedom.
  const Drift found = drift(Counts{500, 300, 200}, Counts{400, 400, 200});
  EXPECT_EQ(found.classes, 3U);
  EXPECT_NEAR(found.psi, 0.1 * std::log(1.25) + 0.1 * std::log(4.0 / 3), 1e-12);
  EXPECT_NEAR(found.p.p, std::exp(-found.psi / 0.002 / 2), 1e-12) << "with 2 degrees of freedom it is an exponential";
  EXPECT_GT(found.jensen_shannon, 0.0);
  EXPECT_LT(found.jensen_shannon, 0.02);
}

TEST(Drift, EqualSharesDoNotDiffer) {
  const Drift found = drift(Counts{500, 300, 200}, Counts{50, 30, 20});
  EXPECT_EQ(found.psi, 0.0);
  EXPECT_EQ(found.p.p, 1.0);
  EXPECT_EQ(found.jensen_shannon, 0.0);
}

TEST(Drift, WhatIsRareInEitherSampleIsCountedWithTheRest) {
  // Of 1100 in all, 100 in the smaller sample: 5 are expected there of what is there 55 times in both.
  EXPECT_EQ(drift(Counts{945, 54, 0, 1}, Counts{100, 0, 0, 0}).classes, 2U);
  EXPECT_EQ(drift(Counts{940, 60, 0, 0}, Counts{100, 0, 0, 0}).classes, 2U);
  EXPECT_EQ(drift(Counts{900, 60, 30, 10}, Counts{80, 10, 5, 5}).classes, 2U)
      << "the third and the rest are too few even together, and join the second";
  EXPECT_EQ(drift(Counts{900, 60, 30, 10}, Counts{60, 10, 15, 15}).classes, 3U);
  const Drift joined = drift(Counts{900, 60, 30, 10}, Counts{80, 10, 5, 5});
  EXPECT_DOUBLE_EQ(joined.psi, drift(Counts{900, 100}, Counts{80, 20}).psi);
}

TEST(Drift, OfOneClassOrOfNothingThereIsNone) {
  for (const auto& [first, second] : {std::pair{Counts{}, Counts{}}, {Counts{0, 0}, Counts{5, 5}},
                                      {Counts{900, 0}, Counts{700, 0}}, {Counts{3, 1}, Counts{1, 2}}}) {
    const Drift found = drift(first, second);
    EXPECT_LT(found.classes, 2U);
    EXPECT_EQ(found.psi, 0.0);
    EXPECT_EQ(found.p.p, 1.0);
  }
}

TEST(Drift, AClassThatOneSampleLacksIsFloored) {
  const Drift found = drift(Counts{1000, 1000, 0}, Counts{2000, 0, 0});
  EXPECT_NEAR(found.psi, 0.5 * std::log(2.0) + (0.5 - 1e-4) * std::log(0.5 / 1e-4), 1e-9);
  EXPECT_LT(found.p.log10_p, -100);
}

TEST(ClassCounts, AddUpAndSurviveARestart) {
  ClassCounts counts(3);
  EXPECT_TRUE(counts.add(Counts{1, 2, 3}, Counts{0.1, 0.2, 0.3}));
  EXPECT_TRUE(counts.add(Counts{10, 20, 30}, Counts{0.1, 0.2, 0.3}));
  EXPECT_EQ(counts.looks(), 2);
  EXPECT_EQ(Counts(counts.stable().begin(), counts.stable().end()), (Counts{11, 22, 33}));
  const auto again = ClassCounts::unpack(3, counts.pack());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->pack(), counts.pack());
  EXPECT_EQ(again->looks(), 2);
  EXPECT_FALSE(ClassCounts::unpack(4, counts.pack()));
  EXPECT_FALSE(ClassCounts::unpack(3, "c1.AAAA"));
  EXPECT_FALSE(ClassCounts::unpack(3, ""));
}

TEST(ClassCounts, RefuseWhatIsNoCount) {
  ClassCounts counts(2);
  EXPECT_FALSE(counts.add(Counts{1}, Counts{1, 2}));
  EXPECT_FALSE(counts.add(Counts{1, -1}, Counts{1, 2}));
  EXPECT_FALSE(counts.add(Counts{1, 1}, Counts{1, std::nan("")}));
  EXPECT_EQ(counts.looks(), 0);
  EXPECT_EQ(counts.stable()[0], 0.0);
}

}  // namespace
}  // namespace sluice::stats
