// Random worlds of pods that serve, restart, come and go, seen through scrapes that come late, twice or not
// at all: wherever no gap is declared, counts must equal what truly happened.
//
// Truth, independent of the code under test: an event counts in the block that holds the first scrape of its
// pod after it, unless its process ended before that scrape; then nobody can know of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "metrics/counter.h"
#include "unit/metrics/memory_source.h"

namespace sluice::metrics {
namespace {

constexpr Duration kLookback = minutes(3);
constexpr double kEnd = 900;  // seconds of a world
constexpr double kBlock = 30;
constexpr double kFirstBlock = 60;

using Random = std::mt19937_64;
double uniform(Random& random, double from, double to) {
  return std::uniform_real_distribution(from, to)(random);
}
bool chance(Random& random, double p) {
  return uniform(random, 0, 1) < p;
}

struct Request {
  double when;
  bool failed;
  double seconds;  // latency
};

struct Scrape {
  double when;
  double process_start;
};

struct World {
  Matrix total, events, buckets;
  struct Seen {
    double when;  // the scrape that saw it first
    bool failed;
    bool slow;
  };
  std::vector<Seen> seen;
  std::vector<double> hidden_resets;  // scrapes at which a restarted counter has passed its old value ...
  double hidden = 0;                  // ... and how much that may hide in all

  Counts truth(double from, double to, bool histogram) const {
    Counts out;
    for (const Seen& request : seen) {
      if (request.when <= from || request.when > to) continue;
      out.total += 1;
      if (histogram ? request.slow : request.failed) out.events += 1;
    }
    return out;
  }
  bool hides(double from, double to) const {
    return std::any_of(hidden_resets.begin(), hidden_resets.end(),
                       [&](double t) { return t > from && t <= to; });
  }
};

struct Habits {
  double interval = 5;
  double missed = 0.05;      // share of scrapes
  double restarts = 0.5;     // a pod, expected
  double short_lived = 0.3;  // share of pods
  bool lazy = true;          // series exist from their first event on
};

constexpr double kEdge = 0.25;

// The pod's scrapes: regular with a little jitter, some missed.
std::vector<double> scrape_times(Random& random, const Habits& habits, double start, double end) {
  std::vector<double> times;
  for (double t = start + uniform(random, 0, habits.interval); t < end; t += habits.interval) {
    const double when = std::round((t + uniform(random, -0.05, 0.05)) * 1000) / 1000;
    if (when >= start && !chance(random, habits.missed)) times.push_back(when);
  }
  return times;
}

void add_pod(World& world, Random& random, const Habits& habits, const std::string& name) {
  double start = 0, end = kEnd;
  if (chance(random, habits.short_lived))
    (chance(random, 0.5) ? start : end) = uniform(random, 50, kEnd - 50);
  std::vector<double> starts{start};
  for (int n = std::poisson_distribution<int>(habits.restarts)(random); n > 0; --n) {
    starts.push_back(uniform(random, start, end));
  }
  std::sort(starts.begin(), starts.end());

  std::vector<Request> requests;
  const double rate = uniform(random, 0.2, 8), failing = chance(random, 0.5) ? 0.01 : 0.3;
  for (double t = start; (t += std::exponential_distribution(rate)(random)) < end;) {
    // Never on a millisecond, so that no request shares its time with a scrape.
    requests.push_back(
        {std::floor(t * 1000) / 1000 + 0.0005, chance(random, failing), uniform(random, 0, 0.3)});
  }

  const Labels labels{{"job", "digits"}, {"instance", name}, {"pod", name}};
  const auto with = [&](const char* label, const char* value) {
    Series out{labels, {}};
    out.labels[label] = value;
    return out;
  };
  Series good = with("code", "200"), failed = with("code", "500");
  Series below = with("le", "0.25"), all = with("le", "+Inf");
  double last_good = 0, last_failed = 0, last_start = start, last_scrape = -1;
  for (const double when : scrape_times(random, habits, start, end)) {
    const double process = *std::prev(std::upper_bound(starts.begin(), starts.end(), when));
    double n_good = 0, n_failed = 0, n_below = 0;
    for (const Request& request : requests) {
      if (request.when < process || request.when > when) continue;
      (request.failed ? n_failed : n_good) += 1;
      if (request.seconds <= kEdge) n_below += 1;
      if (request.when > last_scrape) world.seen.push_back({when, request.failed, request.seconds > kEdge});
    }
    if (process != last_start) {
      const bool hidden = (last_good > 0 && n_good >= last_good) ||
                          (last_failed > 0 && n_failed >= last_failed) ||
                          n_good + n_failed >= last_good + last_failed;
      // A series that is away at this scrape may come back later with its old value; so all of the lookback.
      if (hidden || n_good == 0 || n_failed == 0) {
        for (double t = when; t < when + 200; t += 1) world.hidden_resets.push_back(t);
        world.hidden += last_good + last_failed;
      }
    }
    const int copies = chance(random, 0.05) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      if (!habits.lazy || n_good > 0) good.samples.push_back({at(when), n_good});
      if (!habits.lazy || n_failed > 0) failed.samples.push_back({at(when), n_failed});
      if (!habits.lazy || n_good + n_failed > 0) {
        below.samples.push_back({at(when), n_below});
        all.samples.push_back({at(when), n_good + n_failed});
      }
    }
    if (process != last_start || n_good > 0) last_good = n_good;
    if (process != last_start || n_failed > 0) last_failed = n_failed;
    last_start = process;
    last_scrape = when;
  }
  for (Series* one : {&good, &failed, &below, &all}) {
    if (end < kEnd && !one->samples.empty())
      one->samples.push_back({at(end + 1), NAN});  // a staleness marker
    std::shuffle(one->samples.begin(), one->samples.end(), random);
  }
  for (const Series& one : {good, failed}) {
    if (!one.samples.empty()) world.total.push_back(one);
  }
  if (!failed.samples.empty()) world.events.push_back(failed);
  if (!all.samples.empty()) world.buckets.insert(world.buckets.end(), {below, all});
}

World make_world(std::uint64_t seed, const Habits& habits) {
  Random random(seed);
  World world;
  const int pods = std::uniform_int_distribution(1, 5)(random);
  for (int i = 0; i < pods; ++i) add_pod(world, random, habits, "pod-" + std::to_string(i));
  std::shuffle(world.total.begin(), world.total.end(), random);
  std::shuffle(world.buckets.begin(), world.buckets.end(), random);
  return world;
}

struct Tally {
  int good = 0, gaps = 0, unsure = 0;
};

void check_blocks(const World& world, const ArmSamples& arm, bool histogram, std::uint64_t seed,
                  Tally& tally) {
  for (double from = kFirstBlock; from + kBlock <= kEnd; from += kBlock) {
    const ArmReading reading = arm.read(at(from), at(from + kBlock), kLookback);
    if (reading.gap) {
      ++tally.gaps;
      continue;
    }
    const Counts truth = world.truth(from, from + kBlock, histogram);
    if (world.hides(from, from + kBlock)) {
      ++tally.unsure;
      EXPECT_LE(reading.counts.total, truth.total) << seed << " block " << from;
      EXPECT_GE(reading.counts.total, truth.total - world.hidden) << seed << " block " << from;
      EXPECT_LE(reading.counts.events, reading.counts.total);
      continue;
    }
    ++tally.good;
    EXPECT_EQ(reading.counts, truth) << "seed " << seed << " block " << from << ": " << reading.counts.events
                                     << "/" << reading.counts.total << " instead of " << truth.events << "/"
                                     << truth.total;
  }
}

TEST(CounterProperty, CountsEqualTheTruthWhereNoGapIsDeclared) {
  Tally tally;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    const World world = make_world(seed, {});
    check_blocks(world, ArmSamples::of_counter(world.total, world.events), false, seed, tally);
    check_blocks(world, ArmSamples::of_histogram(world.buckets, kEdge), true, seed, tally);
  }
  EXPECT_GT(tally.good, 4000) << "of " << tally.good + tally.gaps + tally.unsure;
  EXPECT_GT(tally.gaps, 100);
  EXPECT_GT(tally.unsure, 100);
}

