#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "stats/fisher.h"
#include "stats/poisson_ratio.h"
#include "stats/stratified.h"
#include "stats/unconditional_exact.h"

namespace sluice::stats {
namespace {

const Table table{7, 25, 3, 40};

// Expected values in this file: sums over all outcomes in 30 digits, by another program.
TEST(Fisher, SumsTheHypergeometric) {
  EXPECT_NEAR(fisher_exact(table, Alternative::Greater).p, 0.06310134103424395, 1e-13);
  EXPECT_NEAR(fisher_exact(table, Alternative::Less).p, 0.9870090102091208, 1e-13);
  EXPECT_NEAR(fisher_exact(table, Alternative::TwoSided).p, 0.08718396801006246, 1e-13);
}

TEST(Fisher, OddsRatio) {
  const OddsRatio odds = conditional_odds_ratio(table, 0.95, Alternative::TwoSided);
  ASSERT_TRUE(odds.estimate.has_value());
  EXPECT_NEAR(*odds.estimate, 3.666747768718003, 2e-3);
  EXPECT_LT(odds.interval.lower, 1.0);
  EXPECT_GT(odds.interval.upper, *odds.estimate);
  const OddsRatio none = conditional_odds_ratio({0, 5, 0, 9}, 0.95, Alternative::TwoSided);
  EXPECT_FALSE(none.estimate.has_value());
  EXPECT_EQ(none.interval.lower, 0.0);
  EXPECT_EQ(none.interval.upper, INFINITY);
  EXPECT_EQ(*conditional_odds_ratio({5, 0, 0, 9}, 0.95, Alternative::TwoSided).estimate, INFINITY);
  EXPECT_EQ(*conditional_odds_ratio({0, 9, 5, 0}, 0.95, Alternative::TwoSided).estimate, 0.0);
}

TEST(Fisher, FarTailsAndEmptyTables) {
  EXPECT_LT(fisher_exact({900, 100, 100, 9900}, Alternative::Greater).log10_p, -300.0);
  EXPECT_EQ(fisher_exact({900, 100, 100, 9900}, Alternative::Less).p, 1.0);
  for (const Alternative alternative : {Alternative::TwoSided, Alternative::Less, Alternative::Greater}) {
    EXPECT_NEAR(fisher_exact({0, 0, 0, 0}, alternative).p, 1.0, 1e-15);
    EXPECT_NEAR(fisher_exact({0, 10, 0, 10}, alternative).p, 1.0, 1e-15);
    EXPECT_NEAR(fisher_exact({10, 0, 10, 0}, alternative).p, 1.0, 1e-15);
  }
}

TEST(UnconditionalExact, IsMorePowerfulThanFisher) {
  const Proportion first{7, 12};
  const Proportion second{1, 12};
  const double fisher = fisher_exact({7, 5, 1, 11}, Alternative::Greater).p;
  const UnconditionalTest boschloo_test = boschloo(first, second, Alternative::Greater);
  EXPECT_NEAR(boschloo_test.statistic, fisher, 1e-15);
  EXPECT_LT(boschloo_test.p, fisher);
  EXPECT_GT(boschloo_test.p, 0.0);
  const UnconditionalTest barnard_test = barnard(first, second, Alternative::Greater);
  EXPECT_NEAR(barnard_test.statistic, 0.5 / std::sqrt(1.0 / 3 * 2.0 / 3 / 6.0), 1e-12);
  EXPECT_LT(barnard_test.p, fisher);
  EXPECT_NEAR(boschloo(first, second, Alternative::TwoSided).p, 2.0 * boschloo_test.p, 1e-12);
}

TEST(UnconditionalExact, TwoOfTwoByHand) {
  // 2 of 2 against 0 of 2 is one outcome of sixteen at a rate of one half, and no rate makes it likelier.
  EXPECT_NEAR(barnard({2, 2}, {0, 2}, Alternative::Greater).p, 1.0 / 16.0, 1e-9);
  EXPECT_NEAR(barnard({2, 2}, {0, 2}, Alternative::TwoSided).p, 2.0 / 16.0, 1e-9);
  EXPECT_NEAR(boschloo({2, 2}, {0, 2}, Alternative::Greater).p, 1.0 / 16.0, 1e-9);
  EXPECT_NEAR(barnard({0, 2}, {2, 2}, Alternative::Less).p, 1.0 / 16.0, 1e-9);
}

TEST(UnconditionalExact, OneOutcomeIsDegenerate) {
  for (const auto& [first, second] : std::vector<std::pair<Proportion, Proportion>>{
           {{0, 10}, {0, 10}}, {{10, 10}, {10, 10}}, {{0, 0}, {3, 10}}}) {
    EXPECT_TRUE(barnard(first, second, Alternative::Greater).degenerate);
    EXPECT_EQ(barnard(first, second, Alternative::Greater).p, 1.0);
    EXPECT_EQ(boschloo(first, second, Alternative::TwoSided).p, 1.0);
  }
}

TEST(PoissonRatio, Exact) {
  const Rate first{14, 300};
  const Rate second{40, 1700};
  EXPECT_NEAR(poisson_ratio_exact(first, second, 1.2, Alternative::Greater).p, 0.07746817012331259, 1e-13);
  EXPECT_NEAR(poisson_ratio_exact(first, second, 1.2, Alternative::Less).p, 0.9595680423844605, 1e-13);
  EXPECT_NEAR(poisson_ratio_exact(first, second, 1.2, Alternative::TwoSided).p, 0.1071359372385956, 1e-12);
  EXPECT_NEAR(poisson_ratio_mid_p(first, second, 1.2, Alternative::Greater).p, 0.05895006386942603, 1e-12);
  EXPECT_NEAR(poisson_ratio_mid_p(first, second, 1.2, Alternative::Less).p, 1.0 - 0.05895006386942603, 1e-12);
  EXPECT_NEAR(poisson_ratio_score(first, second, 1.2, Alternative::Greater).z, 1.635141204500113, 1e-12);
  const RateRatio ratio = rate_ratio_interval(first, second, 0.95, Alternative::TwoSided);
  EXPECT_NEAR(ratio.estimate, 14.0 / 300 / (40.0 / 1700), 1e-13);
  EXPECT_NEAR(ratio.interval.lower, 0.9966813966700645, 1e-10);
}

TEST(PoissonRatio, Edges) {
  EXPECT_EQ(poisson_ratio_exact({0, 1}, {0, 1}, 1.0, Alternative::TwoSided).p, 1.0);
  EXPECT_EQ(poisson_ratio_score({0, 1}, {0, 1}, 1.0, Alternative::TwoSided).p.p, 1.0);
  EXPECT_EQ(poisson_ratio_mid_p({0, 1}, {0, 1}, 1.0, Alternative::Less).p, 1.0);
  EXPECT_NEAR(poisson_ratio_exact({10, 1}, {0, 1}, 1.0, Alternative::Greater).p, std::pow(0.5, 10), 1e-15);
  EXPECT_NEAR(poisson_ratio_exact({10, 1}, {0, 1}, 1.0, Alternative::TwoSided).p, std::pow(0.5, 9), 1e-15);
  EXPECT_NEAR(poisson_ratio_exact({0, 1}, {10, 1}, 1.0, Alternative::TwoSided).p, std::pow(0.5, 9), 1e-15);
  EXPECT_EQ(poisson_ratio_exact({5, 1}, {5, 1}, 1.0, Alternative::TwoSided).p, 1.0);
  EXPECT_LT(poisson_ratio_exact({6e8, 1}, {4e8, 1}, 1.0, Alternative::TwoSided).log10_p, -1e6);
  const RateRatio silent = rate_ratio_interval({0, 1}, {0, 1}, 0.95, Alternative::TwoSided);
  EXPECT_EQ(silent.estimate, 1.0);
  EXPECT_EQ(silent.interval.upper, INFINITY);
  EXPECT_EQ(rate_ratio_interval({3, 1}, {0, 1}, 0.95, Alternative::TwoSided).estimate, INFINITY);
  EXPECT_EQ(rate_ratio_interval({3, 1}, {2, 1}, 0.95, Alternative::Greater).interval.upper, INFINITY);
  EXPECT_EQ(rate_ratio_interval({3, 1}, {2, 1}, 0.95, Alternative::Less).interval.lower, 0.0);
}

TEST(CochranMantelHaenszel, WithAndWithoutContinuity) {
  const std::vector<Table> strata = {{6, 194, 20, 980}, {9, 91, 25, 475}, {2, 398, 3, 597}};
  const CochranMantelHaenszel plain = cochran_mantel_haenszel(strata, false, 0.95);
  EXPECT_NEAR(plain.chi_square, 2.719437241443315, 1e-12);
  ASSERT_TRUE(plain.common_odds_ratio.has_value());
  EXPECT_NEAR(*plain.common_odds_ratio, 1.608346514174474, 1e-13);
  ASSERT_TRUE(plain.interval.has_value());
  EXPECT_LT(plain.interval->lower, 1.0);
  EXPECT_GT(plain.interval->upper, 1.608);
  EXPECT_NEAR(cochran_mantel_haenszel(strata, true, 0.95).chi_square, 2.202744165569085, 1e-12);
}

TEST(CochranMantelHaenszel, EmptyStrataSayNothing) {
  std::vector<Table> strata = {{6, 194, 20, 980}};
  const double alone = cochran_mantel_haenszel(strata, false, 0.95).chi_square;
  strata.push_back({0, 0, 5, 100});
  strata.push_back({5, 100, 0, 0});
  EXPECT_EQ(cochran_mantel_haenszel(strata, false, 0.95).chi_square, alone);
  const CochranMantelHaenszel none = cochran_mantel_haenszel({}, true, 0.95);
  EXPECT_EQ(none.p.p, 1.0);
  EXPECT_FALSE(none.common_odds_ratio.has_value());
  EXPECT_FALSE(none.interval.has_value());
}

}  // namespace
}  // namespace sluice::stats
