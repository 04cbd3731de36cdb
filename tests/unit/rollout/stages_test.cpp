#include "rollout/stage_kind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fixture.h"

namespace sluice::rollout {
namespace {

using testing::kBad;
using testing::kEqual;
using testing::Rates;
using testing::World;

api::StageSpec stage(const std::string& name, api::StageBody body) {
  return {.name = name, .body = std::move(body), .min_duration = {}, .max_duration = hours(4)};
}

class Stages : public ::testing::Test {
 protected:
  // v1 stable, v2 a candidate in the first of `stages`.
  void start(std::vector<api::StageSpec> stages) {
    world.rollout.spec.stages = std::move(stages);
    world.start_stable();
    world.change_template("v2");
    world.settle();
    if (world.last.look && world.last.look->look.past > 0) world.answer(kEqual);
    ASSERT_TRUE(status().stage.has_value()) << status().message;
  }
  // Looks until the stage is another one, or nothing is under way.
  void look_until_passed(const Rates& rates) {
    const std::string name = status().stage->name;
    for (int i = 0; i < 100 && status().stage && status().stage->name == name; ++i) world.answer(rates);
  }
  api::RolloutStatus& status() { return world.rollout.status; }
  World world;
};

TEST_F(Stages, ExposureOfAStepFollowsFromTheStagesBeforeIt) {
  api::Spec spec;
  spec.stages = {stage("sign", api::ApprovalStage{}),
                 stage("canary", api::CanaryStage{.weights = {5, 20}, .min_looks = 1}),
                 stage("sign-2", api::ApprovalStage{}),
                 stage("shadow", api::ShadowStage{.percent = 30, .min_looks = 1}),
                 stage("sign-3", api::ApprovalStage{})};
  EXPECT_EQ(exposure_at(spec, 0, 0), (Exposure{0, 0}));
  EXPECT_EQ(exposure_at(spec, 1, 0), (Exposure{5, 0}));
  EXPECT_EQ(exposure_at(spec, 1, 1), (Exposure{20, 0}));
  EXPECT_EQ(exposure_at(spec, 2, 0), (Exposure{20, 0}));
  EXPECT_EQ(exposure_at(spec, 3, 0), (Exposure{0, 30}));
  EXPECT_EQ(exposure_at(spec, 4, 0), (Exposure{0, 0})) << "a mirror ends with its stage";
}

TEST_F(Stages, ApprovalWaitsForAPersonAndKeepsTheWeight) {
  start({stage("canary", api::CanaryStage{.weights = {20}, .min_looks = 2}), stage("sign-off", api::ApprovalStage{})});
  look_until_passed(kEqual);
  ASSERT_EQ(status().stage->name, "sign-off") << status().message;
  EXPECT_EQ(status().traffic.candidate, 20);
  EXPECT_EQ(status().phase, api::Phase::Paused);
  EXPECT_EQ(world.reason("Stalled"), "AwaitingApproval");
  EXPECT_NE(status().message.find("sluice.dev/approve=v2/sign-off"), std::string::npos) << status().message;

  world.rollout.annotations[api::kApproveAnnotation] = "v2/other";
  world.settle();
  EXPECT_EQ(status().stage->name, "sign-off");
  world.rollout.annotations[api::kApproveAnnotation] = "v2/sign-off";
  world.settle();
  EXPECT_EQ(status().stable_revision, "v2") << status().message;
  EXPECT_EQ(status().history.front().reason, "Approved");
}

TEST_F(Stages, HarmRollsBackWhileAnApprovalIsAwaited) {
  start({stage("canary", api::CanaryStage{.weights = {20}, .min_looks = 2}), stage("sign-off", api::ApprovalStage{})});
  look_until_passed(kEqual);
  ASSERT_EQ(status().stage->name, "sign-off");
  for (int i = 0; i < 20 && status().rejected_revision.empty(); ++i) world.answer(kBad);
  EXPECT_EQ(status().rejected_revision, "v2");
  EXPECT_EQ(status().traffic.candidate, 0);
  EXPECT_EQ(status().history.front().stage, "sign-off");
}

TEST_F(Stages, AnOldApprovalDoesNotCountForANewAttempt) {
  start({stage("sign-off", api::ApprovalStage{})});
  world.rollout.annotations[api::kAbortAnnotation] = "v2";
  world.settle();
  ASSERT_EQ(status().rejected_revision, "v2");
  world.rollout.annotations[api::kApproveAnnotation] = "v2/sign-off";  // too late: nothing is under way
  world.settle();
  world.rollout.annotations[api::kRetryAnnotation] = "v2";
  world.settle();
  EXPECT_EQ(status().attempt, 2);
  EXPECT_EQ(status().stable_revision, "v2") << "it was not acted upon before, so it counts";

  world.change_template("v3");
  world.settle();
  EXPECT_EQ(status().stage->name, "sign-off");
  EXPECT_EQ(status().stable_revision, "v2") << "an approval names its revision";
}

TEST_F(Stages, TheHistoryAndTheEventTellWhoApprovedAndWhen) {
  start({stage("security", api::ApprovalStage{}), stage("sign-off", api::ApprovalStage{})});
  world.rollout.approver = "alice";
  world.rollout.annotations[api::kApproveAnnotation] = "v2/security";
  world.settle();
  const Time first = world.now;
  ASSERT_EQ(status().stage->name, "sign-off");
  EXPECT_EQ(status().approvals, (std::vector<api::Approval>{{"security", "alice", first}}));
  world.now += minutes(5);
  world.rollout.approver.clear();
  world.rollout.annotations[api::kApproveAnnotation] = "v2/sign-off";
  world.settle();
  ASSERT_EQ(status().stable_revision, "v2");
  const std::vector<api::Approval> all = {{"security", "alice", first}, {"sign-off", "", world.now}};
  EXPECT_EQ(status().history.front().approvals, all);
  EXPECT_TRUE(status().approvals.empty()) << "they are those of the rollout under way";
  EXPECT_EQ(world.notes_of("StagePassed"),
            (std::vector<std::string>{"stage security was passed: approved by alice",
                                      "stage sign-off was passed: approved"}));
}

TEST_F(Stages, AnApprovalOfNothingIsToldOncePerValue) {
  start({stage("canary", api::CanaryStage{.weights = {20}, .min_looks = 2}), stage("sign-off", api::ApprovalStage{})});
  const std::map<std::string, std::string> cases = {
      {"v2", "write <revision>/<stage>"},
      {"v2/", "write <revision>/<stage>"},
      {"v9/sign-off", "the revision under way is v2"},
      {"v2/signoff", "there is no stage signoff"},
      {"v2/canary", "stage canary is not an approval"},
  };
  for (const auto& [value, why] : cases) {
    world.events.clear();
    world.rollout.annotations[api::kApproveAnnotation] = value;
    world.settle();
    world.step();
    EXPECT_EQ(world.notes_of("ApprovalIgnored"),
              std::vector<std::string>{"sluice.dev/approve=" + value + " approves nothing: " + why});
    EXPECT_EQ(status().ignored.at(api::kApproveAnnotation), value);
  }
  world.events.clear();
  world.rollout.annotations[api::kApproveAnnotation] = "v2/sign-off";  // ahead of its stage
  world.settle();
  EXPECT_FALSE(world.had_event("ApprovalIgnored"));
  EXPECT_TRUE(status().ignored.empty());
  look_until_passed(kEqual);
  EXPECT_EQ(status().stable_revision, "v2");
  EXPECT_FALSE(world.had_event("ApprovalIgnored")) << "it was acted upon";
  world.rollout.annotations[api::kApproveAnnotation] = "v2/sign-off/again";
  world.settle();
  EXPECT_EQ(world.notes_of("ApprovalIgnored"),
            std::vector<std::string>{"sluice.dev/approve=v2/sign-off/again approves nothing: no revision is under way"});
}

TEST_F(Stages, TheMessageSaysWhyAnApprovalDidNotHelp) {
  start({stage("first", api::ApprovalStage{}), stage("second", api::ApprovalStage{})});
  world.rollout.annotations[api::kApproveAnnotation] = "v2/first";
  world.settle();
  ASSERT_EQ(status().stage->name, "second");
  world.rollout.annotations[api::kApproveAnnotation] = "v2/first/again";
  world.settle();
  EXPECT_EQ(status().message,
            "second: waits for approval: annotate it with sluice.dev/approve=v2/second; sluice.dev/approve=v2/first/again "
            "approves nothing: stage first was passed or skipped already");
}

TEST_F(Stages, WhatIsAskedOfARevisionThatWasRolledBackDoesNotActOnItsNextAttempt) {
  start({stage("canary", api::CanaryStage{.weights = {20}, .min_looks = 2})});
  world.answer(kBad);
  ASSERT_EQ(status().rejected_revision, "v2") << status().message;
  world.rollout.annotations[api::kPromoteAnnotation] = "v2";
  world.rollout.annotations[api::kAbortAnnotation] = "v2";
  world.settle();
  EXPECT_EQ(world.notes_of("PromoteIgnored"),
            std::vector<std::string>{
                "sluice.dev/promote=v2 does nothing: the revision was rolled back; sluice.dev/retry starts it over"});
  EXPECT_EQ(world.notes_of("AbortIgnored").size(), 1u);
  world.rollout.annotations[api::kRetryAnnotation] = "v2";
  world.settle();
  EXPECT_EQ(status().candidate_revision, "v2");
  EXPECT_EQ(status().attempt, 2);
  EXPECT_FALSE(status().promoting_since);
  world.rollout.annotations[api::kPromoteAnnotation] = "v2/now";
  world.settle();
  EXPECT_EQ(status().stable_revision, "v2");
}

TEST_F(Stages, ARetryOfWhatIsUnderWayDoesNotBringItBackLater) {
  start({stage("canary", api::CanaryStage{.weights = {20}, .min_looks = 2})});
  world.rollout.annotations[api::kRetryAnnotation] = "v2";
  world.settle();
  EXPECT_EQ(status().attempt, 1);
  EXPECT_EQ(world.notes_of("RetryIgnored"),
            std::vector<std::string>{"sluice.dev/retry=v2 does nothing: the revision is under way"});
  world.answer(kBad);
  world.settle();
  EXPECT_EQ(status().rejected_revision, "v2") << status().message;
  world.rollout.annotations[api::kRetryAnnotation] = "v2/2";
  world.settle();
  EXPECT_EQ(status().attempt, 2);
}

TEST_F(Stages, TheLastProofIsAskedOfTheLastStageWithUsers) {
  start({stage("canary", api::CanaryStage{.weights = {10}, .min_looks = 2}),
         stage("half", api::CanaryStage{.weights = {50}, .min_looks = 2})});
  look_until_passed(kEqual);
  ASSERT_EQ(status().stage->name, "half");
  EXPECT_NE(status().metrics.front().verdict, api::Verdict::Pass) << "the canary was passed without a proof";
  EXPECT_EQ(status().traffic.candidate, 50);
  look_until_passed(kEqual);
  EXPECT_EQ(status().stable_revision, "v2");
  EXPECT_EQ(status().history.front().reason, "NonInferior");
}

TEST_F(Stages, AStageIsNotPassedBeforeItsMinDuration) {
  start({stage("canary", api::CanaryStage{.weights = {50}, .min_looks = 1})});
  world.rollout.spec.stages.front().min_duration = hours(2);
  const Time begun = status().stage->started_at;
  while (status().stage && world.now < begun + hours(2) - minutes(1)) {
    world.answer(kEqual);
    ASSERT_TRUE(status().stage.has_value());
  }
  EXPECT_NE(status().message.find("minDuration"), std::string::npos) << status().message;
  for (int i = 0; i < 5; ++i) {
    if (status().stage) world.answer(kEqual);
  }
  EXPECT_EQ(status().stable_revision, "v2");
}

TEST_F(Stages, ShadowMirrorsAndGivesNoWeight) {
  start({stage("shadow", api::ShadowStage{.percent = 50, .min_looks = 2}),
         stage("canary", api::CanaryStage{.weights = {10}, .min_looks = 2})});
  EXPECT_EQ(status().traffic.candidate, 0);
  EXPECT_EQ(status().traffic.stable, 100);
  EXPECT_EQ(status().traffic.mirror, 50);
  EXPECT_EQ(world.replicas_wanted("v2"), 2) << "half of the requests need half of the pods";
  EXPECT_TRUE(world.had_event("MirrorSet"));
  EXPECT_FALSE(world.had_event("WeightSet"));
}

// Its copy of the endpoints may be older than its copy of the route: it would answer 503 instead.
TEST_F(Stages, NothingIsSentToPodsThatTheGatewayMayNotKnowYet) {
  const std::vector<std::vector<api::StageSpec>> ways = {
      {stage("canary", api::CanaryStage{.weights = {20}, .min_looks = 2})},
      {stage("shadow", api::ShadowStage{.percent = 50, .min_looks = 2})},
      {}};
  for (const auto& stages : ways) {
    world = World();
    world.rollout.spec.replicas = 1;
    world.rollout.spec.stages = stages;
    world.start_stable();
    world.change_template("v2");
    world.pods_follow = false;
    world.seen.revisions["v2"] = {.exists = true, .desired = 1, .endpoints = 1, .ready_since = world.now - seconds(1)};
    world.settle();
    if (world.last.look && world.last.look->look.past > 0) world.answer(kEqual);
    EXPECT_EQ(status().traffic.candidate, 0);
    EXPECT_EQ(status().traffic.mirror, 0);
    EXPECT_THAT(status().message, ::testing::HasSubstr("until nodes and gateways know of the pods of revision v2"));
    EXPECT_EQ(world.last.again, world.now + seconds(2));
    world.now += seconds(2);
    world.settle();
    EXPECT_TRUE(status().traffic.candidate > 0 || status().traffic.mirror > 0 || status().stable_revision == "v2")
        << status().message;
  }
}

// Watches of endpoints and of pods are not in step.
TEST_F(Stages, NothingIsSentToEndpointsWhosePodsAreNotSeenReadyYet) {
  world.rollout.spec.stages = {stage("canary", api::CanaryStage{.weights = {20}, .min_looks = 2})};
  world.rollout.spec.replicas = 1;
  world.start_stable();
  world.change_template("v2");
  world.pods_follow = false;
  world.seen.revisions["v2"] = {.exists = true, .desired = 1, .endpoints = 1};
  world.settle();
  EXPECT_EQ(status().traffic.candidate, 0);
  EXPECT_THAT(status().message, ::testing::HasSubstr("until nodes and gateways know of the pods of revision v2"));
  world.seen.revisions["v2"].ready_since = world.now - seconds(3);
  world.settle();
  world.answer(kEqual);  // of stable's past
  EXPECT_EQ(status().traffic.candidate, 20) << status().message;
}

TEST_F(Stages, PodsThatComeToThoseThatServeAreNotWaitedFor) {
  start({stage("canary", api::CanaryStage{.weights = {20, 50}, .min_looks = 2})});
  ASSERT_EQ(status().traffic.candidate, 20);
  world.pods_follow = false;
  world.seen.revisions["v2"] = {.exists = true, .desired = 4, .endpoints = 4, .ready_since = world.now + seconds(50)};
  while (status().traffic.candidate == 20) {
    world.seen.revisions["v2"].ready_since = world.now + seconds(50);
    world.answer(kEqual);
  }
  EXPECT_EQ(status().traffic.candidate, 50);
}

TEST_F(Stages, PodsThatAreNotNeededEndBeforeUsersAreSentToTheCandidate) {
  start({stage("shadow", api::ShadowStage{.percent = 100, .min_looks = 2}),
         stage("canary", api::CanaryStage{.weights = {10}, .min_looks = 2})});
  ASSERT_EQ(world.replicas_wanted("v2"), 4);
  world.pods_follow = false;
  look_until_passed(kEqual);
  ASSERT_EQ(status().stage->name, "canary");
  EXPECT_EQ(world.replicas_wanted("v2"), 1);
  EXPECT_EQ(status().traffic.mirror, 0) << "copies wait for nothing";
  EXPECT_EQ(status().traffic.candidate, 0) << "a request to a pod that ends would be lost";
  EXPECT_NE(status().message.find("3 of 4 pods of revision v2 are not needed"), std::string::npos) << status().message;
  world.pods_follow = true;
  world.step();
  world.settle();
  EXPECT_EQ(status().traffic.candidate, 10);
}

TEST_F(Stages, ACandidateThatServesUsersKeepsItsPodsWhenAStageAsksForLess) {
  start({stage("canary", api::CanaryStage{.weights = {10, 75}, .min_looks = 2}),
         stage("sign", api::ApprovalStage{}),
         stage("second", api::CanaryStage{.weights = {25, 99}, .min_looks = 2}),
         stage("shadow", api::ShadowStage{.percent = 10, .min_looks = 2})});
  EXPECT_EQ(largest_share(world.rollout.spec, 0, 0), 10);
  EXPECT_EQ(largest_share(world.rollout.spec, 1, 0), 75);
  EXPECT_EQ(largest_share(world.rollout.spec, 2, 0), 75);
  EXPECT_EQ(largest_share(world.rollout.spec, 2, 1), 99);
  EXPECT_EQ(largest_share(world.rollout.spec, 3, 0), 10) << "no user is left";
  EXPECT_EQ(world.replicas_wanted("v2"), 1);
  look_until_passed(kEqual);
  EXPECT_EQ(world.replicas_wanted("v2"), 3);
  world.rollout.annotations[api::kApproveAnnotation] = "v2/sign";
  world.settle();
  ASSERT_EQ(status().stage->name, "second");
  EXPECT_EQ(status().traffic.candidate, 25);
  EXPECT_EQ(world.replicas_wanted("v2"), 3);
}

TEST_F(Stages, ShadowIsPassedByItsOwnProofWhichPromotesNothing) {
  start({stage("shadow", api::ShadowStage{.percent = 50, .min_looks = 2}),
         stage("canary", api::CanaryStage{.weights = {10}, .min_looks = 2})});
  look_until_passed(kEqual);
  ASSERT_EQ(status().stage->name, "canary") << status().message;
  EXPECT_EQ(status().metrics.front().verdict, api::Verdict::Pass) << "not worse, by copies";
  EXPECT_EQ(status().traffic.mirror, 0);
  EXPECT_EQ(status().traffic.candidate, 10);
  EXPECT_TRUE(status().evidence.shadow.empty());
  world.answer(kEqual);
  ASSERT_TRUE(status().stage.has_value()) << "the users' own proof is not there yet";
  EXPECT_EQ(status().metrics.front().verdict, api::Verdict::Inconclusive);
  look_until_passed(kEqual);
  EXPECT_EQ(status().stable_revision, "v2");
}

TEST_F(Stages, AShadowThatRequiresEquivalenceIsPassedByAnEqualCandidateOnly) {
  const api::ShadowStage equivalence{.percent = 50, .min_looks = 2, .require = api::ShadowProof::Equivalence};
  constexpr Rates better{0.02, 0.005};
  start({stage("shadow", equivalence), stage("canary", api::CanaryStage{.weights = {10}, .min_looks = 2})});
  for (int i = 0; i < 60; ++i) world.answer(better);
  ASSERT_EQ(status().stage->name, "shadow") << "not worse, but not equal either";
  EXPECT_TRUE(status().rejected_revision.empty());
  EXPECT_NE(status().metrics.front().message.find("not better by more than the margin is not shown yet"),
            std::string::npos)
      << status().metrics.front().message;

  world.change_template("v3");
  world.settle();
  if (world.last.look && world.last.look->look.past > 0) world.answer(kEqual);
  ASSERT_EQ(status().candidate_revision, "v3");
  look_until_passed(kEqual);
  ASSERT_TRUE(status().stage.has_value());
  EXPECT_EQ(status().stage->name, "canary") << status().message;
  EXPECT_TRUE(status().evidence.shadow.empty());
}

TEST_F(Stages, HarmSeenInCopiesRollsBackBeforeAnyUserIsServed) {
  start({stage("shadow", api::ShadowStage{.percent = 50, .min_looks = 2}),
         stage("canary", api::CanaryStage{.weights = {10}, .min_looks = 2})});
  for (int i = 0; i < 20 && status().rejected_revision.empty(); ++i) world.answer(kBad);
  EXPECT_EQ(status().rejected_revision, "v2") << status().message;
  EXPECT_EQ(status().history.front().stage, "shadow");
  EXPECT_EQ(status().traffic.mirror, 0);
  EXPECT_FALSE(world.had_event("WeightSet"));
}

TEST_F(Stages, PausedAShadowGoesOnMirroringAndPassesOnlyAfterwards) {
  start({stage("shadow", api::ShadowStage{.percent = 50, .min_looks = 2}),
         stage("canary", api::CanaryStage{.weights = {10}, .min_looks = 2})});
  world.rollout.spec.paused = true;
  for (int i = 0; i < 30; ++i) world.answer(kEqual);
  EXPECT_EQ(status().stage->name, "shadow");
  EXPECT_EQ(status().traffic.mirror, 50);
  world.rollout.spec.paused = false;
  world.answer(kEqual);
  EXPECT_EQ(status().stage->name, "canary");
}

TEST_F(Stages, WithoutAVerdictItIsInconclusiveAtMaxDurationAndNotBefore) {
  start({stage("canary", api::CanaryStage{.weights = {1}, .min_looks = 1000})});
  world.settle();
  const Time deadline = status().stage->started_at + hours(4);
  world.now = deadline - milliseconds(1);
  world.settle();
  EXPECT_EQ(status().verdict, "");
  world.now = deadline;
  world.settle();
  EXPECT_EQ(status().verdict, "Inconclusive");
  EXPECT_EQ(status().phase, api::Phase::Paused);
}

}  // namespace
}  // namespace sluice::rollout
