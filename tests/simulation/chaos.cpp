#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/conditions.h"
#include "episodes.h"
#include "harness.h"
#include "people.h"

namespace sluice::simulation {
namespace {

class Chaos {
 public:
  Chaos(const Random& random, Counters& counters)
      : harness_(random, false, counters),
        people_(harness_, random.fork(20)),
        counters_(counters),
        random_(random.fork(21)) {}

  EpisodeResult run() {
    const int rollouts = random_.between(1, 3);
    for (int i = 0; i < rollouts; ++i) harness_.create(choose("model-" + std::string(1, static_cast<char>('a' + i))));
    rage(random_.between(minutes(20), minutes(100)));
    if (harness_.invariants.broken().empty()) calm_down();
    EpisodeResult result;
    result.broken = harness_.invariants.broken();
    result.account = harness_.account();
    std::tie(result.equals_decided, result.equals_rolled_back) = harness_.invariants.equals();
    return result;
  }

 private:
  RolloutChoice choose(std::string name) {
    static const std::vector<std::vector<int>> kWeights = {{50}, {10, 50}, {1, 5, 25, 50}, {5, 30}};
    RolloutChoice choice;
    choice.name = std::move(name);
    choice.replicas = random_.between(1, 4);
    choice.weights = kWeights[static_cast<std::size_t>(random_.between(0, 3))];
    choice.predictions = choice.replicas % 2 == 0;
    choice.requests_per_second = random_.between(50, 300);
    choice.max_duration = random_.chance(0.3) ? "6m" : "40m";
    choice.roll_back_when_inconclusive = random_.chance(0.3);
    choice.tested = random_.chance(0.5);
    choice.loaded = random_.chance(0.4);
    choice.initial = (choice.tested || choice.loaded) && random_.chance(0.3);
    if (random_.chance(0.5)) choice.rollback_window = random_.between(1, 3);
    if (random_.chance(0.4)) choice.experiment = static_cast<RolloutChoice::Experiment>(random_.between(1, 2));
    return choice;
  }

  void rage(Duration time) {
    const Time until = harness_.world.clock.now() + time;
    while (harness_.world.clock.now() < until && harness_.invariants.broken().empty()) {
      if (harness_.world.clock.now() >= next_fault_) {
        next_fault_ = harness_.world.clock.now() + random_.between(seconds(5), minutes(3));
        go_wrong();
      }
      if (harness_.world.clock.now() >= next_act_) {
        next_act_ = harness_.world.clock.now() + random_.between(seconds(10), minutes(8));
        someone_acts();
      }
      // They do not run for long: rarer, none would ever be hit.
      if (random_.chance(0.01) && harness_.world.jobs.delete_one()) {
        harness_.happenings += 10;
        harness_.tell("somebody deletes a Job");
      }
      // The parts take turns by chance; sometimes all of them are quick, sometimes time passes first.
      if (random_.chance(0.3)) {
        harness_.work();
      } else {
        for (int i = 0; i < 6; ++i) harness_.work_at_random();
      }
      if (random_.chance(0.4)) harness_.advance(random_.between(milliseconds(100), seconds(10)));
    }
  }

  void someone_acts() {
    if (harness_.rollouts().empty()) return;
    const auto which = random_.between(0, static_cast<int>(harness_.rollouts().size()) - 1);
    const kube::Key key = harness_.rollouts()[static_cast<std::size_t>(which)];
    if (random_.chance(0.02)) {  // deleted, and made anew under the same name
      harness_.remove(key);
      harness_.create(choose(key.name));
    } else {
      people_.act(key);
    }
  }

