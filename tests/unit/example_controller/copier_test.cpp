// The example of a controller: what it writes, what it leaves alone, and what it tries again.
#include "copier.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "runtime/fenced_client.h"
#include "support/faulty_client.h"
#include "support/memory_api_server.h"
#include "support/stepped_reflector.h"
#include "support/virtual_clock.h"

namespace sluice::example {
namespace {

using nlohmann::json;

const kube::Key kSource{"team-a", "settings"};
const kube::Key kCopy{"team-b", "settings"};

struct EventList final : runtime::EventSink {
  void record(runtime::Event event) override { events.push_back(std::move(event)); }
  std::vector<runtime::Event> events;
};

// Counts the writes, and refuses some, or loses their answers.
struct WriteFaults final : test::Faults {
  std::optional<Error> before(const test::Call& call) override {
    if (!call.is_write()) return std::nullopt;
    ++writes;
    if (meanwhile) std::exchange(meanwhile, nullptr)();
    if (refused == 0) return std::nullopt;
    --refused;
    return Error{with, "refused by the test", {}};
  }
  std::optional<Error> after(const test::Call& call) override {
    if (!call.is_write() || lost == 0) return std::nullopt;
    --lost;
    return Error{ErrorCode::Unavailable, "the connection broke", {}};
  }
  int writes = 0;
  int refused = 0;
  int lost = 0;
  std::function<void()> meanwhile;  // what somebody does just before the first
  ErrorCode with = ErrorCode::Forbidden;
};

struct Gate final : runtime::Fence {
  bool may_write() const override { return open; }
  bool open = true;
};

class CopierTest : public ::testing::Test {
 protected:
  // The program without its threads.
  struct Process {
    explicit Process(CopierTest& test)
        : server(test.server),
          client(test.client, test.gate),
          copier(client, test.told),
          controller({.name = "configmap"}, copier, test.clock),
          sources(server, kConfigMaps, copier.sources(), test.clock, Copier::source_options()),
          copies(server, kConfigMaps, copier.copies(), test.clock, Copier::copy_options()) {
      copier.on_change([this](const kube::Key& key) { controller.queue().add(key); });
    }
    // Until nothing moves any more without time going by.
    void settle() {
      int turns = 0;
      for (bool moved = true; moved;) {
        ASSERT_LT(++turns, 100) << "it does not come to rest";
        moved = sources.step();
        moved = copies.step() || moved;
        if (!sources.watching() || !copies.watching()) continue;  // as in the program: both complete, then work
        moved = server.pump() > 0 || moved;
        if (sources.synced() && copies.synced()) moved = controller.process_next() || moved;
      }
    }
    test::MemoryApiServer& server;
    runtime::FencedClient client;
    Copier copier;
    runtime::Controller controller;
    test::SteppedReflector sources;
    test::SteppedReflector copies;
  };

  void SetUp() override { start(); }
  void start() { process = std::make_unique<Process>(*this); }
  void settle() { process->settle(); }

  void make(const kube::Key& key, const json& labels, const json& data) {
    const json object = {{"metadata", {{"namespace", key.ns}, {"name", key.name}, {"labels", labels}}}, {"data", data}};
    const auto made = user->create(kConfigMaps, object);
    ASSERT_TRUE(made) << made.error().message;
  }
  void make_source(const json& data = {{"a", "1"}, {"b", "2"}}) { make(kSource, {{kCopyTo, kCopy.ns}}, data); }
  void change(const kube::Key& key, const json& patch) {
    const auto done = user->patch(kConfigMaps, key, patch, {});
    ASSERT_TRUE(done) << done.error().message;
  }
  // Null when there is no such ConfigMap.
  json data_of(const kube::Key& key) {
    const auto object = server.get(kConfigMaps, key);
    return object ? object->value("data", json::object()) : json();
  }
  // Later, when a failure may be tried again.
  void wait() {
    clock.advance(minutes(2));
    settle();
  }

