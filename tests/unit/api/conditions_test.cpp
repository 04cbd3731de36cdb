#include "api/conditions.h"

#include <gtest/gtest.h>

namespace sluice::api {
namespace {

const Time kStart = *parse_time("2025-01-01T10:00:00.250Z");
const Time kStartSecond = *parse_time("2025-01-01T10:00:00Z");

Condition condition(const char* type, ConditionStatus status, const char* message = "") {
  return {.type = type,
          .status = status,
          .observed_generation = 1,
          .last_transition = {},
          .reason = "Because",
          .message = message};
}

TEST(Conditions, TheTimeMovesOnlyWithTheStatus) {
  std::vector<Condition> all;
  EXPECT_TRUE(set_condition(all, condition(kReady, ConditionStatus::False), kStart));
  EXPECT_EQ(all[0].last_transition, kStartSecond) << "metav1.Time has whole seconds";

  EXPECT_TRUE(
      set_condition(all, condition(kReady, ConditionStatus::False, "other words"), kStart + seconds(5)));
  EXPECT_EQ(all[0].message, "other words");
  EXPECT_EQ(all[0].last_transition, kStartSecond);

  Condition later = condition(kReady, ConditionStatus::False, "other words");
  later.observed_generation = 2;
  EXPECT_TRUE(set_condition(all, later, kStart + seconds(6)));
  EXPECT_EQ(all[0].observed_generation, 2);
  EXPECT_EQ(all[0].last_transition, kStartSecond);

  EXPECT_TRUE(set_condition(all, condition(kReady, ConditionStatus::True), kStart + seconds(7)));
  EXPECT_EQ(all[0].last_transition, kStartSecond + seconds(7));
  EXPECT_EQ(all.size(), 1U);
}

TEST(Conditions, SayingTheSameAgainChangesNothing) {
  std::vector<Condition> all;
  set_condition(all, condition(kReady, ConditionStatus::True), kStart);
  const std::vector<Condition> before = all;
  EXPECT_FALSE(set_condition(all, condition(kReady, ConditionStatus::True), kStart + hours(1)));
  EXPECT_EQ(all, before);
}

TEST(Conditions, HaveAStableOrder) {
  std::vector<Condition> all;
  for (const char* type :
       {"Zebra", kMetricsAvailable, kStalled, "Apple", kReady, kTrafficAccepted, kPromoted, kReconciling}) {
    set_condition(all, condition(type, ConditionStatus::True), kStart);
  }
  std::vector<std::string> types;
  for (const Condition& one : all) types.push_back(one.type);
  EXPECT_EQ(types, (std::vector<std::string>{"Ready", "Reconciling", "Stalled", "Promoted", "TrafficAccepted",
                                             "MetricsAvailable", "Apple", "Zebra"}));
}

TEST(Conditions, AreFoundAndRemovedByType) {
  std::vector<Condition> all;
  set_condition(all, condition(kReady, ConditionStatus::True), kStart);
  set_condition(all, condition(kStalled, ConditionStatus::True), kStart);
  ASSERT_NE(find_condition(all, kStalled), nullptr);
  EXPECT_TRUE(has_status(all, kStalled, ConditionStatus::True));
  EXPECT_FALSE(has_status(all, kStalled, ConditionStatus::False));
  remove_condition(all, kStalled);
  EXPECT_EQ(find_condition(all, kStalled), nullptr);
  EXPECT_FALSE(has_status(all, kStalled, ConditionStatus::Unknown));
  remove_condition(all, kStalled);
  EXPECT_EQ(all.size(), 1U);
}

TEST(Conditions, AreAlwaysWhatTheApiServerTakes) {
  std::vector<Condition> all;
  Condition odd = condition(kReady, ConditionStatus::Unknown);
  odd.reason.clear();
  for (int i = 0; i < 20'000; ++i) odd.message += "ü";  // two bytes each
  set_condition(all, odd, kStart);
  EXPECT_EQ(all[0].reason, "Unknown");
  EXPECT_EQ(all[0].message.size(), 32768U);
  odd.message = "x" + odd.message;
  set_condition(all, odd, kStart);
  EXPECT_EQ(all[0].message.size(), 32767U) << "a character must not be cut in two";
}

}  // namespace
}  // namespace sluice::api
