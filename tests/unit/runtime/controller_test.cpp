#include "runtime/controller.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <latch>
#include <map>
#include <set>
#include <stdexcept>

#include "base/log.h"
#include "support/virtual_clock.h"

namespace sluice::runtime {
namespace {

const kube::Key kA{"ml", "a"};
const kube::Key kB{"ml", "b"};

// A reconciler that does what a test says.
class Scripted final : public Reconciler {
 public:
  Result<Requeue> reconcile(const kube::Key& key, std::stop_token stop) override {
    ++visits;
    return act(key, stop);
  }
  std::atomic<int> visits{0};
  std::function<Result<Requeue>(const kube::Key&, const std::stop_token&)> act = [](const auto&, const auto&) {
    return Result<Requeue>(Requeue{});
  };
};

class Tally final : public Observer {
 public:
  void reconciled(std::string_view, ReconcileResult result, nanoseconds took) override {
    const std::lock_guard lock(mutex);
    ++results[result];
    last_took = took;
  }
  void panicked(std::string_view) override { ++panics; }
  void terminal_error(std::string_view) override { ++terminal; }
  void active_workers(std::string_view, std::size_t n) override {
    const std::lock_guard lock(mutex);
    active = n;
    most_active = std::max(most_active, n);
  }
  void max_workers(std::string_view, std::size_t n) override { workers = n; }

  std::mutex mutex;
  std::map<ReconcileResult, int> results;
  nanoseconds last_took{};
  std::atomic<int> panics{0};
  std::atomic<int> terminal{0};
  std::size_t active = 0;
  std::size_t most_active = 0;
  std::size_t workers = 0;
};

// --- what follows from an answer, with a virtual clock and no thread

class ControllerTest : public ::testing::Test {
 protected:
  // The time until the next visit of a key; nothing if none is due.
  std::optional<Duration> next_visit() {
    const auto due = controller_.queue().next_due();
    if (!due) return std::nullopt;
    return std::chrono::duration_cast<Duration>(*due - clock_.steady());
  }
  bool process() { return controller_.process_next(); }

