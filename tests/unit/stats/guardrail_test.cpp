#include "stats/guardrail.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "stats/ceiling.h"
#include "stats/log_space.h"

namespace sluice::stats {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

const std::vector<Block> six = {{9, 40, 700, 5000},  {4, 61, 350, 7000}, {15, 44, 900, 4100},
                                {22, 50, 800, 5200}, {2, 38, 640, 4900}, {11, 70, 1200, 6100}};

GuardrailParameters parameters() {
  GuardrailParameters p;
  p.or_below = 0.02;
  p.ceiling = 0.004;
  p.past_dispersion = 1.3;
  p.past_weight = 12.0;
  return p;
}

GuardrailEvidence after(const GuardrailParameters& p, const std::vector<Block>& blocks,
                        bool user_facing = true) {
  GuardrailEvidence evidence(p);
  for (const Block& block : blocks) EXPECT_TRUE(evidence.add(block, user_facing));
  return evidence;
}

// Expected values: all formulas in 40 digits, by another program.
TEST(Guardrail, PutsTheFormulasTogether) {
  const GuardrailEvidence evidence = after(parameters(), six);
  EXPECT_NEAR(evidence.dispersion(), 1.785579857398319, 1e-11);
  EXPECT_NEAR(evidence.ceiling_dispersion(), 3.771173469387755, 1e-11);
  EXPECT_NEAR(evidence.log_e_harm(), 0.311865964196383, 1e-10);
  EXPECT_NEAR(evidence.log_e_non_inferior_ratio(), -1.152482915641643, 1e-10);
  EXPECT_NEAR(evidence.log_e_below(), -0.5513511982717255, 1e-10);
  EXPECT_NEAR(evidence.log_e_non_inferior(), -0.965136071117504, 1e-10);
  EXPECT_NEAR(evidence.log_e_above_ceiling(), 6.899481325158243, 1e-10);
  EXPECT_EQ(evidence.blocks(), 6);
  EXPECT_EQ(evidence.looks(), 6);
  EXPECT_EQ(evidence.totals().candidate_events, 63.0);
  EXPECT_EQ(evidence.totals().stable_events, 303.0);
  EXPECT_EQ(evidence.totals().candidate_exposure, 4590.0);
  EXPECT_EQ(evidence.totals().stable_exposure, 32300.0);
}

TEST(Guardrail, AFloorWeakensHarm) {
  GuardrailParameters p = parameters();
  p.harm_floor = 0.01;
  EXPECT_NEAR(after(p, six).log_e_harm(), -1.237334896069345, 1e-10);
  p.harm_floor = 0.004;  // far exceeded: the ratio decides
  EXPECT_NEAR(after(p, six).log_e_harm(), 0.311865964196383, 1e-10);
}

TEST(Guardrail, WithoutCeilingsOnlyTheRatioSpeaks) {
  GuardrailParameters p = parameters();
  p.or_below = 0.0;
  p.ceiling = 0.0;
  const GuardrailEvidence evidence = after(p, six);
  EXPECT_EQ(evidence.log_e_non_inferior(), evidence.log_e_non_inferior_ratio());
  EXPECT_EQ(evidence.log_e_below(), log_zero);
  EXPECT_EQ(evidence.log_e_above_ceiling(), log_zero);
  EXPECT_EQ(evidence.sup_log_e_above_ceiling(), log_zero);
}

TEST(Guardrail, BeforeTheFirstBlockNothingIsKnown) {
  const GuardrailEvidence evidence(parameters());
  EXPECT_NEAR(evidence.log_e_harm(), 0.0, 1e-14);
  EXPECT_NEAR(evidence.log_e_non_inferior(), 0.0, 1e-14);
  EXPECT_NEAR(evidence.log_e_above_ceiling(), 0.0, 1e-14);
  EXPECT_EQ(evidence.looks(), 0);
  EXPECT_EQ(evidence.ratio(0.05).upper, infinity);
  EXPECT_FALSE(evidence.ratio_below(1.5, 0.05));
}

TEST(Guardrail, SupremaKeepTheLargestSoFar) {
  GuardrailParameters p;
  p.fixed_dispersion = 1.0;
  p.ceiling = 0.02;
  GuardrailEvidence evidence(p);
  double harm = 0.0;
  double non_inferior = 0.0;
  double ceiling = 0.0;
  for (int i = 0; i < 60; ++i) {
    evidence.add(i < 20 ? Block{20, 54, 600, 5400} : Block{1, 54, 600, 5400});
    harm = std::max(harm, evidence.log_e_harm());
    non_inferior = std::max(non_inferior, evidence.log_e_non_inferior());
    ceiling = std::max(ceiling, evidence.log_e_above_ceiling());
    EXPECT_NEAR(evidence.sup_log_e_harm(), harm, 1e-13);
    EXPECT_NEAR(evidence.sup_log_e_non_inferior(), non_inferior, 1e-13);
    EXPECT_NEAR(evidence.sup_log_e_above_ceiling(), ceiling, 1e-13);
  }
  EXPECT_GT(evidence.sup_log_e_harm(), evidence.log_e_harm() + 1.0);
  EXPECT_GT(evidence.sup_log_e_above_ceiling(), evidence.log_e_above_ceiling() + 1.0);
}

TEST(Guardrail, ABlockWithoutEventsLeavesTheRatioAndMovesTheCeiling) {
  for (const double past : {0.0, 1.3}) {
    GuardrailParameters p = parameters();
    p.past_dispersion = past;
    // Few blocks: without a past phi would change with the fifth if empty ones counted.
    GuardrailEvidence evidence = after(p, {six[0], six[1], six[2], six[3]});
    const GuardrailEvidence before = evidence;
    ASSERT_TRUE(evidence.add({0, 0, 800, 5200}));
    EXPECT_EQ(evidence.log_e_harm(), before.log_e_harm());
    EXPECT_EQ(evidence.log_e_non_inferior_ratio(), before.log_e_non_inferior_ratio());
    EXPECT_EQ(evidence.dispersion(), before.dispersion());
    const Block& totals = evidence.totals();
    EXPECT_NEAR(
        evidence.log_e_below(),
        log_e_below(totals.candidate_events, totals.candidate_exposure, 0.02, evidence.ceiling_dispersion()),
        1e-12);
    EXPECT_GT(evidence.log_e_below(), before.log_e_below());
    EXPECT_EQ(evidence.looks(), 5);
    EXPECT_EQ(evidence.blocks(), 4);
  }
}

void expect_same_evidence(const GuardrailEvidence& a, const GuardrailEvidence& b) {
  EXPECT_NEAR(a.log_e_harm(), b.log_e_harm(), 1e-12);
  EXPECT_NEAR(a.log_e_non_inferior_ratio(), b.log_e_non_inferior_ratio(), 1e-12);
  EXPECT_NEAR(a.log_e_below(), b.log_e_below(), 1e-12);
  EXPECT_NEAR(a.log_e_above_ceiling(), b.log_e_above_ceiling(), 1e-12);
  EXPECT_NEAR(a.ratio(0.05).upper, b.ratio(0.05).upper, 1e-9);
}

// Splitting changes how the events scatter over blocks, so phi is fixed here: it is E that must not change.
TEST(Guardrail, SplittingABlockAtTheSameSharesChangesNothing) {
  GuardrailParameters p = parameters();
  p.harm_floor = 0.005;
  p.fixed_dispersion = 1.4;
  std::vector<Block> split;
  for (const Block& b : six) {
    split.push_back({b.candidate_events - 2, 17, b.candidate_exposure * 0.25, b.stable_exposure * 0.25});
    split.push_back({2, b.stable_events - 17, b.candidate_exposure * 0.75, b.stable_exposure * 0.75});
  }
  expect_same_evidence(after(p, split), after(p, six));
}

TEST(Guardrail, TheOrderOfBlocksChangesNothing) {
  for (const double fixed : {0.0, 1.4}) {
    GuardrailParameters p = parameters();
    p.harm_floor = 0.005;
    p.fixed_dispersion = fixed;
    std::vector<Block> blocks = six;
    const GuardrailEvidence in_order = after(p, blocks);
    std::mt19937 random(2);
    for (int i = 0; i < 50; ++i) {
      std::shuffle(blocks.begin(), blocks.end(), random);
      const GuardrailEvidence shuffled = after(p, blocks);
      expect_same_evidence(shuffled, in_order);
      EXPECT_NEAR(shuffled.dispersion(), in_order.dispersion(), 1e-12);
      EXPECT_NEAR(shuffled.ceiling_dispersion(), in_order.ceiling_dispersion(), 1e-12);
    }
  }
}

TEST(Guardrail, ABlockOfOneArmCountsForTheCeilingOnly) {
  GuardrailEvidence evidence = after(parameters(), six);
  const GuardrailEvidence before = evidence;
  evidence.add({12, 0, 900, 0});
  EXPECT_EQ(evidence.log_e_harm(), before.log_e_harm());
  EXPECT_EQ(evidence.log_e_non_inferior_ratio(), before.log_e_non_inferior_ratio());
  EXPECT_NE(evidence.log_e_above_ceiling(), before.log_e_above_ceiling());
}

TEST(Guardrail, ABlockThatContradictsItselfIsRefused) {
  GuardrailEvidence evidence = after(parameters(), six);
  const std::string before = evidence.pack();
  EXPECT_FALSE(evidence.add({-1, 0, 100, 100}));
  EXPECT_FALSE(evidence.add({1, 0, 0, 100}));
  EXPECT_FALSE(evidence.add({std::nan(""), 0, 100, 100}));
  EXPECT_EQ(evidence.pack(), before);
}

TEST(Guardrail, AMirrorFeedsHarmButProvesNothing) {
  GuardrailParameters p = parameters();
  const GuardrailEvidence served = after(p, six);
  const GuardrailEvidence mirrored = after(p, six, false);
  EXPECT_EQ(mirrored.log_e_harm(), served.log_e_harm());
  EXPECT_EQ(mirrored.log_e_above_ceiling(), served.log_e_above_ceiling());
  EXPECT_EQ(mirrored.ratio(0.05).upper, served.ratio(0.05).upper);
  EXPECT_NEAR(mirrored.log_e_non_inferior(), 0.0, 1e-14);
  EXPECT_NEAR(mirrored.log_e_non_inferior_ratio(), 0.0, 1e-14);
  EXPECT_NEAR(mirrored.log_e_below(), 0.0, 1e-14);
}

TEST(Guardrail, ServiceWithoutErrorsIsPromotedByTheCeiling) {
  GuardrailEvidence evidence({});
  int looks = 0;
  while (evidence.log_e_non_inferior() < std::log(20.0) && looks < 50) {
    evidence.add({0, 0, 600, 5400});
    ++looks;
  }
  EXPECT_EQ(looks, 9);
  EXPECT_EQ(evidence.dispersion(), 1.0);
}

TEST(Guardrail, IntervalMatchesItsDefinition) {
  const RatioInterval interval = after(parameters(), six).ratio(0.05);
  EXPECT_NEAR(interval.estimate, 1.411443455196801, 1e-5);
  EXPECT_NEAR(interval.lower, 0.7641968179456213, 1e-5);
  EXPECT_NEAR(interval.upper, 2.432588389414868, 1e-5);
}

TEST(Guardrail, RatioBelowAgreesWithTheInterval) {
  for (const double scale : {0.3, 1.0, 1.6, 4.0}) {
    std::vector<Block> blocks = six;
    for (Block& block : blocks) block.candidate_events *= scale;
    const GuardrailEvidence evidence = after(parameters(), blocks);
    const RatioInterval interval = evidence.ratio(0.05);
    for (double r = 0.05; r < 30.0; r *= 1.07) {
      EXPECT_EQ(evidence.ratio_below(r, 0.05), interval.upper < r) << r << " upper " << interval.upper;
    }
    EXPECT_EQ(evidence.ratio_below(1.5, 0.05), interval.upper < 1.5);
    EXPECT_EQ(evidence.ratio_below(1.0, 0.05), interval.upper < 1.0);
  }
}

TEST(Guardrail, RatioBelowIsExactAtTheMarginWhateverTheShares) {
  // At the margin and the harm ratio the stored sums are used; elsewhere they are interpolated. Just beside,
  // both agree.
  GuardrailParameters p = parameters();
  p.fixed_dispersion = 1.0;
  const GuardrailEvidence evidence = after(p, std::vector<Block>(30, six[0]));
  const double upper = evidence.ratio(0.05).upper;
  p.margin_ratio = upper * 1.0001;
  EXPECT_TRUE(after(p, std::vector<Block>(30, six[0])).ratio_below(p.margin_ratio, 0.05));
  p.margin_ratio = upper * 0.9999;
  EXPECT_FALSE(after(p, std::vector<Block>(30, six[0])).ratio_below(p.margin_ratio, 0.05));
  EXPECT_FALSE(evidence.ratio_below(0.0, 0.05));
  EXPECT_FALSE(evidence.ratio_below(-1.0, 0.05));
}

TEST(Guardrail, ToleratedDegradationIsSeenThoughHarmIsProven) {
  GuardrailParameters p;
  p.fixed_dispersion = 1.0;
  const GuardrailEvidence evidence = after(p, std::vector<Block>(400, Block{7.2, 54, 600, 5400}));
  EXPECT_GT(evidence.sup_log_e_harm(), std::log(20.0));
  EXPECT_TRUE(evidence.ratio_below(1.5, 0.05));
  EXPECT_FALSE(evidence.ratio_below(1.2, 0.05));
}

TEST(Guardrail, BadParametersAreNamed) {
  EXPECT_TRUE(check({}).ok());
  const auto bad = [](auto change) {
    GuardrailParameters p;
    change(p);
    return !check(p).ok();
  };
  EXPECT_TRUE(bad([](auto& p) { p.harm_ratio = 0.0; }));
  EXPECT_TRUE(bad([](auto& p) { p.margin_ratio = infinity; }));
  EXPECT_TRUE(bad([](auto& p) { p.harm_floor = -0.1; }));
  EXPECT_TRUE(bad([](auto& p) { p.or_below = std::nan(""); }));
  EXPECT_TRUE(bad([](auto& p) { p.ceiling = -1.0; }));
  EXPECT_TRUE(bad([](auto& p) { p.past_dispersion = -1.0; }));
  EXPECT_TRUE(bad([](auto& p) { p.past_weight = infinity; }));
  EXPECT_TRUE(bad([](auto& p) { p.fixed_dispersion = 0.5; }));
  EXPECT_FALSE(bad([](auto& p) { p.fixed_dispersion = 1.0; }));
}

TEST(Guardrail, NothingIsEverNotANumber) {
  const std::vector<Block> extremes = {{0, 0, 0, 0},      {1e9, 1e9, 1e9, 1e10}, {0, 1e9, 1e-6, 1e12},
                                       {1e9, 0, 1e12, 1}, {0.3, 0, 0.1, 0},      {1e-12, 1e-12, 1, 1}};
  GuardrailParameters p = parameters();
  p.harm_floor = 1e-9;
  for (const double past : {0.0, 3.0}) {
    p.past_dispersion = past;
    GuardrailEvidence evidence(p);
    for (const Block& block : extremes) {
      ASSERT_TRUE(evidence.add(block));
      for (const double value :
           {evidence.log_e_harm(), evidence.log_e_non_inferior(), evidence.log_e_above_ceiling(),
            evidence.dispersion(), evidence.ceiling_dispersion(), evidence.ratio(0.05).lower,
            evidence.ratio(0.05).upper, evidence.ratio(0.05).estimate, evidence.detection_power(3.0, 3.0)}) {
        EXPECT_FALSE(std::isnan(value));
      }
    }
  }
}

}  // namespace
}  // namespace sluice::stats
