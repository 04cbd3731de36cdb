// The stage under way is edited, renamed or removed: each row of the table in edited_stage.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fixture.h"

namespace sluice::rollout {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::kBad;
using testing::kEqual;
using testing::World;

const api::StageBody kByHeader = api::AbTestStage{
    .weight = 50, .assignment = api::HeaderAssignment{.header = "x-bucket", .values = {"b"}}, .min_looks = 2};
const api::StageBody kByCookie = api::AbTestStage{
    .weight = 20, .assignment = api::CookieAssignment{.cookie = "arm", .ttl = hours(1)}, .min_looks = 2};

class EditedStage : public ::testing::Test {
 protected:
  // v1 stable, v2 at 25 %, the second step, with a look at it.
  void start() {
    world.start_stable();
    world.change_template("v2");
    world.settle();
    world.answer(kEqual);  // stable's past
    while (status().traffic.candidate != 25 && !HasFailure()) world.answer(kEqual);
    world.answer(kEqual);
    ASSERT_EQ(status().stage->step, 1) << status().message;
    ASSERT_EQ(status().stage->looks, 1);
    began = status().stage->started_at;
  }
  void edit(const api::StageBody& body) {
    stage().body = body;
    apply();
  }
  void edit(std::vector<int> weights) { edit(api::CanaryStage{.weights = std::move(weights), .min_looks = 2}); }
  void apply() {
    ++world.rollout.generation;
    world.now += seconds(1);
    edited = world.now;
    world.step();
  }
  void expect_started_over() {
    ASSERT_TRUE(status().stage);
    EXPECT_EQ(status().stage->step, 0);
    EXPECT_EQ(status().stage->looks, 0);
    EXPECT_EQ(status().stage->started_at, edited);
    EXPECT_EQ(status().stage->edits, 1);
    EXPECT_TRUE(world.had_event("StageEdited"));
  }
  void expect_gone_on() {
    ASSERT_TRUE(status().stage);
    EXPECT_EQ(status().stage->step, 1);
    EXPECT_EQ(status().stage->looks, 1);
    EXPECT_EQ(status().stage->started_at, began);
    EXPECT_EQ(status().traffic.candidate, 25);
    EXPECT_FALSE(world.had_event("StageEdited"));
  }

  // The pods that were wanted are there now.
  void bring_pods() {
    world.pods_follow = true;
    world.step();
    world.settle();
  }

