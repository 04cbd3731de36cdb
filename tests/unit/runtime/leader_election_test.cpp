#include "runtime/leader_election.h"

#include <gtest/gtest.h>

#include <future>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <thread>

#include "kube/object.h"
#include "runtime/fenced_client.h"
#include "support/faulty_client.h"
#include "support/memory_api_server.h"
#include "support/virtual_clock.h"

namespace sluice::runtime {
namespace {

using nlohmann::json;
using test::resources::kLeases;

const kube::Key kLease{"ops", "sluice"};
constexpr Duration kValid = seconds(15);
constexpr Duration kRenew = seconds(10);
constexpr Duration kRetry = seconds(2);

LeaseOptions options(const std::string& identity) {
  return {.ns = kLease.ns,
          .name = kLease.name,
          .identity = identity,
          .lease = kValid,
          .renew = kRenew,
          .retry = kRetry};
}

// A network that can be cut before the server, behind it, or answer twice.
class Network final : public test::Faults {
 public:
  std::optional<Error> before(const test::Call& call) override {
    ++calls;
    writes += call.is_write() ? 1 : 0;
    if (down) return Error{ErrorCode::Unavailable, "unreachable", {}};
    return std::nullopt;
  }
  bool twice(const test::Call& call) override { return doubled && call.is_write(); }
  std::optional<Error> after(const test::Call& call) override {
    if (lose_writes && call.is_write()) return Error{ErrorCode::Timeout, "lost", {}};
    return std::nullopt;
  }
  std::atomic<bool> down{false};
  std::atomic<bool> doubled{false};
  std::atomic<bool> lose_writes{false};
  std::atomic<int> calls{0};
  std::atomic<int> writes{0};
};

class Told final : public Observer {
 public:
  void leader(std::string_view, bool leading) override { told.push_back(leading); }
  std::vector<bool> told;
};

// One candidate with its own wall clock; all share the course of time.
struct Candidate {
  Candidate(test::MemoryApiServer& server, const Clock& clock, const std::string& name)
      : client(server, network), elector(client, options(name), clock, told) {}
  Network network;
  test::FaultyClient client;
  Told told;
  LeaderElector elector;
};

class ElectionTest : public ::testing::Test {
 protected:
  json lease() { return *server_.get(kLeases, kLease); }
  std::string holder() { return kube::string_at(lease(), {"spec", "holderIdentity"}); }
  void advance(Duration by) {
    clock_.advance(by);
    skewed_.advance(by);
  }

