#include "kube/rate_limit.h"

#include <gtest/gtest.h>

namespace sluice::kube {
namespace {

const RateLimit::Instant kStart{std::chrono::hours(1)};

TEST(RateLimit, ZeroMeansNone) {
  RateLimit limit(0, 1);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(limit.take(kStart), Duration::zero());
}

TEST(RateLimit, ABurstIsFreeAndThenEachWaitsLonger) {
  RateLimit limit(10, 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.take(kStart), Duration::zero());
  EXPECT_EQ(limit.take(kStart), milliseconds(100));
  EXPECT_EQ(limit.take(kStart), milliseconds(200));
}

TEST(RateLimit, TokensComeBackUpToTheBurst) {
  RateLimit limit(10, 2);
  limit.take(kStart);
  limit.take(kStart);
  EXPECT_EQ(limit.take(kStart + milliseconds(100)), Duration::zero());
  EXPECT_EQ(limit.take(kStart + milliseconds(150)), milliseconds(50));
  // An hour later there are two, not 36000.
  const auto later = kStart + hours(1);
  EXPECT_EQ(limit.take(later), Duration::zero());
  EXPECT_EQ(limit.take(later), Duration::zero());
  EXPECT_EQ(limit.take(later), milliseconds(100));
}

TEST(RateLimit, TimeThatStandsStillOrGoesBackGivesNothing) {
  RateLimit limit(10, 1);
  EXPECT_EQ(limit.take(kStart), Duration::zero());
  EXPECT_EQ(limit.take(kStart - seconds(5)), milliseconds(100));
  EXPECT_EQ(limit.take(kStart), milliseconds(200));
}

TEST(RateLimit, AWaitThatIsTooLongTakesNothing) {
  RateLimit limit(10, 1);
  EXPECT_EQ(limit.take(kStart), Duration::zero());
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(limit.take(kStart, milliseconds(100)), std::nullopt);
  EXPECT_EQ(limit.take(kStart, milliseconds(101)), milliseconds(100));
}

}  // namespace
}  // namespace sluice::kube
