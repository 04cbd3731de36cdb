#include "cli/simulate_flags.h"

#include <charconv>

#include "api/types.h"
#include "cli/flags.h"
#include "cli/manifest.h"

namespace sluice::cli {
namespace {

using forecast::Scenario;
using forecast::Truth;

Error invalid(const std::string& message) { return Error{ErrorCode::Invalid, message, {}}; }

// "errors", "guardrail-2", ...: a rollout of counters as the flags describe it.
api::AnalysisSpec analysis_without_manifest(const SimulateFlags& flags) {
  api::AnalysisSpec analysis;
  analysis.interval = seconds(60);
  const int guardrails = flags.guardrails > 0 ? flags.guardrails : 1;
  for (int i = 1; i <= guardrails; ++i) {
    api::MetricSpec metric;
    metric.name = i == 1 ? "errors" : "guardrail-" + std::to_string(i);
    analysis.metrics.push_back(metric);
  }
  return analysis;
}

void override_analysis(const SimulateFlags& flags, api::AnalysisSpec& analysis) {
  if (!flags.interval.empty()) analysis.interval = value_of_duration(flags.interval);
  if (!flags.false_rollback.empty()) analysis.false_rollback = value_of_percentage(flags.false_rollback);
  if (!flags.false_promotion.empty()) analysis.false_promotion = value_of_percentage(flags.false_promotion);
  if (!flags.catastrophic_effect.empty()) {
    analysis.catastrophic_effect = value_of_decimal(flags.catastrophic_effect);
  }
  for (api::MetricSpec& metric : analysis.metrics) {
    if (metric.role == api::MetricRole::Goal) continue;
    if (!flags.margin.empty()) metric.margin.ratio = value_of_decimal(flags.margin);
    if (!flags.or_below.empty()) metric.margin.or_below = value_of_percentage(flags.or_below);
    if (!flags.ceiling.empty()) metric.ceiling = value_of_percentage(flags.ceiling);
  }
}

// --weight or --ramp instead of the stages of the manifest: one stage as long as the horizon.
void override_steps(const SimulateFlags& flags, Scenario& scenario) {
  if (flags.looks > 0) scenario.looks = flags.looks;
  if (!flags.weight.empty() || !flags.ramp.empty()) {
    scenario.steps.clear();
    for (const double weight : value_of_percentages(flags.ramp.empty() ? flags.weight : flags.ramp)) {
      forecast::Step step;
      step.weight = weight;
      scenario.steps.push_back(step);
    }
    scenario.stages = {{.most = scenario.looks}};
  }
  if (flags.min_looks > 0) {
    for (forecast::Step& step : scenario.steps) step.min_looks = flags.min_looks;
  }
}

Result<Scenario> scenario_before_truth(const SimulateFlags& flags) {
  if (flags.file.empty()) {
    Scenario scenario;
    scenario.analysis = analysis_without_manifest(flags);
    override_analysis(flags, scenario.analysis);
    scenario.thresholds = forecast::thresholds_of(scenario.analysis);
    scenario.truths.resize(scenario.analysis.metrics.size());
    scenario.steps = {forecast::Step{}};
    scenario.stages = {{.most = flags.looks > 0 ? flags.looks : scenario.looks}};
    override_steps(flags, scenario);
    return scenario;
  }
  if (flags.guardrails > 0) return invalid("--guardrails: the manifest names them; leave one of the two out");
  auto rollout = read_manifest(flags.file);
  if (!rollout) return rollout.error();
  override_analysis(flags, rollout->spec.analysis);
  auto scenario = forecast::scenario_of(rollout->spec);
  if (!scenario) return invalid(flags.file + ": " + scenario.error().message);
  override_steps(flags, *scenario);
  return scenario;
}

Outcome set_pods(const std::string& text, Scenario& scenario) {
  const auto comma = text.find(',');
  const auto read = [](std::string_view part, int& out) {
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), out);
    return error == std::errc() && end == part.data() + part.size();
  };
  const std::string_view view = text;
  if (comma == std::string::npos || !read(view.substr(0, comma), scenario.candidate_pods) ||
      !read(view.substr(comma + 1), scenario.stable_pods)) {
    return invalid("--pods: \"" + text + "\" is not a pair of numbers: write 1,9 (candidate's, stable's)");
  }
  return Ok{};
}