  void go_wrong() {
    World& world = harness_.world;
    const Time now = world.clock.now();
    ++counters_.faults;
    switch (random_.between(0, 11)) {
      case 0: return crash();
      case 1: return harness_.faults.set(kQuiet);
      case 2: return harness_.faults.set(kStormy);
      case 3: harness_.tell("no answer of the API server"); return harness_.faults.set(kAway);
      case 4: return break_watches(false);
      case 5: return break_watches(true);
      case 6: return freeze();
      case 7: return harness_.lag(static_cast<std::size_t>(random_.between(0, 6)),
                                  now + random_.between(seconds(1), seconds(40)));
      case 8: harness_.tell("Prometheus is away");
        return harness_.faults.prometheus_away_until(now + random_.between(seconds(10), minutes(10)));
      case 9: harness_.tell("the gateway is late");
        return world.gateway.stall_until(now + random_.between(seconds(10), minutes(4)));
      case 10: return world.kubelet.slow_starts(random_.chance(0.5) ? seconds(0) : minutes(random_.between(1, 4)));
      default:
        harness_.tell("a pod dies");
        harness_.happenings += 10;
        world.kubelet.kill_a_pod();
    }
  }

  void crash() {
    ++counters_.crashes;
    harness_.restart();
  }

  void break_watches(bool compacted) {
    harness_.tell(compacted ? "the watches break, and their past is forgotten" : "the watches break");
    harness_.world.server.break_watches(random_.chance(0.5) ? Outcome(Ok{})
                                                            : Outcome(Error{ErrorCode::Unavailable, "reset", {}}));
    if (compacted) harness_.world.server.compact();
  }

  void freeze() {
    frozen_ = !frozen_;
    harness_.tell(frozen_ ? "the watch cache stands still" : "the watch cache goes on");
    harness_.freeze(frozen_);
  }

  // Nothing goes wrong any more. People let their rollouts go on, and wait.
  void calm_down() {
    harness_.tell("calm");
    harness_.faults.set({});
    harness_.freeze(false);
    harness_.faults.prometheus_away_until({});
    harness_.world.gateway.stall_until({});
    harness_.world.kubelet.slow_starts(Duration(0));
    for (const kube::Key& key : harness_.rollouts()) people_.pause(key, false);
    // A rest may end by itself: pods were late and become ready, a conflict is over. What follows takes time again.
    constexpr int kMostRests = 5;
    for (int i = 0; i < kMostRests && (i == 0 || !harness_.at_rest()); ++i) {
      harness_.settle(hours(3));
      harness_.run(minutes(20));  // what was retired goes; evidence may still decide what nobody decided
    }
    for (const kube::Key& key : harness_.rollouts()) harness_.invariants.check_rest(key);
    if (harness_.invariants.broken().empty()) check_silence();
  }

  // A Rollout whose candidate still gets traffic goes on looking; all others must not cost a single request.
  void check_silence() {
    int exposed = 0;
    for (const kube::Key& key : harness_.rollouts()) {
      const auto rollout = harness_.invariants.rollout(key);
      if (rollout && (rollout->status.traffic.candidate > 0 || rollout->status.traffic.assignment)) ++exposed;
    }
    const Duration time = minutes(90);
    const std::uint64_t before = harness_.faults.requests();
    harness_.run(time);
    const std::uint64_t requests = harness_.faults.requests() - before;
    const auto allowed = static_cast<std::uint64_t>(exposed * (time / minutes(1) + 30));
    if (requests > allowed) {
      harness_.invariants.fail(std::to_string(requests) + " requests while nothing happened (allowed: " +
                               std::to_string(allowed) + ")");
    }
  }

  static constexpr FaultRates kQuiet{.refused = 0.002, .lost = 0.002, .twice = 0.001, .slow = 0.002, .crash = 0.001,
                                     .prometheus = 0.01};
  static constexpr FaultRates kStormy{.refused = 0.08, .lost = 0.08, .twice = 0.05, .slow = 0.05, .crash = 0.03,
                                      .prometheus = 0.2};
  static constexpr FaultRates kAway{.refused = 1, .lost = 0, .twice = 0, .slow = 0, .crash = 0, .prometheus = 0.1};

  Harness harness_;
  People people_;
  Counters& counters_;
  Random random_;
  Time next_fault_{};
  Time next_act_{};
  bool frozen_ = false;
};

}  // namespace

EpisodeResult chaos(const Random& random, Counters& counters) { return Chaos(random, counters).run(); }

}  // namespace sluice::simulation
