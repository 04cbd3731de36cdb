#include "stats/dispersion.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace sluice::stats {
namespace {

const std::vector<Block> six = {{9, 40, 700, 5000},  {4, 61, 350, 7000}, {15, 44, 900, 4100},
                                {22, 50, 800, 5200}, {2, 38, 640, 4900}, {11, 70, 1200, 6100}};

template <class Dispersion>
Dispersion of(const std::vector<Block>& blocks) {
  Dispersion dispersion;
  for (const Block& block : blocks) dispersion.add(block);
  return dispersion;
}

TEST(ConditionalDispersion, IsPearsonsChiSquareAtThePooledRatio) {
  const auto dispersion = of<ConditionalDispersion>(six);
  EXPECT_NEAR(dispersion.ratio(), 1.410731748758663, 1e-13);
  EXPECT_NEAR(dispersion.chi_square(), 14.75485757577142, 1e-10);
  EXPECT_EQ(dispersion.degrees(), 5.0);
  EXPECT_NEAR(dispersion.phi(), 14.75485757577142 / 5.0, 1e-11);
}

TEST(ConditionalDispersion, IsNeverBelowOne) {
  EXPECT_EQ(of<ConditionalDispersion>({}).phi(), 1.0);
  EXPECT_EQ(of<ConditionalDispersion>({{6, 54, 600, 5400}}).phi(), 1.0);
  const auto regular = of<ConditionalDispersion>(std::vector<Block>(8, Block{6, 54, 600, 5400}));
  EXPECT_NEAR(regular.chi_square(), 0.0, 1e-12);
  EXPECT_EQ(regular.phi(), 1.0);
}

TEST(ConditionalDispersion, TwoBlocksGiveOneDegree) {
  const auto two = of<ConditionalDispersion>({{1, 54, 600, 5400}, {29, 54, 600, 5400}});
  EXPECT_EQ(two.degrees(), 1.0);
  EXPECT_GT(two.phi(), 10.0);
  EXPECT_EQ(two.phi(), two.chi_square());
  EXPECT_NEAR(ratio_dispersion(two, 1.0, 14.0), (14.0 + two.chi_square()) / 15.0, 1e-12);
}

TEST(ConditionalDispersion, CountsOnlyBlocksThatInform) {
  auto dispersion = of<ConditionalDispersion>(six);
  const double before = dispersion.chi_square();
  dispersion.add({0, 0, 600, 5400});
  dispersion.add({5, 0, 600, 0});
  EXPECT_EQ(dispersion.blocks(), 6);
  EXPECT_EQ(dispersion.chi_square(), before);
}

TEST(ConditionalDispersion, KnowsNothingWhileOneArmIsSilent) {
  const auto silent = of<ConditionalDispersion>({{0, 5, 600, 5400}, {0, 9, 600, 5400}, {0, 2, 600, 5400}});
  EXPECT_EQ(silent.chi_square(), 0.0);
  EXPECT_EQ(silent.degrees(), 0.0);
  EXPECT_EQ(silent.ratio(), 0.0);
  EXPECT_EQ(silent.phi(), 1.0);
  const auto other = of<ConditionalDispersion>({{5, 0, 600, 5400}, {9, 0, 600, 5400}});
  EXPECT_EQ(other.chi_square(), 0.0);
  EXPECT_EQ(other.degrees(), 0.0);
  EXPECT_EQ(other.ratio(), std::numeric_limits<double>::infinity());
}

TEST(ConditionalDispersion, RestoresItsState) {
  const auto dispersion = of<ConditionalDispersion>(six);
  ConditionalDispersion other;
  other.restore(dispersion.state());
  EXPECT_EQ(other.chi_square(), dispersion.chi_square());
  EXPECT_EQ(other.degrees(), dispersion.degrees());
}

TEST(CandidateDispersion, IsPearsonsAroundTheMeanRate) {
  EXPECT_NEAR(of<CandidateDispersion>(six).phi(), 3.771173469387755, 1e-12);
}

TEST(CandidateDispersion, NeedsFiveBlocksAndTwentyEvents) {
  const auto blocks = [](std::size_t count, double odd, double even) {
    std::vector<Block> result;
    for (std::size_t i = 0; i < count; ++i) result.push_back({i % 2 == 0 ? even : odd, 0, 100, 0});
    return result;
  };
  EXPECT_EQ(of<CandidateDispersion>(blocks(4, 0, 30)).phi(), 1.0);
  EXPECT_GT(of<CandidateDispersion>(blocks(5, 0, 30)).phi(), 10.0);
  EXPECT_EQ(of<CandidateDispersion>(blocks(6, 0, 19.9 / 3)).phi(), 1.0);
  EXPECT_GT(of<CandidateDispersion>(blocks(6, 0, 20.1 / 3)).phi(), 1.0);
  EXPECT_NEAR(of<CandidateDispersion>(blocks(8, 0, 5)).phi(), 20.0 / 7.0, 1e-12);  // twenty are enough
}

TEST(CandidateDispersion, PassesOverWhatSaysNothing) {
  auto dispersion = of<CandidateDispersion>(six);
  const double before = dispersion.phi();
  dispersion.add({0, 5, 0, 100});
  dispersion.add({-1, 5, 100, 100});
  EXPECT_EQ(dispersion.phi(), before);
}

TEST(PastDispersion, IsTheMeanOverNeighbours) {
  const std::vector<double> events = {50, 61, 40, 0, 0, 55};
  const std::vector<double> exposure = {5000, 5600, 5000, 5000, 4000, 5200};
  const PastDispersion past = past_dispersion(events, exposure);
  EXPECT_NEAR(past.phi, 21.20720010076446, 1e-11);
  EXPECT_NEAR(past.degrees, 2.909090909090909, 1e-13);
  EXPECT_NEAR(past.p_value, 2.184237276137333e-13, 1e-20);
}

TEST(PastDispersion, WithEqualExposuresIsTheFormulaOfTheText) {
  const std::vector<double> events = {7, 12, 9};
  const std::vector<double> exposure = {100, 100, 100};
  EXPECT_NEAR(past_dispersion(events, exposure).phi, (25.0 / 19.0 + 9.0 / 21.0) / 2.0, 1e-14);
}

TEST(PastDispersion, ADriftCancels) {
  std::vector<double> events;
  for (int i = 0; i < 30; ++i) events.push_back(100.0 + 10.0 * i);
  const std::vector<double> exposure(30, 5400.0);
  EXPECT_LT(past_dispersion(events, exposure).phi, 1.0);
}

TEST(PastDispersion, NoPastSaysSo) {
  for (const std::vector<double>& events : {std::vector<double>{}, {5.0}, {0.0, 0.0, 0.0}}) {
    const std::vector<double> exposure(events.size(), 100.0);
    const PastDispersion past = past_dispersion(events, exposure);
    EXPECT_EQ(past.phi, 1.0);
    EXPECT_EQ(past.degrees, 0.0);
    EXPECT_EQ(past.p_value, 1.0);
  }
  // A gap in the past: its two pairs are left out, the others stay.
  const std::vector<double> events = {7, 12, 0, 9, 11};
  const std::vector<double> exposure = {100, 100, 0, 100, 100};
  EXPECT_NEAR(past_dispersion(events, exposure).phi, (25.0 / 19.0 + 4.0 / 20.0) / 2.0, 1e-14);
}

TEST(RatioDispersion, WithAPastIsShrunkTowardsIt) {
  const auto now = of<ConditionalDispersion>(six);
  EXPECT_NEAR(ratio_dispersion(now, 1.3, 12.0), 1.785579857398319, 1e-12);
  EXPECT_EQ(ratio_dispersion({}, 1.3, 12.0), 1.0) << "12 degrees of freedom scatter that much by chance";
  EXPECT_NEAR(ratio_dispersion({}, 1.3, 100.0), 1.3, 1e-15) << "100 do not";
  // The 90 % quantile of a chi-square of 15 degrees of freedom is 22.31.
  EXPECT_EQ(ratio_dispersion({}, 22.2 / 15.0, 15.0), 1.0);
  EXPECT_GT(ratio_dispersion({}, 22.4 / 15.0, 15.0), 1.4);
  // A past below 1 counts as 1.
  EXPECT_NEAR(ratio_dispersion(now, 0.4, 12.0), (12.0 + 14.75485757577142) / 17.0, 1e-12);
  EXPECT_EQ(ratio_dispersion({}, 0.4, 12.0), 1.0);
  EXPECT_EQ(ratio_dispersion({}, 3.0, 0.0), 3.0);
  // A silent arm teaches nothing: the past stands.
  const auto silent = of<ConditionalDispersion>(std::vector<Block>(20, Block{0, 5, 600, 5400}));
  EXPECT_EQ(ratio_dispersion(silent, 3.0, 15.0), 3.0);
}

TEST(RatioDispersion, FallsToOneWhenTheBlocksAreRegular) {
  const auto regular = of<ConditionalDispersion>(std::vector<Block>(200, Block{6, 54, 600, 5400}));
  EXPECT_EQ(ratio_dispersion(regular, 3.0, 15.0), 1.0);
}

TEST(RatioDispersion, WithoutAPastIsTwoForTheFirstFourBlocks) {
  ConditionalDispersion now;
  EXPECT_EQ(ratio_dispersion(now, 0.0, 15.0), 1.0);
  for (std::size_t i = 0; i < 4; ++i) {
    now.add(six[i]);
    EXPECT_EQ(ratio_dispersion(now, 0.0, 15.0), 2.0) << i;
  }
  now.add(six[4]);
  EXPECT_EQ(ratio_dispersion(now, 0.0, 15.0), now.phi());
  EXPECT_GT(now.phi(), 1.0);
  now.add(six[5]);
  EXPECT_NEAR(ratio_dispersion(now, 0.0, 15.0), 2.950971515154285, 1e-11);
}

}  // namespace
}  // namespace sluice::stats
