#include "metrics/scheduler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>

#include "support/virtual_clock.h"
#include "unit/metrics/memory_source.h"

namespace sluice::metrics {
namespace {

const kube::Key kA{"ml", "a"}, kB{"ml", "b"};

Look look(int id, const std::string& address = "http://prometheus") {
  Look out;
  out.prometheus_address = address;
  out.metrics = {{"errors", CounterQuery{"events", "total"}, CounterQuery{"events", "total"}}};
  out.from = at(id);
  out.to = at(id + 30);
  return out;
}

// Forwards to a function, so that a test can hold a look up.
class HookSource final : public SampleSource {
 public:
  using Hook = std::function<Result<Matrix>(std::stop_token)>;
  explicit HookSource(Hook hook) : hook_(std::move(hook)) {}
  Result<Matrix> samples(std::string_view, Time, Duration, Duration, std::stop_token stop) override {
    return hook_(stop);
  }

 private:
  Hook hook_;
};

LookScheduler::Connect connect_to(HookSource::Hook hook) {
  return [hook = std::move(hook)](const std::string&) -> Result<std::unique_ptr<SampleSource>> {
    return std::unique_ptr<SampleSource>(std::make_unique<HookSource>(hook));
  };
}

Result<Matrix> nothing(std::stop_token) {
  return Matrix{};
}

// Waits for the stop, as a query that hangs does.
Result<Matrix> hang(std::stop_token stop) {
  std::promise<void> stopped;
  const std::stop_callback on_stop(stop, [&] { stopped.set_value(); });
  stopped.get_future().wait();
  return Error{ErrorCode::Cancelled, "cancelled", std::nullopt};
}

SchedulerOptions without_threads() {
  SchedulerOptions options;
  options.threads = 0;
  return options;
}

TEST(Scheduler, TakesWhatIsDueUnderAVirtualClock) {
  test::VirtualClock clock;
  std::vector<std::pair<kube::Key, Look>> results;
  int observed = 0;
  LookScheduler looks(
      without_threads(), clock, connect_to(nothing),
      [&](const kube::Key& key, const LookResult& result) {
        EXPECT_FALSE(result.error);
        results.emplace_back(key, result.look);
      },
      [&](const LookResult&, auto) { ++observed; });
  EXPECT_TRUE(looks.schedule(kA, look(1), at(20)));
  EXPECT_FALSE(looks.schedule(kA, look(1), at(20)));
  EXPECT_TRUE(looks.schedule(kB, look(2), at(10)));
  EXPECT_EQ(looks.next_due(), at(10));
  EXPECT_EQ(looks.run_due(at(5)), 0);
  EXPECT_EQ(looks.run_due(at(15)), 1);
  EXPECT_EQ(looks.run_due(at(25)), 1);
  EXPECT_EQ(results, (std::vector<std::pair<kube::Key, Look>>{{kB, look(2)}, {kA, look(1)}}));
  EXPECT_EQ(observed, 2);
  EXPECT_EQ(looks.next_due(), std::nullopt);
}

TEST(Scheduler, OneSourceAnAddressAndFailedOnesAreTriedAgain) {
  test::VirtualClock clock;
  std::map<std::string, int> made;
  std::vector<std::optional<Error>> errors;
  LookScheduler looks(
      without_threads(), clock,
      [&](const std::string& address) -> Result<std::unique_ptr<SampleSource>> {
        if (++made[address] == 1 && address == "bad") return Error{ErrorCode::Invalid, "no such address", {}};
        return std::unique_ptr<SampleSource>(std::make_unique<HookSource>(nothing));
      },
      [&](const kube::Key&, LookResult result) { errors.push_back(result.error); });
  for (int i = 0; i < 3; ++i) {
    looks.schedule(kA, look(i, "good"), at(i));
    looks.run_due(at(i));
  }
  EXPECT_EQ(made["good"], 1);
  looks.schedule(kA, look(1, "bad"), at(1));
  looks.run_due(at(1));
  ASSERT_TRUE(errors.back());
  EXPECT_EQ(errors.back()->message, "no such address");
  looks.schedule(kA, look(1, "bad"), at(1));
  looks.run_due(at(1));
  EXPECT_FALSE(errors.back());
}

TEST(Scheduler, ThrowingSourcesFailOneLookOnly) {
  test::VirtualClock clock;
  std::optional<Error> error;
  LookScheduler looks(without_threads(), clock,
                      connect_to([](std::stop_token) -> Result<Matrix> { throw std::bad_alloc(); }),
                      [&](const kube::Key&, LookResult result) { error = result.error; });
  looks.schedule(kA, look(1), at(1));
  EXPECT_EQ(looks.run_due(at(1)), 1);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::Internal);
}

TEST(Scheduler, ACallbackMaySchedule) {
  test::VirtualClock clock;
  int taken = 0;
  LookScheduler* self = nullptr;
  LookScheduler looks(without_threads(), clock, connect_to(nothing),
                      [&](const kube::Key& key, const LookResult&) {
                        if (++taken < 5) self->schedule(key, look(taken), at(taken));
                      });
  self = &looks;
  looks.schedule(kA, look(0), at(0));
  EXPECT_EQ(looks.run_due(at(100)), 5);
}

// --- with threads
// -------------------------------------------------------------------------------------------

TEST(SchedulerThreads, DeliverManyLooksOnceEach) {
  const SystemClock clock;
  constexpr int count = 300;
  std::mutex mutex;
  std::map<kube::Key, int> seen;
  std::promise<void> all;
  LookScheduler looks({}, clock, connect_to(nothing), [&](const kube::Key& key, const LookResult&) {
    const std::lock_guard lock(mutex);
    ++seen[key];
    if (seen.size() == count) all.set_value();
  });
  std::vector<std::jthread> callers;
  for (int caller = 0; caller < 3; ++caller) {
    callers.emplace_back([&, caller] {
      for (int i = caller; i < count; i += 3) {
        looks.schedule({"ml", std::to_string(i)}, look(i), clock.now() + Duration(i % 7));
      }
    });
  }
  ASSERT_EQ(all.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  looks.stop();
  for (const auto& [key, times] : seen) EXPECT_EQ(times, 1) << key.str();
}

TEST(SchedulerThreads, AnEarlierLookOvertakesTheSleep) {
  const SystemClock clock;
  std::promise<kube::Key> first;
  LookScheduler looks({}, clock, connect_to(nothing),
                      [&](const kube::Key& key, const LookResult&) { first.set_value(key); });
  looks.schedule(kA, look(1), clock.now() + hours(1));
  looks.schedule(kB, look(2), clock.now());
  auto result = first.get_future();
  ASSERT_EQ(result.wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_EQ(result.get(), kB);
}

TEST(SchedulerThreads, AHangingLookHoldsNobodyUpAndStops) {
  const SystemClock clock;
  std::atomic<int> delivered_a{0};
  std::promise<void> hanging, delivered_b;
  std::atomic<bool> told{false};
  auto looks = std::make_unique<LookScheduler>(
      SchedulerOptions{}, clock,
      [&](const std::string& address) -> Result<std::unique_ptr<SampleSource>> {
        HookSource::Hook hook = nothing;
        if (address == "hanging") {
          hook = [&](std::stop_token stop) {
            if (!told.exchange(true)) hanging.set_value();
            return hang(stop);
          };
        }
        return std::unique_ptr<SampleSource>(std::make_unique<HookSource>(hook));
      },
      [&](const kube::Key& key, const LookResult&) {
        if (key == kA) ++delivered_a;
        if (key == kB) delivered_b.set_value();
      });
  looks->schedule(kA, look(1, "hanging"), clock.now());
  hanging.get_future().wait();
  EXPECT_FALSE(looks->schedule(kA, look(1, "hanging"), clock.now())) << "under way";
  looks->schedule(kB, look(1, "good"), clock.now());
  ASSERT_EQ(delivered_b.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  looks->stop();
  looks->stop();
  EXPECT_FALSE(looks->schedule(kB, look(9), clock.now())) << "stopped";
  EXPECT_EQ(delivered_a, 0) << "a cancelled look is not handed over";
}

// A store whose queries wait for the end of a turn, and then run out of time, as long as it does not answer.
class SilentStore {
 public:
  Result<Matrix> ask(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (answers_) return Matrix{};
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, stop, [&, turn = turn_] { return turn_ != turn; });
    --waiting_;
    return Error{ErrorCode::Timeout, "no answer in time", std::nullopt};
  }
  void wait_for(int waiting) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ == waiting; });
  }
  int waiting() {
    const std::lock_guard lock(mutex_);
    return waiting_;
  }
  void end_turn(bool answers) {
    const std::lock_guard lock(mutex_);
    answers_ = answers;
    ++turn_;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  int waiting_ = 0;
  int turn_ = 0;
  bool answers_ = false;
};

TEST(SchedulerThreads, AStoreThatDoesNotAnswerLeavesRoomForOthers) {
  const SystemClock clock;
  SilentStore silent;
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, int> ended;  // by namespace, which is the address
  LookScheduler looks(
      {.threads = 4, .collect = {}}, clock,
      [&](const std::string& address) -> Result<std::unique_ptr<SampleSource>> {
        HookSource::Hook hook = nothing;
        if (address == "silent") hook = [&](const std::stop_token& stop) { return silent.ask(stop); };
        return std::unique_ptr<SampleSource>(std::make_unique<HookSource>(hook));
      },
      [&](const kube::Key& key, const LookResult&) {
        const std::lock_guard lock(mutex);
        ++ended[key.ns];
        changed.notify_all();
      });
  const auto ask = [&](const std::string& address, int id) {
    looks.schedule({address, std::to_string(id)}, look(id, address), clock.now());
  };
  const auto ends = [&](const std::string& address, int count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(30), [&] { return ended[address] == count; });
  };
  for (int id = 0; id < 6; ++id) ask("silent", id);
  silent.wait_for(2);
  ask("good", 1);
  EXPECT_TRUE(ends("good", 1));
  EXPECT_EQ(silent.waiting(), 2) << "half of the threads";

