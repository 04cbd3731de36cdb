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

}  // namespace
}  // namespace sluice::app
