// Sample-ratio mismatch, block by block: what it finds, how soon, and what it must not find.
#include "stats/split_evidence.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>

#include "stats/sample_ratio.h"

namespace sluice::stats {
namespace {

const double kThreshold = std::log(1000.0);

double binomial(std::mt19937_64& random, int requests, double share) {
  return static_cast<double>(std::binomial_distribution<int>(requests, share)(random));
}

TEST(SplitEvidence, IsThatOfThePooledCountsBesideTheDispersion) {
  SplitEvidence evidence;
  EXPECT_EQ(evidence.log_e(), 0);
  ASSERT_TRUE(evidence.add(150, 850, 0.2, 0));
  ASSERT_TRUE(evidence.add(160, 840, 0.2, 0));
  const std::array counts{310.0, 1690.0};
  const std::array weights{0.2, 0.8};
  const double pooled = std::log((std::exp(log_sample_ratio_evidence(counts, weights, 1e2)) +
                                  std::exp(log_sample_ratio_evidence(counts, weights, 1e4))) / 2);
  EXPECT_DOUBLE_EQ(evidence.log_e(), pooled / 10) << "a dispersion of 10 while there are few blocks";
  EXPECT_DOUBLE_EQ(evidence.realised(), 0.155);
  EXPECT_EQ(evidence.blocks(), 2);
}

TEST(SplitEvidence, AnotherShareIsAnotherPool) {
  SplitEvidence evidence;
  for (const double share : {0.1, 0.5}) ASSERT_TRUE(evidence.add(1000 * share, 1000 * (1 - share), share, 0));
  EXPECT_LT(evidence.log_e(), 0) << "both fit, though the pooled counts fit neither";
  EXPECT_EQ(evidence.share(), 0.5);
  EXPECT_EQ(evidence.candidate(), 500);
  EXPECT_EQ(evidence.blocks(), 2);
}

TEST(SplitEvidence, FalseAlarmsAreRarerThanAlphaWithAndWithoutClumps) {
  for (const int clump : {1, 10}) {
    std::mt19937_64 random(17);
    int alarms = 0;
    constexpr int runs = 2000;
    for (int run = 0; run < runs; ++run) {
      SplitEvidence evidence;
      for (int look = 0; look < 60; ++look) {
        const double share = look < 20 ? 0.05 : 0.25;
        const double candidate = clump * binomial(random, 3000 / clump, share);
        evidence.add(candidate, 3000 - candidate, share, 0);
      }
      if (evidence.sup_log_e() >= kThreshold) ++alarms;
    }
    EXPECT_LE(alarms, 6) << "clumps of " << clump << ": three times the one in a thousand that is allowed";
  }
}

TEST(SplitEvidence, FindsALossOfTenPercentWithinSomeBlocks) {
  std::mt19937_64 random(4);
  SplitEvidence evidence;
  int look = 0;
  for (; look < 40 && evidence.sup_log_e() < kThreshold; ++look) {
    const double candidate = binomial(random, 750, 0.9);
    evidence.add(candidate, 2250, 0.25, 0.02);
  }
  EXPECT_LT(look, 20);
}

TEST(SplitEvidence, FindsAnArmThatAnswersNothingAtOnce) {
  SplitEvidence evidence;
  evidence.add(0, 3000, 0.25, 0.2);
  EXPECT_GE(evidence.sup_log_e(), kThreshold);
}

TEST(SplitEvidence, AShareWithinTheToleranceFitsHoweverManyRequests) {
  SplitEvidence fits;
  SplitEvidence does_not;
  for (int look = 0; look < 20; ++look) {
    fits.add(254'000, 746'000, 0.25, 0.02);
    does_not.add(256'000, 744'000, 0.25, 0.02);
  }
  EXPECT_LT(fits.sup_log_e(), kThreshold);
  EXPECT_GE(does_not.sup_log_e(), kThreshold);
}

TEST(SplitEvidence, ARestartChangesNothing) {
  std::mt19937_64 random(8);
  SplitEvidence lived;
  SplitEvidence restarted;
  for (int look = 0; look < 30; ++look) {
    const double share = look < 10 ? 0.1 : 0.3;
    const double candidate = binomial(random, 2000, share * 0.97);
    lived.add(candidate, 2000 - candidate, share, 0.02);
    restarted.add(candidate, 2000 - candidate, share, 0.02);
    auto read = SplitEvidence::unpack(restarted.pack());
    ASSERT_TRUE(read);
    restarted = std::move(read).take();
    EXPECT_EQ(restarted.pack(), lived.pack());
    EXPECT_EQ(restarted.log_e(), lived.log_e());
  }
  EXPECT_LT(lived.pack().size(), 200u);
}

TEST(SplitEvidence, DamageAndNonsenseAreRefused) {
  SplitEvidence evidence;
  const double nan = std::nan("");
  EXPECT_FALSE(evidence.add(-1, 2, 0.5, 0));
  EXPECT_FALSE(evidence.add(1, nan, 0.5, 0));
  EXPECT_FALSE(evidence.add(1, 2, 0, 0));
  EXPECT_FALSE(evidence.add(1, 2, 1, 0));
  EXPECT_FALSE(evidence.add(1, 2, 0.5, 1));
  EXPECT_EQ(evidence.pack(), SplitEvidence().pack());
  std::string text = evidence.pack();
  text[5] = text[5] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(SplitEvidence::unpack(text));
  EXPECT_FALSE(SplitEvidence::unpack(""));
}

}  // namespace
}  // namespace sluice::stats
