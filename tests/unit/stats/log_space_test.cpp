#include "stats/log_space.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace sluice::stats {
namespace {

TEST(LogSpace, SumsValuesThatNoDoubleHolds) {
  EXPECT_NEAR(log_sum_exp(std::vector<double>{5000.0, 5000.0 + std::log(3.0)}), 5000.0 + std::log(4.0), 1e-9);
  EXPECT_NEAR(log_sum_exp(std::vector<double>{-5000.0, -5000.0 + std::log(3.0)}), -5000.0 + std::log(4.0),
              1e-9);
  EXPECT_NEAR(log_add_exp(std::log(2.0), std::log(5.0)), std::log(7.0), 1e-15);
  EXPECT_NEAR(log_add_exp(std::log(5.0), std::log(2.0)), std::log(7.0), 1e-15);
}

TEST(LogSpace, TreatsNothingAndInfinityAsTheyAre) {
  EXPECT_EQ(log_sum_exp({}), log_zero);
  EXPECT_EQ(log_mean_exp({}), log_zero);
  EXPECT_EQ(log_sum_exp(std::vector<double>{log_zero, log_zero}), log_zero);
  EXPECT_EQ(log_sum_exp(std::vector<double>{log_zero, 2.0}), 2.0);
  EXPECT_EQ(log_add_exp(log_zero, log_zero), log_zero);
  EXPECT_EQ(log_add_exp(log_zero, 1.5), 1.5);
  EXPECT_EQ(log_add_exp(-log_zero, 1.5), -log_zero);
}

TEST(LogSpace, AveragesEvidence) {
  EXPECT_NEAR(log_mean_exp(std::vector<double>{std::log(1.0), std::log(3.0), std::log(8.0)}), std::log(4.0),
              1e-15);
}

TEST(LogSpace, KeepsTheComplementExactAtBothEnds) {
  EXPECT_NEAR(log_one_minus_exp(-1e-20), std::log(1e-20), 1e-12);
  EXPECT_NEAR(log_one_minus_exp(-50.0), -std::exp(-50.0), 1e-30);
  EXPECT_NEAR(log_one_minus_exp(std::log(0.25)), std::log(0.75), 1e-15);
  EXPECT_NEAR(log_one_minus_exp(std::log(0.75)), std::log(0.25), 1e-15);
  EXPECT_EQ(log_one_minus_exp(0.0), log_zero);
  EXPECT_EQ(log_one_minus_exp(1e-17), log_zero);
}

}  // namespace
}  // namespace sluice::stats
