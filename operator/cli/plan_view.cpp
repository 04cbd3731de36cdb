#include "cli/plan_view.h"

#include <algorithm>

#include "api/numbers.h"
#include "cli/style.h"

namespace sluice::cli {
namespace {

using forecast::GuardrailPlan;
using forecast::Plan;
using forecast::Scenario;
using forecast::StepPlan;
using forecast::Times;

constexpr int kStage = 16;
constexpr int kColumn = 12;

std::string time_text(const std::optional<double>& looks, Duration interval, Duration before = Duration(0)) {
  const auto time = forecast::duration_of(looks, interval, before);
  return time ? humane(*time) : "-";
}

// "12m (9 of 10 within 20m)".
std::string times_text(const Times& times, Duration interval, Duration before) {
  std::string text = time_text(times.median, interval, before);
  if (times.p90) text += " (nine of ten within " + time_text(times.p90, interval, before) + ")";
  return text;
}

std::string margin_text(const api::Margin& margin) {
  std::string text = "below " + api::ratio_text(margin.ratio) + " times stable's rate";
  if (margin.or_below > 0) text += " or below " + api::percent_text(margin.or_below);
  return text;
}

std::string step_line(const StepPlan& step, const std::string& stage, Duration interval) {
  std::string line = "  " + padded(cut(stage, kStage - 1), kStage) + padded(api::percent_text(step.weight), 9);
  line += padded(time_text(step.doubled.looks.median, interval), kColumn);
  line += padded(time_text(step.doubled.looks.p90, interval), kColumn);
  line += padded(time_text(step.non_inferior.looks.median, interval), kColumn);
  line += padded(time_text(step.non_inferior.looks.p90, interval), kColumn);
  if (step.non_inferior.looks.median) line += step.non_inferior.by_ceiling ? "orBelow" : "ratio";
  return line + "\n";
}

std::string guardrail_text(const GuardrailPlan& guardrail, const api::MetricSpec& metric, const Scenario& scenario,
                           const std::vector<std::string>& stage_names, const Style& style) {
  const Duration interval = scenario.analysis.interval;
  std::string out = style(Colour::Bold, guardrail.name) + ": " + api::percent_text(guardrail.base_rate) +
                    " of events; must be " + margin_text(metric.margin) + "\n";
  out += "  " + padded("", kStage + 9) + padded("doubled rate found in", 2 * kColumn) + "equal one proven in\n";
  out += "  " + padded("stage", kStage) + padded("weight", 9);
  for (int i = 0; i < 2; ++i) out += padded("median", kColumn) + padded("p90", kColumn);
  out += "by\n";
  for (const StepPlan& step : guardrail.steps) {
    out += step_line(step, stage_names[static_cast<std::size_t>(step.stage)], interval);
  }
  const Times& doubled = guardrail.doubled_in_rollout;
  out += "  Going through the weights, a doubled rate is rolled back in " +
         api::percent_text(doubled.share) + " of all cases";
  if (doubled.median) out += ", after " + times_text(doubled, interval, scenario.analysis.warmup);
  return out + "\n\n";
}

// "orders: 10% of stable's requests; assumed to be better by 5%", and how long that takes to be shown.
std::string goals_text(const Plan& plan, const Scenario& scenario, const std::vector<std::string>& stage_names,
                       const Style& style) {
  const Duration interval = scenario.analysis.interval;
  std::string out;
  for (const forecast::GoalPlan& goal : plan.goals) {
    const auto truth = std::find_if(scenario.goals.begin(), scenario.goals.end(),
                                    [&](const forecast::Goal& one) { return one.metric.name == goal.name; });
    const auto stage = static_cast<std::size_t>(goal.stage);
    out += style(Colour::Bold, goal.name) + ": a goal, ";
    out += truth->is_mean() ? "a mean, single observations vary by " + api::ratio_text(truth->variation) + " times it"
                            : api::percent_text(truth->base_rate) + " of requests";
    out += "; assumed to be " + api::percent_text(truth->improvement) + " better\n  Shown in stage " +
           stage_names[stage] + " (" + api::percent_text(goal.weight) + ")";
    out += goal.looks.median ? " after " + times_text(goal.looks, interval, Duration(0))
                             : ": not within the practicable";
    const std::string limit = humane(interval * scenario.stages[stage].most);
    out += goal.least_improvement ? "\n  Nine of ten show an improvement of " +
                                        api::percent_text(*goal.least_improvement) + " within the stage's " + limit
                                  : "\n  Hardly any improvement is shown within the stage's " + limit;
    out += "\n\n";
  }
  return out;
}

std::string remedies_text(const Plan& plan, const std::vector<std::string>& stage_names) {
  const forecast::Remedies& remedies = plan.remedies;
  std::string out;
  if (remedies.least_weight) out += "  - no weight below " + api::percent_text(*remedies.least_weight) + "\n";
  if (remedies.margin_ratio) {
    out += "  - " + remedies.guardrail + ": margin.ratio " + api::ratio_text(*remedies.margin_ratio) + "\n";
  }
  if (remedies.or_below) {
    out += "  - " + remedies.guardrail + ": margin.orBelow " + api::percent_text(*remedies.or_below) + "\n";
  }
  if (remedies.max_duration) {
    out += "  - " + stage_names[static_cast<std::size_t>(plan.tight_stage)] + ": maxDuration " +
           format_duration(*remedies.max_duration) + "\n";
  }
  if (out.empty()) return "Nothing alone would make it fit; more traffic, or several changes together, would.\n";
  return "Each of these alone would make it fit:\n" + out;
}

}  // namespace

std::string plan_view(const Plan& plan, const Scenario& scenario, const std::vector<std::string>& stage_names,
                      bool colour) {
  const Style style(colour);
  std::string out = api::ratio_text(scenario.requests_per_second) + " requests/s, a look every " +
                    format_duration(scenario.analysis.interval) + "\n\n";
  for (std::size_t i = 0; i < plan.guardrails.size(); ++i) {
    out += guardrail_text(plan.guardrails[i], scenario.analysis.metrics[i], scenario, stage_names, style);
  }
  out += goals_text(plan, scenario, stage_names, style);
  out += plan.goals.empty() ? "A candidate that equals stable is promoted in "
                            : "A candidate that equals stable, and has better goals as assumed, is promoted in ";
  out += api::percent_text(plan.promotion.share) + " of all cases";
  if (plan.promotion.median) {
    out += ", after " + times_text(plan.promotion, scenario.analysis.interval, scenario.analysis.warmup);
  }
  out += ".\n";
  if (plan.fits) return out + style(Colour::Green, "It fits the time that the stages have.") + "\n";
  const std::string& tight = stage_names[static_cast<std::size_t>(plan.tight_stage)];
  out += style(Colour::Yellow, "It does not fit: the time of stage " + tight + " runs out too often.") + "\n";
  return out + remedies_text(plan, stage_names);
}

}  // namespace sluice::cli
