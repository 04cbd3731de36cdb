#include "stats/ceiling.h"

#include <gtest/gtest.h>

#include <cmath>

namespace sluice::stats {
namespace {

// Expected values: the formulas of the header in 40 digits, by another program.
TEST(Ceiling, MatchesTheFormulas) {
  EXPECT_NEAR(log_e_below(3, 2500, 0.002), -0.6384045119333298, 1e-12);
  EXPECT_NEAR(log_e_above(14, 2500, 0.002), 3.642541262995162, 1e-12);
  EXPECT_NEAR(log_e_below(3, 2500, 0.002, 1.4), -0.6236691357220713, 1e-12);
  EXPECT_NEAR(log_e_above(14, 2500, 0.002, 1.4), 2.26304690315397, 1e-12);
}

TEST(Ceiling, NothingSeenIsNoEvidence) {
  EXPECT_NEAR(log_e_below(0, 0, 0.001), 0.0, 1e-14);
  EXPECT_NEAR(log_e_above(0, 0, 0.001), 0.0, 1e-14);
}

TEST(Ceiling, ExposureWithoutEventsProvesTheRateLow) {
  // About 4.6/delta without an event reach 1/0.025, which is what the mean with a silent ratio needs for 20.
  EXPECT_LT(log_e_below(0, 4200, 0.001), std::log(39.0));
  EXPECT_GT(log_e_below(0, 4700, 0.001), std::log(39.0));
  double before = 0.0;
  for (double n = 500; n < 1e6; n *= 2) {
    EXPECT_GT(log_e_below(0, n, 0.001), before);
    EXPECT_LT(log_e_above(0, n, 0.001), 0.0);
    before = log_e_below(0, n, 0.001);
  }
}

TEST(Ceiling, EventsMoveItTheOtherWay) {
  EXPECT_LT(log_e_below(3, 4700, 0.001), log_e_below(2, 4700, 0.001));
  EXPECT_GT(log_e_above(9, 4700, 0.001), log_e_above(8, 4700, 0.001));
  EXPECT_GT(log_e_above(60, 4700, 0.001), std::log(1e6));
  EXPECT_LT(log_e_below(60, 4700, 0.001), 0.0);
}

TEST(Ceiling, NonInferiorIsTheMeanOfTheTwo) {
  EXPECT_NEAR(log_e_non_inferior(std::log(3.0), std::log(37.0)), std::log(20.0), 1e-14);
  EXPECT_NEAR(log_e_non_inferior(0.0, 700.0), 700.0 - std::log(2.0), 1e-12);
}

TEST(Ceiling, HarmNeedsBoth) {
  EXPECT_EQ(log_e_harm_above_floor(5.0, 2.0), 2.0);
  EXPECT_EQ(log_e_harm_above_floor(-1.0, 2.0), -1.0);
}

TEST(Ceiling, HugeCountsStayFinite) {
  EXPECT_TRUE(std::isfinite(log_e_below(1e9, 1e12, 0.5)));
  EXPECT_TRUE(std::isfinite(log_e_above(1e9, 1e9, 1e-9)));
}

}  // namespace
}  // namespace sluice::stats
