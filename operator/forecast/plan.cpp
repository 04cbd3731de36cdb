#include "forecast/plan.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "rollout/evidence.h"
#include "stats/guardrail.h"
#include "stats/planning.h"

namespace sluice::forecast {
namespace {

constexpr double kDoubled = 2.0;
constexpr double kEnough = 0.9;        // of the equal candidates must be promoted for a plan to fit
constexpr double kMergedLooks = 80.0;  // a wait is simulated in at least as many looks
constexpr int kLongestStage = 16;      // times its length: how far a longer stage is tried

// The scenario of one guardrail alone at one weight; the thresholds stay those of the whole rollout.
Scenario alone(const Scenario& scenario, std::size_t guardrail, double weight, Quarry quarry) {
  Scenario one = scenario;
  one.analysis.metrics = {scenario.analysis.metrics[guardrail]};
  one.truths = {scenario.truths[guardrail]};
  one.truths.front().ratio = quarry == Quarry::Harm ? kDoubled : 1.0;
  one.truths.front().base_rate_end = one.truths.front().base_rate;
  one.steps = {Step{weight, 1, 0}};
  one.goals.clear();
  one.questions = {.roll_back = quarry == Quarry::Harm,
                   .promotion = quarry == Quarry::NonInferiority,
                   .outcome = false,
                   .oracle = false};
  return one;
}

// Looks along the expected path, by the shipped mixture: the scale of the wait, not yet its median.
double expected_looks(const Scenario& one, Quarry quarry) {
  const Truth& truth = one.truths.front();
  stats::GuardrailParameters parameters = rollout::parameters_of(one.analysis.metrics.front(), 0);
  parameters.fixed_dispersion = one.fixed_dispersion > 0.0 ? one.fixed_dispersion : one.dispersion;
  const double requests =
      one.requests_per_second * std::chrono::duration<double>(one.analysis.interval).count();
  const double weight = one.steps.front().weight;
  const stats::Expectation look{requests * weight, requests * (1.0 - weight), truth.base_rate, truth.ratio};
  const stats::GuardrailEvidence evidence(parameters);
  return quarry == Quarry::Harm ? evidence.looks_to_harm(look.block(), one.thresholds.harm)
                                : evidence.looks_to_non_inferior(look.block(), one.thresholds.non_inferior);
}

void scale(Times& times, double looks) {
  for (auto* time : {&times.median, &times.p90, &times.mean}) {
    if (*time) **time *= looks;
  }
}

// Whole rollouts, as the product goes them.
std::vector<RunResult> journeys(Scenario scenario, unsigned threads) {
  constexpr double kWork = 100'000.0;  // looks in all that should be spent
  scenario.questions = {.roll_back = false, .promotion = false, .outcome = true, .oracle = false};
  const double looks = static_cast<double>(scenario.looks) * static_cast<double>(scenario.truths.size());
  scenario.runs = static_cast<int>(std::clamp(kWork / looks, 200.0, 1000.0));
  return simulate(scenario, threads);
}

Scenario with_ratio(Scenario scenario, std::size_t guardrail, double ratio) {
  for (Truth& truth : scenario.truths) truth.ratio = 1.0;
  scenario.truths[guardrail].ratio = ratio;
  return scenario;
}

double promoted_share(const Scenario& scenario, unsigned threads) {
  return summarise(scenario, journeys(with_ratio(scenario, 0, 1.0), threads)).outcome_promoted;
}

// The first of the ascending values with which the scenario fits. More is always faster, so halving finds it.
std::optional<double> first_fitting(const std::vector<double>& values, const Scenario& scenario, unsigned threads,
                                    const std::function<void(Scenario&, double)>& set) {
  const auto fits = [&](double value) {
    Scenario changed = scenario;
    set(changed, value);
    return promoted_share(changed, threads) >= kEnough;
  };
  if (values.empty() || !fits(values.back())) return std::nullopt;
  std::size_t low = 0;
  std::size_t high = values.size() - 1;  // fits
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (fits(values[middle])) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return values[high];
}

// Every weight below `least` becomes `least`; of equal neighbours in a stage the first stays.
void raise_weights(Scenario& scenario, double least) {
  std::vector<Step> steps;
  for (Step step : scenario.steps) {
    step.weight = std::max(step.weight, least);
    const bool same = !steps.empty() && steps.back().weight == step.weight && steps.back().stage == step.stage;
    if (!same) steps.push_back(step);
  }
  scenario.steps = steps;
}

std::vector<double> above(double least, std::vector<double> values) {
  std::erase_if(values, [least](double value) { return value <= least * (1.0 + 1e-9); });
  return values;
}

std::vector<double> weights_above(const Scenario& scenario) {
  double smallest = 1.0;
  for (const Step& step : scenario.steps) smallest = std::min(smallest, step.weight);
  std::vector<double> values;
  for (int percent = 1; percent <= 50; ++percent) values.push_back(percent / 100.0);
  return above(smallest, values);
}

std::vector<double> ratios_above(double ratio) {
  std::vector<double> values;
  for (int step = 21; step <= 40; ++step) values.push_back(step / 20.0);
  for (int step = 9; step <= 20; ++step) values.push_back(step / 4.0);
  return above(ratio, values);
}

// How long the last stage must be. Earlier ones are left for power, which weights provide, not patience.
std::optional<Duration> longer_stage(const Scenario& scenario, int stage, unsigned threads) {
  if (stage + 1 != static_cast<int>(scenario.stages.size())) return std::nullopt;
  Scenario longer = with_ratio(scenario, 0, 1.0);
  const std::int64_t more = std::int64_t{scenario.stages.back().most} * (kLongestStage - 1);
  longer.stages.back().most += static_cast<int>(std::min<std::int64_t>(more, 1'000'000));
  longer.looks += static_cast<int>(std::min<std::int64_t>(more, 1'000'000));
  std::vector<int> spent;
  for (const RunResult& run : journeys(longer, threads)) {
    spent.push_back(run.ending == Ending::Promoted ? run.looks_in_stage : 0);
  }
  const Times times = times_of(std::move(spent), longer.looks);
  return duration_of(times.p90, scenario.analysis.interval, stage == 0 ? scenario.analysis.warmup : Duration(0));
}

// The guardrail whose proof takes longest at the last weight.
std::size_t slowest(const Plan& plan) {
  const auto wait = [](const GuardrailPlan& guardrail) {
    return guardrail.steps.back().non_inferior.looks.median.value_or(1e18);
  };
  const auto found = std::max_element(plan.guardrails.begin(), plan.guardrails.end(),
                                      [&](const auto& a, const auto& b) { return wait(a) < wait(b); });
  return static_cast<std::size_t>(found - plan.guardrails.begin());
}

Remedies remedies(const Scenario& scenario, const Plan& plan, unsigned threads) {
  Remedies out;
  const std::size_t guardrail = slowest(plan);
  const api::MetricSpec& metric = scenario.analysis.metrics[guardrail];
  out.guardrail = metric.name;
  out.least_weight = first_fitting(weights_above(scenario), scenario, threads, raise_weights);
  out.margin_ratio = first_fitting(
      ratios_above(metric.margin.ratio), scenario, threads,
      [guardrail](Scenario& s, double value) { s.analysis.metrics[guardrail].margin.ratio = value; });
  out.or_below = first_fitting(
      above(metric.margin.or_below, {0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1}), scenario,
      threads, [guardrail](Scenario& s, double value) { s.analysis.metrics[guardrail].margin.or_below = value; });
  out.max_duration = longer_stage(scenario, plan.tight_stage, threads);
  return out;
}

int tight_stage(const Scenario& scenario, const std::vector<RunResult>& runs) {
  std::vector<int> ran_out(scenario.stages.size());
  for (const RunResult& run : runs) {
    if (run.ending == Ending::Inconclusive) ++ran_out[static_cast<std::size_t>(run.stage)];
  }
  return static_cast<int>(std::max_element(ran_out.begin(), ran_out.end()) - ran_out.begin());
}

}  // namespace

Waiting waiting(const Scenario& scenario, std::size_t guardrail, double weight, Quarry quarry, unsigned threads) {
  Scenario one = alone(scenario, guardrail, weight, quarry);
  const double expected = expected_looks(one, quarry);
  if (!std::isfinite(expected)) return {};
  const double merged = std::max(1.0, std::floor(expected / kMergedLooks));
  const double scale_of_wait = std::max(1.0, expected / merged);
  one.analysis.interval = scenario.analysis.interval * static_cast<std::int64_t>(merged);
  one.runs = static_cast<int>(std::clamp(30'000.0 / scale_of_wait, 600.0, 4000.0));
  one.looks = 30 + static_cast<int>(4.0 * scale_of_wait);
  for (int attempt = 0;; ++attempt) {
    const std::vector<RunResult> runs = simulate(one, threads);
    std::vector<int> looks;
    int by_ceiling = 0;
    for (const RunResult& run : runs) {
      looks.push_back(quarry == Quarry::Harm ? run.rolled_back : run.promoted);
      by_ceiling += run.by_ceiling ? 1 : 0;
    }
    Waiting out{times_of(std::move(looks), one.looks), 2 * by_ceiling > one.runs};
    scale(out.looks, merged);
    if (out.looks.p90 || attempt == 2) return out;
    one.looks *= 4;
  }
}

Plan plan(const Scenario& scenario, unsigned threads) {
  Plan out;
  for (std::size_t i = 0; i < scenario.truths.size(); ++i) {
    GuardrailPlan guardrail;
    guardrail.name = scenario.analysis.metrics[i].name;
    guardrail.base_rate = scenario.truths[i].base_rate;
    for (const Step& step : scenario.steps) {
      guardrail.steps.push_back({step.weight, step.stage, waiting(scenario, i, step.weight, Quarry::Harm, threads),
                                 waiting(scenario, i, step.weight, Quarry::NonInferiority, threads)});
    }
    const Scenario doubled = with_ratio(scenario, i, kDoubled);
    guardrail.doubled_in_rollout = summarise(doubled, journeys(doubled, threads)).outcome_roll_back;
    out.guardrails.push_back(std::move(guardrail));
  }
  out.goals = plan_goals(scenario, threads);
  const std::vector<RunResult> equal = journeys(with_ratio(scenario, 0, 1.0), threads);
  out.promotion = summarise(scenario, equal).outcome_promotion;
  out.fits = out.promotion.share >= kEnough;
  if (!out.fits) {
    out.tight_stage = tight_stage(scenario, equal);
    out.remedies = remedies(scenario, out, threads);
  }
  return out;
}

}  // namespace sluice::forecast
