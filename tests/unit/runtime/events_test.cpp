#include "runtime/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <nlohmann/json.hpp>

#include "kube/object.h"
#include "support/faulty_client.h"
#include "support/memory_api_server.h"
#include "support/virtual_clock.h"

namespace sluice::runtime {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

Event event(const std::string& note, const std::string& reason = "WeightChanged",
            const std::string& name = "digits") {
  const kube::Key key{"ml", name};
  return {.regarding = {.resource = test::resources::kRollouts, .key = key, .uid = "uid-" + name},
          .type = EventType::Normal,
          .reason = reason,
          .action = "Shift",
          .note = note};
}

// Refuses, loses or doubles the next write.
class NextWrite final : public test::Faults {
 public:
  std::optional<Error> before(const test::Call&) override {
    ++calls;
    return std::exchange(refuse, std::nullopt);
  }
  bool twice(const test::Call&) override { return std::exchange(doubled, false); }
  std::optional<Error> after(const test::Call&) override { return std::exchange(lose, std::nullopt); }

  std::optional<Error> refuse;
  std::optional<Error> lose;
  bool doubled = false;
  int calls = 0;
};

class Counts final : public Observer {
 public:
  void event_written() override { ++written; }
  void event_dropped() override { ++dropped; }
  std::atomic<int> written{0};
  std::atomic<int> dropped{0};
};

class EventsTest : public ::testing::Test {
 protected:
  EventsTest() { start_anew(); }

  // As another process.
  void start_anew(const std::string& instance = "pod-1") {
    RecorderOptions options{.controller = "sluice.dev/operator", .instance = instance};
    options.capacity = 10;
    options.remembered = 4;
    recorder_ = std::make_unique<EventRecorder>(client_, clock_, options, counts_);
  }
  void write_all() {
    while (recorder_->write_one()) {
    }
  }
  void record(const std::string& note, const std::string& reason = "WeightChanged",
              const std::string& name = "digits") {
    recorder_->record(event(note, reason, name));
  }
  std::vector<json> stored() { return server_.list(kEvents, "", {})->items; }
  // Each Event of the server as "note xcount".
  std::vector<std::string> events() {
    std::vector<std::string> texts;
    const std::vector<json> all = stored();
    for (const json& e : all) {
      const auto count = std::max<std::int64_t>(1, kube::int_at(e, {"series", "count"}));
      texts.push_back(kube::string_at(e, {"note"}) + " x" + std::to_string(count));
    }
    return texts;
  }

