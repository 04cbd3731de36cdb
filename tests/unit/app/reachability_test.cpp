#include "app/reachability.h"

#include <gtest/gtest.h>

namespace sluice::app {
namespace {

TEST(Reachability, TellsOnceThatTheServerIsBack) {
  Reachability server;
  int returns = 0;
  Reachability::Instant now{hours(1)};
  server.on_return([&] { ++returns; });
  server.reached(true, now);
  EXPECT_EQ(returns, 0) << "it was never away";
  for (int i = 0; i < 10; ++i) server.reached(false, now);
  EXPECT_EQ(returns, 0);
  server.reached(true, now);
  server.reached(true, now);
  EXPECT_EQ(returns, 1);
  server.on_return({});
  for (int i = 0; i < 10; ++i) server.reached(false, now);
  server.reached(true, now);
  EXPECT_EQ(returns, 1);
}

TEST(Reachability, TakesNoBrokenConnectionForAnOutage) {
  Reachability server;
  int returns = 0;
  Reachability::Instant now{hours(1)};
  server.on_return([&] { ++returns; });
  for (int i = 0; i < 10; ++i) {
    server.reached(false, now);
    server.reached(false, now);
    server.reached(true, now);
  }
  EXPECT_EQ(returns, 0);
}

TEST(Reachability, TellsSeldomThatItIsBackWhereSomeRequestsNeverGetThrough) {
  Reachability server;
  int returns = 0;
  Reachability::Instant now{hours(1)};
  server.on_return([&] { ++returns; });
  for (int second = 0; second < 30; ++second) {
    for (int i = 0; i < 7; ++i) server.reached(false, now);
    server.reached(true, now);
    now += seconds(1);
  }
  EXPECT_EQ(returns, 3);

  for (int i = 0; i < 3; ++i) server.reached(false, now - seconds(7));
  server.reached(true, now - seconds(7));
  EXPECT_EQ(returns, 3);
  server.reached(true, now);
  EXPECT_EQ(returns, 4) << "told late, but told";
}

TEST(Reachability, LetsOneTryASecondThroughWhileTheServerIsAway) {
  Reachability server;
  Reachability::Instant now{};
  const auto tries_of = [&](int rollouts) {
    int tries = 0;
    for (int i = 0; i < rollouts; ++i) tries += server.may_try(now) ? 1 : 0;
    return tries;
  };
  EXPECT_EQ(tries_of(1000), 1000);
  for (int i = 0; i < 3; ++i) server.reached(false, now);
  for (int second = 0; second < 10; ++second) {
    EXPECT_EQ(tries_of(1000), 1);
    server.reached(false, now);
    now += seconds(1);
  }
  server.reached(true, now);
  EXPECT_EQ(tries_of(1000), 1000);
}

}  // namespace
}  // namespace sluice::app
