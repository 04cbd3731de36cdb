#include "stats/group_sequential.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace sluice::stats {
namespace {

std::vector<double> equal(int looks) {
  std::vector<double> information;
  for (int k = 1; k <= looks; ++k) information.push_back(static_cast<double>(k) / looks);
  return information;
}

TEST(GroupSequential, SpendingReachesAlpha) {
  for (const Spending spending : {Spending::OBrienFleming, Spending::Pocock}) {
    EXPECT_EQ(spent_alpha(spending, 0.05, 0.0), 0.0);
    EXPECT_EQ(spent_alpha(spending, 0.05, 1.0), 0.05);
    EXPECT_NEAR(spent_alpha(spending, 0.05, 1.0 - 1e-12), 0.05, 1e-12);
    EXPECT_LT(spent_alpha(spending, 0.05, 0.3), spent_alpha(spending, 0.05, 0.6));
  }
}

TEST(GroupSequential, PublishedLanDeMets) {
  const Boundary boundary = lan_demets(Spending::OBrienFleming, 0.05, equal(5), Sides::Two);
  const double published[] = {4.8769, 3.3570, 2.6803, 2.2898, 2.0310};
  for (std::size_t k = 0; k < 5; ++k) EXPECT_NEAR(boundary.z[k], published[k], 1e-4);
  EXPECT_NEAR(boundary.cumulative_alpha.back(), 0.05, 1e-12);
}

TEST(GroupSequential, PublishedConstants) {
  EXPECT_NEAR(classic_boundary(Spending::Pocock, 0.05, 5, Sides::Two).z.front(), 2.413, 5e-4);
  EXPECT_NEAR(classic_boundary(Spending::OBrienFleming, 0.05, 5, Sides::Two).z.back(), 2.040, 5e-4);
  EXPECT_NEAR(classic_boundary(Spending::Pocock, 0.05, 2, Sides::Two).z.front(), 2.178, 5e-4);
}

TEST(GroupSequential, OneLookIsTheFixedTest) {
  for (const Spending spending : {Spending::OBrienFleming, Spending::Pocock}) {
    EXPECT_NEAR(lan_demets(spending, 0.05, equal(1), Sides::Two).z[0], 1.959963984540054, 1e-10);
    EXPECT_NEAR(lan_demets(spending, 0.05, equal(1), Sides::One).z[0], 1.644853626951473, 1e-10);
    EXPECT_NEAR(classic_boundary(spending, 0.05, 1, Sides::One).z[0], 1.644853626951473, 1e-8);
  }
}

TEST(GroupSequential, TheBoundarySpendsWhatItSays) {
  const std::vector<double> information = {0.1, 0.3, 0.35, 0.8, 1.0};
  for (const Sides sides : {Sides::One, Sides::Two}) {
    const Boundary boundary = lan_demets(Spending::Pocock, 0.05, information, sides);
    const std::vector<double> crossed = crossing_probability(boundary.z, information, sides);
    for (std::size_t k = 0; k < crossed.size(); ++k)
      EXPECT_NEAR(crossed[k], boundary.cumulative_alpha[k], 1e-9);
  }
}

TEST(GroupSequential, LooksThatSpendNothingHaveNoFiniteBoundary) {
  const Boundary boundary =
      lan_demets(Spending::OBrienFleming, 0.05, std::vector<double>{1e-5, 2e-5, 0.5, 1.0}, Sides::One);
  EXPECT_TRUE(std::isinf(boundary.z[0]));
  EXPECT_TRUE(std::isinf(boundary.z[1]));
  EXPECT_LT(boundary.z[2], 4.0);
  EXPECT_NEAR(boundary.z[3], 1.66, 0.02);
}

}  // namespace
}  // namespace sluice::stats
