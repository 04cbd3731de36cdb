// What the candidate predicts: counted by class and stage, tested once at the end of a stage, told, never decisive.
#include "rollout/predictions.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/json.h"
#include "fixture.h"
#include "rollout/sentence.h"

namespace sluice::rollout {
namespace {

using testing::kBad;
using testing::kEqual;
using testing::World;

using Mix = std::vector<double>;
const Mix kSame{0.412, 0.3, 0.288};
const Mix kOther{0.55, 0.2, 0.25};

class Predictions : public ::testing::Test {
 protected:
  void start(std::vector<api::StageSpec> stages) {
    api::Spec& spec = world.rollout.spec;
    spec.stages = std::move(stages);
    api::MetricSpec metric;
    metric.name = "predictions";
    metric.role = api::MetricRole::Report;
    metric.source = api::ClassesSource{"p{pod=~\"$(pods)\"}", "class"};
    metric.drift.above = 0.05;
    spec.analysis.metrics.push_back(metric);
    world.start_stable();
    world.change_template("v2");
    world.settle();
    answer(kSame);  // stable's past
  }
  static api::StageSpec shadow() {
    return {.name = "shadow",
            .body = api::ShadowStage{.percent = 50, .min_looks = 2},
            .min_duration = {},
            .max_duration = hours(1)};
  }
  static api::StageSpec canary(std::vector<int> weights = {50}) {
    return {.name = "canary",
            .body = api::CanaryStage{.weights = std::move(weights), .min_looks = 2},
            .min_duration = {},
            .max_duration = hours(1)};
  }

  // Answers the look that is wanted; of the classes as the world does of events.
  void answer(const Mix& candidate, const testing::Rates& rates = kEqual, double predictions = 1000) {
    ASSERT_TRUE(world.last.look.has_value()) << status().message;
    const metrics::Look look = world.last.look->look;
    const bool past = look.past > 0;
    world.answer_with = [&](const metrics::MetricQuery& query, metrics::MetricReading& reading) {
      const auto* classes = std::get_if<metrics::ClassesQuery>(&query.stable);
      if (classes == nullptr) return;
      reading = {.name = query.name};
      reading.gap = gap;
      if (gap) return;
      const std::vector<std::string> names{"cat", "dog", "other"};
      for (std::size_t i = 0; i < names.size(); ++i) {
        reading.classes.push_back({names[i], predictions * kSame[i], past ? 0 : predictions * candidate[i]});
      }
      asked = *classes;
    };
    world.answer(rates);
  }
  // Looks until nothing is under way, or a person is waited for.
  void look_on(const Mix& candidate, const testing::Rates& rates = kEqual, double predictions = 1000) {
    const auto goes_on = [this] {
      return !status().candidate_revision.empty() && status().verdict != "Inconclusive" && world.last.look;
    };
    for (int looks = 0; looks < 200 && goes_on(); ++looks) answer(candidate, rates, predictions);
  }
  // The process is gone; another one has what was saved.
  void restart() {
    const auto json = api::status_to_json(status());
    world.rollout.status = api::status_from_json(json);
  }

  api::RolloutStatus& status() { return world.rollout.status; }
  const api::MetricStatus& numbers() const { return *world.numbers("predictions"); }
  const api::DriftStatus& drift() const { return *numbers().drift; }

