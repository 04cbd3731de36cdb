#include "runtime/backoff.h"

#include <gtest/gtest.h>

#include <set>

namespace sluice::runtime {
namespace {

const Instant kStart{hours(1)};

TEST(Jitter, IsUniformAndRepeatable) {
  Jitter one(7);
  Jitter same(7);
  Jitter other(8);
  double sum = 0;
  int different = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double drawn = one.uniform();
    ASSERT_GE(drawn, 0);
    ASSERT_LT(drawn, 1);
    ASSERT_EQ(drawn, same.uniform());
    different += drawn != other.uniform() ? 1 : 0;
    sum += drawn;
  }
  EXPECT_NEAR(sum / 10'000, 0.5, 0.02);  // six standard errors
  EXPECT_EQ(different, 10'000);
}

TEST(Jitter, ASeedOfZeroIsAnotherOneEachTime) {
  std::set<double> first;
  for (int i = 0; i < 20; ++i) first.insert(Jitter(0).uniform());
  EXPECT_GT(first.size(), 1u);
}

TEST(Backoff, DoublesUpToTheCeiling) {
  Backoff backoff({.initial = milliseconds(100), .ceiling = seconds(1), .jitter = 0, .reset_after = minutes(2)}, 1);
  const std::vector<int> expected{100, 200, 400, 800, 1000, 1000};
  for (const int delay : expected) EXPECT_EQ(backoff.next(kStart), milliseconds(delay));
}

TEST(Backoff, EachDelayIsWithinItsJitterAndTheCeilingKeepsIt) {
  const Backoff::Options options{
      .initial = milliseconds(800), .ceiling = seconds(30), .jitter = 1.0, .reset_after = minutes(2)};
  std::set<Duration> at_the_ceiling;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Backoff backoff(options, seed);
    Duration base = options.initial;
    for (int failure = 0; failure < 12; ++failure) {
      base = std::min<Duration>(base, seconds(15));  // half the ceiling, which the jitter may double
      const Duration delay = backoff.next(kStart);
      ASSERT_GE(delay, base);
      ASSERT_LE(delay, 2 * base);
      base *= 2;
      if (failure == 11) at_the_ceiling.insert(delay);
    }
  }
  // Two hundred processes that lost the same server do not come back together.
  EXPECT_GT(at_the_ceiling.size(), 150u);
}

TEST(Backoff, BeginsAnewAfterAQuietTimeOrAReset) {
  Backoff backoff({.initial = seconds(1), .ceiling = seconds(30), .jitter = 0, .reset_after = minutes(2)}, 1);
  EXPECT_EQ(backoff.next(kStart), seconds(1));
  EXPECT_EQ(backoff.next(kStart + minutes(2)), seconds(2));  // not quiet for longer than that
  EXPECT_EQ(backoff.next(kStart + minutes(4) + seconds(1)), seconds(1));
  EXPECT_EQ(backoff.next(kStart + minutes(5)), seconds(2));
  backoff.reset();
  EXPECT_EQ(backoff.next(kStart + minutes(5)), seconds(1));
}

}  // namespace
}  // namespace sluice::runtime
