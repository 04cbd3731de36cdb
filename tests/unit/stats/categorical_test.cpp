#include "stats/categorical.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "stats/p_adjust.h"
#include "stats/sample_ratio.h"

namespace sluice::stats {
namespace {

using Values = std::vector<double>;

TEST(Categorical, GoodnessOfFitByHand) {
  const ChiSquare test = goodness_of_fit(Values{30, 70}, Values{1, 3});
  EXPECT_NEAR(test.statistic, 25.0 / 25 + 25.0 / 75, 1e-14);
  EXPECT_EQ(test.degrees, 1.0);
  EXPECT_NEAR(test.likelihood_ratio, 2 * (30 * std::log(1.2) + 70 * std::log(70.0 / 75)), 1e-13);
  EXPECT_NEAR(test.p.p, std::erfc(std::sqrt(test.statistic / 2)), 1e-14);
}

TEST(Categorical, WeightlessAndEmptyClasses) {
  const ChiSquare impossible = goodness_of_fit(Values{30, 1}, Values{1, 0});
  EXPECT_EQ(impossible.p.p, 0.0);
  EXPECT_EQ(impossible.statistic, INFINITY);
  EXPECT_EQ(goodness_of_fit(Values{30, 0}, Values{1, 0}).p.p, 1.0);
  EXPECT_EQ(goodness_of_fit(Values{0, 0}, Values{1, 1}).p.p, 1.0);
  EXPECT_EQ(goodness_of_fit({}, {}).degrees, 0.0);
}

TEST(Categorical, Homogeneity) {
  const ChiSquare same = homogeneity(Values{10, 20, 0}, Values{30, 60, 0});
  EXPECT_NEAR(same.statistic, 0.0, 1e-14);
  EXPECT_EQ(same.degrees, 1.0);
  EXPECT_NEAR(same.p.p, 1.0, 1e-7);
  const ChiSquare apart = homogeneity(Values{50, 0}, Values{0, 50});
  EXPECT_NEAR(apart.statistic, 100.0, 1e-12);
  EXPECT_NEAR(apart.cramers_v, 1.0, 1e-15);
  EXPECT_EQ(homogeneity(Values{0, 0}, Values{1, 2}).p.p, 1.0);
  EXPECT_EQ(homogeneity(Values{5}, Values{7}).p.p, 1.0);
}

TEST(Categorical, Drift) {
  const Values first = {50, 50};
  const Values second = {90, 10};
  const StabilityIndex index = stability_index(first, second, 1e-4);
  EXPECT_NEAR(index.value, -0.4 * std::log(5.0 / 9) + 0.4 * std::log(5.0), 1e-14);
  EXPECT_NEAR(index.critical, 0.02 * 3.841458820694124, 1e-12);
  EXPECT_LT(index.p.p, 1e-6);
  EXPECT_TRUE(std::isfinite(stability_index(Values{0, 10}, Values{10, 0}, 1e-4).value));
  EXPECT_NEAR(stability_index(first, first, 1e-4).value, 0.0, 1e-15);
  EXPECT_EQ(stability_index(Values{0, 0}, first, 1e-4).p.p, 1.0);
  EXPECT_NEAR(jensen_shannon_divergence(Values{7, 0}, Values{0, 3}), 1.0, 1e-15);
  EXPECT_NEAR(jensen_shannon_divergence(first, Values{5, 5}), 0.0, 1e-15);
}

TEST(Categorical, ShareFromAnEdge) {
  EXPECT_EQ(share_from(Values{1, 2, 3, 4}, 2).events, 7.0);
  EXPECT_EQ(share_from(Values{1, 2, 3, 4}, 2).total, 10.0);
  EXPECT_EQ(share_from(Values{1, 2, 3, 4}, 9).events, 0.0);
}

TEST(SampleRatio, EvidenceOfTheText) {
  EXPECT_NEAR(log_sample_ratio_evidence(Values{70000, 31000}, Values{2, 1}, 1000.0), 156.7477042075756, 1e-9);
  EXPECT_LT(log_sample_ratio_evidence(Values{600, 5400}, Values{0.1, 0.9}), 0.0);
  EXPECT_GT(log_sample_ratio_evidence(Values{900, 5400}, Values{0.1, 0.9}), std::log(1000.0));
  EXPECT_EQ(log_sample_ratio_evidence(Values{0, 0}, Values{1, 1}), 0.0);
  EXPECT_EQ(log_sample_ratio_evidence(Values{5, 1}, Values{1, 0}), INFINITY);
  EXPECT_TRUE(std::isfinite(log_sample_ratio_evidence(Values{5e11, 5e11}, Values{1, 1})));
}

void expect_adjusted(Adjustment method, const Values& expected) {
  // Out of order on purpose.
  const Values p = {0.04, 0.01, 0.03, 0.5};
  const Values adjusted = adjust(p, method);
  ASSERT_EQ(adjusted.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(adjusted[i], expected[i], 1e-12) << i;
}

TEST(Adjustment, ByHand) {
  expect_adjusted(Adjustment::Bonferroni, {0.16, 0.04, 0.12, 1.0});
  expect_adjusted(Adjustment::Holm, {0.09, 0.04, 0.09, 0.5});
  expect_adjusted(Adjustment::Hochberg, {0.08, 0.04, 0.08, 0.5});
  expect_adjusted(Adjustment::BenjaminiHochberg, {0.16 / 3, 0.04, 0.16 / 3, 0.5});
  const double harmonic = 1 + 1.0 / 2 + 1.0 / 3 + 1.0 / 4;
  expect_adjusted(Adjustment::BenjaminiYekutieli,
                  {harmonic * 0.16 / 3, harmonic * 0.04, harmonic * 0.16 / 3, 1.0});
  expect_adjusted(Adjustment::Hommel, {0.08, 0.04, 0.06, 0.5});
}

TEST(Adjustment, OneTestOrNoneIsLeftAlone) {
  for (const Adjustment method :
       {Adjustment::Bonferroni, Adjustment::Holm, Adjustment::Hochberg, Adjustment::Hommel,
        Adjustment::BenjaminiHochberg, Adjustment::BenjaminiYekutieli}) {
    EXPECT_EQ(adjust(Values{0.03}, method), Values{0.03});
    EXPECT_TRUE(adjust({}, method).empty());
  }
}

}  // namespace
}  // namespace sluice::stats