  test::VirtualClock clock_;
  Scripted reconciler_;
  Tally tally_;
  Controller controller_{{.name = "c", .workers = 2, .queue = {}}, reconciler_, clock_, tally_};
};

TEST_F(ControllerTest, SuccessWaitsForAChange) {
  EXPECT_FALSE(process());
  controller_.queue().add(kA);
  reconciler_.act = [&](const kube::Key& key, const auto&) {
    EXPECT_EQ(key, kA);
    EXPECT_EQ(tally_.active, 1u);
    clock_.advance(seconds(2));
    return Requeue{};
  };
  EXPECT_TRUE(process());
  EXPECT_FALSE(process());
  EXPECT_FALSE(next_visit());
  EXPECT_EQ(tally_.results[ReconcileResult::Success], 1);
  EXPECT_EQ(tally_.last_took, seconds(2));
  EXPECT_EQ(tally_.active, 0u);
}

TEST_F(ControllerTest, RequeueAfterComesBackThenOrEarlierWithAChange) {
  reconciler_.act = [](const auto&, const auto&) { return Requeue{.after = seconds(30)}; };
  controller_.queue().add(kA);
  EXPECT_TRUE(process());
  EXPECT_EQ(tally_.results[ReconcileResult::RequeueAfter], 1);
  EXPECT_EQ(next_visit(), seconds(30));
  clock_.advance(seconds(10));
  controller_.queue().add(kA);
  EXPECT_TRUE(process());
  EXPECT_EQ(next_visit(), seconds(30));  // from the newer visit; the older time is used up
  reconciler_.act = [](const auto&, const auto&) { return Requeue{.after = Duration::zero()}; };
  clock_.advance(seconds(30));
  EXPECT_TRUE(process());
  EXPECT_EQ(next_visit(), seconds(0));
}

TEST_F(ControllerTest, ASafetyLookGivesWayToAChange) {
  reconciler_.act = [](const kube::Key& key, const auto&) {
    return Requeue{.after = seconds(key == kA ? 1 : 2), .priority = key == kA ? Priority::Resync : Priority::Urgent};
  };
  controller_.queue().add(kA);
  controller_.queue().add(kB);
  EXPECT_TRUE(process());
  EXPECT_TRUE(process());
  clock_.advance(seconds(2));
  kube::Key first;
  reconciler_.act = [&](const kube::Key& key, const auto&) {
    if (first.name.empty()) first = key;
    return Requeue{};
  };
  EXPECT_TRUE(process());
  EXPECT_EQ(first, kB);
}

TEST_F(ControllerTest, AChangeDuringTheWorkIsSeenAfterIt) {
  reconciler_.act = [&](const kube::Key& key, const auto&) {
    if (reconciler_.visits == 1) {
      controller_.queue().add(key);
      EXPECT_FALSE(process());  // not by another worker
    }
    return Requeue{};
  };
  controller_.queue().add(kA);
  EXPECT_TRUE(process());
  EXPECT_TRUE(process());
  EXPECT_FALSE(process());
  EXPECT_EQ(reconciler_.visits, 2);
}

TEST_F(ControllerTest, ErrorsBackOffPerKeyUntilASuccess) {
  reconciler_.act = [](const auto&, const auto&) -> Result<Requeue> {
    return Error{ErrorCode::Unavailable, "away", {}};
  };
  controller_.queue().add(kA);
  for (const int expected : {5, 10, 20, 40}) {
    ASSERT_TRUE(process());
    EXPECT_EQ(next_visit(), milliseconds(expected));
    clock_.advance(milliseconds(expected));
  }
  EXPECT_EQ(tally_.results[ReconcileResult::Error], 4);
  EXPECT_EQ(controller_.queue().failures(kA), 4u);
  reconciler_.act = [](const auto&, const auto&) { return Requeue{}; };
  EXPECT_TRUE(process());
  EXPECT_EQ(controller_.queue().failures(kA), 0u);
  EXPECT_FALSE(next_visit());
}

TEST_F(ControllerTest, AnErrorMayAskForALongerWait) {
  reconciler_.act = [](const auto&, const auto&) -> Result<Requeue> {
    return Error{ErrorCode::TooManyRequests, "slow down", seconds(9)};
  };
  controller_.queue().add(kA);
  EXPECT_TRUE(process());
  EXPECT_EQ(next_visit(), seconds(9));
}

TEST_F(ControllerTest, WhatIsRefusedAsInvalidIsCountedAndStillTriedAgain) {
  ErrorCode code = ErrorCode::Conflict;
  reconciler_.act = [&](const auto&, const auto&) -> Result<Requeue> { return Error{code, "no", {}}; };
  controller_.queue().add(kA);
  ASSERT_TRUE(process());
  EXPECT_EQ(tally_.terminal, 0);
  code = ErrorCode::Invalid;
  clock_.advance(seconds(1));
  ASSERT_TRUE(process());
  EXPECT_EQ(tally_.terminal, 1);
  EXPECT_EQ(tally_.results[ReconcileResult::Error], 2);
  EXPECT_TRUE(next_visit());
}

TEST_F(ControllerTest, LogLinesMeanwhileTellTheKey) {
  std::string about;
  reconciler_.act = [&](const auto&, const auto&) {
    log::Context::add({"revision", "6d9f"});
    for (const auto& [name, value] : log::with_context({})) about += name + "=" + value + " ";
    return Requeue{};
  };
  controller_.queue().add(kA);
  ASSERT_TRUE(process());
  EXPECT_EQ(about, controller_.name() + "=" + kA.str() + " revision=6d9f ");
  EXPECT_TRUE(log::with_context({}).empty());
}

TEST_F(ControllerTest, AnExceptionIsABugAndAnError) {
  controller_.queue().add(kA);
  controller_.queue().add(kB);
  reconciler_.act = [](const kube::Key& key, const auto&) -> Result<Requeue> {
    if (key == kA) throw std::runtime_error("a bug");
    throw 7;  // NOLINT: whatever is thrown
  };
  EXPECT_TRUE(process());
  EXPECT_TRUE(process());
  EXPECT_EQ(tally_.panics, 2);
  EXPECT_EQ(tally_.results[ReconcileResult::Error], 2);
  EXPECT_EQ(controller_.queue().failures(kA), 1u);
  EXPECT_EQ(controller_.queue().processing(), 0u);
}

TEST_F(ControllerTest, GivingUpBecauseOfTheStopIsNoFailure) {
  std::stop_source stop;
  reconciler_.act = [&](const auto&, const std::stop_token&) -> Result<Requeue> {
    stop.request_stop();
    return Error{ErrorCode::Cancelled, "stopping", {}};
  };
  controller_.queue().add(kA);
  EXPECT_TRUE(controller_.process_next(stop.get_token()));
  EXPECT_EQ(tally_.results[ReconcileResult::Error], 0);
  EXPECT_FALSE(next_visit());
  // Without the stop it is one: a fence that is closed answers so.
  reconciler_.act = [](const auto&, const auto&) -> Result<Requeue> {
    return Error{ErrorCode::Cancelled, "fence", {}};
  };
  controller_.queue().add(kA);
  EXPECT_TRUE(process());
  EXPECT_EQ(tally_.results[ReconcileResult::Error], 1);
  EXPECT_EQ(next_visit(), milliseconds(5));
}

// --- with threads

TEST(ControllerThreads, OneWorkerAKeyAndAllWorkersBusy) {
  SystemClock clock;
  Scripted reconciler;
  Tally tally;
  Controller controller({.name = "c", .workers = 3, .queue = {}}, reconciler, clock, tally);
  std::mutex mutex;
  std::multiset<kube::Key> busy;
  std::latch three_at_once(3);
  std::promise<void> done;
  reconciler.act = [&](const kube::Key& key, const auto&) {
    {
      const std::lock_guard lock(mutex);
      busy.insert(key);
      EXPECT_EQ(busy.count(key), 1u);
    }
    const int visit = reconciler.visits;
    if (visit <= 3) three_at_once.arrive_and_wait();  // passes only when three keys are worked on at a time
    controller.queue().add(key);
    {
      const std::lock_guard lock(mutex);
      busy.erase(key);
      if (visit == 300) done.set_value();
    }
    return Requeue{};
  };
  for (const char* name : {"a", "b", "c", "d"}) controller.queue().add({"ml", name});
  controller.start();
  controller.start();
  ASSERT_EQ(done.get_future().wait_for(minutes(1)), std::future_status::ready);
  EXPECT_TRUE(controller.stop(minutes(1)));
  EXPECT_EQ(tally.workers, 3u);
  EXPECT_EQ(tally.most_active, 3u);
  EXPECT_EQ(tally.active, 0u);
}

TEST(ControllerThreads, StopRequestsAndWaitsForWhatRuns) {
  SystemClock clock;
  Scripted reconciler;
  Controller controller({.name = "c", .workers = 1, .queue = {}}, reconciler, clock);
  std::promise<void> begun;
  std::promise<void> may_end;
  reconciler.act = [&](const auto&, const std::stop_token& stop) -> Result<Requeue> {
    begun.set_value();
    may_end.get_future().wait();
    EXPECT_TRUE(stop.stop_requested());
    return Error{ErrorCode::Cancelled, "stopping", {}};
  };
  controller.queue().add(kA);
  controller.queue().add(kB);
  controller.start();
  begun.get_future().wait();
  EXPECT_FALSE(controller.stop(milliseconds(1)));  // somebody still works
  may_end.set_value();
  EXPECT_TRUE(controller.stop(minutes(1)));
  EXPECT_EQ(reconciler.visits, 1);  // what waited is dropped
}

TEST(ControllerThreads, StartAfterStopDoesNothing) {
  SystemClock clock;
  Scripted reconciler;
  Tally tally;
  Controller controller({.name = "c", .workers = 2, .queue = {}}, reconciler, clock, tally);
  {
    std::jthread late([&] { controller.start(); });  // as by an election that ends during the shutdown
    EXPECT_TRUE(controller.stop(minutes(1)));
  }
  tally.workers = 0;
  controller.start();
  EXPECT_EQ(tally.workers, 0u);
  controller.queue().add(kA);
  EXPECT_EQ(controller.queue().depth(), 0u);
}

}  // namespace
}  // namespace sluice::runtime