  api::StageSpec& stage() { return world.rollout.spec.stages[0]; }
  api::RolloutStatus& status() { return world.rollout.status; }
  World world;
  Time began{};
  Time edited{};
};

TEST_F(EditedStage, IntoAnAbTestGivesNobodyToACandidateThatIsTooSmall) {
  start();
  world.pods_follow = false;
  const auto before = *world.numbers("errors");
  edit(kByHeader);
  expect_started_over();
  EXPECT_EQ(status().traffic.candidate, 0) << "an experiment by header gives no weight";
  EXPECT_FALSE(status().traffic.assignment);
  EXPECT_EQ(world.replicas_wanted("v2"), 2);
  world.settle();
  EXPECT_FALSE(status().traffic.assignment) << status().message;
  EXPECT_THAT(status().message, HasSubstr("1 of 2"));
  EXPECT_EQ(*world.numbers("errors"), before) << "what was seen of the candidate is kept";
  bring_pods();
  EXPECT_EQ(status().traffic.assigned, 50);
  EXPECT_EQ(status().traffic.assignment, std::get<api::AbTestStage>(kByHeader).assignment);
}

TEST_F(EditedStage, IntoAnAbTestOfACandidateThatIsReadyIsOneChangeOfTheRoute) {
  start();
  edit(kByCookie);
  expect_started_over();
  EXPECT_EQ(status().traffic.candidate, 20);
  EXPECT_EQ(status().traffic.assignment, std::get<api::AbTestStage>(kByCookie).assignment);
  EXPECT_FALSE(status().stage->weight_set_at) << "the gateway has not accepted it";
}

TEST_F(EditedStage, GoalsAreNotCountedBeforeUsersAreAssigned) {
  world.rollout.spec.analysis.metrics.push_back(
      {.name = "orders", .role = api::MetricRole::Goal, .source = api::CounterSource{"o", "t"}});
  start();
  world.pods_follow = false;
  auto body = std::get<api::AbTestStage>(kByCookie);
  body.weight = 50;
  edit(body);
  world.settle();
  ASSERT_EQ(status().traffic.candidate, 25) << "what both allow";
  world.answer(kEqual);
  EXPECT_EQ(world.numbers("orders"), nullptr);
  bring_pods();
  ASSERT_TRUE(status().traffic.assignment) << status().message;
  world.answer(kEqual);
  ASSERT_NE(world.numbers("orders"), nullptr);
  EXPECT_EQ(world.numbers("orders")->looks, 1);
}

TEST_F(EditedStage, LowerWeightsHoldAtOnce) {
  start();
  edit({5, 20});
  expect_started_over();
  EXPECT_EQ(status().traffic.candidate, 5);
}

TEST_F(EditedStage, LowerWeightsHoldAlsoWhileAllElseIsHeld) {
  start();
  world.rollout.spec.paused = true;
  edit({5, 20});
  EXPECT_EQ(status().traffic.candidate, 5);
  EXPECT_EQ(status().phase, api::Phase::Paused);
}

TEST_F(EditedStage, HigherWeightsWaitForThePauseToEnd) {
  start();
  world.rollout.spec.paused = true;
  edit({40, 60});
  expect_started_over();
  world.settle();
  EXPECT_EQ(status().traffic.candidate, 25);
  world.rollout.spec.paused = false;
  world.settle();
  EXPECT_EQ(status().traffic.candidate, 40);
}

TEST_F(EditedStage, HigherWeightsWaitForThePods) {
  start();
  world.pods_follow = false;
  edit({75});
  world.settle();
  EXPECT_EQ(status().traffic.candidate, 25);
  EXPECT_EQ(world.replicas_wanted("v2"), 3);
  bring_pods();
  EXPECT_EQ(status().traffic.candidate, 75);
}

// All users are withdrawn, as those who are assigned are others now, and come back to fewer pods than there were.
TEST_F(EditedStage, PodsThatAreNotNeededAnyMoreDoNotHoldIt) {
  start();
  api::StageSpec second{.name = "users", .body = kByHeader, .min_duration = {}, .max_duration = hours(1)};
  world.rollout.spec.stages.push_back(second);
  edit({75});
  world.settle();
  while (status().stage->name != "users" && !HasFailure()) world.answer(kEqual);
  ASSERT_EQ(world.replicas_wanted("v2"), 3);
  std::get<api::HeaderAssignment>(std::get<api::AbTestStage>(world.rollout.spec.stages[1].body).assignment).values = {"c"};
  apply();
  world.settle();
  world.settle();
  EXPECT_TRUE(status().traffic.assignment) << status().message;
  EXPECT_EQ(world.replicas_wanted("v2"), 3) << "largest share since users came";
}

TEST_F(EditedStage, StepsToComeMayChangeWhileItGoesOn) {
  start();
  edit({10, 25, 60, 80});
  expect_gone_on();
  world.answer(kEqual);
  EXPECT_EQ(status().traffic.candidate, 60);
}

TEST_F(EditedStage, LimitsApplyWhileItGoesOn) {
  start();
  stage().max_duration = minutes(90);
  std::get<api::CanaryStage>(stage().body).min_looks = 3;
  apply();
  expect_gone_on();
}

TEST_F(EditedStage, OtherStagesDoNotStartItOver) {
  start();
  world.rollout.spec.stages.insert(world.rollout.spec.stages.begin(),
                                   {.name = "shadow", .body = api::ShadowStage{.percent = 50}, .min_duration = {}});
  world.rollout.spec.stages.push_back({.name = "sign-off", .body = api::ApprovalStage{}, .min_duration = {}});
  apply();
  expect_gone_on();
  EXPECT_EQ(status().stage->index, 1);
}

TEST_F(EditedStage, AStepThatIsAddedMustBePassedToo) {
  stage().min_duration = minutes(30);
  start();
  for (int look = 0; look < 200 && status().stage->passed.empty(); ++look) {
    world.answer(kEqual);
    ASSERT_LT(world.now, status().stage->started_at + minutes(30)) << "or minDuration is too short for this test";
  }
  edit({10, 25, 50, 75});
  EXPECT_TRUE(status().stage->passed.empty());
  EXPECT_EQ(status().stage->step, 2);
  world.answer(kEqual);
  EXPECT_EQ(status().traffic.candidate, 75);
}

TEST_F(EditedStage, OneThatIsRemovedIsFollowedByTheOneAtItsPlace) {
  world.rollout.spec.stages.push_back({.name = "sign-off", .body = api::ApprovalStage{}, .min_duration = {}});
  start();
  world.rollout.spec.stages.erase(world.rollout.spec.stages.begin());
  apply();
  expect_started_over();
  EXPECT_EQ(status().stage->name, "sign-off");
  EXPECT_EQ(status().traffic.candidate, 0) << "no stage before it gives any weight";
  EXPECT_THAT(world.notes_of("StageEdited"), ElementsAre(HasSubstr("canary is no longer declared: stage sign-off")));
}

TEST_F(EditedStage, WhenTheLastOneIsRemovedTheOneBeforeItStartsOverAndNothingIsPromoted) {
  world.rollout.spec.stages.insert(
      world.rollout.spec.stages.begin(),
      {.name = "shadow", .body = api::ShadowStage{.percent = 50, .min_looks = 2}, .min_duration = {}});
  start();
  world.rollout.spec.stages.pop_back();
  apply();
  expect_started_over();
  EXPECT_EQ(status().stage->name, "shadow");
  EXPECT_EQ(status().traffic.candidate, 0);
  world.settle();
  EXPECT_EQ(status().traffic.mirror, 50);
  EXPECT_FALSE(status().promoting_since);
}

TEST_F(EditedStage, HarmThatWasSeenBeforeCounts) {
  start();
  testing::Rates worse = kEqual;
  worse.candidate = 0.022;
  world.answer(worse);
  world.answer(worse);
  const double harm = world.numbers("errors")->harm_log_e_peak;
  ASSERT_GT(harm, 0);
  ASSERT_FALSE(status().candidate_revision.empty());
  edit({20, 40});
  world.settle();
  EXPECT_EQ(world.numbers("errors")->harm_log_e_peak, harm);
  world.answer(kBad);
  EXPECT_EQ(status().rejected_revision, "v2");
  EXPECT_EQ(status().history.front().reason, "HarmDetected");
}

TEST_F(EditedStage, OneThatWasInconclusiveIsTriedAgain) {
  start();
  world.now += hours(2);
  world.step();
  ASSERT_EQ(status().verdict, "Inconclusive");
  edit({20, 40});
  EXPECT_EQ(status().verdict, "");
  world.settle();
  EXPECT_EQ(status().phase, api::Phase::Progressing) << status().message;
}

TEST_F(EditedStage, APromotionUnderWayGoesOn) {
  start();
  world.rollout.annotations[api::kPromoteAnnotation] = "v2";
  world.pods_follow = false;
  world.step();
  ASSERT_TRUE(status().promoting_since);
  edit(kByHeader);
  EXPECT_EQ(status().traffic.candidate, 25);
  bring_pods();
  EXPECT_EQ(status().stable_revision, "v2");
}

class EditedTest : public EditedStage {
 protected:
  EditedTest() { stage().body = test_of("tests:1"); }
  static api::StageBody test_of(const std::string& image) {
    return api::SystemTestStage{
        .job = nlohmann::json{{"template", {{"spec", {{"containers", {{{"name", "test"}, {"image", image}}}}}}}}}};
  }
  void run() {
    world.start_stable();
    world.change_template("v2");
    world.settle();
    ASSERT_EQ(world.jobs_made.size(), 1u) << status().message;
  }
};

TEST_F(EditedTest, IsRunAnewOnceItsOldJobIsGone) {
  run();
  edit(test_of("tests:2"));
  expect_started_over();
  EXPECT_EQ(world.jobs_made.size(), 1u);
  EXPECT_THAT(world.last.wanted.deleted_jobs, ElementsAre(world.jobs_made[0]));
  world.settle();
  ASSERT_EQ(world.jobs_made.size(), 2u);
  EXPECT_EQ(status().stage->job->attempt, 1);
  edit(test_of("tests:1"));
  world.settle();
  ASSERT_EQ(world.jobs_made.size(), 3u) << "and no two have the same name";
  world.seen.jobs.at(world.jobs_made[2]).state = workload::JobState::Complete;
  world.settle();
  EXPECT_EQ(status().stable_revision, "v2") << status().message;
}

TEST_F(EditedTest, WhatHasPassedBeforeDoesNotCount) {
  stage().min_duration = hours(1);
  run();
  world.seen.jobs.at(world.jobs_made[0]).state = workload::JobState::Complete;
  world.settle();
  ASSERT_EQ(status().stage->passed, "SystemTestPassed");
  edit(test_of("tests:2"));
  world.settle();
  EXPECT_EQ(status().stage->passed, "");
  EXPECT_EQ(world.jobs_made.size(), 2u);
}

TEST_F(EditedTest, ItsLimitsApplyWhileItGoesOn) {
  run();
  auto body = std::get<api::SystemTestStage>(stage().body);
  body.retries = 7;
  edit(body);
  world.settle();
  EXPECT_EQ(world.jobs_made.size(), 1u);
  EXPECT_FALSE(world.had_event("StageEdited"));
}

// A Job has the deadline with which it was made.
TEST_F(EditedTest, AnotherDeadlineIsThatOfANewJob) {
  run();
  auto body = std::get<api::SystemTestStage>(stage().body);
  body.deadline = hours(1);
  edit(body);
  expect_started_over();
  world.settle();
  EXPECT_EQ(world.jobs_made.size(), 2u);
}

TEST_F(EditedStage, IntoATestNothingRunsBeforeUsersAreWithdrawn) {
  start();
  world.route_follows = false;  // the gateway has yet to be told
  edit(api::SystemTestStage{.job = nlohmann::json{{"template", {{"spec", nlohmann::json::object()}}}}});
  expect_started_over();
  EXPECT_EQ(status().traffic.candidate, 0);
  EXPECT_FALSE(status().stage->job) << "the route that was seen is the one before";
  world.seen.route.as_wanted = false;
  world.settle();
  EXPECT_FALSE(status().stage->job);
  world.route_follows = true;
  world.settle();
  EXPECT_EQ(world.jobs_made.size(), 1u);
}

}  // namespace
}  // namespace sluice::rollout
