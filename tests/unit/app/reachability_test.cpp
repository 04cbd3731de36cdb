#include "app/reachability.h"

#include <gtest/gtest.h>

namespace sluice::app {
namespace {

TEST(Reachability, TellsOnceThatTheServerIsBack) {
  Reachability server;
  int returns = 0;
  server.on_return([&] { ++returns; });
  server.reached(true);
  EXPECT_EQ(returns, 0) << "it was never away";
  for (int i = 0; i < 10; ++i) server.reached(false);
  EXPECT_EQ(returns, 0);
  server.reached(true);
  server.reached(true);
  EXPECT_EQ(returns, 1);
  server.on_return({});
  for (int i = 0; i < 10; ++i) server.reached(false);
  server.reached(true);
  EXPECT_EQ(returns, 1);
}

TEST(Reachability, TakesNoBrokenConnectionForAnOutage) {
  Reachability server;
  int returns = 0;
  server.on_return([&] { ++returns; });
  for (int i = 0; i < 10; ++i) {
    server.reached(false);
    server.reached(false);
    server.reached(true);
  }
  EXPECT_EQ(returns, 0);
}

TEST(Reachability, LetsOneTryASecondThroughWhileTheServerIsAway) {
  Reachability server;
  std::chrono::steady_clock::time_point now{};
  const auto tries_of = [&](int rollouts) {
    int tries = 0;
    for (int i = 0; i < rollouts; ++i) tries += server.may_try(now) ? 1 : 0;
    return tries;
  };
  EXPECT_EQ(tries_of(1000), 1000);
  for (int i = 0; i < 3; ++i) server.reached(false);
  for (int second = 0; second < 10; ++second) {
    EXPECT_EQ(tries_of(1000), 1);
    server.reached(false);
    now += seconds(1);
  }
  server.reached(true);
  EXPECT_EQ(tries_of(1000), 1000);
}

}  // namespace
}  // namespace sluice::app
