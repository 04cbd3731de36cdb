// The plan as JSON: looks and the same as durations.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "api/numbers.h"
#include "forecast/plan.h"

namespace sluice::forecast {
namespace {

using Json = nlohmann::ordered_json;

Json text(const std::optional<Duration>& duration) {
  return duration ? Json(format_duration(*duration)) : Json(nullptr);
}

// `before`: what passes before the first look.
Json waiting_json(const Times& times, Duration interval, Duration before = Duration(0)) {
  const Json looks = to_json(times);
  return {{"looks", {{"median", looks["median"]}, {"p90", looks["p90"]}}},
          {"time",
           {{"median", text(duration_of(times.median, interval, before))},
            {"p90", text(duration_of(times.p90, interval, before))}}}};
}

Json guardrail_json(const GuardrailPlan& guardrail, const Scenario& scenario, std::size_t index,
                    const std::vector<std::string>& stage_names) {
  const Duration interval = scenario.analysis.interval;
  const api::Margin& margin = scenario.analysis.metrics[index].margin;
  Json out;
  out["name"] = guardrail.name;
  out["baseRate"] = api::percent_text(guardrail.base_rate);
  out["margin"] = {{"ratio", api::ratio_text(margin.ratio)}, {"orBelow", api::percent_text(margin.or_below)}};
  for (const StepPlan& step : guardrail.steps) {
    Json entry;
    entry["stage"] = stage_names[static_cast<std::size_t>(step.stage)];
    entry["weight"] = api::percent_text(step.weight);
    entry["doubled"] = waiting_json(step.doubled.looks, interval);
    entry["nonInferior"] = waiting_json(step.non_inferior.looks, interval);
    entry["nonInferior"]["limb"] = step.non_inferior.by_ceiling ? "orBelow" : "ratio";
    out["steps"].push_back(entry);
  }
  out["doubledInRollout"] = waiting_json(guardrail.doubled_in_rollout, interval, scenario.analysis.warmup);
  out["doubledInRollout"]["rolledBack"] = guardrail.doubled_in_rollout.share;
  return out;
}

Json goal_json(const GoalPlan& plan, const Scenario& scenario, const std::vector<std::string>& stage_names) {
  const auto goal = std::find_if(scenario.goals.begin(), scenario.goals.end(),
                                 [&](const Goal& one) { return one.metric.name == plan.name; });
  Json out;
  out["name"] = plan.name;
  out["stage"] = stage_names[static_cast<std::size_t>(plan.stage)];
  out["weight"] = api::percent_text(plan.weight);
  if (goal->is_mean()) {
    out["variation"] = api::ratio_text(goal->variation);
  } else {
    out["baseRate"] = api::percent_text(goal->base_rate);
  }
  out["improvement"] = api::percent_text(goal->improvement);
  out["superior"] = waiting_json(plan.looks, scenario.analysis.interval);
  out["leastImprovement"] = plan.least_improvement ? Json(api::percent_text(*plan.least_improvement)) : Json(nullptr);
  return out;
}

Json remedies_json(const Remedies& remedies) {
  const auto shown = [](const std::optional<double>& value, std::string (*of)(double)) {
    return value ? Json(of(*value)) : Json(nullptr);
  };
  Json out;
  out["leastWeight"] = shown(remedies.least_weight, api::percent_text);
  out["guardrail"] = remedies.guardrail;
  out["marginRatio"] = shown(remedies.margin_ratio, api::ratio_text);
  out["orBelow"] = shown(remedies.or_below, api::percent_text);
  out["maxDuration"] = text(remedies.max_duration);
  return out;
}

}  // namespace

std::optional<Duration> duration_of(const std::optional<double>& looks, Duration interval, Duration before) {
  if (!looks) return std::nullopt;
  return before + Duration(std::llround(*looks * static_cast<double>(interval.count())));
}

Json to_json(const Plan& plan, const Scenario& scenario, const std::vector<std::string>& stage_names) {
  const Duration interval = scenario.analysis.interval;
  Json out;
  out["interval"] = format_duration(interval);
  out["requestsPerSecond"] = scenario.requests_per_second;
  for (std::size_t i = 0; i < plan.guardrails.size(); ++i) {
    out["guardrails"].push_back(guardrail_json(plan.guardrails[i], scenario, i, stage_names));
  }
  for (const GoalPlan& goal : plan.goals) out["goals"].push_back(goal_json(goal, scenario, stage_names));
  out["rollout"] = waiting_json(plan.promotion, interval, scenario.analysis.warmup);
  out["rollout"]["promoted"] = plan.promotion.share;
  out["rollout"]["fits"] = plan.fits;
  if (!plan.fits) {
    out["rollout"]["tightStage"] = stage_names[static_cast<std::size_t>(plan.tight_stage)];
    out["remedies"] = remedies_json(plan.remedies);
  }
  return out;
}

}  // namespace sluice::forecast
