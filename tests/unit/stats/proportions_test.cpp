#include "stats/proportions.h"

#include <gtest/gtest.h>

#include <cmath>

#include "stats/sample_size.h"

namespace sluice::stats {
namespace {

const Proportion candidate{9, 350};
const Proportion stable{31, 2900};

// Expected values in this file: formulas and direct maximisation of the likelihood in 30 digits, by another
// program.
TEST(TwoProportions, Z) {
  const ProportionTest pooled =
      two_proportion_z(candidate, stable, 0.0, Variance::Pooled, Alternative::TwoSided);
  EXPECT_NEAR(pooled.z, 2.408219070306565, 1e-12);
  EXPECT_NEAR(pooled.p.p, 0.01603055850781795, 1e-14);
  const ProportionTest unpooled =
      two_proportion_z(candidate, stable, 0.005, Variance::Unpooled, Alternative::Greater);
  EXPECT_NEAR(unpooled.z, 1.155797920172194, 1e-12);
  EXPECT_NEAR(two_proportion_z(stable, candidate, 0.0, Variance::Pooled, Alternative::Less).z, -pooled.z,
              1e-12);
}

TEST(TwoProportions, ScoreTestsUseTheRestrictedMaximum) {
  const ProportionTest fm =
      difference_score(candidate, stable, 0.01, ScoreVariance::FarringtonManning, Alternative::Less);
  EXPECT_NEAR(fm.second_restricted, 0.01099117713413436, 1e-13);
  EXPECT_NEAR(fm.first_restricted, 0.02099117713413436, 1e-13);
  EXPECT_NEAR(fm.z, 0.6357529065936399, 1e-11);
  EXPECT_NEAR(fm.p.p, 0.73753125667555, 1e-11);
  EXPECT_NEAR(
      difference_score(candidate, stable, 0.01, ScoreVariance::MiettinenNurminen, Alternative::Less).z,
      0.6356550909293033, 1e-11);
  const ProportionTest ratio = ratio_score(candidate, stable, 1.5, false, Alternative::Less);
  EXPECT_NEAR(ratio.second_restricted, 0.01168380775694396, 1e-14);
  EXPECT_NEAR(ratio.z, 1.269325468581696, 1e-11);
  EXPECT_NEAR(ratio_score(candidate, stable, 1.5, true, Alternative::Less).z,
              1.269325468581696 / std::sqrt(3250.0 / 3249.0), 1e-11);
}

TEST(TwoProportions, NoVarianceIsNoEvidence) {
  for (const Alternative alternative : {Alternative::TwoSided, Alternative::Less, Alternative::Greater}) {
    for (const double events : {0.0, 10.0}) {
      const Proportion same{events, 10.0};
      EXPECT_EQ(two_proportion_z(same, same, 0.0, Variance::Pooled, alternative).p.p, 1.0);
      EXPECT_EQ(two_proportion_z(same, same, 0.0, Variance::Unpooled, alternative).z, 0.0);
      EXPECT_EQ(difference_score(same, same, 0.0, ScoreVariance::FarringtonManning, alternative).p.p, 1.0);
    }
    EXPECT_EQ(ratio_score({0, 10}, {0, 10}, 1.5, false, alternative).p.p, 1.0);
  }
}

TEST(TwoProportions, HugeCountsStayFinite) {
  const ProportionTest test =
      two_proportion_z({6e8, 1e9}, {4e8, 1e9}, 0.0, Variance::Pooled, Alternative::TwoSided);
  EXPECT_EQ(test.p.p, 0.0);
  EXPECT_LT(test.p.log10_p, -1e6);
  EXPECT_TRUE(std::isfinite(test.p.log10_p));
}

TEST(TwoProportions, EquivalenceTakesTheWorseSide) {
  const Equivalence result = equivalence(candidate, stable, 0.03);
  const auto side = [](double margin, Alternative alternative) {
    return difference_score(candidate, stable, margin, ScoreVariance::FarringtonManning, alternative).p.p;
  };
  EXPECT_EQ(result.p_lower.p, side(-0.03, Alternative::Greater));
  EXPECT_EQ(result.p_upper.p, side(0.03, Alternative::Less));
  EXPECT_EQ(result.p.p, std::max(result.p_lower.p, result.p_upper.p));
  EXPECT_NEAR(equivalence(stable, candidate, 0.03).p.p, result.p.p, 1e-12);
}

TEST(ProportionIntervals, Differences) {
  const Interval score = difference_score_interval(candidate, stable, ScoreVariance::MiettinenNurminen, 0.95);
  EXPECT_NEAR(score.lower, 0.002099377464262527, 1e-10);
  EXPECT_NEAR(score.upper, 0.03766704334374601, 1e-10);
  const double difference = 9.0 / 350 - 31.0 / 2900;
  const Interval wald = wald_interval(candidate, stable, 0.95);
  EXPECT_NEAR(0.5 * (wald.lower + wald.upper), difference, 1e-15);
  const Interval newcombe = newcombe_interval(candidate, stable, 0.95);
  EXPECT_LT(newcombe.lower, difference);
  EXPECT_GT(newcombe.upper - difference, difference - newcombe.lower);
  const Interval caffo = agresti_caffo_interval(candidate, stable, 0.95);
  EXPECT_NEAR(0.5 * (caffo.lower + caffo.upper), 10.0 / 352 - 32.0 / 2902, 1e-15);
}

TEST(ProportionIntervals, ScoreIntervalsAtTheEdges) {
  const Interval silent = difference_score_interval({0, 50}, {0, 50}, ScoreVariance::FarringtonManning, 0.95);
  EXPECT_NEAR(silent.lower, -silent.upper, 1e-9);
  EXPECT_GT(silent.upper, 0.02);
  const Interval opposite =
      difference_score_interval({50, 50}, {0, 50}, ScoreVariance::FarringtonManning, 0.95);
  EXPECT_LE(opposite.upper, 1.0);
  EXPECT_GT(opposite.lower, 0.8);
  const auto better = ratio_score_interval({0, 600}, {54, 5400}, true, 0.95);
  ASSERT_TRUE(better.has_value());
  EXPECT_EQ(better->lower, 0.0);
  EXPECT_LT(better->upper, 1.0);
  const auto worse = ratio_score_interval({6, 600}, {0, 5400}, true, 0.95);
  ASSERT_TRUE(worse.has_value());
  EXPECT_EQ(worse->upper, INFINITY);
  EXPECT_GT(worse->lower, 1.0);
  EXPECT_FALSE(ratio_score_interval({0, 600}, {0, 5400}, true, 0.95).has_value());
  EXPECT_FALSE(ratio_log_interval({0, 600}, {5, 5400}, 0.95).has_value());
  EXPECT_FALSE(ratio_log_interval({5, 600}, {0, 5400}, 0.95).has_value());
}

TEST(ProportionIntervals, ScoreIntervalsInvertTheTest) {
  const auto interval = ratio_score_interval(candidate, stable, false, 0.95);
  ASSERT_TRUE(interval.has_value());
  EXPECT_NEAR(ratio_score(candidate, stable, interval->lower, false, Alternative::TwoSided).p.p, 0.05, 1e-9);
  EXPECT_NEAR(ratio_score(candidate, stable, interval->upper, false, Alternative::TwoSided).p.p, 0.05, 1e-9);
  EXPECT_LT(interval->lower, 2.4);
  EXPECT_GT(interval->upper, 2.4);
}

TEST(ProportionIntervals, One) {
  EXPECT_NEAR(wilson_interval(candidate, 0.95).lower, 0.01358619258002668, 1e-14);
  EXPECT_NEAR(wilson_interval(candidate, 0.95).upper, 0.04814048832810874, 1e-14);
  EXPECT_NEAR(clopper_pearson_interval(candidate, 0.95).lower, 0.01182414818374901, 1e-12);
  EXPECT_NEAR(clopper_pearson_interval(candidate, 0.95).upper, 0.04825093577381196, 1e-12);
  EXPECT_NEAR(jeffreys_interval(candidate, 0.95).lower, 0.01279796610403384, 1e-12);
  EXPECT_EQ(clopper_pearson_interval({0, 10}, 0.95).lower, 0.0);
  EXPECT_NEAR(clopper_pearson_interval({0, 10}, 0.95).upper, 1.0 - std::pow(0.025, 0.1), 1e-12);
  EXPECT_EQ(clopper_pearson_interval({10, 10}, 0.95).upper, 1.0);
  EXPECT_EQ(agresti_coull_interval({0, 10}, 0.95).lower, 0.0);
  EXPECT_EQ(wilson_interval({10, 10}, 0.95).upper, 1.0);
}

TEST(SampleSize, ClosedForms) {
  // (1.6449 sqrt(2 * 0.015 * 0.985) + 0.8416 sqrt(0.02*0.98 + 0.01*0.99))^2 / 0.01^2, worked out by hand.
  const double za = 1.6448536269514722;
  const double zb = 0.8416212335729143;
  const double root = za * std::sqrt(2 * 0.015 * 0.985) + zb * std::sqrt(0.02 * 0.98 + 0.01 * 0.99);
  EXPECT_NEAR(sample_size_proportions(0.02, 0.01, Variance::Pooled, {}).first, root * root / 1e-4, 1e-6);
  const TestPlan uneven{0.05, 0.8, 2, 9.0};
  const double two = 1.959963984540054 + zb;
  EXPECT_NEAR(sample_size_proportions(0.02, 0.01, Variance::Unpooled, uneven).second,
              9.0 * two * two * (0.02 * 0.98 + 0.01 * 0.99 / 9.0) / 1e-4, 1e-6);
  EXPECT_NEAR(sample_size_non_inferiority(0.01, 0.005, {}).first,
              (za + zb) * (za + zb) * 0.0099 * 2.0 / 2.5e-5, 1e-6);
  EXPECT_NEAR(sample_size_means_normal(0.5, {}).first, (za + zb) * (za + zb) * 8.0, 1e-9);
}

TEST(SampleSize, TheTNeedsALittleMoreThanTheNormal) {
  for (const double effect : {0.1, 0.5, 1.0, 2.0}) {
    const double normal = sample_size_means_normal(effect, {}).first;
    const double exact = sample_size_means(effect, {}).first;
    EXPECT_GT(exact, normal);
    EXPECT_LT(exact, normal + 2.0);
    EXPECT_NEAR(sample_size_means(-effect, {}).first, exact, 1e-9);
  }
}

TEST(SampleSize, NothingToFindTakesForEver) {
  EXPECT_EQ(sample_size_proportions(0.01, 0.01, Variance::Pooled, {}).first, INFINITY);
  EXPECT_EQ(sample_size_means(0.0, {}).first, INFINITY);
  EXPECT_EQ(sample_size_means_normal(0.0, {}).second, INFINITY);
  EXPECT_EQ(sample_size_non_inferiority(0.01, 0.0, {}).first, INFINITY);
}

}  // namespace
}  // namespace sluice::stats
