#include "rollout/plan.h"

#include <gtest/gtest.h>

#include "fixture.h"

namespace sluice::rollout {
namespace {

using testing::kBad;
using testing::kEqual;
using testing::Rates;
using testing::World;

class Plan : public ::testing::Test {
 protected:
  // v1 stable, v2 a candidate whose first weight is on the route.
  void start_candidate() {
    world.start_stable();
    world.change_template("v2");
    world.settle();
    world.answer(kEqual);  // stable's past
    ASSERT_EQ(world.rollout.status.traffic.candidate, 10) << world.rollout.status.message;
  }
  api::RolloutStatus& status() { return world.rollout.status; }
  World world;
};

TEST_F(Plan, FirstRevisionBecomesStableOnceItIsReady) {
  world.pods_follow = false;
  world.step();
  EXPECT_EQ(status().phase, api::Phase::Progressing);
  EXPECT_EQ(world.replicas_wanted("v1"), 4);
  EXPECT_FALSE(world.last.wanted.split.has_value());
  world.seen.revisions["v1"] = {.exists = true, .desired = 4, .endpoints = 3};
  world.step();
  EXPECT_TRUE(status().stable_revision.empty());
  world.seen.revisions["v1"].endpoints = 4;
  world.step();
  EXPECT_EQ(status().stable_revision, "v1");
  EXPECT_EQ(world.last.wanted.service_revision, "v1");
  EXPECT_EQ(status().history.front().reason, "Initial");
  EXPECT_EQ(status().phase, api::Phase::Healthy);
  EXPECT_EQ(world.reason("Promoted"), "Initial");
}

TEST_F(Plan, CandidateGetsNothingBeforeItsPodsAreReady) {
  world.start_stable();
  world.change_template("v2");
  world.pods_follow = false;
  world.step();
  EXPECT_EQ(status().candidate_revision, "v2");
  EXPECT_EQ(status().traffic.candidate, 0);
  EXPECT_EQ(world.replicas_wanted("v2"), 1);  // 10 % of 4 pods
  EXPECT_EQ(world.replicas_wanted("v1"), 4);
  EXPECT_EQ(world.reason("Promoted"), "InProgress");
}

TEST_F(Plan, CandidateGetsNothingBeforePrometheusAnswered) {
  world.start_stable();
  world.change_template("v2");
  world.settle();
  ASSERT_TRUE(world.last.look.has_value());
  EXPECT_GT(world.last.look->look.past, 0);
  world.fail_look("connection refused");
  EXPECT_EQ(status().traffic.candidate, 0);
  EXPECT_EQ(world.reason("MetricsAvailable"), "ProviderError");
  world.answer(kEqual);
  EXPECT_EQ(status().traffic.candidate, 10);
}

TEST_F(Plan, EqualCandidateClimbsAndIsPromoted) {
  start_candidate();
  std::vector<int> weights;
  for (int i = 0; i < 200 && status().stable_revision == "v1"; ++i) {
    if (weights.empty() || weights.back() != status().traffic.candidate) weights.push_back(status().traffic.candidate);
    world.answer(kEqual);
  }
  EXPECT_EQ(weights, (std::vector<int>{10, 25, 50}));
  EXPECT_EQ(status().stable_revision, "v2");
  EXPECT_EQ(status().history.front().outcome, api::Outcome::Promoted);
  EXPECT_EQ(status().history.front().reason, "NonInferior");
  EXPECT_GT(status().history.front().looks, 5);
  EXPECT_EQ(status().phase, api::Phase::Healthy);
  EXPECT_EQ(world.last.wanted.split->stable, "v2");
  EXPECT_EQ(world.last.wanted.service_revision, "v2");
}

TEST_F(Plan, OldStableStaysForScaleDownDelay) {
  world.rollout.spec.stages.clear();
  world.start_stable();
  world.change_template("v2");
  world.settle();
  ASSERT_EQ(status().stable_revision, "v2");
  EXPECT_EQ(world.replicas_wanted("v1"), 4);
  ASSERT_TRUE(world.last.again.has_value());
  world.now = *world.last.again;
  world.settle();
  EXPECT_EQ(world.replicas_wanted("v1"), 0);
}

// Somebody may have led users to any revision, and a gateway does later what is written.
TEST_F(Plan, NothingIsTakenAwayBeforeTheGatewayHasAcceptedTheRoute) {
  world.start_stable();
  world.seen.revisions["v0"] = {.exists = true, .desired = 2, .endpoints = 2};
  world.route_follows = false;
  world.seen.route.as_wanted = false;
  world.step();
  EXPECT_EQ(world.replicas_wanted("v0"), 2);
  world.seen.route.as_wanted = true;
  world.seen.route.acceptance = traffic::Acceptance::Unknown;
  world.step();
  EXPECT_EQ(world.replicas_wanted("v0"), 2);
  world.seen.route.acceptance = traffic::Acceptance::Accepted;
  world.step();
  EXPECT_EQ(world.replicas_wanted("v0"), 0);
}

TEST_F(Plan, BadCandidateIsRolledBackAtTheLookThatProvesIt) {
  start_candidate();
  world.answer(kBad);
  EXPECT_EQ(status().rejected_revision, "v2") << status().message;
  EXPECT_EQ(status().traffic.candidate, 0);
  EXPECT_EQ(status().phase, api::Phase::RolledBack);
  EXPECT_EQ(world.reason("Promoted"), "HarmDetected");
  EXPECT_EQ(world.reason("Stalled"), "RolledBack");
  EXPECT_EQ(status().history.front().outcome, api::Outcome::RolledBack);
  EXPECT_TRUE(world.had_event("RolloutRolledBack"));
  EXPECT_FALSE(world.last.look.has_value());
  world.settle();  // and it stays so: the spec still names v2
  EXPECT_EQ(status().stable_revision, "v1");
  EXPECT_TRUE(status().candidate_revision.empty());
}

TEST_F(Plan, ReturningToStableAfterARollbackIsHealthy) {
  start_candidate();
  world.answer(kBad);
  world.change_template("v1");
  world.settle();
  EXPECT_EQ(status().phase, api::Phase::Healthy);
  EXPECT_TRUE(status().rejected_revision.empty());
  EXPECT_EQ(world.condition("Stalled"), nullptr);
}

TEST_F(Plan, RetryStartsOverOncePerValue) {
  start_candidate();
  world.answer(kBad);
  world.rollout.annotations[api::kRetryAnnotation] = "v2";
  world.settle();
  EXPECT_EQ(status().candidate_revision, "v2");
  EXPECT_EQ(status().attempt, 2);
  EXPECT_TRUE(status().evidence.packed.empty());
  EXPECT_EQ(world.notes_of("RolloutStarted").back(),
            "revision v2 is a candidate to replace v1, attempt 2: with a fresh error budget");
  world.answer(kEqual);
  EXPECT_EQ(status().message.substr(0, 23), "canary 10% (attempt 2):");
  world.answer(kBad);
  EXPECT_EQ(status().rejected_revision, "v2");
  EXPECT_EQ(status().history[0].attempt, 2);
  EXPECT_EQ(status().history[1].attempt, 1);
  world.settle();
  EXPECT_TRUE(status().candidate_revision.empty()) << "the same value must not act twice";
  world.rollout.annotations[api::kRetryAnnotation] = "v2/again";
  world.settle();
  EXPECT_EQ(status().candidate_revision, "v2");
  EXPECT_EQ(status().attempt, 3);
}

TEST_F(Plan, AbortRollsBackAndPromoteSkipsTheRest) {
  start_candidate();
  world.rollout.annotations[api::kAbortAnnotation] = "v9";  // names another revision
  world.settle();
  EXPECT_EQ(status().candidate_revision, "v2");
  world.rollout.annotations[api::kAbortAnnotation] = "v2";
  world.settle();
  EXPECT_EQ(status().rejected_revision, "v2");
  EXPECT_EQ(status().history.front().reason, "Aborted");
  world.change_template("v3");
  world.rollout.annotations[api::kPromoteAnnotation] = "v3";
  world.settle();
  EXPECT_EQ(status().stable_revision, "v3");
  EXPECT_EQ(status().history.front().reason, "PromotedByUser");
}

TEST_F(Plan, AnOldPromoteAnnotationDoesNotActAgain) {
  world.start_stable();
  world.rollout.annotations[api::kPromoteAnnotation] = "v2";
  world.change_template("v2");
  world.settle();
  ASSERT_EQ(status().stable_revision, "v2");
  world.change_template("v1");
  world.settle();
  world.answer(kEqual);
  world.answer(kBad);
  ASSERT_EQ(status().rejected_revision, "v1");
  world.change_template("v2");
  world.settle();
  EXPECT_EQ(status().phase, api::Phase::Healthy);
}

TEST_F(Plan, NewTemplateSupersedesTheCandidate) {
  start_candidate();
  world.change_template("v3");
  world.step();
  EXPECT_EQ(status().candidate_revision, "v3");
  EXPECT_EQ(status().traffic.candidate, 0);
  EXPECT_EQ(status().history.front().revision, "v2");
  EXPECT_EQ(status().history.front().outcome, api::Outcome::Superseded);
  EXPECT_TRUE(status().evidence.packed.empty());
}

TEST_F(Plan, PrometheusOutageHoldsTheWeightAndJudgesNothing) {
  start_candidate();
  for (int i = 0; i < 50; ++i) {
    world.fail_look("connection refused");
    EXPECT_EQ(status().traffic.candidate, 10);
    EXPECT_EQ(status().candidate_revision, "v2");
  }
  EXPECT_EQ(world.reason("MetricsAvailable"), "ProviderError");
  world.answer(kEqual);
  EXPECT_EQ(world.condition("MetricsAvailable")->status, api::ConditionStatus::True);
}

TEST_F(Plan, MissingEvidenceAtMaxDurationIsNeverAVerdict) {
  world.rollout.spec.on_inconclusive = api::OnInconclusive::RollBack;
  start_candidate();
  world.fail_look("connection refused");
  world.now += hours(3);
  world.settle();
  EXPECT_EQ(status().candidate_revision, "v2");
  EXPECT_EQ(world.reason("Stalled"), "ProviderError");
}

TEST_F(Plan, InconclusiveFollowsThePolicy) {
  start_candidate();
  world.answer(kEqual);
  world.now += hours(3);
  world.settle();
  EXPECT_EQ(status().verdict, "Inconclusive");
  EXPECT_EQ(status().phase, api::Phase::Paused);
  EXPECT_EQ(status().traffic.candidate, 10);
  EXPECT_EQ(world.reason("Promoted"), "Inconclusive");
  for (int i = 0; i < 50; ++i) world.answer(kEqual);
  EXPECT_EQ(status().stable_revision, "v1") << "never a silent promotion";
  for (int i = 0; i < 60 && status().rejected_revision.empty(); ++i) world.answer(kBad);
  EXPECT_EQ(status().rejected_revision, "v2") << "harm still rolls back";
}

TEST_F(Plan, AnAttemptThatFoundNoVerdictIsInTheHistoryOnceItIsRetried) {
  start_candidate();
  world.answer(kEqual);
  const auto first_started = status().started_at;
  world.now += hours(3);
  world.settle();
  ASSERT_EQ(status().verdict, "Inconclusive");
  world.rollout.annotations[api::kRetryAnnotation] = "v2";
  world.settle();
  EXPECT_EQ(status().candidate_revision, "v2");
  EXPECT_EQ(status().attempt, 2);
  const api::HistoryEntry& entry = status().history.front();
  EXPECT_EQ(entry.revision, "v2");
  EXPECT_EQ(entry.outcome, api::Outcome::Superseded);
  EXPECT_EQ(entry.reason, "Inconclusive");
  EXPECT_EQ(entry.started_at, first_started);
}

TEST_F(Plan, InconclusiveRollsBackWhenAskedTo) {
  world.rollout.spec.on_inconclusive = api::OnInconclusive::RollBack;
  start_candidate();
  world.answer(kEqual);
  world.now += hours(3);
  world.settle();
  EXPECT_EQ(status().rejected_revision, "v2");
  EXPECT_EQ(status().history.front().reason, "Inconclusive");
}

TEST_F(Plan, PausedHoldsTheWeightButStillRollsBack) {
  start_candidate();
  world.rollout.spec.paused = true;
  for (int i = 0; i < 30; ++i) world.answer(kEqual);
  EXPECT_EQ(status().traffic.candidate, 10);
  EXPECT_EQ(status().phase, api::Phase::Paused);
  for (int i = 0; i < 60 && status().rejected_revision.empty(); ++i) world.answer(kBad);
  EXPECT_EQ(status().rejected_revision, "v2");
}

TEST_F(Plan, ResumeKeepsTheEvidence) {
  start_candidate();
  world.rollout.spec.paused = true;
  for (int i = 0; i < 30; ++i) world.answer(kEqual);
  const int looks = status().metrics.front().looks;
  world.rollout.spec.paused = false;
  world.answer(kEqual);
  EXPECT_EQ(status().traffic.candidate, 25);
  EXPECT_EQ(status().metrics.front().looks, looks + 1);
}

TEST_F(Plan, UnreadyCandidateStallsAtWeightZero) {
  world.start_stable();
  world.change_template("v2");
  world.pods_follow = false;
  world.seen.revisions["v2"] = {.exists = true, .desired = 1, .endpoints = 0, .problem = "ImagePullBackOff: no such image"};
  world.settle();
  world.now += minutes(11);
  world.settle();
  EXPECT_EQ(world.reason("Stalled"), "ProgressDeadlineExceeded");
  EXPECT_EQ(status().traffic.candidate, 0);
  EXPECT_NE(status().message.find("ImagePullBackOff"), std::string::npos) << status().message;
  world.seen.revisions["v2"].endpoints = 1;  // it comes up after all
  world.settle();
  EXPECT_EQ(world.condition("Stalled"), nullptr);
}

TEST_F(Plan, CandidateThatLosesItsPodsIsWithdrawn) {
  start_candidate();
  world.pods_follow = false;
  world.seen.revisions["v2"].endpoints = 0;
  world.settle();
  EXPECT_EQ(status().traffic.candidate, 0);
  EXPECT_TRUE(world.had_event("CandidateUnavailable"));
  EXPECT_FALSE(world.last.look.has_value());
  world.seen.revisions["v2"].endpoints = 1;
  world.settle();
  EXPECT_EQ(status().traffic.candidate, 10);
}

TEST_F(Plan, LooksBeforeTheWeightOfAStepIsSetAreNotLooksAtIt) {
  start_candidate();
  while (status().traffic.candidate < 25) world.answer(kEqual);
  world.pods_follow = false;  // 50 % needs a second pod
  while (status().stage->step < 2) world.answer(kEqual);
  const int looks = status().metrics[0].looks;
  for (int i = 0; i < 3; ++i) world.answer(kEqual);
  EXPECT_EQ(status().traffic.candidate, 25);
  EXPECT_EQ(status().metrics[0].looks, looks + 3) << "they are evidence all the same";
  EXPECT_EQ(status().stage->looks, 0);
}

TEST_F(Plan, WaitsForTheGateway) {
  world.start_stable();
  world.change_template("v2");
  world.settle();
  world.route_follows = false;
  world.seen.route.as_wanted = false;  // the new weight is not on it yet
  world.answer(kEqual);
  EXPECT_EQ(status().traffic.candidate, 10);
  EXPECT_FALSE(world.last.look.has_value()) << "nothing is judged before the gateway accepted the weight";
  world.seen.route = {.exists = true, .as_wanted = true, .live = split_of(status()),
                      .acceptance = traffic::Acceptance::Rejected, .reason = "NoMatchingParent", .message = "no gateway"};
  world.settle();
  EXPECT_EQ(world.reason("TrafficAccepted"), "NoMatchingParent");
  EXPECT_FALSE(world.last.look.has_value());
}

TEST_F(Plan, ForeignChangeIsUndoneOnceAndThenReported) {
  start_candidate();
  world.route_follows = false;
  traffic::RouteState good = world.seen.route;
  traffic::RouteState bad = good;
  bad.as_wanted = false;
  bad.foreign_writer = "argocd";
  world.seen.route = bad;
  world.step();
  EXPECT_FALSE(world.last.look.has_value());
  ASSERT_TRUE(world.last.wanted.split.has_value());
  EXPECT_TRUE(world.had_event("RouteReasserted"));
  world.seen.route = good;
  world.settle();
  world.seen.route = bad;
  world.settle();
  EXPECT_FALSE(world.last.wanted.split.has_value()) << "no fight";
  EXPECT_EQ(world.reason("TrafficAccepted"), "RouteConflict");
  EXPECT_NE(world.condition("TrafficAccepted")->message.find("argocd"), std::string::npos);
}

TEST_F(Plan, BlocksFollowOneAnotherAndStartAfterTheWarmUp) {
  world.rollout.spec.analysis.warmup = seconds(60);
  start_candidate();
  const Time set_at = *status().stage->weight_set_at;
  EXPECT_EQ(world.last.look->look.from, set_at + seconds(60));
  Time end = world.last.look->look.to;
  for (int i = 0; i < 3; ++i) {
    world.answer(kEqual);
    if (status().traffic.candidate != 10) break;
    EXPECT_EQ(world.last.look->look.from, end);
    EXPECT_EQ(world.last.look->look.to, end + seconds(30));
    end = world.last.look->look.to;
  }
}

TEST_F(Plan, FewCandidatePodsAreWarnedOfOnceWithTheSpreadOfStable) {
  world.past_pods = {{60, 1000}, {70, 2000}, {110, 3000}};  // 26.2 %: pod_spread_test.cpp
  start_candidate();
  EXPECT_FALSE(world.had_event("FewCandidatePods"));
  world.answer(kEqual);
  const auto notes = world.notes_of("FewCandidatePods");
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0],
            "metric errors: with 1 pod of the candidate, a difference between pods (26.2% in stable's past) cannot be "
            "told from one between revisions; give it at least 3");
  const api::MetricStatus& errors = status().metrics.front();
  ASSERT_TRUE(errors.pod_spread.has_value());
  EXPECT_NEAR(*errors.pod_spread, 0.2622, 1e-4);
  EXPECT_NE(errors.message.find("with 1 pod of the candidate"), std::string::npos) << errors.message;
  for (int i = 0; i < 5; ++i) world.answer(kEqual);
  EXPECT_EQ(world.notes_of("FewCandidatePods").size(), 1u);
}