// Puts values into the `field` of goals, those without a name into all of them; returns the texts that meant none.
std::vector<std::string> set_some(const std::vector<std::string>& texts, double (*value_of)(const std::string&),
                                  bool unnamed, bool means_only, double forecast::Goal::*field, Scenario& scenario) {
  std::vector<std::string> others;
  for (const std::string& text : texts) {
    const NamedText named = split_name(text);
    bool found = false;
    for (forecast::Goal& goal : scenario.goals) {
      const bool meant = named.name.empty() ? unnamed : named.name == goal.metric.name;
      if (!meant || (means_only && !goal.is_mean())) continue;
      goal.*field = value_of(named.value);
      found = true;
    }
    if (!found) others.push_back(text);
  }
  return others;
}

Outcome set_world(const SimulateFlags& flags, Scenario& scenario) {
  scenario.requests_per_second = value_of_decimal(flags.rps);
  scenario.dispersion = value_of_decimal(flags.dispersion);
  scenario.history = flags.history;
  scenario.fixed_dispersion = 0.0;
  if (flags.phi != "auto") {
    scenario.fixed_dispersion = value_of_decimal(flags.phi);
    if (scenario.fixed_dispersion < 1.0) return invalid("--phi: must be auto, or 1 or more");
  }
  scenario.pod_effect = value_of_percentage(flags.pod_effect);
  scenario.questions.oracle = flags.oracle;
  scenario.runs = flags.runs;
  scenario.seed = flags.seed;
  const auto base_rates = set_goals(flags.base_rate, flags.improvement, flags.variation, scenario);
  if (!base_rates) return base_rates.error();
  Outcome set =
      set_truths("--base-rate", *base_rates, value_of_percentage, false, &Truth::base_rate, scenario);
  if (!set) return set;
  for (Truth& truth : scenario.truths) truth.base_rate_end = truth.base_rate;
  set = set_truths("--base-rate-end", flags.base_rate_end, value_of_percentage, false, &Truth::base_rate_end,
                   scenario);
  if (!set) return set;
  set = set_truths("--ratio", flags.ratio, value_of_decimal, true, &Truth::ratio, scenario);
  if (!set) return set;
  return set_pods(flags.pods, scenario);
}

void add_world_flags(CLI::App& command, SimulateFlags& flags) {
  command.add_option("--base-rate", flags.base_rate,
                     "Stable's share of events, of all guardrails or of NAME; 1%, of a goal 10%")
      ->check(named_percentage())->group("The world");
  command.add_option("--base-rate-end", flags.base_rate_end, "The same at the last look: it drifts on the way there")
      ->check(named_percentage())->group("The world");
  command.add_option("--ratio", flags.ratio,
                     "The candidate's rate over stable's, of the first guardrail or of NAME; 1.0")
      ->check(named_decimal())->group("The world");
  add_goal_flags(command, flags.improvement, flags.variation);
  command.add_option("--rps", flags.rps, "Requests a second, of both revisions together")
      ->check(decimal())->capture_default_str()->group("The world");
  command.add_option("--dispersion", flags.dispersion,
                     "Variance of a look's events over that of independent ones, in both arms (beta-binomial)")
      ->check(decimal())->capture_default_str()->group("The world");
  command.add_option("--pod-effect", flags.pod_effect, "Standard deviation of the pods' rates (lognormal)")
      ->check(percentage())->capture_default_str()->group("The world");
  command.add_option("--pods", flags.pods, "Pods of the candidate and of stable, for --pod-effect")
      ->capture_default_str()->group("The world");
}

