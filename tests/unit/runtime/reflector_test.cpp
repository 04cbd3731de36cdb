// Reflectors against an API server that breaks, lags, forgets and refuses: nothing is lost, nothing invented.
#include "runtime/reflector.h"

#include <gtest/gtest.h>

#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "runtime/store.h"
#include "support/faulty_client.h"
#include "support/memory_api_server.h"
#include "support/stepped_reflector.h"
#include "support/virtual_clock.h"

namespace sluice::runtime {
namespace {

using nlohmann::json;
using test::MemoryApiServer;
using test::resources::kConfigMaps;

struct Map {
  std::uint64_t version = 0;
  std::string value;
  bool operator==(const Map&) const = default;
};

std::optional<Map> project(const json& object) {
  return Map{std::stoull(kube::resource_version_of(object)), object.at("data").at("v").get<std::string>()};
}

json map_of(const std::string& name, const std::string& value) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"name", name}, {"namespace", "ml"}}},
          {"data", {{"v", value}}}};
}

// The server with somebody who changes things, and the history of each object as it really was.
class World {
 public:
  explicit World(std::uint32_t seed) : random(seed) {}

  void write() {
    const std::string name = "m" + std::to_string(random() % 8);
    const json wanted = map_of(name, std::to_string(random() % 4));
    const auto live = server.get(kConfigMaps, {"ml", name});
    Result<json> written = Error{};
    if (!live) {
      written = server.create(kConfigMaps, wanted);
    } else if (random() % 3 == 0) {
      ASSERT_TRUE(server.remove(kConfigMaps, {"ml", name}));
      return;
    } else {
      written = server.patch(kConfigMaps, {"ml", name}, wanted, {});
    }
    ASSERT_TRUE(written) << written.error().message;
    const Map made = *project(*written);
    was[name][made.version] = made.value;
  }

  std::mt19937 random;
  test::VirtualClock clock;
  MemoryApiServer server{clock, {.history = 60}};  // compacts itself now and then
  std::map<std::string, std::map<std::uint64_t, std::string>> was;
};

// Refuses some requests; what refuses a list may also lose its answer.
class SomeFaults final : public test::Faults {
 public:
  explicit SomeFaults(World& world) : world_(world) {}
  std::optional<Error> before(const test::Call&) override { return sometimes(); }
  std::optional<Error> after(const test::Call&) override { return sometimes(); }
  bool on = true;

 private:
  std::optional<Error> sometimes() {
    if (!on || world_.random() % 8 != 0) return std::nullopt;
    constexpr ErrorCode kCodes[] = {ErrorCode::Unavailable, ErrorCode::Timeout,  ErrorCode::TooManyRequests,
                                    ErrorCode::Gone,        ErrorCode::Internal, ErrorCode::Invalid};
    return Error{kCodes[world_.random() % 6], "fault", {}};
  }
  World& world_;
};

// What the store told, held against what really was.
class Witness {
 public:
  Witness(World& world, Store<Map>& store) : world_(world) {
    store.on_change([this](const kube::Key& key, const auto& before, const auto& after) {
      ++told;
      Store<Map>::Ptr& last = last_[key];
      EXPECT_EQ(last, before) << "a change that does not follow the one before it";
      EXPECT_TRUE(before || after);
      if (before && after) {
        EXPECT_GT(after->version, before->version) << "time runs back";
      }
      if (after) {
        const auto found = world_.was[key.name].find(after->version);
        ASSERT_NE(found, world_.was[key.name].end()) << "invented";
        EXPECT_EQ(found->second, after->value);
      }
      last = after;
    });
  }
  int told = 0;

 private:
  World& world_;
  std::map<kube::Key, Store<Map>::Ptr> last_;
};