  World world;
  std::optional<metrics::Gap> gap;
  metrics::ClassesQuery asked;
};

TEST_F(Predictions, AreShownAtEachLookAndUndecided) {
  start({shadow(), canary()});
  answer(kOther);
  EXPECT_EQ(drift().verdict, api::DriftVerdict::Inconclusive);
  EXPECT_EQ(numbers().stable.total, 1000);
  EXPECT_NEAR(drift().psi, 0.0858, 0.0001);
  EXPECT_GT(drift().jensen_shannon, 0.01);
  EXPECT_EQ(drift().log10_p, std::nullopt);
  ASSERT_EQ(drift().shares.size(), 3U);
  EXPECT_EQ(drift().shares[0].name, "cat");
  EXPECT_EQ(numbers().message.find("undecided until the stage ends: PSI 0.08"), 0U) << numbers().message;
  EXPECT_NE(numbers().message.find("cat 41.2% -> 55%"), std::string::npos) << numbers().message;
  EXPECT_EQ(asked.kept, (std::vector<std::string>{"cat", "dog"})) << "chosen from stable's past";
  EXPECT_EQ(asked.counter.find("p{pod=~\"digits-v1-"), 0U) << asked.counter;
}

TEST_F(Predictions, ThatDifferAreToldOnceAndPromoted) {
  start({shadow(), canary()});
  look_on(kOther);
  EXPECT_EQ(status().stable_revision, "v2") << status().message;
  const auto notes = world.notes_of("PredictionsDrifted");
  ASSERT_EQ(notes.size(), 1U) << "the canary found it again";
  EXPECT_EQ(notes[0].find("predictions drifted in stage shadow: PSI 0.08"), 0U) << notes[0];
  EXPECT_NE(notes[0].find(", p "), std::string::npos) << notes[0];
  EXPECT_NE(notes[0].find("cat 41.2% -> 55%"), std::string::npos) << notes[0];
  EXPECT_EQ(drift().verdict, api::DriftVerdict::Drift);
  EXPECT_EQ(drift().tested, "canary");
  EXPECT_EQ(status().history.front().message, "revision v2 replaced v1 (NonInferior); " + notes[0]);
  for (const std::string& passed : world.notes_of("StagePassed")) {
    EXPECT_NE(passed.find("; predictions drifted: PSI"), std::string::npos) << passed;
  }
  EXPECT_EQ(world.reason("MetricsAvailable"), "") << "nothing is under way";
}

TEST_F(Predictions, ThatDoNotDifferAreNoDrift) {
  start({shadow(), canary()});
  look_on(kSame);
  EXPECT_EQ(status().stable_revision, "v2") << status().message;
  EXPECT_FALSE(world.had_event("PredictionsDrifted"));
  EXPECT_EQ(drift().verdict, api::DriftVerdict::NoDrift);
  EXPECT_EQ(status().history.front().message, "revision v2 replaced v1 (NonInferior)");
}

// 0.082 is above 0.05 and far beyond chance, below 0.1 and not of practical interest.
TEST_F(Predictions, BelowTheThresholdAreNoDriftHoweverSignificant) {
  start({canary()});
  world.rollout.spec.analysis.metrics.back().drift.above = 0.1;
  look_on(kOther);
  EXPECT_EQ(drift().verdict, api::DriftVerdict::NoDrift);
  EXPECT_LT(*drift().log10_p, -10);
  EXPECT_FALSE(world.had_event("PredictionsDrifted"));
}

TEST_F(Predictions, ADifferenceThatChanceExplainsIsNoDrift) {
  start({canary()});
  const World begun = world;
  look_on(kOther, kEqual, 1);
  const int looks = numbers().looks;
  world = begun;
  look_on(kOther, kEqual, 150.0 / looks);
  EXPECT_NEAR(numbers().candidate.total, 150, 1e-9);
  EXPECT_GT(drift().psi, 0.05);
  EXPECT_GT(*drift().log10_p, -2);
  EXPECT_EQ(drift().verdict, api::DriftVerdict::NoDrift);
}

TEST_F(Predictions, TooFewOfThemSayNothing) {
  start({canary()});
  look_on(kOther, kEqual, 2);
  ASSERT_LT(numbers().stable.total, kFewestPredictions);
  EXPECT_EQ(status().stable_revision, "v2") << status().message;
  EXPECT_EQ(drift().verdict, api::DriftVerdict::Inconclusive);
  EXPECT_EQ(drift().tested, "");
  EXPECT_EQ(numbers().message.find("too few predictions to tell: PSI"), 0U) << numbers().message;
}

TEST_F(Predictions, TooFewOfThemLeaveTheVerdictToTheStageThatFoundIt) {
  start({shadow(), canary()});
  while (status().stage->name == "shadow") answer(kOther);
  look_on(kOther, kEqual, 2);
  EXPECT_EQ(status().stable_revision, "v2") << status().message;
  EXPECT_EQ(drift().verdict, api::DriftVerdict::Drift);
  EXPECT_EQ(drift().tested, "shadow");
}

TEST_F(Predictions, StartAnewWithEachStageAndWeight) {
  start({shadow(), canary({10, 50})});
  while (status().stage->name == "shadow") answer(kOther);
  EXPECT_EQ(drift().verdict, api::DriftVerdict::Drift) << "that of the shadow is shown until the canary has its own";
  EXPECT_FALSE(status().evidence.packed.contains("predictions"));
  answer(kSame);
  EXPECT_EQ(numbers().looks, 1);
  EXPECT_EQ(drift().psi, 0) << "what was counted in the shadow is gone";
  EXPECT_EQ(drift().verdict, api::DriftVerdict::Drift);
  while (status().traffic.candidate == 10) answer(kSame);
  answer(kSame);
  EXPECT_EQ(numbers().looks, 1);
  look_on(kSame);
  EXPECT_EQ(drift().verdict, api::DriftVerdict::NoDrift);
  EXPECT_NE(status().history.front().message.find("predictions drifted in stage shadow"), std::string::npos);
}

TEST_F(Predictions, AreTestedWhenTheCandidateIsRolledBack) {
  start({canary()});
  look_on(kOther, kBad, 100'000);
  EXPECT_EQ(status().history.front().reason, "HarmDetected");
  EXPECT_EQ(drift().verdict, api::DriftVerdict::Drift);
  EXPECT_EQ(world.notes_of("PredictionsDrifted").size(), 1U);
  EXPECT_NE(status().history.front().message.find("; predictions drifted in stage canary"), std::string::npos);
}

TEST_F(Predictions, AreTestedOnceAtMaxDurationAndNotAgain) {
  start({canary()});
  world.rollout.spec.analysis.metrics.front().margin = {.ratio = 1.001, .or_below = 0};  // cannot be proven
  look_on(kOther);
  ASSERT_EQ(status().verdict, "Inconclusive");
  EXPECT_EQ(drift().verdict, api::DriftVerdict::Drift);
  const api::MetricStatus before = numbers();
  for (int i = 0; i < 3; ++i) answer(kSame, kEqual, 1e6);
  EXPECT_EQ(numbers(), before);
  world.rollout.annotations[api::kPromoteAnnotation] = "v2";
  world.settle();
  EXPECT_EQ(status().stable_revision, "v2");
  EXPECT_EQ(world.notes_of("PredictionsDrifted").size(), 1U);
}

TEST_F(Predictions, StayAsTheyWereWhileAPersonDecides) {
  start({canary(),
         {.name = "sign-off", .body = api::ApprovalStage{}, .min_duration = {}, .max_duration = hours(4)}});
  while (status().stage->name == "canary") answer(kOther);
  const api::MetricStatus before = numbers();
  EXPECT_EQ(drift().verdict, api::DriftVerdict::Drift);
  answer(kSame);
  EXPECT_EQ(numbers(), before);
  EXPECT_EQ(world.last.look->look.metrics.size(), 1U) << "nor are they read";
}

TEST_F(Predictions, ThatAreMissingHoldNothingAndSaySo) {
  start({canary()});
  gap = metrics::Gap::NoData;
  answer(kSame);
  EXPECT_EQ(world.reason("MetricsAvailable"), "EvidenceArrives");
  EXPECT_EQ(numbers().dropped, 1);
  EXPECT_EQ(numbers().message, "metric predictions has no series for this block");
  gap = metrics::Gap::Unread;
  look_on(kSame);
  EXPECT_EQ(status().stable_revision, "v2") << status().message;
  EXPECT_EQ(drift().verdict, api::DriftVerdict::Inconclusive);
  EXPECT_EQ(numbers().message, "metric predictions could not be read");
}

TEST_F(Predictions, WithoutAPastTheFirstBlockChoosesTheClassesAndIsNotCounted) {
  gap = metrics::Gap::NoData;
  start({canary()});
  gap.reset();
  answer(kSame);
  EXPECT_TRUE(asked.kept.empty());
  EXPECT_EQ(numbers().looks, 0);
  EXPECT_EQ(status().evidence.classes.at("predictions"), (std::vector<std::string>{"cat", "dog"}));
  answer(kSame);
  EXPECT_EQ(asked.kept, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(numbers().looks, 1);
}

TEST_F(Predictions, ACrashResumesToTheSameNumbers) {
  start({shadow(), canary({10, 50})});
  for (int i = 0; i < 60 && !status().candidate_revision.empty(); ++i) {
    const World saved = world;
    answer(i % 2 == 0 ? kOther : kSame);
    const api::RolloutStatus went = status();
    world = saved;
    restart();
    answer(i % 2 == 0 ? kOther : kSame);
    ASSERT_EQ(status(), went) << "after look " << i;
  }
  EXPECT_EQ(status().stable_revision, "v2");
}

TEST_F(Predictions, AreSmallInStatus) {
  api::AnalysisSpec analysis;
  api::MetricSpec metric;
  metric.name = "predictions";
  metric.role = api::MetricRole::Report;
  metric.source = api::ClassesSource{"p", "class"};
  analysis.metrics = {metric};
  metrics::MetricReading reading{.name = "predictions"};
  for (int i = 10; i < 30; ++i) {
    reading.classes.push_back({std::string(30, 'x') + std::to_string(i), 1e9 / 7, 3e9 / 7});
  }
  reading.classes.push_back({"other", 1e9 / 7, 1e9 / 7});
  api::RolloutStatus filled;
  filled.stage = api::StageStatus{.name = "canary"};
  const metrics::LookResult look{.look = {}, .metrics = {reading}};
  choose_classes(analysis, look, filled);
  add_predictions(analysis, look, filled);
  EXPECT_EQ(filled.metrics.at(0).looks, 1);
  const auto json = api::status_to_json(filled);
  EXPECT_LE(json["evidence"].dump().size(), 2048U);
  EXPECT_LE(json["metrics"].dump().size(), 2048U) << json["metrics"].dump(1);
}

TEST_F(Predictions, AMetricOfAnotherKindUnderTheSameNameStartsAnew) {
  start({canary()});
  answer(kOther);
  api::MetricSpec& edited = world.rollout.spec.analysis.metrics.back();
  edited.source = api::CounterSource{"e{pod=~\"$(pods)\"}", "t{pod=~\"$(pods)\"}"};
  ++world.rollout.generation;
  world.settle();
  world.answer(kEqual);
  EXPECT_FALSE(numbers().drift);
  EXPECT_EQ(numbers().looks, 1);
}

TEST(DriftSentence, NamesTheClassThatMovedMost) {
  api::MetricStatus metric;
  metric.stable = {0, 5400};
  metric.candidate = {0, 600};
  metric.drift =
      api::DriftStatus{.psi = 0.3121, .jensen_shannon = 0.0414, .above = 0.1, .shares = {{"", 0.412, 0.55}}};
  EXPECT_EQ(drift_sentence(metric), "PSI 0.312 (above 0.1 it counts), \"\" 41.2% -> 55%");
  metric.drift->log10_p = -400;
  metric.drift->shares = {{"cat", 0.412, 0.55}};
  EXPECT_EQ(predictions_sentence(metric, "drifted in stage shadow"),
            "drifted in stage shadow: PSI 0.312 (above 0.1 it counts), p 1e-400, cat 41.2% -> 55% (Jensen-Shannon "
            "0.0414; 5400 predictions of stable, 600 of the candidate)");
}

}  // namespace
}  // namespace sluice::rollout
