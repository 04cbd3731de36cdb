#include "forecast/trial.h"

#include <algorithm>
#include <cmath>

#include "rollout/evidence.h"
#include "stats/log_space.h"

namespace sluice::forecast {
namespace {

// Streams of random numbers within one run and one guardrail; trials use their purpose, from 1.
constexpr std::uint64_t kPast = 0;

// The mean over `pods` of lognormal factors of mean 1.
double arm_factor(Random& random, int pods, double effect) {
  if (effect <= 0.0) return 1.0;
  double sum = 0.0;
  for (int pod = 0; pod < pods; ++pod) sum += std::exp(effect * random.normal() - 0.5 * effect * effect);
  return sum / pods;
}

}  // namespace

Oracle::Oracle(double true_ratio, double null_ratio, double dispersion)
    : true_ratio_(true_ratio), null_ratio_(null_ratio), dispersion_(dispersion) {}

void Oracle::add(const stats::Block& block) {
  if (!stats::informs_ratio(block)) return;
  // (1 - pi(r_0)) / (1 - pi(r_1)) of the block, in which both the exposures and the base rate are gone.
  const double common = std::log((block.candidate_exposure * true_ratio_ + block.stable_exposure) /
                                 (block.candidate_exposure * null_ratio_ + block.stable_exposure));
  if (block.candidate_events > 0.0) {
    sum_ += block.candidate_events * std::log(true_ratio_ / null_ratio_) / dispersion_;
  }
  sum_ -= (block.candidate_events + block.stable_events) * common / dispersion_;
}

Trial::Trial(const Scenario& scenario, std::uint64_t run, std::uint64_t purpose)
    : scenario_(&scenario), traffic_(scenario) {
  guardrails_.reserve(scenario.truths.size());
  for (std::size_t i = 0; i < scenario.truths.size(); ++i) {
    guardrails_.push_back(make(i, run, purpose));
    summaries_.emplace_back().name = scenario.analysis.metrics[i].name;
    summaries_.back().power = 1.0;
  }
  unharmed_ = summaries_;
  goals_.reserve(scenario.goals.size());
  for (std::size_t i = 0; i < scenario.goals.size(); ++i) {
    const std::uint64_t stream = scenario.truths.size() + i;
    Random before(scenario.seed, run, stream, kPast);
    goals_.emplace_back(scenario, scenario.goals[i], before, Random(scenario.seed, run, stream, purpose));
  }
}

Trial::Guardrail Trial::make(std::size_t index, std::uint64_t run, std::uint64_t purpose) const {
  const Scenario& s = *scenario_;
  const Truth& truth = s.truths[index];
  const api::MetricSpec& metric = s.analysis.metrics[index];
  Random before(s.seed, run, index, kPast);
  const double stable = arm_factor(before, s.stable_pods, s.pod_effect);
  const double candidate = arm_factor(before, s.candidate_pods, s.pod_effect);
  const double past = read_past(s, before, std::min(1.0, truth.base_rate * stable));
  stats::GuardrailParameters parameters = rollout::parameters_of(metric, past);
  parameters.fixed_dispersion = s.fixed_dispersion;
  return {Random(s.seed, run, index, purpose),
          candidate,
          stable,
          stats::MetricEvidence(parameters, std::span(&past, 1)),
          Oracle(truth.ratio, metric.harm.ratio, s.dispersion),
          Oracle(truth.ratio, metric.margin.ratio, s.dispersion)};
}

stats::Block Trial::draw(std::size_t index, const Requests& requests) {
  const Scenario& s = *scenario_;
  const Truth& truth = s.truths[index];
  Guardrail& guardrail = guardrails_[index];
  const double base = base_rate_at(truth, looks_, s.looks);
  const double stable = std::min(1.0, base * guardrail.stable_factor);
  const double candidate = std::min(1.0, base * truth.ratio * guardrail.candidate_factor);
  const std::int64_t events = guardrail.random.beta_binomial(requests.candidate, candidate, s.dispersion);
  const std::int64_t others = guardrail.random.beta_binomial(requests.stable, stable, s.dispersion);
  return {static_cast<double>(events), static_cast<double>(others), static_cast<double>(requests.candidate),
          static_cast<double>(requests.stable)};
}

void Trial::ask_oracle(Guardrail& guardrail, const Truth& truth, const stats::Block& block) {
  const rollout::Thresholds& limits = scenario_->thresholds;
  const stats::GuardrailParameters& parameters = guardrail.evidence.part(0).parameters();
  if (truth.ratio > parameters.harm_ratio) {
    guardrail.harm.add(block);
    if (guardrail.harm.log_likelihood_ratio() >= limits.harm) oracle_rolls_back_ = true;
  }
  if (truth.ratio < parameters.margin_ratio) {
    guardrail.non_inferior.add(block);
    if (guardrail.non_inferior.log_likelihood_ratio() >= limits.non_inferior) guardrail.oracle_proven = true;
  }
}

void Trial::look(double weight, bool ab_test) {
  const Requests requests = traffic_.next(weight);
  bool all_proven = true;
  for (std::size_t i = 0; i < guardrails_.size(); ++i) {
    Guardrail& guardrail = guardrails_[i];
    const stats::Block block = draw(i, requests);
    guardrail.evidence.add(std::span(&block, 1));
    rollout::summarise(guardrail.evidence, scenario_->analysis, scenario_->thresholds, summaries_[i]);
    if (!scenario_->questions.oracle) continue;
    ask_oracle(guardrail, scenario_->truths[i], block);
    all_proven = all_proven && guardrail.oracle_proven;
  }
  for (GoalTrial& goal : goals_) {
    if (ab_test) goal.look(requests);
  }
  oracle_promotes_ = scenario_->questions.oracle && all_proven;
  ++looks_;
}

rollout::StepVerdict Trial::judged(const rollout::StepState& step, bool ab_test) const {
  if (!ab_test) return rollout::decide(summaries_, scenario_->thresholds, step);
  std::vector<rollout::GuardrailEvidenceSummary> goals;
  for (const GoalTrial& goal : goals_) goals.push_back(goal.summary());
  return rollout::decide_ab_test(summaries_, goals, scenario_->thresholds, scenario_->superior, step);
}

rollout::StepVerdict Trial::decide(const rollout::StepState& step, bool ab_test) {
  rollout::StepVerdict verdict = judged(step, ab_test);
  const bool turns_on_power =
      verdict.action == rollout::Action::Advance || verdict.action == rollout::Action::Promote;
  if (!turns_on_power) return verdict;
  for (std::size_t i = 0; i < guardrails_.size(); ++i) {
    summaries_[i].power =
        rollout::catastrophe_power(guardrails_[i].evidence, scenario_->analysis, scenario_->thresholds);
    if (summaries_[i].power < rollout::kRequiredPower) break;  // one is enough to wait
  }
  verdict = judged(step, ab_test);
  for (auto& summary : summaries_) summary.power = 1.0;
  return verdict;
}

bool Trial::proven_non_inferior() {
  for (std::size_t i = 0; i < summaries_.size(); ++i) {
    unharmed_[i].harm = summaries_[i].harm;  // by which the table tells whether an earlier proof still holds
    unharmed_[i].non_inferior = summaries_[i].non_inferior;
    unharmed_[i].non_inferior_peak = summaries_[i].non_inferior_peak;
    unharmed_[i].harm_peak = stats::log_zero;
    unharmed_[i].ceiling_peak = stats::log_zero;
  }
  rollout::StepState last;
  last.last_step = true;
  return rollout::decide(unharmed_, scenario_->thresholds, last).action == rollout::Action::Promote;
}

bool Trial::ceiling_carries() const {
  const auto weakest = std::min_element(guardrails_.begin(), guardrails_.end(), [](const auto& a, const auto& b) {
    return a.evidence.log_e_non_inferior() < b.evidence.log_e_non_inferior();
  });
  const stats::GuardrailEvidence& rate = weakest->evidence.part(0);
  return rate.log_e_below() > rate.log_e_non_inferior_ratio();
}

}  // namespace sluice::forecast