void disturb(World& world) {
  switch (world.random() % 12) {
    case 0:
      world.server.break_watches(Error{ErrorCode::Unavailable, "reset", {}});
      break;
    case 1:
      world.server.break_watches(Error{ErrorCode::Gone, "too old", {}});
      break;
    case 2:
      world.server.break_watches(Ok{});
      break;
    case 3:
      world.server.compact();
      break;
    case 4:
      world.server.freeze_watch_cache();
      break;
    case 5:
      world.server.thaw_watch_cache();
      break;
    case 6:
      world.server.send_bookmarks();
      break;
    case 7:
      world.clock.advance(seconds(world.random() % 120));
      break;
    default:
      world.clock.advance(milliseconds(world.random() % 2000));
  }
}

// The size of a page; 0: lists are streams.
class ReflectorProperty : public ::testing::TestWithParam<int> {};

TEST_P(ReflectorProperty, WhateverBreaksTheCopyBecomesTheTruthAndTellsNoLie) {
  int told = 0;
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    SomeFaults faults(world);
    Store<Map> store("maps", project);
    Witness witness(world, store);
    ReflectorOptions options;
    options.stream = GetParam() == 0;
    options.page_size = GetParam();
    options.seed = seed;
    test::SteppedReflector reflector(world.server, kConfigMaps, store, world.clock, options, &faults);
    for (int step = 0; step < 400; ++step) {
      switch (world.random() % 4) {
        case 0:
          world.write();
          break;
        case 1:
          disturb(world);
          break;
        case 2:
          reflector.step();
          break;
        default:
          world.server.pump(world.random() % 4);
      }
      if (::testing::Test::HasFailure()) return;
    }
    // Quiet: within the longest backoff and a few requests, the copy is the truth.
    faults.on = false;
    world.server.thaw_watch_cache();
    for (int i = 0; i < 10; ++i) {
      world.clock.advance(seconds(31));
      while (reflector.step()) {
      }
      world.server.pump();
    }
    EXPECT_TRUE(reflector.synced());
    const auto truth = world.server.list(kConfigMaps, "", {.limit = 0});
    ASSERT_TRUE(truth);
    std::map<std::string, Map> expected;
    for (const json& object : truth->items) expected[kube::name_of(object)] = *project(object);
    std::map<std::string, Map> held;
    for (const auto& item : store.list()) held[item.key.name] = *item.object;
    EXPECT_EQ(held, expected);
    if (::testing::Test::HasFailure()) return;
    told += witness.told;
  }
  EXPECT_GT(told, 60 * 20);  // the property has been about something
}

INSTANTIATE_TEST_SUITE_P(PageSizes, ReflectorProperty, ::testing::Values(0, 1, 3, 500));

// --- the thread

class ReflectorTest : public ::testing::Test {
 protected:
  ReflectorTest() {
    options_.backoff = {
        .initial = milliseconds(1), .ceiling = milliseconds(2), .jitter = 0, .reset_after = seconds(1)};
    store_.on_change([this](const kube::Key&, const auto&, const auto& after) {
      const std::lock_guard lock(mutex_);
      last_ = after ? after->value : "deleted";
      told_.notify_all();
    });
  }
  bool wait_for(const std::string& value) {
    std::unique_lock lock(mutex_);
    return told_.wait_for(lock, minutes(1), [&] { return last_ == value; });
  }
  void write(const std::string& value) {
    const auto done = server_.get(kConfigMaps, {"ml", "a"})
                          ? server_.patch(kConfigMaps, {"ml", "a"}, map_of("a", value), {})
                          : server_.create(kConfigMaps, map_of("a", value));
    ASSERT_TRUE(done) << done.error().message;
  }

  SystemClock clock_;
  MemoryApiServer server_{clock_};
  Store<Map> store_{"maps", project};
  ReflectorOptions options_;
  std::mutex mutex_;
  std::condition_variable told_;
  std::string last_;
};

