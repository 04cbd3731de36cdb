#include "runtime/key_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace sluice::runtime {
namespace {

using ::testing::ElementsAre;

const Instant kStart{hours(1)};

kube::Key key(const std::string& name) { return {"ml", name}; }

class KeyQueueTest : public ::testing::Test {
 protected:
  // The names of all that are ready, each finished at once.
  std::vector<std::string> drain() {
    std::vector<std::string> names;
    while (auto popped = queue_.try_pop(now_)) {
      names.push_back(popped->key.name);
      queue_.done(popped->key, now_);
    }
    return names;
  }
  void add(const std::string& name, Priority priority = Priority::Change) { queue_.add(key(name), priority, now_); }

  KeyQueue queue_{{.backoff_initial = milliseconds(5), .backoff_ceiling = seconds(60), .most_passed_over = 3}};
  Instant now_ = kStart;
};

TEST_F(KeyQueueTest, ManyChangesOfAKeyAreOnePieceOfWorkInOrderOfArrival) {
  EXPECT_TRUE(queue_.add(key("a"), Priority::Change, now_));
  EXPECT_TRUE(queue_.add(key("b"), Priority::Change, now_));
  EXPECT_FALSE(queue_.add(key("a"), Priority::Change, now_));
  EXPECT_EQ(queue_.ready(Priority::Change), 2u);
  EXPECT_THAT(drain(), ElementsAre("a", "b"));
  EXPECT_FALSE(queue_.next_due(now_));
}

TEST_F(KeyQueueTest, AKeyIsNeverWithTwoWorkersAndComesAgainWhenItChangedMeanwhile) {
  add("a");
  ASSERT_EQ(queue_.try_pop(now_)->key, key("a"));
  EXPECT_EQ(queue_.processing(), 1u);
  EXPECT_TRUE(queue_.add(key("a"), Priority::Change, now_));
  EXPECT_FALSE(queue_.add(key("a"), Priority::Change, now_));
  EXPECT_FALSE(queue_.try_pop(now_));
  EXPECT_FALSE(queue_.next_due(now_));  // only done() can help
  now_ += seconds(3);
  EXPECT_EQ(queue_.done(key("a"), now_), seconds(3));
  EXPECT_EQ(queue_.next_due(now_), now_);
  EXPECT_THAT(drain(), ElementsAre("a"));
  EXPECT_EQ(queue_.done(key("a"), now_), seconds(0));  // nobody works on it
}

TEST_F(KeyQueueTest, TellsHowLongAKeyWaitedAndWasWorkedOn) {
  add("a");
  now_ += seconds(2);
  EXPECT_EQ(queue_.try_pop(now_)->waited, seconds(2));
  add("b");
  now_ += seconds(1);
  queue_.try_pop(now_);
  now_ += seconds(4);
  EXPECT_EQ(queue_.unfinished(now_), seconds(9));
  EXPECT_EQ(queue_.longest_running(now_), seconds(5));
}

TEST_F(KeyQueueTest, ADelayedKeyComesWhenItIsDue) {
  queue_.add_after(key("a"), seconds(10), Priority::Change, now_);
  EXPECT_EQ(queue_.delayed(), 1u);
  EXPECT_EQ(queue_.next_due(now_), now_ + seconds(10));
  now_ += seconds(10) - nanoseconds(1);
  EXPECT_THAT(drain(), ElementsAre());
  now_ += nanoseconds(1);
  EXPECT_THAT(drain(), ElementsAre("a"));
  queue_.add_after(key("a"), seconds(0), Priority::Change, now_);
  EXPECT_THAT(drain(), ElementsAre("a"));
}

TEST_F(KeyQueueTest, OfTwoDelaysTheEarlierTimeCountsAndTheMoreUrgentPriority) {
  queue_.add_after(key("a"), seconds(10), Priority::Resync, now_);
  queue_.add_after(key("a"), seconds(20), Priority::Urgent, now_);
  queue_.add_after(key("b"), seconds(20), Priority::Change, now_);
  queue_.add_after(key("b"), seconds(5), Priority::Resync, now_);
  EXPECT_EQ(queue_.delayed(), 2u);
  EXPECT_EQ(queue_.next_due(now_), now_ + seconds(5));
  now_ += seconds(5);
  auto popped = queue_.try_pop(now_);
  ASSERT_TRUE(popped);
  EXPECT_EQ(popped->key, key("b"));
  EXPECT_EQ(popped->priority, Priority::Change);
  now_ += seconds(5);
  popped = queue_.try_pop(now_);
  ASSERT_TRUE(popped);
  EXPECT_EQ(popped->key, key("a"));
  EXPECT_EQ(popped->priority, Priority::Urgent);
  now_ += minutes(1);
  EXPECT_FALSE(queue_.try_pop(now_));
}

TEST_F(KeyQueueTest, AVisitUsesTheDelayUp) {
  queue_.add_after(key("a"), seconds(10), Priority::Change, now_);
  add("a");
  EXPECT_THAT(drain(), ElementsAre("a"));
  now_ += minutes(1);
  EXPECT_THAT(drain(), ElementsAre());
}

TEST_F(KeyQueueTest, ADelayThatEndsDuringTheWorkBringsTheKeyBackAfterIt) {
  add("a");
  queue_.try_pop(now_);
  queue_.add_after(key("a"), seconds(1), Priority::Change, now_);
  EXPECT_FALSE(queue_.next_due(now_));  // not before done()
  now_ += seconds(2);
  EXPECT_FALSE(queue_.try_pop(now_));
  queue_.done(key("a"), now_);
  EXPECT_THAT(drain(), ElementsAre("a"));
}

TEST_F(KeyQueueTest, BackoffDoublesPerKeyUpToItsCeilingAndIsForgotten) {
  Duration expected = milliseconds(5);
  for (int failure = 0; failure < 100; ++failure) {
    ASSERT_EQ(queue_.add_backoff(key("a"), Duration::zero(), now_), expected) << failure;
    expected = std::min<Duration>(2 * expected, seconds(60));
    ASSERT_FALSE(queue_.try_pop(now_));
    now_ += minutes(1);
    ASSERT_THAT(drain(), ElementsAre("a"));
  }
  EXPECT_EQ(queue_.failures(key("a")), 100u);
  EXPECT_EQ(queue_.add_backoff(key("b"), Duration::zero(), now_), milliseconds(5));
  queue_.forget(key("a"));
  EXPECT_EQ(queue_.failures(key("a")), 0u);
  EXPECT_EQ(queue_.add_backoff(key("a"), Duration::zero(), now_), milliseconds(5));
}

TEST_F(KeyQueueTest, WhatBacksOffComesAtOnceWhenTheServerIsBack) {
  for (int i = 0; i < 9; ++i) {
    now_ += queue_.add_backoff(key("failed"), {}, now_);
    EXPECT_THAT(drain(), ElementsAre("failed"));
  }
  EXPECT_GT(queue_.add_backoff(key("failed"), {}, now_), seconds(1));
  queue_.add_backoff(key("asked to wait"), seconds(30), now_);
  queue_.add_after(key("looked at again"), seconds(5), Priority::Resync, now_);
  EXPECT_THAT(drain(), ElementsAre());
  queue_.retry_now(now_);
  EXPECT_THAT(drain(), ElementsAre("failed"));
  EXPECT_EQ(queue_.failures(key("failed")), 10u);
  now_ += seconds(30);
  EXPECT_THAT(drain(), ElementsAre("asked to wait", "looked at again"));
}

TEST_F(KeyQueueTest, WhatFailsAsTheServerComesBackWaitsAsAfterAFirstFailure) {
  const auto fails = [&](Duration at_least) {
    const Duration delay = queue_.add_backoff(key("a"), at_least, now_);
    queue_.done(key("a"), now_);
    return delay;
  };
  const auto pop = [&] {
    add("a");
    ASSERT_TRUE(queue_.try_pop(now_));
  };
  for (int i = 0; i < 20; ++i) {
    pop();
    fails(Duration::zero());
  }
  pop();
  queue_.retry_now(now_);
  EXPECT_EQ(fails(Duration::zero()), milliseconds(5));
  EXPECT_EQ(queue_.failures(key("a")), 21u);
  pop();
  EXPECT_EQ(fails(Duration::zero()), seconds(60)) << "once";
  pop();
  queue_.retry_now(now_);
  EXPECT_EQ(fails(seconds(7)), seconds(7));
  pop();
  queue_.retry_now(now_);
  queue_.done(key("a"), now_);  // it has not failed
  pop();
  EXPECT_EQ(fails(Duration::zero()), seconds(60));
}

TEST_F(KeyQueueTest, WhatAServerAskedForIsTheLeastBackoff) {
  EXPECT_EQ(queue_.add_backoff(key("a"), seconds(7), now_), seconds(7));
  EXPECT_EQ(queue_.next_due(now_), now_ + seconds(7));
  now_ += hours(1);
  EXPECT_THAT(drain(), ElementsAre("a"));
  for (int i = 0; i < 20; ++i) queue_.add_backoff(key("b"), Duration::zero(), now_);
  EXPECT_EQ(queue_.add_backoff(key("b"), seconds(7), now_), seconds(60));
}

TEST_F(KeyQueueTest, AFailureKeepsTheKeyUrgent) {
  const auto priority_after_failure = [&](Priority priority) {
    add("a", priority);
    queue_.try_pop(now_);
    queue_.add_backoff(key("a"), Duration::zero(), now_);
    queue_.done(key("a"), now_);
    now_ += minutes(1);
    const auto popped = queue_.try_pop(now_);
    queue_.done(key("a"), now_);
    return popped.value().priority;
  };
  EXPECT_EQ(priority_after_failure(Priority::Urgent), Priority::Urgent);
  EXPECT_EQ(priority_after_failure(Priority::Change), Priority::Change);
  EXPECT_EQ(priority_after_failure(Priority::Resync), Priority::Change);
}

TEST_F(KeyQueueTest, TheMoreUrgentComesFirst) {
  add("resync", Priority::Resync);
  add("change", Priority::Change);
  add("danger", Priority::Urgent);
  EXPECT_THAT(drain(), ElementsAre("danger", "change", "resync"));
}

TEST_F(KeyQueueTest, AWaitingKeyBecomesMoreUrgentButNeverLess) {
  add("b", Priority::Change);
  add("a", Priority::Resync);
  add("a", Priority::Urgent);
  add("a", Priority::Resync);
  EXPECT_EQ(queue_.ready(Priority::Urgent), 1u);
  EXPECT_EQ(queue_.ready(Priority::Resync), 0u);
  EXPECT_THAT(drain(), ElementsAre("a", "b"));
  // While it is worked on, too.
  add("a", Priority::Resync);
  queue_.try_pop(now_);
  add("b", Priority::Change);
  add("a", Priority::Resync);
  add("a", Priority::Urgent);
  queue_.done(key("a"), now_);
  EXPECT_THAT(drain(), ElementsAre("a", "b"));
}

TEST_F(KeyQueueTest, NoPriorityStarves) {
  for (int i = 0; i < 12; ++i) {
    add("u" + std::to_string(i), Priority::Urgent);
    add("c" + std::to_string(i), Priority::Change);
    add("r" + std::to_string(i), Priority::Resync);
  }
  std::vector<std::string> order = drain();
  ASSERT_EQ(order.size(), 36u);
  order.resize(10);
  // Each of the two is passed over at most three times in a row, or four when both are due at once.
  EXPECT_THAT(order, ElementsAre("u0", "u1", "u2", "r0", "c0", "u3", "u4", "r1", "c1", "u5"));
}

TEST_F(KeyQueueTest, AfterShutDownNothingComesAndWhatRunsCanFinish) {
  add("a");
  queue_.try_pop(now_);
  add("a");
  add("b");
  queue_.add_after(key("c"), seconds(1), Priority::Change, now_);
  queue_.shut_down();
  EXPECT_TRUE(queue_.is_shut_down());
  EXPECT_FALSE(queue_.add(key("d"), Priority::Change, now_));
  EXPECT_EQ(queue_.add_backoff(key("a"), Duration::zero(), now_), Duration::zero());
  now_ += minutes(1);
  EXPECT_EQ(queue_.done(key("a"), now_), minutes(1));
  EXPECT_FALSE(queue_.try_pop(now_));
  EXPECT_FALSE(queue_.next_due(now_));
  EXPECT_EQ(queue_.ready(Priority::Change) + queue_.delayed() + queue_.processing(), 0u);
}

// Whatever is done to the queue, by any number of workers: every add is followed by a visit that began later,
// and no key is with two workers.
TEST(KeyQueueProperty, EveryAddIsFollowedByAVisitAndNoKeyIsWithTwo) {
  std::mt19937 random(20260103);
  for (int trial = 0; trial < 200; ++trial) {
    KeyQueue queue;
    Instant now = kStart;
    std::map<kube::Key, int> added;    // the step of the last add that made a visit necessary
    std::map<kube::Key, int> visited;  // the step in which the last visit began
    std::vector<kube::Key> running;
    const auto pop = [&](int step) {
      const auto popped = queue.try_pop(now);
      if (!popped) return false;
      EXPECT_EQ(std::count(running.begin(), running.end(), popped->key), 0);
      running.push_back(popped->key);
      visited[popped->key] = step;
      return true;
    };
    const auto finish = [&](std::size_t which) {
      queue.done(running[which], now);
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(which));
    };
    int step = 0;
    for (; step < 300; ++step) {
      const kube::Key k = key(std::to_string(random() % 6));
      const auto priority = static_cast<Priority>(random() % kPriorities);
      switch (random() % 6) {
        case 0:
          queue.add(k, priority, now);
          added[k] = step;
          break;
        case 1:
          queue.add_after(k, milliseconds(random() % 50), priority, now);
          break;
        case 2:
          queue.add_backoff(k, Duration::zero(), now);
          break;
        case 3:
          pop(step);
          break;
        case 4:
          if (!running.empty()) finish(random() % running.size());
          break;
        default:
          now += milliseconds(random() % 20);
      }
    }
    now += hours(1);
    for (;; ++step) {
      while (!running.empty()) finish(0);
      if (!pop(step)) break;
    }
    for (const auto& [k, when] : added) ASSERT_GE(visited[k], when) << "trial " << trial << " " << k.str();
    ASSERT_EQ(queue.delayed(), 0u);
    ASSERT_FALSE(queue.next_due(now));
  }
}

}  // namespace
}  // namespace sluice::runtime
