#include "forecast/scenario.h"

#include <algorithm>
#include <cmath>

#include "api/numbers.h"
#include "rollout/evidence.h"
#include "stats/guardrail.h"

namespace sluice::forecast {
namespace {

// Beyond these a simulation would not end in a working day, or not fit the memory.
constexpr int kMostRuns = 1'000'000;
constexpr int kMostLooks = 100'000;
constexpr double kMostRequestsPerLook = 1e12;

double requests_per_look(const Scenario& scenario) {
  return scenario.requests_per_second * std::chrono::duration<double>(scenario.analysis.interval).count();
}

Error invalid(const std::string& message) { return Error{ErrorCode::Invalid, message, {}}; }

bool is_share(double value) { return value >= 0.0 && value <= 1.0; }

// The highest rate that the candidate's pods may be asked for, pod effects aside.
Outcome check_truth(const Truth& truth) {
  if (!is_share(truth.base_rate)) return invalid("--base-rate: must be from 0% to 100%");
  if (!is_share(truth.base_rate_end)) return invalid("--base-rate-end: must be from 0% to 100%");
  if (!std::isfinite(truth.ratio) || truth.ratio < 0.0) return invalid("--ratio: must be 0 or more");
  const double highest = std::max(truth.base_rate, truth.base_rate_end) * truth.ratio;
  if (highest > 1.0) {
    return invalid("--ratio: " + api::ratio_text(truth.ratio) + " times the base rate is above 100%");
  }
  return Ok{};
}

Outcome check_goal(const Goal& goal) {
  const std::string name = "\"" + goal.metric.name + "\"";
  if (!std::isfinite(goal.improvement) || !(goal.factor() > 0.0)) {
    return invalid("--improvement: of " + name + " nothing would be left");
  }
  if (!std::isfinite(goal.variation) || goal.variation < 0.0) return invalid("--variation: must be 0 or more");
  if (goal.is_mean()) return Ok{};
  if (!is_share(goal.base_rate)) return invalid("--base-rate: must be from 0% to 100%");
  if (goal.base_rate * goal.factor() > 1.0) {
    return invalid("--improvement: with it " + name + " would be above 100%; --base-rate " + goal.metric.name +
                   "=... says what stable has");
  }
  return Ok{};
}

Outcome check_steps(const Scenario& scenario) {
  if (scenario.steps.empty()) return invalid("--weight: there must be one");
  if (scenario.steps.size() > static_cast<std::size_t>(scenario.looks)) {
    return invalid("--ramp: has more weights than there are looks");
  }
  for (const Step& step : scenario.steps) {
    if (!(step.weight > 0.0) || !(step.weight < 1.0)) {
      return invalid(std::string(scenario.steps.size() > 1 ? "--ramp" : "--weight") +
                     ": a weight must be above 0% and below 100%");
    }
  }
  return Ok{};
}

Outcome check_engine(const Scenario& scenario) {
  for (const api::MetricSpec& metric : scenario.analysis.metrics) {
    stats::GuardrailParameters parameters = rollout::parameters_of(metric, 0);
    if (!(parameters.margin_ratio > 0.0)) return invalid("--margin: must be a ratio above 0");
    if (!is_share(parameters.or_below)) return invalid("--or-below: must be from 0% to 100%");
    parameters.fixed_dispersion = scenario.fixed_dispersion;
    const Outcome outcome = stats::check(parameters);
    if (!outcome) return invalid("--phi: " + outcome.error().message);
  }
  return Ok{};
}

// The steps in which users see the candidate.
void add_steps(const api::StageSpec& stage, int index, std::vector<Step>& steps) {
  if (const auto* canary = std::get_if<api::CanaryStage>(&stage.body)) {
    for (const int weight : canary->weights) steps.push_back({weight / 100.0, canary->min_looks, index});
  } else if (const auto* test = std::get_if<api::AbTestStage>(&stage.body)) {
    steps.push_back({test->weight / 100.0, test->min_looks, index, true});
  }
}

}  // namespace

rollout::Thresholds thresholds_of(const api::AnalysisSpec& analysis) {
  return rollout::thresholds(analysis.false_rollback, analysis.false_promotion, rollout::tests_of_harm(analysis));
}

Result<Scenario> scenario_of(const api::Spec& spec) {
  Scenario scenario;
  scenario.analysis = spec.analysis;
  scenario.thresholds = thresholds_of(spec.analysis);  // which goals share
  scenario.superior = rollout::superior_threshold(spec.analysis);
  for (const api::MetricSpec& metric : spec.analysis.metrics) {
    if (metric.role == api::MetricRole::Goal) scenario.goals.push_back({.metric = metric});
  }
  std::erase_if(scenario.analysis.metrics,
                [](const api::MetricSpec& metric) { return metric.role != api::MetricRole::Guardrail; });
  if (scenario.analysis.metrics.empty()) return invalid("the Rollout has no guardrail: spec.analysis.metrics");
  scenario.truths.resize(scenario.analysis.metrics.size());
  for (const api::StageSpec& stage : spec.stages) {
    const int index = static_cast<int>(scenario.stages.size());
    add_steps(stage, index, scenario.steps);
    // The warm-up comes once, before the first look.
    const Duration before = index == 0 ? spec.analysis.warmup : Duration(0);
    const Duration interval = std::max(spec.analysis.interval, Duration(1));
    const auto most = (stage.max_duration - before) / interval;
    const auto least = (stage.min_duration - before + interval - Duration(1)) / interval;
    scenario.stages.push_back({.most = static_cast<int>(std::clamp<std::int64_t>(most, 1, kMostLooks)),
                               .least = static_cast<int>(std::clamp<std::int64_t>(least, 0, kMostLooks))});
  }
  if (scenario.steps.empty()) return invalid("the Rollout has no canary weights: spec.stages");
  std::int64_t looks = 0;
  for (const StageTime& stage : scenario.stages) looks += stage.most;
  scenario.looks = static_cast<int>(std::min<std::int64_t>(looks, kMostLooks));
  return scenario;
}

Outcome check(const Scenario& scenario) {
  if (scenario.runs < 1 || scenario.runs > kMostRuns) return invalid("--runs: must be from 1 to 1000000");
  if (scenario.looks < 1 || scenario.looks > kMostLooks) return invalid("--looks: must be from 1 to 100000");
  if (scenario.analysis.interval <= Duration(0)) return invalid("--interval: must be longer than nothing");
  const double requests = requests_per_look(scenario);
  if (!(requests > 0.0)) return invalid("--rps: must be above 0");
  if (!(requests <= kMostRequestsPerLook)) return invalid("--rps: more than 1e12 requests a look");
  if (!std::isfinite(scenario.dispersion) || scenario.dispersion < 1.0) {
    return invalid("--dispersion: must be 1 or more");
  }
  if (scenario.history < 0 || scenario.history > kMostLooks) {
    return invalid("--history: must be from 0 to 100000");
  }
  if (!(scenario.pod_effect >= 0.0) || scenario.pod_effect > 1.0) {
    return invalid("--pod-effect: must be from 0% to 100%");
  }
  const auto possible = [](int pods) { return pods >= 1 && pods <= 10'000; };
  if (!possible(scenario.candidate_pods) || !possible(scenario.stable_pods)) {
    return invalid("--pods: each arm has from 1 to 10000");
  }
  if (scenario.truths.empty() || scenario.truths.size() != scenario.analysis.metrics.size()) {
    return invalid("--guardrails: must be 1 or more");
  }
  for (const Truth& truth : scenario.truths) {
    if (const Outcome outcome = check_truth(truth); !outcome) return outcome;
  }
  for (const Goal& goal : scenario.goals) {
    if (const Outcome outcome = check_goal(goal); !outcome) return outcome;
  }
  if (const Outcome outcome = check_steps(scenario); !outcome) return outcome;
  return check_engine(scenario);
}

double base_rate_at(const Truth& truth, int look, int looks) {
  if (truth.base_rate == truth.base_rate_end || looks < 2) return truth.base_rate;
  const double part = static_cast<double>(look) / (looks - 1);
  if (truth.base_rate > 0.0 && truth.base_rate_end > 0.0) {
    return truth.base_rate * std::pow(truth.base_rate_end / truth.base_rate, part);
  }
  return truth.base_rate + (truth.base_rate_end - truth.base_rate) * part;
}

Traffic::Traffic(const Scenario& scenario) : per_look_(requests_per_look(scenario)) {}

Requests Traffic::next(double weight) {
  // Sums of fractions such as 0.1 fall a hair short of the whole number that is meant.
  const auto whole = [](double value) { return std::floor(value * (1.0 + 1e-12) + 1e-6); };
  const double candidate = candidate_ + per_look_ * weight;
  const double stable = stable_ + per_look_ * (1.0 - weight);
  const Requests requests{static_cast<std::int64_t>(whole(candidate) - whole(candidate_)),
                          static_cast<std::int64_t>(whole(stable) - whole(stable_))};
  candidate_ = candidate;
  stable_ = stable;
  return requests;
}

}  // namespace sluice::forecast