TEST_F(ReflectorTest, FollowsThroughBrokenWatchesAndForgottenHistory) {
  write("0");
  Reflector reflector(server_, kConfigMaps, store_, clock_, options_);
  EXPECT_FALSE(reflector.synced());
  reflector.start();
  reflector.start();  // once is enough
  ASSERT_TRUE(reflector.wait_synced(minutes(1)));
  EXPECT_EQ(reflector.name(), "configmaps");
  EXPECT_EQ(store_.size(), 1u);
  for (int i = 1; i <= 20; ++i) {
    if (i % 4 == 1) server_.break_watches(Error{ErrorCode::Unavailable, "reset", {}});
    if (i % 4 == 2) server_.break_watches(Error{ErrorCode::Gone, "too old", {}});
    write(std::to_string(i));
    if (i % 4 == 3) server_.compact();
    ASSERT_TRUE(wait_for(std::to_string(i)));
  }
  ASSERT_TRUE(server_.remove(kConfigMaps, {"ml", "a"}));
  EXPECT_TRUE(wait_for("deleted"));
  reflector.stop();
  reflector.stop();
  write("late");
  EXPECT_EQ(store_.size(), 0u);
}

// A watch that lags unnoticed: the copy of a standby is old, until it is to act upon it.
TEST_F(ReflectorTest, ARefreshIsDoneWhenTheCopyIsAsNewAsTheCall) {
  for (const bool stream : {true, false}) {
    SCOPED_TRACE(stream ? "stream" : "pages");
    write("old");
    options_.stream = stream;
    Reflector reflector(server_, kConfigMaps, store_, clock_, options_);
    reflector.start();
    ASSERT_TRUE(reflector.wait_synced(minutes(1)));
    EXPECT_TRUE(reflector.wait_fresh(Duration::zero()));  // nothing was asked
    server_.freeze_watch_cache();
    write("new");
    ASSERT_TRUE(server_.create(kConfigMaps, map_of("b", "new")).ok());
    EXPECT_EQ(store_.get({"ml", "a"})->value, "old");
    reflector.refresh();
    if (stream) {
      EXPECT_FALSE(reflector.wait_fresh(milliseconds(20)));
      EXPECT_EQ(store_.get({"ml", "a"})->value, "old");
      server_.thaw_watch_cache();
    }
    ASSERT_TRUE(reflector.wait_fresh(minutes(1)));
    EXPECT_EQ(store_.get({"ml", "a"})->value, "new");
    EXPECT_EQ(store_.size(), 2u);
    server_.thaw_watch_cache();
    write("newer");  // and it goes on to watch
    EXPECT_TRUE(wait_for("newer"));
    reflector.stop();
    ASSERT_TRUE(server_.remove(kConfigMaps, {"ml", "b"}));
  }
}

TEST_F(ReflectorTest, ARefreshDoesNotWaitForABackoff) {
  write("0");
  options_.backoff = {.initial = hours(1), .ceiling = hours(2), .jitter = 0, .reset_after = hours(5)};
  Reflector reflector(server_, kConfigMaps, store_, clock_, options_);
  reflector.start();
  ASSERT_TRUE(reflector.wait_synced(minutes(1)));
  server_.break_watches(Error{ErrorCode::Unavailable, "reset", {}});
  write("1");
  reflector.refresh();
  reflector.refresh();
  ASSERT_TRUE(reflector.wait_fresh(minutes(1)));
  EXPECT_EQ(store_.get({"ml", "a"})->value, "1");
}

