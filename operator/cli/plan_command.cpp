#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/flags.h"
#include "cli/command.h"
#include "cli/manifest.h"
#include "cli/plan_view.h"
#include "cli/simulate_flags.h"

namespace sluice::cli {
namespace {

struct PlanFlags {
  std::string file;
  std::string rps;
  std::vector<std::string> base_rate, improvement, variation;
  std::string dispersion = "1";
  int history = 30;
  std::uint64_t seed = 7;
  int threads = 0;
  std::string output = "table";
};

// The name of a guardrail or goal that no --base-rate speaks of; empty: all are known. One without a name is of
// guardrails, which are as rare as errors; goals are not.
std::string unknown_base_rate(const PlanFlags& flags, const forecast::Scenario& scenario) {
  const auto known = [&](const std::string& metric, bool unnamed) {
    return std::any_of(flags.base_rate.begin(), flags.base_rate.end(), [&](const std::string& text) {
      const std::string name = split_name(text).name;
      return name.empty() ? unnamed : name == metric;
    });
  };
  for (const api::MetricSpec& metric : scenario.analysis.metrics) {
    if (!known(metric.name, true)) return metric.name;
  }
  for (const forecast::Goal& goal : scenario.goals) {
    if (!goal.is_mean() && !known(goal.metric.name, false)) return goal.metric.name;
  }
  return "";
}

Result<forecast::Scenario> scenario_of(const PlanFlags& flags, const api::Spec& spec) {
  auto scenario = forecast::scenario_of(spec);
  if (!scenario) return Error{ErrorCode::Invalid, flags.file + ": " + scenario.error().message, {}};
  const std::string unknown = unknown_base_rate(flags, *scenario);
  if (!unknown.empty()) {
    return Error{ErrorCode::Invalid, "--base-rate: say it for \"" + unknown + "\" too, as in " + unknown + "=1%", {}};
  }
  scenario->requests_per_second = value_of_decimal(flags.rps);
  scenario->dispersion = value_of_decimal(flags.dispersion);
  scenario->history = flags.history;
  scenario->seed = flags.seed;
  const auto base_rates = set_goals(flags.base_rate, flags.improvement, flags.variation, *scenario);
  if (!base_rates) return base_rates.error();
  const Outcome set = set_truths("--base-rate", *base_rates, value_of_percentage, false,
                                 &forecast::Truth::base_rate, *scenario);
  if (!set) return set.error();
  for (forecast::Truth& truth : scenario->truths) {
    truth.base_rate_end = truth.base_rate;
    if (truth.base_rate > 0.5) {
      return Error{ErrorCode::Invalid, "--base-rate: above 50% it cannot double", {}};
    }
  }
  const Outcome sound = forecast::check(*scenario);
  if (!sound) return sound.error();
  return scenario;
}

int plan(const PlanFlags& flags) {
  const auto fail = [](const Error& error) {
    std::cerr << "sluice: " << error.message << "\n";
    return 2;
  };
  const auto rollout = read_manifest(flags.file);
  if (!rollout) return fail(rollout.error());
  const auto scenario = scenario_of(flags, rollout->spec);
  if (!scenario) return fail(scenario.error());
  std::vector<std::string> stage_names;
  for (const api::StageSpec& stage : rollout->spec.stages) stage_names.push_back(stage.name);
  const forecast::Plan answer = forecast::plan(*scenario, static_cast<unsigned>(flags.threads));
  if (flags.output == "json") {
    std::cout << forecast::to_json(answer, *scenario, stage_names).dump(2) << "\n";
  } else {
    const bool colour = isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
    std::cout << plan_view(answer, *scenario, stage_names, colour);
  }
  return 0;
}

}  // namespace

Command add_plan(CLI::App& program) {
  CLI::App& command = *program.add_subcommand(
      "plan",
      "Tell before a rollout how long it will take to find harm, to prove that there is none, and to show goals better");
  auto flags = std::make_shared<PlanFlags>();
  command.add_option("-f,--file", flags->file, "The Rollout (- is the standard input)")->required();
  command.add_option("--rps", flags->rps, "Requests a second, of both revisions together")
      ->check(decimal())->required();
  command.add_option("--base-rate", flags->base_rate,
                     "Stable's share of events, of all guardrails or of NAME; of goals by name")
      ->check(named_percentage())->required();
  add_goal_flags(command, flags->improvement, flags->variation);
  command.add_option("--dispersion", flags->dispersion, "Variance of a look's events over that of independent ones")
      ->check(decimal())->capture_default_str();
  command.add_option("--history", flags->history, "Looks of stable's past that are read first")
      ->check(CLI::Range(0, 100'000))->capture_default_str();
  command.add_option("--seed", flags->seed, "Of the simulation behind the answer")
      ->check(seed())->capture_default_str();
  command.add_option("--threads", flags->threads, "0: one a core")->check(CLI::Range(0, 1024))->capture_default_str();
  command.add_option("-o,--output", flags->output, "table or json")
      ->check(CLI::IsMember({"table", "json"}))->capture_default_str();
  return {&command, [flags] { return plan(*flags); }};
}

}  // namespace sluice::cli
