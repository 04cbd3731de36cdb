#include "app/reachability.h"

#include <gtest/gtest.h>

namespace sluice::app {
namespace {

class ReachabilityTest : public ::testing::Test {
 protected:
  ReachabilityTest() {
    server_.on_return([this] { ++returns_; });
  }

  Reachability server_;
  Reachability::Instant now_{hours(1)};
  int returns_ = 0;
};

TEST_F(ReachabilityTest, TellsOnceThatTheServerIsBack) {
  server_.reached(true, now_);
  EXPECT_EQ(returns_, 0) << "it was never away";
  for (int i = 0; i < 10; ++i) server_.reached(false, now_);
  EXPECT_EQ(returns_, 0);
  server_.reached(true, now_);
  server_.reached(true, now_);
  EXPECT_EQ(returns_, 1);
  now_ += minutes(1);
  server_.on_return({});
  for (int i = 0; i < 10; ++i) server_.reached(false, now_);
  server_.reached(true, now_);
  EXPECT_EQ(returns_, 1);
}

TEST_F(ReachabilityTest, TakesNoBrokenConnectionForAnOutage) {
  for (int i = 0; i < 10; ++i) {
    server_.reached(false, now_);
    server_.reached(false, now_);
    server_.reached(true, now_);
  }
  EXPECT_EQ(returns_, 0);
}

TEST_F(ReachabilityTest, TellsSeldomThatItIsBackWhereSomeRequestsNeverGetThrough) {
  for (int second = 0; second < 30; ++second) {
    for (int i = 0; i < 7; ++i) server_.reached(false, now_);
    server_.reached(true, now_);
    now_ += seconds(1);
  }
  EXPECT_EQ(returns_, 3);

  for (int i = 0; i < 3; ++i) server_.reached(false, now_ - seconds(7));
  server_.reached(true, now_ - seconds(7));
  EXPECT_EQ(returns_, 3);
  server_.reached(true, now_);
  EXPECT_EQ(returns_, 4) << "told late, but told";
}

TEST_F(ReachabilityTest, LetsOneTryASecondThroughWhileTheServerIsAway) {
  const auto tries_of = [&](int rollouts) {
    int tries = 0;
    for (int i = 0; i < rollouts; ++i) tries += server_.may_try(now_) ? 1 : 0;
    return tries;
  };
  EXPECT_EQ(tries_of(1000), 1000);
  for (int i = 0; i < 3; ++i) server_.reached(false, now_);
  for (int second = 0; second < 10; ++second) {
    EXPECT_EQ(tries_of(1000), 1);
    server_.reached(false, now_);
    now_ += seconds(1);
  }
  server_.reached(true, now_);
  EXPECT_EQ(tries_of(1000), 1000);
}

}  // namespace
}  // namespace sluice::app