TEST_F(Plan, ThreeCandidatePodsNeedNoWarning) {
  world.rollout.spec.replicas = 21;  // 10 % of them are 3
  start_candidate();
  world.answer(kEqual);
  EXPECT_FALSE(world.had_event("FewCandidatePods"));
  EXPECT_EQ(status().metrics.front().message.find("pod"), std::string::npos);
  EXPECT_FALSE(status().metrics.front().pod_spread.has_value());
}

TEST_F(Plan, InvalidSpecHoldsEverythingAndNamesTheField) {
  start_candidate();
  world.seen.invalid = {{"spec.stages[0].canary.weights", "must rise"}};
  world.settle();
  EXPECT_EQ(status().traffic.candidate, 10);
  EXPECT_EQ(world.reason("Stalled"), "InvalidSpec");
  EXPECT_NE(status().message.find("spec.stages[0].canary.weights"), std::string::npos);
  EXPECT_EQ(world.last.wanted.split->candidate_percent, 10);
}

TEST_F(Plan, SameArgumentsGiveTheSameDecision) {
  start_candidate();
  const Decision a = plan(world.rollout, world.seen, world.now);
  const Decision b = plan(world.rollout, world.seen, world.now);
  EXPECT_EQ(a.status, b.status);
  EXPECT_EQ(a.wanted, b.wanted);
  EXPECT_TRUE(a.events.empty()) << "nothing new happened";
  EXPECT_EQ(a.status, status());
}

}  // namespace
}  // namespace sluice::rollout
