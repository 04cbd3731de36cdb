// How long goals take: runs of one goal alone, at the weight of its stage.
#include <algorithm>
#include <array>
#include <cmath>

#include "forecast/goal_trial.h"
#include "forecast/parallel.h"
#include "forecast/plan.h"
#include "rollout/goals.h"

namespace sluice::forecast {
namespace {

constexpr std::uint64_t kPast = 0;
constexpr std::uint64_t kGoals = 3;       // a purpose of its own
constexpr int kRuns = 400;
constexpr double kMergedLooks = 80.0;     // a wait is simulated in at least as many looks
constexpr int kLongest = 20'000;          // looks of a mean, which cannot be merged
constexpr double kEnough = 0.9;
constexpr std::array kImprovements = {0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.125, 0.15,
                                      0.2,   0.25, 0.3,   0.4,  0.5,  0.6,  0.7,  0.8,   0.9, 1.0};

// Looks along the expected path, by the shipped mixture; infinity: it is never shown. Of a share.
double expected_looks(const Scenario& s, const Goal& goal, double weight) {
  const double requests = s.requests_per_second * std::chrono::duration<double>(s.analysis.interval).count();
  const double candidates = requests * weight;
  const double others = requests - candidates;
  stats::GuardrailParameters parameters = rollout::parameters_of_goal(0);
  parameters.fixed_dispersion = s.dispersion;
  const stats::Block look = rollout::block_of_goal(
      goal.metric, {candidates * goal.base_rate * goal.factor(), candidates}, {others * goal.base_rate, others});
  return stats::GuardrailEvidence(parameters).looks_to_non_inferior(look, s.superior);
}

// Looks until it is shown, one for each run; 0: not within the horizon of `one`.
std::vector<int> waits(const Scenario& one, const Goal& goal, double weight, unsigned threads) {
  std::vector<int> out(kRuns);
  parallel_for(out.size(), threads, [&](std::size_t run) {
    Random before(one.seed, run, 0, kPast);
    GoalTrial trial(one, goal, before, Random(one.seed, run, 0, kGoals));
    Traffic traffic(one);
    for (int look = 1; look <= one.looks && out[run] == 0; ++look) {
      trial.look(traffic.next(weight));
      if (trial.better()) out[run] = look;
    }
  });
  return out;
}

void scale(Times& times, double looks) {
  for (auto* time : {&times.median, &times.p90, &times.mean}) {
    if (*time) **time *= looks;
  }
}

std::optional<double> least_improvement(Scenario scenario, std::size_t goal, double weight, int longest,
                                        unsigned threads) {
  Goal& changed = scenario.goals[goal];
  const auto shown = [&](double improvement) {
    changed.improvement = improvement;
    if (!(changed.factor() > 0.0) || (!changed.is_mean() && changed.base_rate * changed.factor() > 1.0)) return true;
    return goal_waiting(scenario, goal, weight, longest, threads).share >= kEnough;
  };
  // More is always faster, so halving finds the first.
  const auto* found = std::partition_point(kImprovements.begin(), kImprovements.end(),
                                           [&](double improvement) { return !shown(improvement); });
  if (found == kImprovements.end()) return std::nullopt;
  changed.improvement = *found;
  const bool possible = changed.factor() > 0.0 && (changed.is_mean() || changed.base_rate * changed.factor() <= 1.0);
  return possible ? std::optional(*found) : std::nullopt;
}

}  // namespace

Times goal_waiting(const Scenario& scenario, std::size_t goal, double weight, int longest, unsigned threads) {
  const Goal& of = scenario.goals[goal];
  Scenario one = scenario;
  double merged = 1.0;
  one.looks = longest > 0 ? longest : kLongest;
  if (!of.is_mean()) {
    const double expected = expected_looks(scenario, of, weight);
    if (!std::isfinite(expected)) return {};
    merged = std::max(1.0, std::floor(std::min(expected, static_cast<double>(one.looks)) / kMergedLooks));
    const double horizon = longest > 0 ? longest / merged : 30.0 + 16.0 * expected / merged;
    one.looks = static_cast<int>(std::max(1.0, horizon));
  }
  one.analysis.interval = scenario.analysis.interval * static_cast<std::int64_t>(merged);
  Times out = times_of(waits(one, of, weight, threads), one.looks);
  scale(out, merged);
  return out;
}

std::vector<GoalPlan> plan_goals(const Scenario& scenario, unsigned threads) {
  std::vector<GoalPlan> out;
  for (const Step& step : scenario.steps) {
    for (std::size_t i = 0; step.ab_test && i < scenario.goals.size(); ++i) {
      const int longest = scenario.stages[static_cast<std::size_t>(step.stage)].most;
      out.push_back({scenario.goals[i].metric.name, step.stage, step.weight,
                     goal_waiting(scenario, i, step.weight, 0, threads),
                     least_improvement(scenario, i, step.weight, longest, threads)});
    }
  }
  return out;
}

}  // namespace sluice::forecast
