#include "forecast/goal_trial.h"

#include <algorithm>
#include <cmath>

#include "rollout/evidence.h"
#include "rollout/goals.h"

namespace sluice::forecast {
namespace {

double past_of(const Scenario& scenario, const Goal& goal, Random& before) {
  return goal.is_mean() ? 0.0 : read_past(scenario, before, goal.base_rate);
}

}  // namespace

double read_past(const Scenario& scenario, Random& random, double rate) {
  if (scenario.history < 2 || scenario.fixed_dispersion > 0.0) return 0.0;
  Traffic traffic(scenario);
  std::vector<double> events;
  std::vector<double> exposure;
  for (int look = 0; look < scenario.history; ++look) {
    const std::int64_t requests = traffic.next(0.0).stable;
    exposure.push_back(static_cast<double>(requests));
    events.push_back(static_cast<double>(random.beta_binomial(requests, rate, scenario.dispersion)));
  }
  return rollout::past_dispersion(events, exposure);
}

GoalTrial::GoalTrial(const Scenario& scenario, const Goal& goal, Random& before, const Random& random)
    : scenario_(&scenario),
      goal_(&goal),
      random_(random),
      share_(rollout::parameters_of_goal(past_of(scenario, goal, before))) {
  summary_.name = goal.metric.name;
}

double GoalTrial::draw_sum(std::int64_t observations, double mean) {
  const double count = static_cast<double>(observations);
  return std::max(0.0, count * mean + goal_->variation * std::sqrt(count) * random_.normal());
}

void GoalTrial::look(const Requests& requests) {
  const double candidates = static_cast<double>(requests.candidate);
  const double others = static_cast<double>(requests.stable);
  if (goal_->is_mean()) {
    const double sum = draw_sum(requests.candidate, goal_->factor());
    mean_.add({sum, draw_sum(requests.stable, 1.0), candidates, others});
    rollout::summarise_goal(goal_->metric, mean_, summary_);
    return;
  }
  const double rate = std::min(1.0, goal_->base_rate * goal_->factor());
  const auto events = random_.beta_binomial(requests.candidate, rate, scenario_->dispersion);
  const auto of_stable = random_.beta_binomial(requests.stable, goal_->base_rate, scenario_->dispersion);
  share_.add(rollout::block_of_goal(goal_->metric, {static_cast<double>(events), candidates},
                                    {static_cast<double>(of_stable), others}));
  rollout::summarise_goal(share_, summary_);
}

bool GoalTrial::better() const {
  return rollout::judge_goal(summary_, scenario_->thresholds, scenario_->superior) == rollout::GoalState::Better;
}

}  // namespace sluice::forecast
