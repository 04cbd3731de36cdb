#include "metrics/due_queue.h"

#include <gtest/gtest.h>

#include "unit/metrics/memory_source.h"

namespace sluice::metrics {
namespace {

const kube::Key kA{"ml", "a"}, kB{"ml", "b"}, kC{"ml", "c"};

Look look(int id) {
  Look out;
  out.prometheus_address = "http://prometheus";
  out.from = at(id);
  out.to = at(id + 30);
  return out;
}

TEST(DueQueue, GivesLooksInOrderOfTheirTimes) {
  DueQueue queue;
  EXPECT_FALSE(queue.next_due());
  queue.schedule(kA, look(1), at(20));
  queue.schedule(kB, look(2), at(10));
  queue.schedule(kC, look(3), at(10));
  EXPECT_EQ(queue.next_due(), at(10));
  EXPECT_FALSE(queue.take(at(9.999)));
  EXPECT_EQ(queue.take(at(10))->key, kB);
  EXPECT_EQ(queue.take(at(10))->key, kC);
  EXPECT_FALSE(queue.take(at(10)));
  EXPECT_EQ(queue.next_due(), at(20));
  EXPECT_EQ(queue.take(at(1000))->look, look(1));
  EXPECT_EQ(queue.under_way(), 3u);
}

TEST(DueQueue, TheSameLookIsScheduledOnce) {
  DueQueue queue;
  EXPECT_TRUE(queue.schedule(kA, look(1), at(10)));
  EXPECT_FALSE(queue.schedule(kA, look(1), at(99)));
  EXPECT_EQ(queue.next_due(), at(10));
  const auto taken = queue.take(at(10));
  EXPECT_FALSE(queue.schedule(kA, look(1), at(10))) << "it is under way";
  EXPECT_FALSE(taken->stop.stop_requested());
  EXPECT_TRUE(queue.finish(*taken));
  EXPECT_TRUE(queue.schedule(kA, look(1), at(40))) << "done: it may be taken again";
}

TEST(DueQueue, ADifferentLookReplacesTheOneThatWaits) {
  DueQueue queue;
  queue.schedule(kA, look(1), at(10));
  EXPECT_TRUE(queue.schedule(kA, look(2), at(50)));
  EXPECT_EQ(queue.waiting(), 1u);
  EXPECT_FALSE(queue.take(at(49)));
  EXPECT_EQ(queue.take(at(50))->look, look(2));
}

TEST(DueQueue, ADifferentLookMakesTheOneUnderWayObsolete) {
  DueQueue queue;
  queue.schedule(kA, look(1), at(10));
  const auto first = queue.take(at(10));
  EXPECT_TRUE(queue.schedule(kA, look(2), at(10)));
  EXPECT_TRUE(first->stop.stop_requested());
  const auto second = queue.take(at(10));
  EXPECT_FALSE(queue.finish(*first));
  EXPECT_FALSE(second->stop.stop_requested());
  EXPECT_TRUE(queue.finish(*second));
  EXPECT_EQ(queue.under_way(), 0u);
}

TEST(DueQueue, TheOldLookAgainAfterAnotherIsANewOne) {
  DueQueue queue;
  queue.schedule(kA, look(1), at(10));
  const auto first = queue.take(at(10));
  queue.schedule(kA, look(2), at(20));
  EXPECT_TRUE(queue.schedule(kA, look(1), at(30)));
  EXPECT_FALSE(queue.finish(*first)) << "its cancelled run must not pass for the new one";
  EXPECT_EQ(queue.next_due(), at(30));
}

TEST(DueQueue, WhatMayNotBeTakenKeepsItsPlace) {
  DueQueue queue;
  queue.schedule(kA, look(1), at(10));
  queue.schedule(kB, look(2), at(20));
  queue.schedule(kC, look(3), at(30));
  const auto not_the_first = [](const Look& asked) { return asked != look(1); };
  EXPECT_EQ(queue.take(at(20), not_the_first)->key, kB);
  EXPECT_FALSE(queue.take(at(29), not_the_first)) << "kC is not due";
  EXPECT_EQ(queue.next_due(), at(10));
  EXPECT_EQ(queue.next_due_after(at(10)), at(30));
  EXPECT_EQ(queue.next_due_after(at(29.999)), at(30));
  EXPECT_FALSE(queue.next_due_after(at(30)));
  EXPECT_EQ(queue.take(at(30))->key, kA);
}

TEST(DueQueue, CancelForgetsAll) {
  DueQueue queue;
  queue.schedule(kA, look(1), at(10));
  queue.schedule(kB, look(1), at(10));
  const auto taken = queue.take(at(10));
  ASSERT_EQ(taken->key, kA);
  queue.cancel(kA);
  queue.cancel(kC);
  EXPECT_TRUE(taken->stop.stop_requested());
  EXPECT_FALSE(queue.finish(*taken));
  EXPECT_EQ(queue.waiting(), 1u);
  queue.cancel_all();
  EXPECT_FALSE(queue.take(at(1000)));
  EXPECT_TRUE(queue.schedule(kA, look(1), at(10)));
}

}  // namespace
}  // namespace sluice::metrics
