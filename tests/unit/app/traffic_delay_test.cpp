#include "app/traffic_delay.h"

#include <gtest/gtest.h>

namespace sluice::app {
namespace {

using std::chrono::seconds;

class TrafficDelayTest : public ::testing::Test {
 protected:
  static api::RolloutStatus split(int candidate, int mirror = 0) {
    api::RolloutStatus status;
    status.stable_revision = "old";
    status.candidate_revision = "new";
    status.traffic.stable = 100 - candidate;
    status.traffic.candidate = candidate;
    status.traffic.mirror = mirror;
    return status;
  }
  // One decision, a second after the one before. -1: nothing was measured.
  int decide(const api::RolloutStatus& after, bool routed) {
    now_ += seconds(1);
    const auto took = delay_.decided(key_, std::exchange(status_, after), after, routed, now_);
    return took ? static_cast<int>(std::chrono::duration_cast<seconds>(*took).count()) : -1;
  }

  kube::Key key_{"ml", "digits"};
  api::RolloutStatus status_ = split(0);
  TrafficDelay::Instant now_{std::chrono::hours(1)};
  TrafficDelay delay_;
};

TEST_F(TrafficDelayTest, IsFromTheDecisionUntilTheRouteIsAccepted) {
  EXPECT_EQ(decide(split(5), true), -1);  // what is routed is what was asked for before
  EXPECT_EQ(decide(split(5), false), -1);
  EXPECT_EQ(decide(split(5), false), -1);
  EXPECT_EQ(decide(split(5), true), 3);
  EXPECT_EQ(decide(split(5), true), -1);  // once
  EXPECT_EQ(decide(split(5, 50), false), -1);  // a mirror is traffic, too
  EXPECT_EQ(decide(split(5, 50), true), 1);
}

TEST_F(TrafficDelayTest, CountsFromTheLastOfSeveralChanges) {
  decide(split(5), false);
  decide(split(5), false);
  decide(split(20), false);
  EXPECT_EQ(decide(split(20), true), 1);
}

TEST_F(TrafficDelayTest, OneDecisionMayEndADelayAndBeginAnother) {
  decide(split(5), false);
  EXPECT_EQ(decide(split(20), true), 1);
  decide(split(20), false);
  EXPECT_EQ(decide(split(20), true), 2);
}

TEST_F(TrafficDelayTest, ARollBackIsMeasuredAndTheEndOfAPromotionIsNot) {
  decide(split(50), true);
  EXPECT_EQ(decide(split(50), true), 1);
  api::RolloutStatus back = split(0);
  back.candidate_revision.clear();
  decide(back, true);
  EXPECT_EQ(decide(back, true), 1);

  status_ = split(100);
  api::RolloutStatus promoted = split(0);
  promoted.stable_revision = "new";
  promoted.candidate_revision.clear();
  decide(promoted, true);
  EXPECT_EQ(decide(promoted, true), -1);
}

TEST_F(TrafficDelayTest, WhatIsForgottenIsNotMeasured) {
  decide(split(5), false);
  delay_.forgotten(key_);
  EXPECT_EQ(decide(split(5), true), -1);
}

}  // namespace
}  // namespace sluice::app