  test::VirtualClock clock_;
  test::MemoryApiServer server_{clock_};
  NextWrite faults_;
  test::FaultyClient client_{server_, faults_};
  Counts counts_;
  std::unique_ptr<EventRecorder> recorder_;
};

TEST_F(EventsTest, AnEventSaysWhatHappenedToWhat) {
  record("10 percent");
  clock_.advance(seconds(5));  // written later than it happened
  write_all();
  const json e = stored().at(0);
  EXPECT_TRUE(kube::name_of(e).starts_with("digits."));
  EXPECT_EQ(e["eventTime"], "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(e["reportingController"], "sluice.dev/operator");
  EXPECT_EQ(e["reportingInstance"], "pod-1");
  EXPECT_EQ(e["action"], "Shift");
  EXPECT_EQ(e["reason"], "WeightChanged");
  EXPECT_EQ(e["type"], "Normal");
  EXPECT_EQ(e["note"], "10 percent");
  EXPECT_EQ(e["regarding"], (json{{"apiVersion", "sluice.dev/v1alpha1"},
                                  {"kind", "Rollout"},
                                  {"namespace", "ml"},
                                  {"name", "digits"},
                                  {"uid", "uid-digits"}}));
  EXPECT_FALSE(e.contains("series"));
  EXPECT_EQ(counts_.written, 1);
}

TEST_F(EventsTest, TheActionIsTheReasonUnlessItIsGiven) {
  Event plain = event("x");
  plain.action.clear();
  plain.regarding.key = {"", "node"};  // of no namespace
  recorder_->record(plain);
  write_all();
  const json e = stored().at(0);
  EXPECT_EQ(e["action"], "WeightChanged");
  EXPECT_EQ(e["metadata"]["namespace"], "default");
}

TEST_F(EventsTest, RepeatsBecomeASeriesWithOneWriteAMinute) {
  record("10 percent");
  write_all();
  const auto writes = server_.writes();
  for (int second = 0; second < 150; ++second) {
    clock_.advance(seconds(1));
    record("10 percent");
    write_all();
  }
  // At 0 s, 60 s and 120 s. What came after is told when its minute is over, though nothing more happens.
  EXPECT_EQ(server_.writes() - writes, 2u);
  EXPECT_THAT(events(), ElementsAre("10 percent x120"));
  clock_.advance(seconds(30));
  write_all();
  EXPECT_THAT(events(), ElementsAre("10 percent x151"));
  const json e = stored().at(0);
  EXPECT_EQ(e["series"]["lastObservedTime"], "2026-01-01T00:02:30.000000Z");
  clock_.advance(hours(1));
  EXPECT_FALSE(recorder_->write_one());  // an idle system writes nothing
  EXPECT_EQ(recorder_->dropped(), 0u);
}

TEST_F(EventsTest, OtherNotesOfTheSameReasonAreOneAMinuteTooAndTheNewestIsTold) {
  record("10 percent");
  record("25 percent");
  record("50 percent");
  write_all();
  EXPECT_THAT(events(), ElementsAre("10 percent x1"));
  EXPECT_EQ(recorder_->dropped(), 1u);
  record("75 percent");
  record("100 percent");
  record("100 percent");
  clock_.advance(seconds(59));
  write_all();
  EXPECT_THAT(events(), ElementsAre("10 percent x1"));
  clock_.advance(seconds(1));
  write_all();
  EXPECT_THAT(events(), UnorderedElementsAre("10 percent x1", "100 percent x2"));
  EXPECT_EQ(recorder_->dropped(), 3u);
  EXPECT_EQ(counts_.dropped, 3);
}

TEST_F(EventsTest, AnotherReasonTypeOrObjectDoesNotWait) {
  record("a");
  record("b", "RolledBack");
  record("c", "WeightChanged", "letters");
  Event warning = event("d");
  warning.type = EventType::Warning;
  recorder_->record(warning);
  write_all();
  EXPECT_THAT(events(), UnorderedElementsAre("a x1", "b x1", "c x1", "d x1"));
}

TEST_F(EventsTest, AClockThatJumpsBackDoesNotSilenceASeries) {
  class Jumping final : public Clock {
   public:
    Time now() const override { return Time(hours(1000)) + jump; }
    std::chrono::steady_clock::time_point steady() const override { return at; }
    Duration jump{};
    Instant at{hours(1)};
  } clock;
  EventRecorder recorder(client_, clock, {.controller = "c", .instance = "i"});
  recorder.record(event("x"));
  EXPECT_TRUE(recorder.write_one());
  clock.jump = -hours(500);
  clock.at += minutes(1);
  recorder.record(event("x"));
  EXPECT_TRUE(recorder.write_one());
  EXPECT_THAT(events(), ElementsAre("x x2"));
}

TEST_F(EventsTest, ACreateThatIsSentTwiceIsOneEvent) {
  faults_.doubled = true;
  record("x");
  write_all();
  EXPECT_THAT(events(), ElementsAre("x x1"));
  clock_.advance(minutes(1));
  record("x");
  write_all();
  EXPECT_THAT(events(), ElementsAre("x x2"));
}

TEST_F(EventsTest, ACreateWhoseAnswerIsLostIsOneEvent) {
  faults_.lose = Error{ErrorCode::Timeout, "lost", {}};
  record("x");
  write_all();
  record("x");  // once more before the next try
  clock_.advance(seconds(1));
  write_all();
  EXPECT_THAT(events(), ElementsAre("x x1"));
  clock_.advance(minutes(1));
  write_all();
  EXPECT_THAT(events(), ElementsAre("x x2"));
}

TEST_F(EventsTest, TheNextProcessContinuesTheSeries) {
  for (int i = 0; i < 3; ++i) {
    record("x");
    write_all();
    clock_.advance(minutes(1));
  }
  EXPECT_THAT(events(), ElementsAre("x x3"));
  start_anew("pod-2");
  record("x");
  write_all();
  EXPECT_THAT(events(), ElementsAre("x x4"));
  clock_.advance(minutes(1));
  record("x");
  write_all();
  EXPECT_THAT(events(), ElementsAre("x x5"));
}

TEST_F(EventsTest, AnEventThatTheServerHasForgottenIsCreatedAnew) {
  record("x");
  write_all();
  const std::string name = kube::name_of(stored().at(0));
  ASSERT_TRUE(server_.remove(kEvents, {"ml", name}));
  clock_.advance(hours(2));
  record("x");
  write_all();
  EXPECT_THAT(events(), ElementsAre("x x1"));
  EXPECT_EQ(recorder_->dropped(), 0u);
}

TEST_F(EventsTest, AServerThatIsAwayIsTriedAtGrowingIntervalsAndNothingIsLost) {
  record("a");
  record("b", "RolledBack");
  for (const int wait : {1, 2, 4, 8}) {
    faults_.refuse = Error{ErrorCode::Unavailable, "refused", {}};
    EXPECT_TRUE(recorder_->write_one());
    EXPECT_FALSE(recorder_->write_one());
    clock_.advance(seconds(wait) - milliseconds(1));
    EXPECT_FALSE(recorder_->write_one());
    clock_.advance(milliseconds(1));
  }
  EXPECT_EQ(faults_.calls, 4);
  write_all();
  EXPECT_THAT(events(), UnorderedElementsAre("a x1", "b x1"));
  EXPECT_EQ(recorder_->dropped(), 0u);
}

TEST_F(EventsTest, RetryAfterIsObeyed) {
  record("a");
  faults_.refuse = Error{ErrorCode::TooManyRequests, "slow down", seconds(20)};
  write_all();
  clock_.advance(seconds(19));
  write_all();
  EXPECT_THAT(events(), IsEmpty());
  clock_.advance(seconds(1));
  write_all();
  EXPECT_THAT(events(), ElementsAre("a x1"));
}

TEST_F(EventsTest, WhatIsRefusedForGoodIsDroppedAndCounted) {
  record("a");
  faults_.refuse = Error{ErrorCode::Forbidden, "no", {}};
  write_all();
  EXPECT_EQ(recorder_->dropped(), 1u);
  // Not again before its time either.
  record("a");
  write_all();
  EXPECT_EQ(faults_.calls, 1);
  clock_.advance(minutes(1));
  write_all();
  EXPECT_THAT(events(), ElementsAre("a x1"));
}

TEST_F(EventsTest, AFullQueueDropsAndCounts) {
  for (int i = 0; i < 13; ++i) record(std::to_string(i));
  EXPECT_EQ(recorder_->dropped(), 3u);
  EXPECT_EQ(counts_.dropped, 3);
}

TEST_F(EventsTest, MoreSeriesThanCanBeRememberedNeverBreakTheInterval) {
  for (int i = 0; i < 6; ++i) record("x", "Reason" + std::to_string(i));
  write_all();
  EXPECT_EQ(events().size(), 4u);
  EXPECT_EQ(recorder_->dropped(), 2u);
  clock_.advance(minutes(1));
  record("x", "Reason5");  // those that are over make room
  write_all();
  EXPECT_EQ(events().size(), 5u);
}

TEST_F(EventsTest, NamesAndNotesFitTheirLimits) {
  std::string note(1023, 'x');
  note += "\xE2\x82\xAC\xE2\x82\xAC";  // cut before the character that does not fit
  record(note, "Long", std::string(240, 'a') + "-" + std::string(12, 'b'));
  record("short", "Dash", std::string(235, 'a') + "-bc");
  write_all();
  const std::vector<json> all = stored();
  for (const json& e : all) {
    const std::string name = kube::name_of(e);
    EXPECT_LE(name.size(), 253u);
    EXPECT_EQ(name.find("-."), std::string::npos) << name;
    if (e["reason"] == "Long") {
      EXPECT_EQ(e["note"], std::string(1023, 'x'));
    }
  }
  EXPECT_EQ(events().size(), 2u);
}

// --- the thread

class EventsThreadTest : public ::testing::Test {
 protected:
  std::size_t stored() const { return server_.size(kEvents); }

  SystemClock clock_;
  test::MemoryApiServer server_{clock_};
  NextWrite faults_;
  test::FaultyClient client_{server_, faults_};
  EventRecorder recorder_{client_, clock_, {.controller = "c", .instance = "i"}};
};

TEST_F(EventsThreadTest, WritesWhatIsRecordedAndWhatWaitsAtTheEnd) {
  recorder_.start();
  recorder_.start();
  for (int i = 0; i < 50; ++i) recorder_.record(event("x", "R" + std::to_string(i)));
  recorder_.stop();
  EXPECT_EQ(stored(), 50u);
  EXPECT_EQ(recorder_.dropped(), 0u);
}

TEST_F(EventsThreadTest, HeldBackEventsAreCountedAtTheEnd) {
  recorder_.record(event("first"));
  EXPECT_TRUE(recorder_.write_one());
  recorder_.record(event("second"));
  recorder_.record(event("second"));
  recorder_.start();
  recorder_.stop();
  EXPECT_EQ(stored(), 1u);
  EXPECT_EQ(recorder_.dropped(), 2u);
}

TEST_F(EventsThreadTest, AServerThatIsAwayDoesNotHoldUpTheEnd) {
  class Away final : public test::Faults {
   public:
    std::optional<Error> before(const test::Call&) override {
      ++calls;
      return Error{ErrorCode::Unavailable, "refused", {}};
    }
    std::atomic<int> calls{0};
  } away;
  test::FaultyClient client(server_, away);
  EventRecorder recorder(client, clock_, {.controller = "c", .instance = "i"});
  for (int i = 0; i < 100; ++i) recorder.record(event("x", "R" + std::to_string(i)));
  recorder.start();
  recorder.stop();
  EXPECT_LE(away.calls, 2);  // not once for each
  EXPECT_EQ(recorder.dropped(), 100u);
}

}  // namespace
}  // namespace sluice::runtime
