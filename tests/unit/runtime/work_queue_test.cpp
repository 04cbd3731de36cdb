#include "runtime/work_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include "support/virtual_clock.h"

namespace sluice::runtime {
namespace {

const kube::Key kA{"ml", "a"};
const kube::Key kB{"ml", "b"};

// Notes what the queue tells about itself.
class Notes final : public Observer {
 public:
  void queue_depth(std::string_view, Priority priority, std::size_t n) override { depth[to_string(priority)] = n; }
  void queue_added(std::string_view queue) override { ++added[std::string(queue)]; }
  void queue_retried(std::string_view) override { ++retried; }
  void queue_waited(std::string_view, nanoseconds took) override { waited = took; }
  void queue_worked(std::string_view, nanoseconds took) override { worked = took; }

  std::map<std::string, std::size_t> depth;
  std::map<std::string, int> added;
  int retried = 0;
  nanoseconds waited{};
  nanoseconds worked{};
};

TEST(WorkQueue, TellsTheObserver) {
  test::VirtualClock clock;
  Notes notes;
  WorkQueue queue("rollout", clock, {}, notes);
  queue.add(kA, Priority::Resync);
  queue.add(kB, Priority::Urgent);
  queue.add(kB, Priority::Urgent);
  EXPECT_EQ(notes.added["rollout"], 2);
  EXPECT_EQ(notes.depth, (std::map<std::string, std::size_t>{{"urgent", 1}, {"change", 0}, {"resync", 1}}));
  queue.add(kA, Priority::Change);
  EXPECT_EQ(notes.depth["change"], 1u);
  EXPECT_EQ(notes.depth["resync"], 0u);
  EXPECT_EQ(queue.depth(), 2u);
  clock.advance(seconds(3));
  EXPECT_EQ(queue.try_pop(), kB);
  EXPECT_EQ(notes.waited, seconds(3));
  clock.advance(seconds(2));
  EXPECT_EQ(queue.unfinished(), seconds(2));
  EXPECT_EQ(queue.longest_running(), seconds(2));
  queue.done(kB);
  EXPECT_EQ(notes.worked, seconds(2));
  queue.add_backoff(kB);
  EXPECT_EQ(notes.retried, 1);
  EXPECT_EQ(queue.failures(kB), 1u);
  EXPECT_EQ(queue.delayed(), 1u);
  EXPECT_EQ(queue.depth(), 1u);
}

TEST(WorkQueue, AKeyWhoseTimeHasComeIsAddedAndWaitsFromThenOn) {
  test::VirtualClock clock;
  Notes notes;
  WorkQueue queue("rollout", clock, {}, notes);
  queue.add_after(kA, seconds(10));
  EXPECT_EQ(notes.added["rollout"], 0);
  clock.advance(seconds(12));
  queue.add(kB);  // later than kA became ready
  EXPECT_EQ(notes.depth["change"], 2u);
  EXPECT_EQ(queue.try_pop(), kA);
  EXPECT_EQ(notes.waited, seconds(2));
  EXPECT_EQ(notes.added["rollout"], 2);
  EXPECT_EQ(queue.try_pop(), kB);
}

TEST(WorkQueue, StepsWithAVirtualClock) {
  test::VirtualClock clock;
  WorkQueue queue("q", clock);
  queue.add_after(kA, minutes(5));
  EXPECT_FALSE(queue.try_pop());
  ASSERT_TRUE(queue.next_due());
  clock.advance(std::chrono::duration_cast<Duration>(*queue.next_due() - clock.steady()));
  EXPECT_EQ(queue.try_pop(), kA);
}

TEST(WorkQueue, PopWaitsForAnAddADelayAStopOrTheEnd) {
  SystemClock clock;
  WorkQueue queue("q", clock);
  const auto pop = [&](std::stop_token stop = {}) {
    return std::async(std::launch::async, [&queue, stop] { return queue.pop(stop); });
  };
  auto waiting = pop();
  queue.add(kA);
  EXPECT_EQ(waiting.get(), kA);
  queue.done(kA);

  queue.add_after(kB, hours(1));
  waiting = pop();
  queue.add_after(kA, milliseconds(5));  // earlier than what is waited for
  EXPECT_EQ(waiting.get(), kA);

  std::stop_source stop;
  waiting = pop(stop.get_token());
  stop.request_stop();
  EXPECT_FALSE(waiting.get());

  waiting = pop();
  auto another = pop();
  queue.shut_down();
  EXPECT_FALSE(waiting.get());
  EXPECT_FALSE(another.get());
}

TEST(WorkQueue, DrainWaitsForThoseWhoWork) {
  SystemClock clock;
  WorkQueue queue("q", clock);
  EXPECT_TRUE(queue.drain(Duration::zero()));
  queue.add(kA);
  ASSERT_EQ(queue.pop({}), kA);
  queue.shut_down();
  EXPECT_FALSE(queue.drain(milliseconds(1)));
  std::jthread worker([&] { queue.done(kA); });
  EXPECT_TRUE(queue.drain(minutes(1)));
  EXPECT_EQ(queue.processing(), 0u);
}

// For the sanitizers, and for lost wake-ups: many producers and 4 workers, keys that come back by themselves.
TEST(WorkQueue, ManyThreadsNeitherLoseNorShareAKey) {
  SystemClock clock;
  WorkQueue queue("q", clock, {.backoff_initial = milliseconds(1), .backoff_ceiling = milliseconds(2)});
  constexpr int kKeys = 50;
  constexpr int kRounds = 40;
  std::mutex mutex;
  std::set<kube::Key> busy;
  std::map<kube::Key, int> visits;
  std::promise<void> all_seen;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&](const std::stop_token& stop) {
      while (auto key = queue.pop(stop)) {
        {
          const std::lock_guard lock(mutex);
          EXPECT_TRUE(busy.insert(*key).second) << key->str();
        }
        int seen = 0;
        {
          const std::lock_guard lock(mutex);
          seen = ++visits[*key];
          busy.erase(*key);
          // Each key comes back kRounds times, by each of the three ways in turn.
          if (visits.size() == kKeys && std::all_of(visits.begin(), visits.end(),
                                                    [](const auto& v) { return v.second >= kRounds; })) {
            if (seen == kRounds) all_seen.set_value();
          }
        }
        if (seen < kRounds) {
          if (seen % 3 == 0) queue.add(*key, Priority::Urgent);
          if (seen % 3 == 1) queue.add_after(*key, milliseconds(1), Priority::Resync);
          if (seen % 3 == 2) queue.add_backoff(*key);
        }
        queue.done(*key);
      }
    });
  }
  for (int i = 0; i < kKeys; ++i) {
    threads.emplace_back([&, i] { queue.add({"ml", std::to_string(i)}); });
  }
  EXPECT_EQ(all_seen.get_future().wait_for(minutes(1)), std::future_status::ready);
  queue.shut_down();
  EXPECT_TRUE(queue.drain(minutes(1)));
}

}  // namespace
}  // namespace sluice::runtime
