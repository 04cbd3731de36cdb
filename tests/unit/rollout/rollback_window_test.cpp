// spec.rollbackWindow: a return to what was stable before skips the stages, and nothing else does.
#include <gtest/gtest.h>

#include "fixture.h"

namespace sluice::rollout {
namespace {

using testing::kBad;
using testing::kEqual;
using testing::World;

class RollbackWindow : public ::testing::Test {
 protected:
  RollbackWindow() { world.rollout.spec.rollback_window = 2; }

  // v1, then v2 ... in order become stable, each by a person's word; the last one is stable in the end.
  void make_stable(int versions) {
    world.start_stable();
    for (int version = 2; version <= versions; ++version) {
      const std::string name = "v" + std::to_string(version);
      world.change_template(name);
      world.rollout.annotations[api::kPromoteAnnotation] = name;
      world.settle();
      ASSERT_EQ(status().stable_revision, name) << status().message;
    }
    world.events.clear();
  }
  void go_back_to(const std::string& revision) {
    world.change_template(revision);
    world.settle();
  }
  api::RolloutStatus& status() { return world.rollout.status; }
  World world;
};

TEST_F(RollbackWindow, AReturnToAFormerStableRevisionSkipsTheStages) {
  make_stable(2);
  go_back_to("v1");
  EXPECT_EQ(status().stable_revision, "v1") << status().message;
  const api::HistoryEntry& entry = status().history.front();
  EXPECT_EQ(entry.outcome, api::Outcome::Promoted);
  EXPECT_EQ(entry.reason, "RollbackWindow");
  EXPECT_EQ(entry.message,
            "revision v1 returned in place of v2: it was stable before and is within rollbackWindow, so that the stages "
            "were skipped");
  EXPECT_EQ(world.reason("Promoted"), "RollbackWindow");
  EXPECT_EQ(world.condition("Promoted")->message, entry.message);
  EXPECT_EQ(status().phase, api::Phase::Healthy);
  EXPECT_EQ(status().verdict, "RollbackWindow");
  EXPECT_FALSE(world.had_event("StageStarted"));
  EXPECT_EQ(world.notes_of("StagesPassed"),
            std::vector<std::string>{
                "revision v1 was stable before and is within rollbackWindow: it returns without the stages"});
  EXPECT_EQ(world.notes_of("RolloutPromoted"), std::vector<std::string>{entry.message});
}

// The same road as any promotion: pods, then the weight, then the gateway's word, then the name.
TEST_F(RollbackWindow, TheReturnIsAsCarefulAsAPromotion) {
  make_stable(2);
  world.now = *world.last.again;  // scaleDownDelay is over
  world.settle();
  ASSERT_EQ(world.replicas_wanted("v1"), 0);
  world.pods_follow = world.route_follows = false;
  world.change_template("v1");
  world.step();
  EXPECT_EQ(world.replicas_wanted("v1"), 4);
  EXPECT_EQ(world.replicas_wanted("v2"), 4);
  EXPECT_EQ(status().traffic.candidate, 0);
  EXPECT_EQ(status().message, "0 of 4 pods of revision v1 are ready");
  world.seen.revisions["v1"].endpoints = 3;
  world.step();
  EXPECT_EQ(status().traffic.candidate, 0);
  world.seen.revisions["v1"].endpoints = 4;
  world.step();
  EXPECT_EQ(status().traffic.candidate, 100);
  EXPECT_EQ(status().stable_revision, "v2");
  EXPECT_EQ(world.last.wanted.service_revision, "v2");
  EXPECT_EQ(world.replicas_wanted("v2"), 4);
  EXPECT_EQ(status().message,
            "revision v1 was stable before and is within rollbackWindow: promoting it without the stages");
  world.seen.route = {};
  world.seen.route.as_wanted = true;
  world.seen.route.live = split_of(status());
  world.seen.route.acceptance = traffic::Acceptance::Unknown;
  world.step();
  EXPECT_EQ(status().stable_revision, "v2") << "the gateway has not accepted it yet";
  EXPECT_EQ(world.reason("Promoted"), "InProgress");
  world.seen.route.acceptance = traffic::Acceptance::Accepted;
  world.step();
  EXPECT_EQ(status().stable_revision, "v1");
  EXPECT_EQ(world.replicas_wanted("v2"), 4) << "ready to return for scaleDownDelay";
}

TEST_F(RollbackWindow, WithoutAWindowEveryChangeGoesThroughTheStages) {
  world.rollout.spec.rollback_window.reset();
  make_stable(2);
  go_back_to("v1");
  EXPECT_EQ(status().stable_revision, "v2");
  EXPECT_FALSE(status().promoting_since.has_value());
  EXPECT_EQ(status().former_stable, std::vector<std::string>{"v1"}) << "so that a window can be added later";
}

TEST_F(RollbackWindow, OnlyTheLastOnesCount) {
  make_stable(4);
  EXPECT_EQ(status().former_stable, (std::vector<std::string>{"v3", "v2", "v1"}));
  go_back_to("v1");
  EXPECT_EQ(status().stable_revision, "v4") << "three back, and the window is two";
  EXPECT_FALSE(status().promoting_since.has_value());
  go_back_to("v2");
  EXPECT_EQ(status().stable_revision, "v2");
  EXPECT_EQ(status().former_stable, (std::vector<std::string>{"v4", "v3", "v1"}));
  go_back_to("v4");
  EXPECT_EQ(status().stable_revision, "v4") << "forth is as good as back";
}

TEST_F(RollbackWindow, WhatWasNeverStableGoesThroughTheStages) {
  make_stable(2);
  world.change_template("v3");
  world.settle();
  world.change_template("v4");  // v3 is superseded, and exists
  world.settle();
  go_back_to("v3");
  EXPECT_EQ(status().candidate_revision, "v3");
  EXPECT_FALSE(status().promoting_since.has_value());
}

TEST_F(RollbackWindow, WhatWasRolledBackSinceGoesThroughTheStages) {
  make_stable(2);
  world.rollout.spec.rollback_window.reset();
  go_back_to("v1");
  world.answer(kEqual);
  world.answer(kBad);
  ASSERT_EQ(status().rejected_revision, "v1") << status().message;
  world.rollout.spec.rollback_window = 2;
  world.change_template("v3");
  world.settle();
  go_back_to("v1");
  EXPECT_EQ(status().candidate_revision, "v1");
  EXPECT_FALSE(status().promoting_since.has_value());
  EXPECT_TRUE(status().former_stable.empty());
}

TEST_F(RollbackWindow, WhatWasDeletedGoesThroughTheStages) {
  world.rollout.spec.revision_history_limit = 0;
  make_stable(2);
  world.now = *world.last.again;
  world.settle();
  ASSERT_FALSE(world.seen.revisions.contains("v1"));
  go_back_to("v1");
  EXPECT_EQ(status().candidate_revision, "v1");
  EXPECT_FALSE(status().promoting_since.has_value());
}

TEST_F(RollbackWindow, ADeploymentOfSomebodyElseIsNotWhatWasStable) {
  make_stable(2);
  world.seen.revisions["v1"].exists = false;
  world.seen.revisions["v1"].foreign = true;
  world.change_template("v1");
  world.step();
  EXPECT_FALSE(status().promoting_since.has_value());
}

// Candidates that failed are newer; without a preference they would push out what may be returned to.
TEST_F(RollbackWindow, RevisionsWithinTheWindowAreKeptFirst) {
  world.rollout.spec.revision_history_limit = 1;
  make_stable(2);
  world.now += minutes(1);
  world.change_template("v3");
  world.settle();
  world.answer(kEqual);
  world.answer(kBad);
  ASSERT_EQ(status().rejected_revision, "v3") << status().message;
  world.now += hours(1);
  world.settle();
  EXPECT_FALSE(world.seen.revisions.contains("v3"));
  go_back_to("v1");
  EXPECT_EQ(status().stable_revision, "v1");
}

TEST_F(RollbackWindow, PausedHoldsTheReturnAndAbortTakesItBack) {
  make_stable(2);
  world.rollout.spec.paused = true;
  go_back_to("v1");
  EXPECT_EQ(status().stable_revision, "v2");
  EXPECT_EQ(status().traffic.candidate, 0);
  EXPECT_EQ(status().phase, api::Phase::Paused);
  EXPECT_EQ(status().message, "paused: revision v1 returns without the stages once it is resumed");
  world.rollout.annotations[api::kAbortAnnotation] = "v1";
  world.settle();
  EXPECT_EQ(status().rejected_revision, "v1");
  world.rollout.spec.paused = false;
  world.rollout.annotations[api::kRetryAnnotation] = "v1";
  world.settle();
  EXPECT_EQ(status().candidate_revision, "v1");
  EXPECT_FALSE(status().promoting_since.has_value()) << "it was rolled back";
}

TEST_F(RollbackWindow, ACandidateUnderWayLosesItsTrafficToTheReturn) {
  make_stable(2);
  world.change_template("v3");
  world.settle();
  world.answer(kEqual);
  ASSERT_EQ(status().traffic.candidate, 10);
  world.pods_follow = false;
  world.seen.revisions["v1"].endpoints = 0;
  world.change_template("v1");
  world.step();
  EXPECT_EQ(status().history.front().outcome, api::Outcome::Superseded);
  EXPECT_EQ(world.last.wanted.split->stable, "v2");
  EXPECT_EQ(world.last.wanted.split->candidate_percent, 0);
  world.pods_follow = true;
  world.step();
  world.settle();
  EXPECT_EQ(status().stable_revision, "v1");
}

}  // namespace
}  // namespace sluice::rollout
