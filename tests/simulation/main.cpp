// Plays episodes until there were enough steps. See README.md.
#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <string>

#include "base/log.h"
#include "episodes.h"

namespace {

using sluice::simulation::Counters;
using sluice::simulation::EpisodeResult;
using sluice::simulation::Random;

struct Arguments {
  std::uint64_t seed = 1;
  std::uint64_t steps = 20'000;
  int seeds = 1;
  std::int64_t episode = -1;
  bool every_call = false;
  bool table = false;
  bool drift = false;
  bool verbose = false;
};

// Twins are cheap and find other things: every third episode.
EpisodeResult play(const Arguments& arguments, const Random& random, std::uint64_t episode, Counters& counters) {
  const Random own = random.fork(episode);
  if (arguments.every_call) return sluice::simulation::every_call(own, counters);
  return episode % 3 == 2 ? sluice::simulation::twins(own, counters) : sluice::simulation::chaos(own, counters);
}

void print(const Arguments& arguments, std::uint64_t episode, const Counters& counters, const EpisodeResult& result) {
  for (const std::string& line : result.account) std::printf("  %s\n", line.c_str());
  for (const std::string& what : result.broken) {
    std::printf("BROKEN at seed %llu, episode %llu, step %llu: %s\n", static_cast<unsigned long long>(arguments.seed),
                static_cast<unsigned long long>(episode), static_cast<unsigned long long>(counters.steps()),
                what.c_str());
  }
  std::printf("replay: simulation --seed %llu --episode %llu%s\n", static_cast<unsigned long long>(arguments.seed),
              static_cast<unsigned long long>(episode), arguments.every_call ? " --every-call" : "");
}

// Whether so many false alarms can be chance when each has a probability of at most 5 %: 6 standard deviations.
bool too_many(int alarms, int decided) {
  constexpr double kRate = 0.05;
  return alarms > decided * kRate + 6 * std::sqrt(decided * kRate * (1 - kRate)) + 3;
}

struct Totals {
  Counters counters;
  std::uint64_t episodes = 0;
  std::uint64_t broken = 0;
  int decided = 0;
  int alarms = 0;
};

void run(const Arguments& arguments, Totals& totals) {
  const Random random(arguments.seed);
  const std::uint64_t until = totals.counters.steps() + arguments.steps;
  std::uint64_t episode = arguments.episode < 0 ? 0 : static_cast<std::uint64_t>(arguments.episode);
  do {
    const EpisodeResult result = play(arguments, random, episode, totals.counters);
    ++totals.episodes;
    totals.decided += result.equals_decided;
    totals.alarms += result.equals_rolled_back;
    totals.broken += result.broken.size();
    if (!result.broken.empty() || arguments.verbose) print(arguments, episode, totals.counters, result);
    ++episode;
  } while (arguments.episode < 0 && totals.counters.steps() < until);
}

void print(const Totals& totals) {
  const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  const Counters& counters = totals.counters;
  std::printf("%llu episodes: %llu reconciles, %llu answers, %llu advances of the clock\n", number(totals.episodes),
              number(counters.reconciles), number(counters.answers), number(counters.advances));
  std::printf("rollouts by reason:");
  for (const auto& [reason, count] : counters.endings) std::printf(" %s %d", reason.c_str(), count);
  std::printf("\n%d candidates no worse than stable were decided, %d of them by a false alarm\n", totals.decided,
              totals.alarms);
  std::printf("steps %llu, crashes %llu, faults %llu, rollouts %llu, broken invariants %llu\n",
              number(counters.steps()), number(counters.crashes), number(counters.faults), number(counters.rollouts),
              number(totals.broken));
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{"The operator in a simulated world, with faults, under a virtual clock"};
  app.add_option("--seed", arguments.seed, "from which everything follows");
  app.add_option("--steps", arguments.steps, "at least so many");
  app.add_option("--seeds", arguments.seeds, "so many seeds, one after the other, each with so many steps");
  app.add_flag("--every-call", arguments.every_call, "one story with a crash and a fault at each of its calls");
  app.add_flag("--table", arguments.table, "only this: each kind of stage with each thing that can happen");
  app.add_flag("--drift", arguments.drift, "only this: candidates that predict something else, and such that do not");
  app.add_option("--episode", arguments.episode, "only this one, as named by a failure");
  app.add_flag("--verbose", arguments.verbose, "tell the end of each episode, and the operator's log");
  CLI11_PARSE(app, argc, argv);
  using sluice::log::Level;
  // What the operator logs under faults is of no interest unless one looks for a cause.
  sluice::log::configure(arguments.verbose ? Level::Info : Level::Error, sluice::log::Format::Text);
  Totals totals;
  if (arguments.table) return sluice::simulation::stage_table(totals.counters) == 0 ? 0 : 1;
  if (arguments.drift) return sluice::simulation::drift_stories(totals.counters) == 0 ? 0 : 1;
  for (int i = 0; i < arguments.seeds; ++i, ++arguments.seed) run(arguments, totals);
  if (too_many(totals.alarms, totals.decided)) {
    ++totals.broken;
    std::printf("BROKEN: too many candidates that are no worse were rolled back\n");
  }
  print(totals);
  return totals.broken == 0 ? 0 : 1;
}