  silent.end_turn(false);
  EXPECT_TRUE(ends("silent", 2));
  silent.wait_for(1);
  ask("good", 2);
  EXPECT_TRUE(ends("good", 2));
  EXPECT_EQ(silent.waiting(), 1) << "a single one, since it hangs";

  silent.end_turn(true);  // this one has failed, too
  EXPECT_TRUE(ends("silent", 6));
  silent.end_turn(false);
  for (int id = 6; id < 10; ++id) ask("silent", id);
  silent.wait_for(2);  // again, since it has answered
}

TEST(SchedulerThreads, ADifferentLookCancelsTheOneUnderWay) {
  const SystemClock clock;
  std::atomic<int> asked{0};
  std::promise<void> hanging;
  std::promise<Look> delivered;
  LookScheduler looks(
      {}, clock, connect_to([&](std::stop_token stop) -> Result<Matrix> {
        if (++asked > 1) return Matrix{};
        hanging.set_value();
        return hang(stop);
      }),
      [&](const kube::Key&, LookResult result) { delivered.set_value(std::move(result.look)); });
  looks.schedule(kA, look(1), clock.now());
  hanging.get_future().wait();
  EXPECT_TRUE(looks.schedule(kA, look(2), clock.now()));
  auto result = delivered.get_future();
  ASSERT_EQ(result.wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_EQ(result.get(), look(2));
}

}  // namespace
}  // namespace sluice::metrics
