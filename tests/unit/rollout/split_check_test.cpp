// The check of the split: when it pauses, what it says, and how it goes on.
#include "rollout/split_check.h"

#include <gtest/gtest.h>

#include "fixture.h"

namespace sluice::rollout {
namespace {

using testing::Rates;
using testing::World;

constexpr Rates kSame{};
constexpr Rates kLosing{.arriving = 0.5};                    // the candidate loses every second request
constexpr Rates kLosingBad{.candidate = 0.10, .arriving = 0.5};

class SplitCheck : public ::testing::Test {
 protected:
  void start() {
    api::Spec& spec = world.rollout.spec;
    spec.stages = {{.name = "canary",
                    .body = api::CanaryStage{.weights = {20, 50}, .min_looks = 4},
                    .min_duration = {},
                    .max_duration = hours(4)}};
    world.start_stable();
    world.change_template("v2");
    world.settle();
    world.answer(kSame);  // stable's past
    ASSERT_TRUE(status().stage.has_value());
  }
  void look(const Rates& rates, int times) {
    for (int i = 0; i < times && status().stage; ++i) world.answer(rates);
  }
  api::RolloutStatus& status() { return world.rollout.status; }
  World world;
};

TEST_F(SplitCheck, ASplitAsAskedIsVerified) {
  start();
  EXPECT_EQ(world.condition("SplitVerified"), nullptr) << "nothing was checked yet";
  look(kSame, 1);
  EXPECT_EQ(world.condition("SplitVerified"), nullptr) << "samples of the first block may be of the time before";
  look(kSame, 2);
  EXPECT_EQ(world.reason("SplitVerified"), "AsAsked");
  look(kSame, 100);
  EXPECT_EQ(status().stable_revision, "v2");
  EXPECT_EQ(world.condition("SplitVerified"), nullptr) << "there is no candidate any more";
}

TEST_F(SplitCheck, AMismatchPausesAndSaysWhichArmHasTooFew) {
  start();
  look(kLosing, 4);
  EXPECT_EQ(world.condition("SplitVerified")->status, api::ConditionStatus::False);
  EXPECT_EQ(world.reason("SplitVerified"), "SampleRatioMismatch");
  EXPECT_EQ(world.reason("Stalled"), "SampleRatioMismatch");
  EXPECT_EQ(status().phase, api::Phase::Paused);
  const std::string message = world.condition("SplitVerified")->message;
  EXPECT_EQ(message.find("the candidate gets 11.1% of the requests (900 of 8100) where 20% were asked for: the candidate "
                         "has too few"), 0u)
      << message;
  EXPECT_NE(message.find("spec.analysis.requests"), std::string::npos);
  EXPECT_TRUE(world.had_event("SampleRatioMismatch"));
}

TEST_F(SplitCheck, StableCanHaveTooFew) {
  start();
  look({.arriving = 2.0}, 4);
  EXPECT_NE(world.condition("SplitVerified")->message.find("stable has too few"), std::string::npos);
}

TEST_F(SplitCheck, WhilePausedNothingIsJudged) {
  start();
  look(kLosing, 4);
  ASSERT_EQ(world.reason("Stalled"), "SampleRatioMismatch");
  const auto looks = status().metrics.front().looks;
  look(kLosingBad, 50);
  EXPECT_EQ(status().candidate_revision, "v2") << "no roll-back, however bad the counts";
  EXPECT_EQ(status().metrics.front().looks, looks) << "nor do they count later";
  look(kSame, 200);
  EXPECT_EQ(status().candidate_revision, "v2") << "no promotion";
  world.now += hours(100);
  world.rollout.spec.on_inconclusive = api::OnInconclusive::RollBack;
  world.settle();
  EXPECT_EQ(status().candidate_revision, "v2") << "maxDuration does not judge either";
  EXPECT_EQ(status().traffic.candidate, 20);
}

TEST_F(SplitCheck, APersonResumes) {
  start();
  look(kLosing, 4);
  world.now += hours(100);
  world.rollout.annotations[api::kResumeAnnotation] = "v2";
  world.settle();
  EXPECT_EQ(status().phase, api::Phase::Progressing) << status().message;
  EXPECT_EQ(status().verdict, "") << "the time of the pause is not the stage's";
  EXPECT_TRUE(world.had_event("SplitCheckReset"));
  look(kSame, 100);
  EXPECT_EQ(status().stable_revision, "v2") << status().message;
}

TEST_F(SplitCheck, AResumeThatWasAskedForBeforeDoesNotHideTheNextMismatch) {
  start();
  world.rollout.annotations[api::kResumeAnnotation] = "v2";
  look(kSame, 2);
  look(kLosing, 8);
  EXPECT_EQ(world.reason("Stalled"), "SampleRatioMismatch");
}

TEST_F(SplitCheck, APersonRetriesOrAborts) {
  start();
  look(kLosing, 4);
  world.rollout.annotations[api::kRetryAnnotation] = "v2";
  world.settle();
  EXPECT_EQ(status().attempt, 2);
  EXPECT_EQ(status().history.front().reason, "SampleRatioMismatch");
  world.answer(kSame);  // stable's past
  look(kLosing, 4);
  ASSERT_EQ(world.reason("Stalled"), "SampleRatioMismatch");
  world.rollout.annotations[api::kAbortAnnotation] = "v2";
  world.settle();
  EXPECT_EQ(status().rejected_revision, "v2");
}

TEST_F(SplitCheck, AChangeOfTheRouteBySomebodyElseExplainsIt) {
  start();
  look(kLosing, 4);
  world.route_follows = false;
  world.seen.route.as_wanted = false;
  world.seen.route.foreign_writer = "kubectl";
  world.step();
  EXPECT_EQ(world.condition("SplitVerified"), nullptr);
  world.route_follows = true;
  world.settle();
  EXPECT_EQ(status().phase, api::Phase::Progressing) << status().message;
  EXPECT_FALSE(world.notes_of("SplitCheckReset").empty());
}

TEST_F(SplitCheck, ACandidateWithoutPodsExplainsIt) {
  start();
  look(kLosing, 4);
  world.pods_follow = false;
  world.seen.revisions["v2"].endpoints = 0;
  world.step();
  EXPECT_EQ(status().traffic.candidate, 0);
  EXPECT_EQ(world.condition("SplitVerified"), nullptr);
}

TEST_F(SplitCheck, StableWithoutPodsExplainsItAndWhatWasCountedThenIsNotChecked) {
  start();
  look(kLosing, 4);
  world.pods_follow = false;
  world.seen.revisions["v1"].endpoints = 0;
  world.step();
  EXPECT_EQ(world.condition("SplitVerified"), nullptr);
  world.pods_follow = true;
  world.settle();
  look(kLosing, 3);
  EXPECT_EQ(world.condition("SplitVerified"), nullptr);
  look(kLosing, 4);
  EXPECT_EQ(world.reason("SplitVerified"), "SampleRatioMismatch");
}

TEST_F(SplitCheck, ReportSaysSoAndGoesOn) {
  world.rollout.spec.analysis.split_check = api::SplitCheck::Report;
  start();
  look(kLosing, 4);
  EXPECT_EQ(world.reason("SplitVerified"), "SampleRatioMismatch");
  EXPECT_EQ(status().phase, api::Phase::Progressing);
  look(kLosing, 200);
  EXPECT_EQ(status().stable_revision, "v2");
}

TEST_F(SplitCheck, OffDoesNotLook) {
  world.rollout.spec.analysis.split_check = api::SplitCheck::Off;
  start();
  look(kLosing, 3);
  EXPECT_EQ(world.condition("SplitVerified"), nullptr);
  EXPECT_TRUE(status().evidence.split.empty());
}

TEST_F(SplitCheck, OffResumesWhatWasPaused) {
  start();
  look(kLosing, 4);
  world.rollout.spec.analysis.split_check = api::SplitCheck::Off;
  look(kSame, 1);
  EXPECT_EQ(world.condition("SplitVerified"), nullptr);
  EXPECT_EQ(status().phase, api::Phase::Progressing);
}

// Callers that bypass the gateway are in the metric's totals of stable, and not among the routed requests.
TEST_F(SplitCheck, RoutedRequestsAreAskedWhereTheyAreKnown) {
  world.rollout.spec.analysis.requests = "routed{service=\"$(service)\"}";
  start();
  ASSERT_EQ(world.last.look->look.metrics.size(), 2u);
  const auto& query = std::get<metrics::CounterQuery>(world.last.look->look.metrics[1].candidate);
  EXPECT_EQ(query.total, "routed{service=\"digits-v2\"}");
  EXPECT_EQ(query.events, query.total);
  const auto answer = [&](double routed_candidate) {
    metrics::LookResult result;
    result.look = world.last.look->look;
    world.now = std::max(world.now, world.last.look->due);
    result.metrics = {{.name = "errors", .stable = {100, 10'000}, .candidate = {6, 600}},
                      {.name = kRequestsReading, .stable = {2400, 2400}, .candidate = {routed_candidate, routed_candidate}}};
    world.seen.look = result;
    world.step();
    world.settle();
  };
  for (int i = 0; i < 3; ++i) answer(600);
  EXPECT_EQ(world.reason("SplitVerified"), "AsAsked") << "errors saw 600 of 10600";
  EXPECT_EQ(status().metrics.size(), 1u) << "it is no metric";
  answer(20);
  EXPECT_EQ(world.reason("SplitVerified"), "SampleRatioMismatch");
  EXPECT_EQ(world.condition("SplitVerified")->message.find("spec.analysis.requests"), std::string::npos);
}

TEST_F(SplitCheck, CopiesAndHeadersHaveNoAskedShare) {
  api::MetricSpec orders;
  orders.name = "orders";
  orders.role = api::MetricRole::Goal;
  orders.source = api::CounterSource{"o{pod=~\"$(pods)\"}", "t{pod=~\"$(pods)\"}"};
  const api::AbTestStage by_header{.weight = 50, .assignment = api::HeaderAssignment{"x", {"b"}}, .min_looks = 3};
  for (const api::StageBody& body : {api::StageBody(api::ShadowStage{.percent = 50, .min_looks = 9}),
                                     api::StageBody(by_header)}) {
    world = World();
    start();
    world.rollout.spec.analysis.metrics.push_back(orders);
    world.rollout.spec.stages.front() = {.name = "canary", .body = body, .min_duration = {}, .max_duration = hours(4)};
    world.settle();
    look({.arriving = 0.2}, 4);
    EXPECT_EQ(world.condition("SplitVerified"), nullptr);
  }
}

TEST_F(SplitCheck, UsersMayDifferInHowMuchTheyAsk) {
  api::MetricSpec orders;
  orders.name = "orders";
  orders.role = api::MetricRole::Goal;
  orders.source = api::CounterSource{"o{pod=~\"$(pods)\"}", "t{pod=~\"$(pods)\"}"};
  for (const double arriving : {0.8, 0.4}) {  // 44 % and 29 % instead of 50 %
    world = World();
    start();
    world.rollout.spec.analysis.metrics.push_back(orders);
    world.rollout.spec.stages.front() = {
        .name = "canary",
        .body = api::AbTestStage{.weight = 50, .assignment = api::CookieAssignment{"arm", hours(1)}, .min_looks = 3},
        .min_duration = {},
        .max_duration = hours(4)};
    world.settle();
    look({.arriving = arriving}, 20);
    EXPECT_EQ(world.reason("SplitVerified"), arriving > 0.5 ? "AsAsked" : "SampleRatioMismatch");
  }
}

}  // namespace
}  // namespace sluice::rollout