TEST_F(ReflectorTest, NeedNotWaitForItsBackoffOnceTheServerAnswers) {
  write("0");
  options_.backoff = {.initial = hours(1), .ceiling = hours(2), .jitter = 0, .reset_after = hours(5)};
  Reflector reflector(server_, kConfigMaps, store_, clock_, options_);
  reflector.start();
  ASSERT_TRUE(reflector.wait_synced(minutes(1)));
  server_.break_watches(Error{ErrorCode::Unavailable, "reset", {}});
  write("1");
  const auto value = [&] { return store_.get({"ml", "a"})->value; };
  for (int i = 0; i < 60'000 && value() != "1"; ++i) {
    reflector.retry_now();  // nothing, until it backs off
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_EQ(value(), "1");
}

TEST_F(ReflectorTest, ReadsPagesWhereListsAreNotStreamed) {
  MemoryApiServer old(clock_, {.streams_lists = false});
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(old.create(kConfigMaps, map_of("m" + std::to_string(i), "1")).ok());
  options_.page_size = 2;
  Reflector reflector(old, kConfigMaps, store_, clock_, options_);
  reflector.start();
  ASSERT_TRUE(reflector.wait_synced(minutes(1)));
  EXPECT_EQ(store_.size(), 5u);
  ASSERT_TRUE(old.patch(kConfigMaps, {"ml", "m0"}, map_of("m0", "2"), {}).ok());
  EXPECT_TRUE(wait_for("2"));
}

TEST_F(ReflectorTest, StaysUnsyncedWhileRefusedAndStopsDuringABackoff) {
  class Refuse final : public test::Faults {
   public:
    std::optional<Error> before(const test::Call&) override {
      ++calls;
      return Error{ErrorCode::Forbidden, "no", {}};
    }
    std::atomic<int> calls{0};
  } refuse;
  test::FaultyClient client(server_, refuse);
  options_.backoff = {.initial = hours(1), .ceiling = hours(2), .jitter = 0, .reset_after = hours(5)};
  Reflector reflector(client, kConfigMaps, store_, clock_, options_);
  reflector.start();
  EXPECT_FALSE(reflector.wait_synced(milliseconds(20)));
  reflector.stop();  // does not wait for the hour
  EXPECT_LE(refuse.calls, 1);
}

TEST_F(ReflectorTest, AStoreHandlerThatThrowsDoesNotEndTheProcess) {
  write("0");
  std::atomic<int> thrown{0};
  store_.on_change([&](const kube::Key&, const auto&, const auto& after) {
    if (after && after->value == "bad" && ++thrown == 1) throw std::runtime_error("a bug");
  });
  Reflector reflector(server_, kConfigMaps, store_, clock_, options_);
  reflector.start();
  ASSERT_TRUE(reflector.wait_synced(minutes(1)));
  write("bad");
  ASSERT_TRUE(wait_for("bad"));
  write("good");
  EXPECT_TRUE(wait_for("good"));
  EXPECT_EQ(thrown, 1);
}

TEST_F(ReflectorTest, NorDoesOneThatThrowsOnAList) {
  write("0");
  std::atomic<int> thrown{0};
  store_.on_change([&](const kube::Key&, const auto&, const auto&) {
    if (++thrown == 1) throw std::runtime_error("a bug");
  });
  options_.stream = false;
  Reflector reflector(server_, kConfigMaps, store_, clock_, options_);
  reflector.start();
  ASSERT_TRUE(reflector.wait_synced(minutes(1)));
  write("1");
  EXPECT_TRUE(wait_for("1"));
  reflector.stop();  // the store shows a change before it tells of it
  EXPECT_EQ(thrown, 2);
}

TEST_F(ReflectorTest, ATryThatFailsAsTheServerComesBackIsMadeAgainAtOnce) {
  class FirstFails final : public test::Faults {
   public:
    std::optional<Error> before(const test::Call&) override {
      if (++calls > 1) return std::nullopt;
      under_way.set_value();
      back.get_future().wait();
      return Error{ErrorCode::Unavailable, "reset", {}};
    }
    std::atomic<int> calls{0};
    std::promise<void> under_way;
    std::promise<void> back;
  } faults;
  test::FaultyClient client(server_, faults);
  options_.backoff = {.initial = hours(1), .ceiling = hours(2), .jitter = 0, .reset_after = hours(5)};
  Reflector reflector(client, kConfigMaps, store_, clock_, options_);
  reflector.start();
  faults.under_way.get_future().wait();
  reflector.retry_now();
  faults.back.set_value();
  EXPECT_TRUE(reflector.wait_synced(minutes(1)));
}

}  // namespace
}  // namespace sluice::runtime