  test::VirtualClock clock_;
  test::VirtualClock skewed_{hours(-7)};
  test::MemoryApiServer server_{clock_};
  Candidate a_{server_, clock_, "a"};
  Candidate b_{server_, skewed_, "b"};
};

TEST_F(ElectionTest, AFreeLeaseIsTaken) {
  EXPECT_FALSE(a_.elector.may_write());
  EXPECT_TRUE(a_.elector.step());
  EXPECT_TRUE(a_.elector.is_leader());
  EXPECT_TRUE(a_.elector.may_write());
  const json spec = lease()["spec"];
  EXPECT_EQ(spec["holderIdentity"], "a");
  EXPECT_EQ(spec["leaseDurationSeconds"], 15);
  EXPECT_EQ(spec["leaseTransitions"], 0);
  EXPECT_EQ(spec["acquireTime"], "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(a_.told.told, (std::vector<bool>{false, true}));
}

TEST_F(ElectionTest, RenewalsAreOneWriteAndNoRead) {
  ASSERT_TRUE(a_.elector.step());
  const int calls = a_.network.calls;
  for (int i = 0; i < 100; ++i) {
    advance(kRetry);
    ASSERT_TRUE(a_.elector.step());
    ASSERT_FALSE(b_.elector.step());
  }
  EXPECT_EQ(a_.network.calls - calls, 100);
  EXPECT_EQ(lease()["spec"]["acquireTime"], "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(lease()["spec"]["renewTime"], "2026-01-01T00:03:20.000000Z");
  EXPECT_EQ(lease()["spec"]["leaseTransitions"], 0);
  EXPECT_EQ(b_.network.writes, 0);
}

TEST_F(ElectionTest, AStandbyWaitsForAWholeLeaseThatItHasSeenUnchanged) {
  ASSERT_TRUE(a_.elector.step());
  advance(hours(3));  // long dead; but b has not watched it die
  EXPECT_FALSE(b_.elector.step());
  advance(kValid - milliseconds(1));
  EXPECT_FALSE(b_.elector.step());
  advance(milliseconds(1));
  EXPECT_TRUE(b_.elector.step());
  EXPECT_EQ(holder(), "b");
  EXPECT_EQ(lease()["spec"]["leaseTransitions"], 1);
  EXPECT_EQ(lease()["spec"]["acquireTime"], format_micro_time(skewed_.now()));
}

TEST_F(ElectionTest, EachRenewalStartsTheWaitAnew) {
  ASSERT_TRUE(a_.elector.step());
  EXPECT_FALSE(b_.elector.step());
  advance(seconds(9));
  ASSERT_TRUE(a_.elector.step());
  advance(seconds(9));
  EXPECT_FALSE(b_.elector.step());  // sees the renewal only now
  advance(kValid - milliseconds(1));
  EXPECT_FALSE(b_.elector.step());
  advance(milliseconds(1));
  EXPECT_TRUE(b_.elector.step());
}

TEST_F(ElectionTest, TimesInTheRecordAreNotBelieved) {
  for (const Duration skew : {hours(-7), hours(0), hours(7)}) {
    test::VirtualClock wall(skew);
    test::MemoryApiServer server(clock_);
    Candidate holder(server, wall, "x");
    Candidate standby(server, clock_, "y");
    ASSERT_TRUE(holder.elector.step());
    EXPECT_FALSE(standby.elector.step());
    clock_.advance(kValid - seconds(1));
    EXPECT_FALSE(standby.elector.step());
    clock_.advance(seconds(1));
    EXPECT_TRUE(standby.elector.step());
  }
}

TEST_F(ElectionTest, AHolderWithALongerLeaseIsGivenItsTime) {
  LeaseOptions longer = options("x");
  longer.lease = minutes(1);
  LeaderElector x(server_, longer, clock_);
  ASSERT_TRUE(x.step());
  EXPECT_FALSE(b_.elector.step());
  advance(seconds(59));
  EXPECT_FALSE(b_.elector.step());
  advance(seconds(1));
  EXPECT_TRUE(b_.elector.step());
}

TEST_F(ElectionTest, OnesOwnLeaseIsContinued) {
  ASSERT_TRUE(a_.elector.step());
  Candidate again(server_, clock_, "a");  // the same identity after a restart
  EXPECT_TRUE(again.elector.step());
  EXPECT_EQ(lease()["spec"]["leaseTransitions"], 0);
}

TEST_F(ElectionTest, TheFenceClosesWhenNoRenewalSucceeds) {
  ASSERT_TRUE(a_.elector.step());
  a_.network.down = true;
  advance(kRenew - milliseconds(1));
  EXPECT_TRUE(a_.elector.step());  // not lost yet
  EXPECT_TRUE(a_.elector.may_write());
  advance(milliseconds(1));
  EXPECT_FALSE(a_.elector.may_write());  // by itself, without a step
  EXPECT_FALSE(a_.elector.step());
  EXPECT_FALSE(a_.elector.is_leader());
  EXPECT_EQ(a_.told.told, (std::vector<bool>{false, true, false}));
}

TEST_F(ElectionTest, ARenewalCountsFromBeforeItWasSent) {
  class Slow final : public test::Faults {
   public:
    explicit Slow(test::VirtualClock& clock) : clock_(clock) {}
    std::optional<Error> after(const test::Call&) override {
      clock_.advance(seconds(6));
      return std::nullopt;
    }

   private:
    test::VirtualClock& clock_;
  } slow(clock_);
  test::FaultyClient client(server_, slow);
  LeaderElector elector(client, options("slow"), clock_);
  // The read and the write took 12 s together: what the answer grants is over already.
  EXPECT_FALSE(elector.step());
  EXPECT_FALSE(elector.may_write());
  EXPECT_EQ(holder(), "slow");
}

TEST_F(ElectionTest, ALostAnswerIsNotALostLead) {
  ASSERT_TRUE(a_.elector.step());
  a_.network.lose_writes = true;
  advance(kRetry);
  EXPECT_TRUE(a_.elector.step());
  a_.network.lose_writes = false;
  advance(kRetry);
  EXPECT_TRUE(a_.elector.step());
  advance(kRenew - seconds(1));
  EXPECT_TRUE(a_.elector.may_write());
}

TEST_F(ElectionTest, AWriteThatIsSentTwiceIsNotALostLead) {
  a_.network.doubled = true;
  EXPECT_TRUE(a_.elector.step());
  for (int i = 0; i < 20; ++i) {
    advance(kRetry);
    a_.elector.step();
    ASSERT_TRUE(a_.elector.may_write()) << i;
  }
  EXPECT_EQ(a_.told.told, (std::vector<bool>{false, true}));
}

TEST_F(ElectionTest, AConflictIsReadAnew) {
  ASSERT_TRUE(a_.elector.step());
  json edited = lease();
  edited["metadata"]["labels"]["team"] = "x";
  ASSERT_TRUE(server_.update(kLeases, edited));
  advance(kRetry);
  EXPECT_TRUE(a_.elector.step());
  EXPECT_EQ(lease()["metadata"]["labels"]["team"], "x");
  // But somebody who took the Lease has it.
  json stolen = lease();
  stolen["spec"]["holderIdentity"] = "thief";
  ASSERT_TRUE(server_.update(kLeases, stolen));
  EXPECT_FALSE(a_.elector.step());
  EXPECT_FALSE(a_.elector.may_write());
  EXPECT_EQ(holder(), "thief");
}

TEST_F(ElectionTest, OfTwoThatSeeItExpireOneTakesIt) {
  ASSERT_TRUE(a_.elector.step());
  Candidate c(server_, clock_, "c");
  EXPECT_FALSE(b_.elector.step());
  EXPECT_FALSE(c.elector.step());
  advance(kValid);
  // c reads before b writes, and writes after it.
  class Between final : public test::Faults {
   public:
    explicit Between(LeaderElector& other) : other_(other) {}
    std::optional<Error> before(const test::Call& call) override {
      if (call.is_write()) {
        EXPECT_TRUE(other_.step());
      }
      return std::nullopt;
    }

   private:
    LeaderElector& other_;
  } between(b_.elector);
  test::FaultyClient late(server_, between);
  LeaderElector d(late, options("d"), clock_);
  EXPECT_FALSE(d.step());
  advance(kValid);
  EXPECT_FALSE(d.step());
  EXPECT_EQ(holder(), "b");
  EXPECT_FALSE(c.elector.step());
}

TEST_F(ElectionTest, ADeletedLeaseIsNotFreeForThoseWhoSawItHeld) {
  ASSERT_TRUE(a_.elector.step());
  EXPECT_FALSE(b_.elector.step());
  ASSERT_TRUE(server_.remove(kLeases, kLease));
  EXPECT_FALSE(b_.elector.step());
  advance(kValid - milliseconds(1));
  EXPECT_FALSE(b_.elector.step());
  EXPECT_FALSE(a_.elector.may_write());
  advance(milliseconds(1));
  EXPECT_TRUE(b_.elector.step());
  // The holder itself makes it anew at once.
  ASSERT_TRUE(server_.remove(kLeases, kLease));
  advance(kRetry);
  EXPECT_TRUE(b_.elector.step());
  EXPECT_EQ(holder(), "b");
}

TEST_F(ElectionTest, StepsComeWithJitterAndAtTheMomentOfTheExpiry) {
  ASSERT_TRUE(a_.elector.step());
  std::set<Duration> waits;
  for (int i = 0; i < 50; ++i) {
    const Duration wait = a_.elector.until_next_step();
    EXPECT_GE(wait, milliseconds(1600));
    EXPECT_LE(wait, kRetry);
    waits.insert(wait);
  }
  EXPECT_GT(waits.size(), 10u);
  EXPECT_FALSE(b_.elector.step());
  advance(kValid - milliseconds(300));
  EXPECT_FALSE(b_.elector.step());
  EXPECT_EQ(b_.elector.until_next_step(), milliseconds(300));
  b_.network.down = true;
  advance(milliseconds(300));
  EXPECT_FALSE(b_.elector.step());
  EXPECT_GE(b_.elector.until_next_step(), milliseconds(1600));  // does not spin
}

// A leader that is killed is replaced within its lease and one step, whenever that happens.
TEST_F(ElectionTest, TakeoverIsWithinTheLeaseAndOneStep) {
  std::mt19937 random(20260104);
  for (int trial = 0; trial < 200; ++trial) {
    test::MemoryApiServer server(clock_);
    Candidate leader(server, clock_, "x");
    Candidate standby(server, clock_, "y");
    ASSERT_TRUE(leader.elector.step());
    Instant leader_steps = clock_.steady();
    Instant standby_steps = clock_.steady() + milliseconds(random() % 2000);
    const Instant dies = clock_.steady() + seconds(20) + milliseconds(random() % 4000);
    Instant now = clock_.steady();
    while (!standby.elector.is_leader()) {
      now = std::min(leader_steps < dies ? leader_steps : standby_steps, standby_steps);
      clock_.advance(std::chrono::duration_cast<Duration>(now - clock_.steady()));
      if (now == standby_steps) {
        standby.elector.step();
        standby_steps = now + standby.elector.until_next_step();
      } else {
        ASSERT_TRUE(leader.elector.step());
        leader_steps = now + leader.elector.until_next_step();
      }
    }
    EXPECT_LE(now - dies, kValid + kRetry) << "trial " << trial;
    EXPECT_FALSE(leader.elector.may_write());
  }
}

// Whatever the network does to three candidates, no two may write at the same time.
TEST_F(ElectionTest, NoTwoMayWriteAtAnyTime) {
  std::mt19937 random(20260105);
  int takeovers = 0;
  for (int trial = 0; trial < 30; ++trial) {
    test::MemoryApiServer server(clock_);
    std::vector<std::unique_ptr<Candidate>> all;
    for (const char* name : {"x", "y", "z"}) all.push_back(std::make_unique<Candidate>(server, clock_, name));
    std::string last;
    for (int step = 0; step < 1500; ++step) {
      Candidate& one = *all[random() % 3];
      switch (random() % 8) {
        case 0:
          one.network.down = !one.network.down;
          break;
        case 1:
          one.network.lose_writes = !one.network.lose_writes;
          break;
        case 2:
          one.network.doubled = !one.network.doubled;
          break;
        case 3:
          // Once somebody has it: a start that finds no Lease cannot know of an earlier one.
          if (random() % 40 == 0 && step > 100) (void)server.remove(kLeases, kLease);
          break;
        case 4:
          clock_.advance(milliseconds(random() % 4000));
          break;
        default:
          one.elector.step();
      }
      int writers = 0;
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (!all[i]->elector.may_write()) continue;
        ++writers;
        const std::string name(1, "xyz"[i]);
        takeovers += !last.empty() && last != name ? 1 : 0;
        last = name;
      }
      ASSERT_LE(writers, 1) << "trial " << trial << " step " << step;
    }
  }
  EXPECT_GT(takeovers, 50);  // it has been about something
}

// --- the thread

class ElectionThreadTest : public ::testing::Test {
 protected:
  static LeaseOptions quick(const std::string& identity) {
    LeaseOptions made = options(identity);
    made.lease = milliseconds(300);
    made.renew = milliseconds(200);
    made.retry = milliseconds(10);
    return made;
  }
  std::string holder() { return kube::string_at(*server_.get(kLeases, kLease), {"spec", "holderIdentity"}); }

  SystemClock clock_;
  test::MemoryApiServer server_{clock_};
};

TEST_F(ElectionThreadTest, LeadsAndGivesTheLeaseBack) {
  LeaderElector elector(server_, options("a"), clock_);
  std::promise<void> leads;
  std::atomic<int> lost{0};
  elector.start([&] { leads.set_value(); }, [&] { ++lost; });
  ASSERT_EQ(leads.get_future().wait_for(minutes(1)), std::future_status::ready);
  elector.stop();
  elector.stop();
  EXPECT_FALSE(elector.may_write());
  EXPECT_EQ(lost, 0);
  EXPECT_EQ(holder(), "");
  // A standby need not wait.
  LeaderElector next(server_, options("b"), clock_);
  EXPECT_TRUE(next.step());
  EXPECT_EQ(kube::int_at(*server_.get(kLeases, kLease), {"spec", "leaseTransitions"}), 1);
}

TEST_F(ElectionThreadTest, TheReleaseSurvivesAConflict) {
  class EditOnce final : public test::Faults {
   public:
    explicit EditOnce(test::MemoryApiServer& server) : server_(server) {}
    std::optional<Error> before(const test::Call& call) override {
      if (!armed || call.verb != test::Call::Verb::Update) return std::nullopt;
      armed = false;
      json lease = *server_.get(kLeases, kLease);
      lease["metadata"]["labels"]["x"] = "y";
      EXPECT_TRUE(server_.update(kLeases, lease));
      return std::nullopt;
    }
    std::atomic<bool> armed{false};

   private:
    test::MemoryApiServer& server_;
  } edit(server_);
  test::FaultyClient client(server_, edit);
  LeaderElector elector(client, options("a"), clock_);
  std::promise<void> leads;
  elector.start([&] { leads.set_value(); }, [] {});
  ASSERT_EQ(leads.get_future().wait_for(minutes(1)), std::future_status::ready);
  edit.armed = true;
  elector.stop();
  EXPECT_EQ(holder(), "");
}

TEST_F(ElectionThreadTest, TheLeaseIsRenewedWhileOnLeadingTakesItsTime) {
  Network network;
  test::FaultyClient client(server_, network);
  LeaseOptions often = options("a");
  often.retry = milliseconds(10);
  LeaderElector elector(client, often, clock_);
  std::promise<void> renewed;
  std::atomic<int> lost{0};
  elector.start(
      [&] {
        const int before = network.writes;
        while (network.writes < before + 3) std::this_thread::yield();  // would hang if it were not
        renewed.set_value();
      },
      [&] { ++lost; });
  EXPECT_EQ(renewed.get_future().wait_for(minutes(1)), std::future_status::ready);
  EXPECT_TRUE(elector.may_write());
  elector.stop();
  EXPECT_EQ(lost, 0);
}

TEST_F(ElectionThreadTest, OnLostComesOnceAfterTheFenceIsClosed) {
  Network network;
  test::FaultyClient client(server_, network);
  LeaderElector elector(client, quick("a"), clock_);
  std::promise<void> leads;
  std::promise<bool> lost;  // a second set_value would throw
  elector.start([&] { leads.set_value(); }, [&] { lost.set_value(elector.may_write()); });
  ASSERT_EQ(leads.get_future().wait_for(minutes(1)), std::future_status::ready);
  network.down = true;
  auto fence = lost.get_future();
  ASSERT_EQ(fence.wait_for(minutes(1)), std::future_status::ready);
  EXPECT_FALSE(fence.get());
  network.down = false;
  const int calls = network.calls;
  elector.stop();  // nothing to give back; it does not try to lead again
  EXPECT_EQ(network.calls, calls);
  EXPECT_EQ(holder(), "a");
}

TEST_F(ElectionThreadTest, AStandbyStopsWithoutHavingLed) {
  LeaderElector leader(server_, options("a"), clock_);
  ASSERT_TRUE(leader.step());
  LeaderElector standby(server_, quick("b"), clock_);
  std::atomic<int> called{0};
  standby.start([&] { ++called; }, [&] { ++called; });
  standby.stop();
  EXPECT_EQ(called, 0);
  EXPECT_EQ(holder(), "a");
}

}  // namespace
}  // namespace sluice::runtime