void add_rollout_flags(CLI::App& command, SimulateFlags& flags) {
  const char* group = "The rollout";
  command.add_option("-f,--file", flags.file, "Take it from the Rollout in this file (- is the standard input)")
      ->group(group);
  auto* weight = command.add_option("--weight", flags.weight, "Share of the traffic for the candidate; 10%")
                     ->check(percentage())->group(group);
  command.add_option("--ramp", flags.ramp, "Several weights, spread evenly over the looks")
      ->check(percentages())->excludes(weight)->group(group);
  command.add_option("--looks", flags.looks, "How many looks are taken; 100, or as long as the stages may last")
      ->check(CLI::Range(1, 100'000))->group(group);
  command.add_option("--interval", flags.interval, "How long one look is; 60s")->check(duration())->group(group);
  command.add_option("--min-looks", flags.min_looks, "Looks at each weight before it is left; 5")
      ->check(CLI::Range(1, 100'000))->group(group);
  command.add_option("--guardrails", flags.guardrails, "How many independent guardrails there are; 1")
      ->check(CLI::Range(1, 1000))->group(group);
  command.add_option("--margin", flags.margin, "Non-inferior is a rate below this many times stable's; 1.5")
      ->check(decimal())->group(group);
  command.add_option("--or-below", flags.or_below, "... or below this share, whatever stable does; 0.1%")
      ->check(percentage())->group(group);
  command.add_option("--ceiling", flags.ceiling, "Roll back above this share, whatever stable does; none")
      ->check(percentage())->group(group);
  command.add_option("--false-rollback", flags.false_rollback, "Error budget of roll-backs; 5%")
      ->check(percentage())->group(group);
  command.add_option("--false-promotion", flags.false_promotion, "Error budget of promotions; 5%")
      ->check(percentage())->group(group);
  command.add_option("--catastrophic-effect", flags.catastrophic_effect,
                     "The ratio that a step needs 80 % power to see before it is left; 3")
      ->check(decimal())->group(group);
  command.add_option("--history", flags.history, "Looks of stable's past that are read first, for the dispersion")
      ->check(CLI::Range(0, 100'000))->capture_default_str()->group(group);
  command.add_option("--phi", flags.phi, "Dispersion that the engine assumes: auto estimates it")
      ->check(CLI::IsMember({"auto"}) | decimal())->capture_default_str()->group(group);
}

}  // namespace

void add_flags(CLI::App& command, SimulateFlags& flags) {
  add_rollout_flags(command, flags);
  add_world_flags(command, flags);
  command.add_flag("--oracle", flags.oracle, "Run Wald's test beside it, which is told the true ratio");
  command.add_option("--runs", flags.runs, "How many rollouts are simulated")
      ->check(CLI::Range(1, 1'000'000))->capture_default_str();
  command.add_option("--seed", flags.seed, "The same seed gives the same bytes")
      ->check(seed())->capture_default_str();
  command.add_option("--threads", flags.threads, "0: one a core")->check(CLI::Range(0, 1024))->capture_default_str();
  command.add_option("-o,--output", flags.output, "table or json")
      ->check(CLI::IsMember({"table", "json"}))->capture_default_str();
  command.add_option("--svg", flags.svg,
                     "Write a plot of the evidence of a good, an equal and a bad candidate to this file (- is the "
                     "standard output, instead of the simulation's answer)");
}

Outcome set_truths(const char* flag, const std::vector<std::string>& texts,
                   double (*value_of)(const std::string&), bool first_only, double Truth::*field,
                   Scenario& scenario) {
  for (const std::string& text : texts) {
    const NamedText named = split_name(text);
    const double value = value_of(named.value);
    bool found = false;
    for (std::size_t i = 0; i < scenario.truths.size(); ++i) {
      const bool meant = named.name.empty() ? !first_only || i == 0 : named.name == scenario.analysis.metrics[i].name;
      if (!meant) continue;
      scenario.truths[i].*field = value;
      found = true;
    }
    if (!found) return invalid(std::string(flag) + ": there is no guardrail \"" + named.name + "\"");
  }
  return Ok{};
}

Result<std::vector<std::string>> set_goals(const std::vector<std::string>& base_rate,
                                           const std::vector<std::string>& improvement,
                                           const std::vector<std::string>& variation, Scenario& scenario) {
  using forecast::Goal;
  const auto not_better = set_some(improvement, value_of_percentage, true, false, &Goal::improvement, scenario);
  if (!not_better.empty()) return invalid("--improvement: there is no goal for " + not_better.front());
  const auto not_varied = set_some(variation, value_of_decimal, true, true, &Goal::variation, scenario);
  if (!not_varied.empty()) return invalid("--variation: there is no goal with a mean for " + not_varied.front());
  return set_some(base_rate, value_of_percentage, false, false, &Goal::base_rate, scenario);
}

void add_goal_flags(CLI::App& command, std::vector<std::string>& improvement, std::vector<std::string>& variation) {
  command.add_option("--improvement", improvement,
                     "How much better the candidate's goals are, of stable's share or mean, all of them or NAME; 10%")
      ->check(named_percentage())->group("The world");
  command.add_option("--variation", variation,
                     "Of goals that are means: the standard deviation of one observation over stable's mean; 1")
      ->check(named_decimal())->group("The world");
}

Result<Scenario> scenario_of(const SimulateFlags& flags) {
  auto scenario = scenario_before_truth(flags);
  if (!scenario) return scenario;
  if (const Outcome outcome = set_world(flags, *scenario); !outcome) return outcome.error();
  if (const Outcome outcome = forecast::check(*scenario); !outcome) return outcome.error();
  return scenario;
}

}  // namespace sluice::cli