  test::VirtualClock clock;
  test::MemoryApiServer server{clock};
  std::unique_ptr<kube::Client> user = server.as("kubectl");
  WriteFaults faults;
  test::FaultyClient client{server, faults};
  Gate gate;
  EventList told;
  std::unique_ptr<Process> process;
};

TEST_F(CopierTest, Copies) {
  make_source();
  settle();
  EXPECT_EQ(data_of(kCopy), (json{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(faults.writes, 1);
  ASSERT_EQ(told.events.size(), 1u);
  EXPECT_EQ(told.events[0].reason, "Copied");
  EXPECT_EQ(told.events[0].regarding.key, kSource);
}

TEST_F(CopierTest, FollowsItsSource) {
  make_source();
  settle();
  change(kSource, {{"data", {{"a", nullptr}, {"b", "3"}, {"c", "4"}}}, {"binaryData", {{"d", "AA=="}}}});
  settle();
  EXPECT_EQ(data_of(kCopy), (json{{"b", "3"}, {"c", "4"}}));
  EXPECT_EQ(server.get(kConfigMaps, kCopy)->at("binaryData"), (json{{"d", "AA=="}}));
  EXPECT_EQ(faults.writes, 2);
}

TEST_F(CopierTest, WritesNothingWhenNothingDiffers) {
  make_source();
  settle();
  change(kSource, {{"metadata", {{"annotations", {{"note", "of no concern"}}}}}});
  change(kCopy, {{"data", {{"added", "by somebody"}}}});
  settle();
  start();  // another process finds all done
  settle();
  EXPECT_EQ(faults.writes, 1);
  EXPECT_EQ(data_of(kCopy), (json{{"a", "1"}, {"added", "by somebody"}, {"b", "2"}}));
}

TEST_F(CopierTest, TakesBackWhatWasChangedOrRemoved) {
  make_source();
  settle();
  change(kCopy, {{"data", {{"a", "another"}}}});
  settle();
  EXPECT_EQ(data_of(kCopy), (json{{"a", "1"}, {"b", "2"}}));
  change(kCopy, {{"metadata", {{"labels", {{kCopiedFrom, nullptr}}}}}});
  settle();
  EXPECT_EQ(server.get(kConfigMaps, kCopy)->at("metadata").at("labels").at(kCopiedFrom), kSource.ns);
  ASSERT_TRUE(user->remove(kConfigMaps, kCopy));
  settle();
  EXPECT_EQ(data_of(kCopy), (json{{"a", "1"}, {"b", "2"}}));
}

TEST_F(CopierTest, MovesItsCopyAndRemovesIt) {
  make_source();
  settle();
  change(kSource, {{"metadata", {{"labels", {{kCopyTo, "team-c"}}}}}});
  settle();
  EXPECT_TRUE(data_of(kCopy).is_null());
  EXPECT_EQ(data_of({"team-c", "settings"}), (json{{"a", "1"}, {"b", "2"}}));
  ASSERT_TRUE(user->remove(kConfigMaps, kSource));
  settle();
  EXPECT_TRUE(data_of({"team-c", "settings"}).is_null());
}

// Why no finalizer is needed: what is to be done is seen from what is there.
TEST_F(CopierTest, RemovesCopiesOfSourcesThatWentWhileNobodyRan) {
  make_source();
  settle();
  process.reset();
  ASSERT_TRUE(user->remove(kConfigMaps, kSource));
  start();
  settle();
  EXPECT_TRUE(data_of(kCopy).is_null());
}

TEST_F(CopierTest, LeavesAloneWhatOthersHaveMade) {
  make(kCopy, {{kCopiedFrom, kSource.ns}}, {{"z", "mine"}});  // even when it looks like a copy
  settle();
  make_source();
  settle();
  wait();
  EXPECT_EQ(data_of(kCopy), (json{{"z", "mine"}}));
  EXPECT_EQ(faults.writes, 0);
  ASSERT_FALSE(told.events.empty());
  EXPECT_EQ(told.events[0].reason, "CopyFailed");
  ASSERT_TRUE(user->remove(kConfigMaps, kCopy));
  wait();
  EXPECT_EQ(data_of(kCopy), (json{{"a", "1"}, {"b", "2"}}));
}

TEST_F(CopierTest, WhatSomebodyMakesJustBeforeTheApplyIsAConflict) {
  faults.meanwhile = [this] { make(kCopy, json::object(), {{"a", "mine"}}); };
  make_source();
  settle();
  wait();
  EXPECT_EQ(data_of(kCopy), (json{{"a", "mine"}}));
  EXPECT_EQ(faults.writes, 1);
}

TEST_F(CopierTest, OfTwoSourcesForOnePlaceTheFirstHasIt) {
  make_source();
  settle();
  make({"team-c", "settings"}, {{kCopyTo, kCopy.ns}}, {{"a", "of team-c"}});
  settle();
  wait();
  EXPECT_EQ(data_of(kCopy), (json{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(faults.writes, 1);
  ASSERT_TRUE(user->remove(kConfigMaps, kSource));
  settle();
  wait();
  EXPECT_EQ(data_of(kCopy), (json{{"a", "of team-c"}}));
}

TEST_F(CopierTest, TriesAgainWhatWasRefused) {
  for (const ErrorCode code : {ErrorCode::Forbidden, ErrorCode::Conflict, ErrorCode::Unavailable}) {
    faults.with = code;
    faults.refused = 1;
    make_source();
    settle();
    EXPECT_TRUE(data_of(kCopy).is_null()) << to_string(code);
    EXPECT_EQ(process->controller.queue().failures(kSource), 1u);
    wait();
    EXPECT_EQ(data_of(kCopy), (json{{"a", "1"}, {"b", "2"}})) << to_string(code);
    EXPECT_EQ(process->controller.queue().failures(kSource), 0u);
    ASSERT_TRUE(user->remove(kConfigMaps, kSource));
    settle();
  }
  // For people: the two that they can do something about, and three copies.
  EXPECT_EQ(std::ranges::count(told.events, "CopyFailed", &runtime::Event::reason), 2);
  EXPECT_EQ(std::ranges::count(told.events, "Copied", &runtime::Event::reason), 3);
}

TEST_F(CopierTest, AnAnswerThatWasLostIsNotWrittenTwice) {
  faults.lost = 1;
  make_source();
  settle();
  wait();
  EXPECT_EQ(data_of(kCopy), (json{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(faults.writes, 1);
}

TEST_F(CopierTest, WritesNothingWithoutTheLead) {
  gate.open = false;
  make_source();
  settle();
  EXPECT_EQ(faults.writes, 0);
  EXPECT_TRUE(data_of(kCopy).is_null());
  gate.open = true;
  wait();
  EXPECT_FALSE(data_of(kCopy).is_null());
}

}  // namespace
}  // namespace sluice::example
