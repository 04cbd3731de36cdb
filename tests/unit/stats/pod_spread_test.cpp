#include "stats/pod_spread.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace sluice::stats {
namespace {

std::optional<PodSpread> of(const std::vector<double>& events, const std::vector<double>& exposure) {
  return pod_spread(events, exposure);
}

// m = 40, 80, 120; Q = 400/40 + 100/80 + 100/120 = 12.08333; information = 240 (1 - 14/36).
TEST(PodSpread, IsTheMomentEstimateByHand) {
  const auto spread = of({60, 70, 110}, {1000, 2000, 3000});
  ASSERT_TRUE(spread);
  EXPECT_EQ(spread->pods, 3);
  EXPECT_NEAR(spread->spread, std::sqrt((12.0 + 1.0 / 12.0 - 2.0) / (240.0 * 22.0 / 36.0)), 1e-12);
}

TEST(PodSpread, IsNilWhereThePodsScatterNoMoreThanEventsDo) {
  EXPECT_EQ(of({50, 52, 47, 51}, {1000, 1000, 1000, 1000})->spread, 0.0);
  EXPECT_EQ(of({50, 100}, {1000, 2000})->spread, 0.0);
}

TEST(PodSpread, NeedsTwoPodsAndAnEvent) {
  EXPECT_FALSE(of({}, {}));
  EXPECT_FALSE(of({50}, {1000}));
  EXPECT_FALSE(of({50, 0}, {1000, 0}));
  EXPECT_FALSE(of({0, 0, 0}, {1000, 1000, 1000}));
  EXPECT_EQ(of({50, 40, 0}, {1000, 900, 0})->pods, 2);
  EXPECT_EQ(of({50, 40, -1, std::nan("")}, {1000, 900, 100, 100})->pods, 2);
}

TEST(PodSpread, IsANumberWhateverTheCounts) {
  for (const double huge : {1e12, 1e200, 1e308}) {
    const auto spread = of({huge, 0, 1}, {1e-300, huge, 1});
    ASSERT_TRUE(spread);
    EXPECT_TRUE(std::isfinite(spread->spread));
  }
}

// Five pods whose rates scatter by 20 %, with enough events to see it: the estimate is right on average.
TEST(PodSpread, FindsTheSpreadItWasSimulatedWith) {
  std::mt19937_64 random(17);
  for (const double truth : {0.0, 0.05, 0.2}) {
    double sum = 0.0;
    constexpr int runs = 2000;
    for (int run = 0; run < runs; ++run) {
      std::vector<double> events;
      for (int pod = 0; pod < 5; ++pod) {
        const double rate = std::max(0.0, 1.0 + truth * std::normal_distribution<double>()(random));
        events.push_back(static_cast<double>(std::poisson_distribution<long>(2000.0 * rate)(random)));
      }
      const double spread = of(events, std::vector<double>(5, 1e5))->spread;
      sum += spread * spread;
    }
    EXPECT_NEAR(std::sqrt(sum / runs), truth, 0.1 * truth + 0.012) << truth;
  }
}

}  // namespace
}  // namespace sluice::stats