TEST(CounterProperty, PodsThatStayGiveNoGap) {
  Tally tally;
  Habits habits;
  habits.missed = 0;
  habits.short_lived = 0;
  habits.lazy = false;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    habits.restarts = seed % 2 == 0 ? 0 : 2;
    habits.interval = seed % 3 == 0 ? 15 : 1;
    const World world = make_world(seed, habits);
    check_blocks(world, ArmSamples::of_counter(world.total, world.events), false, seed, tally);
    check_blocks(world, ArmSamples::of_histogram(world.buckets, kEdge), true, seed, tally);
  }
  EXPECT_EQ(tally.gaps, 0);
}

TEST(CounterProperty, BlocksAddUp) {
  Random random(7);
  int compared = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const World world = make_world(seed, {});
    const auto arm = ArmSamples::of_counter(world.total, world.events);
    const auto buckets = ArmSamples::of_histogram(world.buckets, kEdge);
    for (int i = 0; i < 50; ++i) {
      std::array<double, 3> edges{};
      for (double& edge : edges) edge = std::round(uniform(random, kFirstBlock, kEnd) * 1000) / 1000;
      std::sort(edges.begin(), edges.end());
      if (edges[0] == edges[1] || edges[1] == edges[2]) continue;
      for (const ArmSamples* one : {&arm, &buckets}) {
        const auto left = one->read(at(edges[0]), at(edges[1]), kLookback);
        const auto right = one->read(at(edges[1]), at(edges[2]), kLookback);
        const auto whole = one->read(at(edges[0]), at(edges[2]), kLookback);
        if (left.gap || right.gap || whole.gap) continue;
        if (world.hides(edges[0], edges[2])) continue;
        ++compared;
        EXPECT_EQ(left.counts.total + right.counts.total, whole.counts.total) << seed;
        EXPECT_EQ(left.counts.events + right.counts.events, whole.counts.events) << seed;
      }
    }
  }
  EXPECT_GT(compared, 1000);
}

// What was read for a block alone, and as a part of a longer past, must be the same bits: a restart reads
// again.
TEST(CounterProperty, TheWindowThatWasReadDoesNotMatter) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const World world = make_world(seed, {});
    MemorySource source;
    source.put("total", world.total);
    source.put("events", world.events);
    const auto whole = ArmSamples::of_counter(world.total, world.events);
    for (double from = 300; from + kBlock <= kEnd; from += kBlock) {
      const Time end = at(from + kBlock);
      const Duration window = seconds(31) + kLookback;
      const auto total = source.samples("total", end, window, seconds(1), {});
      const auto events = source.samples("events", end, window, seconds(1), {});
      const auto narrow = ArmSamples::of_counter(*total, *events).read(at(from), end, kLookback);
      EXPECT_EQ(narrow, whole.read(at(from), end, kLookback)) << seed << " block " << from;
    }
  }
}

}  // namespace
}  // namespace sluice::metrics
