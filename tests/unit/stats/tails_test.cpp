#include "stats/tails.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "stats/log_space.h"

namespace sluice::stats {
namespace {

// Expected values in this file: 30 to 60 digits, by another program.
TEST(Tails, NormalOverTheWholeRange) {
  EXPECT_NEAR(log_normal_upper(0.0), -std::numbers::ln2, 1e-15);
  EXPECT_NEAR(log_normal_upper(2.5), -5.08164827727869, 1e-13);
  EXPECT_NEAR(log_normal_upper(-3.0), -0.001350809964748194, 1e-17);
  EXPECT_NEAR(log_normal_upper(36.9), -685.3328831653507, 1e-10);
  EXPECT_NEAR(log_normal_upper(45.0), -1017.226094241952, 1e-10);
  EXPECT_NEAR(log_normal_upper(1e8), -5e15, 100.0);
  EXPECT_NEAR(log_normal_upper(-40.0), 0.0, 1e-300);
  // No step where one formula hands over to the next.
  EXPECT_NEAR(log_normal_upper(37.0) - log_normal_upper(37.0 - 1e-9), -37e-9, 1e-9);
}

TEST(Tails, NormalQuantiles) {
  EXPECT_NEAR(normal_upper_quantile(0.025), 1.959963984540054, 1e-13);
  EXPECT_NEAR(two_sided_normal_quantile(0.95), 1.959963984540054, 1e-13);
  EXPECT_NEAR(std::exp(log_normal_upper(normal_upper_quantile(1e-200))), 1e-200, 1e-210);
}

TEST(Tails, PValues) {
  const LogTails tails{std::log(0.2), std::log(0.8)};
  EXPECT_NEAR(p_value(tails, Alternative::Less).p, 0.2, 1e-15);
  EXPECT_NEAR(p_value(tails, Alternative::Greater).p, 0.8, 1e-15);
  EXPECT_NEAR(p_value(tails, Alternative::TwoSided).p, 0.4, 1e-15);
  EXPECT_EQ(p_value({std::log(0.7), std::log(0.7)}, Alternative::TwoSided).p, 1.0);
  EXPECT_EQ(p_value_from_log(-5000.0).p, 0.0);
  EXPECT_NEAR(p_value_from_log(-5000.0).log10_p, -5000.0 / std::numbers::ln10, 1e-9);
}

TEST(Tails, Student) {
  EXPECT_NEAR(student_tails(2.2, 7.5).upper, -3.48676399708613, 1e-12);
  EXPECT_NEAR(student_tails(-2.2, 7.5).lower, -3.48676399708613, 1e-12);
  EXPECT_NEAR(student_tails(2.2, 7.5).lower, std::log1p(-std::exp(-3.48676399708613)), 1e-13);
  EXPECT_NEAR(student_tails(60.0, 5000.0).upper, -1360.553175487738, 1e-8);
  EXPECT_NEAR(student_tails(5.0, 1e9).upper, -15.06499822542735, 1e-8);
  EXPECT_NEAR(student_tails(0.0, 4.0).upper, -std::numbers::ln2, 1e-14);
  EXPECT_NEAR(student_upper_quantile(0.025, 7.0), 2.364624251592785, 1e-10);
}

TEST(Tails, ChiSquared) {
  EXPECT_NEAR(log_chi_squared_upper(7.3, 3.0), -2.765792088427261, 1e-12);
  EXPECT_NEAR(log_chi_squared_upper(3000.0, 4.0), -1492.686113168367, 1e-8);
  EXPECT_EQ(log_chi_squared_upper(0.0, 3.0), 0.0);
  EXPECT_NEAR(chi_squared_upper_quantile(0.05, 1.0), 3.841458820694124, 1e-11);
}

TEST(Tails, Binomial) {
  EXPECT_NEAR(binomial_tails(900, 1000, 0.1).upper, -1760.936940910103, 1e-8);
  EXPECT_NEAR(binomial_tails(30, 200, 0.1).upper, -4.114961686106482, 1e-11);
  EXPECT_NEAR(binomial_tails(2, 200, 0.1).lower, -15.47775897712247, 1e-11);
  EXPECT_EQ(binomial_tails(0, 10, 0.3).upper, 0.0);
  EXPECT_EQ(binomial_tails(10, 10, 0.3).lower, 0.0);
  EXPECT_EQ(binomial_tails(1, 10, 0.0).upper, log_zero);
  EXPECT_EQ(binomial_tails(0, 10, 0.0).upper, 0.0);
  EXPECT_EQ(binomial_tails(9, 10, 1.0).lower, log_zero);
  EXPECT_EQ(binomial_tails(10, 10, 1.0).lower, 0.0);
}

TEST(Tails, Beta) {
  EXPECT_NEAR(log_beta(1e6, 0.3), -3.0488550675712, 1e-11);
  EXPECT_NEAR(log_beta(50, 3e8), -831.398911768012, 1e-8);
  EXPECT_NEAR(log_beta(3, 4), -4.094344562222101, 1e-13);
  EXPECT_NEAR(log_incomplete_beta(1.0, 1.0, 0.3, 0.7), std::log(0.3), 1e-15);
  EXPECT_NEAR(log_incomplete_beta(2.0, 1.0, 1.0 - 1e-20, 1e-20), -2e-20, 1e-30);
  EXPECT_EQ(log_incomplete_beta(2.0, 1.0, 0.0, 1.0), log_zero);
  EXPECT_EQ(log_incomplete_beta(2.0, 1.0, 1.0, 0.0), 0.0);
}

}  // namespace
}  // namespace sluice::stats
