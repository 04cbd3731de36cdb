#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "stats/kolmogorov_smirnov.h"
#include "stats/mann_whitney.h"

namespace sluice::stats {
namespace {

using Values = std::vector<double>;

TEST(MannWhitney, ExactByCounting) {
  // All three above all three: one of C(6,3) = 20 orders.
  const Values high = {4, 5, 6};
  const Values low = {1, 2, 3};
  EXPECT_EQ(mann_whitney_exact(high, low, Alternative::Greater).u, 9.0);
  EXPECT_NEAR(mann_whitney_exact(high, low, Alternative::Greater).p.p, 1.0 / 20, 1e-15);
  EXPECT_NEAR(mann_whitney_exact(high, low, Alternative::TwoSided).p.p, 2.0 / 20, 1e-15);
  EXPECT_NEAR(mann_whitney_exact(high, low, Alternative::Less).p.p, 1.0, 1e-15);
  EXPECT_EQ(mann_whitney_exact(high, low, Alternative::Less).effect, 1.0);
  // With ties: {1, 2} against {2, 3}. Midranks 1, 2.5, 2.5, 4: the sum 3.5 or less is had by two pairs of
  // six.
  EXPECT_EQ(mann_whitney_exact(Values{1, 2}, Values{2, 3}, Alternative::Less).u, 0.5);
  EXPECT_NEAR(mann_whitney_exact(Values{1, 2}, Values{2, 3}, Alternative::Less).p.p, 2.0 / 6, 1e-15);
}

TEST(MannWhitney, BinsAndValuesAgree) {
  const Values x = {1, 1, 2, 3, 3, 3};
  const Values y = {1, 2, 2, 2, 3};
  const RankTest values = mann_whitney(x, y, true, Alternative::TwoSided);
  const RankTest bins = mann_whitney_binned(Values{2, 1, 3}, Values{1, 3, 1}, true, Alternative::TwoSided);
  EXPECT_EQ(values.u, bins.u);
  EXPECT_EQ(values.z, bins.z);
  // R1 = 2*2 + 1*5.5 + 3*9.5 = 38, U = 38 - 21 = 17; ties 3^3-3 + 4^3-4 + 4^3-4 = 144 of N(N-1) = 110.
  EXPECT_EQ(values.u, 17.0);
  EXPECT_NEAR(values.z, (17.0 - 15.0 - 0.5) / std::sqrt(30.0 / 12.0 * (12.0 - 144.0 / 110.0)), 1e-13);
  EXPECT_NEAR(mann_whitney(x, y, false, Alternative::TwoSided).z, values.z * 2.0 / 1.5, 1e-13);
  EXPECT_NEAR(mann_whitney(x, y, true, Alternative::Less).z, values.z * 2.5 / 1.5, 1e-13);
  EXPECT_NEAR(values.effect, 17.0 / 30.0, 1e-15);
}

TEST(MannWhitney, AllTiedOrEmptyIsNoEvidence) {
  for (const Alternative alternative : {Alternative::TwoSided, Alternative::Less, Alternative::Greater}) {
    EXPECT_EQ(mann_whitney(Values{2, 2}, Values{2, 2, 2}, true, alternative).p.p, 1.0);
    EXPECT_NEAR(mann_whitney_exact(Values{2, 2}, Values{2, 2, 2}, alternative).p.p, 1.0, 1e-15);
    EXPECT_EQ(mann_whitney({}, Values{1}, true, alternative).p.p, 1.0);
    EXPECT_EQ(mann_whitney_exact({}, Values{1}, alternative).p.p, 1.0);
    EXPECT_EQ(mann_whitney_binned(Values{1e9, 0}, Values{1e9, 0}, false, alternative).p.p, 1.0);
  }
}

TEST(MannWhitney, HugeBinsStayFinite) {
  const RankTest test =
      mann_whitney_binned(Values{1e9, 1e9, 1.1e9}, Values{1e9, 1e9, 1e9}, false, Alternative::TwoSided);
  EXPECT_TRUE(std::isfinite(test.z));
  EXPECT_LT(test.p.log10_p, -300.0);
}

TEST(MannWhitney, ShiftIntervalHoldsTheShift) {
  const Values x = {10, 11, 12, 13, 14, 15, 16, 17, 18, 19};
  Values y = x;
  for (double& value : y) value -= 3.0;
  const ShiftInterval shift = shift_interval(x, y, true, 0.95);
  EXPECT_NEAR(shift.estimate, 3.0, 1e-3);
  EXPECT_LT(shift.interval.lower, 3.0);
  EXPECT_GT(shift.interval.upper, 3.0);
  EXPECT_EQ(shift_interval({}, y, true, 0.95).estimate, 0.0);
}

TEST(KolmogorovSmirnov, DistanceHasADirection) {
  const Values x = {1, 2, 3, 4};
  const Values y = {2.5, 3.5, 4.5, 5.5};
  EXPECT_NEAR(ks_distance(x, y, Alternative::Greater), 0.5, 1e-15);
  EXPECT_NEAR(ks_distance(x, y, Alternative::TwoSided), 0.5, 1e-15);
  EXPECT_EQ(ks_distance(x, y, Alternative::Less), 0.0);
  EXPECT_EQ(ks_distance({}, y, Alternative::Less), 0.0);
}

TEST(KolmogorovSmirnov, ExactByCounting) {
  // Fully apart: one order of C(6,3) on each side.
  EXPECT_NEAR(ks_exact(Values{1, 2, 3}, Values{4, 5, 6}, Alternative::TwoSided).p, 2.0 / 20, 1e-15);
  EXPECT_NEAR(ks_exact(Values{1, 2, 3}, Values{4, 5, 6}, Alternative::Greater).p, 1.0 / 20, 1e-15);
  EXPECT_NEAR(ks_exact(Values{1, 2, 3}, Values{4, 5, 6}, Alternative::Less).p, 1.0, 1e-15);
  EXPECT_EQ(ks_exact({}, Values{1}, Alternative::TwoSided).p, 1.0);
}

TEST(KolmogorovSmirnov, TiesAreNoOrder) {
  const Values x = {1, 1, 2, 2};
  const Values y = {2, 2, 3, 3};
  const double respected = ks_exact(x, y, Alternative::TwoSided).p;
  const double ignored = ks_exact(x, y, Alternative::TwoSided, true).p;
  EXPECT_LT(respected, ignored);
  // By hand: values 1 1 2 2 2 2 3 3. D = 1/2 or more at an edge unless each end pair is split between the
  // samples: 2 * 2 ways for the ends times C(4, 2) for the middle of C(8, 4) = 70.
  EXPECT_NEAR(respected, 1.0 - 24.0 / 70.0, 1e-14);
}

TEST(KolmogorovSmirnov, LimitFromBothSeries) {
  EXPECT_NEAR(std::exp(log_kolmogorov_upper(0.9)), 0.3927307079406544, 1e-14);
  EXPECT_NEAR(std::exp(log_kolmogorov_upper(1.5)), 0.02221796261652513, 1e-15);
  EXPECT_NEAR(log_kolmogorov_upper(1.18), log_kolmogorov_upper(1.18 - 1e-12), 1e-10);
  EXPECT_NEAR(log_kolmogorov_upper(30.0), std::log(2.0) - 1800.0, 1e-9);
  EXPECT_EQ(log_kolmogorov_upper(0.0), 0.0);
  EXPECT_NEAR(log_kolmogorov_upper(0.01), 0.0, 1e-15);
}

TEST(KolmogorovSmirnov, OneSampleLaw) {
  EXPECT_NEAR(kolmogorov_upper(1, 0.75), 0.5, 1e-14);         // |F - 1/2| >= 1/4
  EXPECT_NEAR(kolmogorov_upper(2, 0.75), 2 * 0.0625, 1e-14);  // both below 1/4, or both above 3/4
  EXPECT_EQ(kolmogorov_upper(10, 0.05), 1.0);
  EXPECT_EQ(kolmogorov_upper(10, 1.0), 0.0);
  EXPECT_NEAR(kolmogorov_upper(2000, 0.03), std::exp(log_kolmogorov_upper(std::sqrt(2000) * 0.03)), 2e-3);
  EXPECT_NEAR(kolmogorov_upper(3000, 0.02), kolmogorov_upper(3001, 0.02), 1e-3);
}

TEST(KolmogorovSmirnov, Bins) {
  const BinnedKs result = ks_binned(Values{10, 20, 30}, Values{30, 20, 10});
  EXPECT_NEAR(result.distance, 1.0 / 3, 1e-15);
  EXPECT_NEAR(result.effective_size, 30.0, 1e-15);
  EXPECT_NEAR(result.p.p, std::exp(log_kolmogorov_upper(std::sqrt(30.0) / 3)), 1e-15);
  EXPECT_EQ(ks_binned(Values{0, 0}, Values{1, 2}).p.p, 1.0);
}

}  // namespace
}  // namespace sluice::stats
