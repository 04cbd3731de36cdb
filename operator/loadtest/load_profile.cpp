#include "loadtest/load_profile.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sluice::loadtest {
namespace {

using api::LoadCriterion;
using api::LoadMetric;
using api::LoadProfile;
using api::LoadStep;

// A part of a shape: for how long and how high, both as shares.
struct Part {
  double time;
  double rate;
};

std::vector<Part> shape_of(LoadProfile profile) {
  constexpr double sixth = 1.0 / 6.0;
  switch (profile) {
    case LoadProfile::Performance:
    case LoadProfile::Endurance:
    case LoadProfile::Volume: return {{1.0, 1.0}};
    case LoadProfile::Stress:
      return {{sixth, 0.2}, {sixth, 0.4}, {sixth, 0.6}, {sixth, 0.8}, {sixth, 1.0}, {sixth, 0.2}};
    case LoadProfile::Scalability: return {{0.25, 0.25}, {0.25, 0.5}, {0.25, 0.75}, {0.25, 1.0}};
    case LoadProfile::Spike: return {{0.4, 0.2}, {0.2, 1.0}, {0.4, 0.2}};
  }
  return {};
}

Duration usual_duration(LoadProfile profile) {
  switch (profile) {
    case LoadProfile::Performance:
    case LoadProfile::Volume:
    case LoadProfile::Spike: return minutes(5);
    case LoadProfile::Stress: return minutes(6);
    case LoadProfile::Endurance: return hours(1);
    case LoadProfile::Scalability: return minutes(8);
  }
  return minutes(5);
}

LoadCriterion at_most(LoadMetric metric, double max) {
  LoadCriterion criterion;
  criterion.metric = metric;
  criterion.max = max;
  return criterion;
}

LoadCriterion at_least(LoadMetric metric, double min) {
  LoadCriterion criterion;
  criterion.metric = metric;
  criterion.min = min;
  return criterion;
}

LoadCriterion at_most(LoadMetric metric, double quantile, double max) {
  LoadCriterion criterion = at_most(metric, max);
  criterion.quantile = quantile;
  return criterion;
}

}  // namespace

std::string_view profile_name(LoadProfile profile) {
  switch (profile) {
    case LoadProfile::Performance: return "Performance";
    case LoadProfile::Stress: return "Stress";
    case LoadProfile::Endurance: return "Endurance";
    case LoadProfile::Volume: return "Volume";
    case LoadProfile::Scalability: return "Scalability";
    case LoadProfile::Spike: return "Spike";
  }
  return "";
}

std::vector<LoadStep> load_steps(const api::LoadTestStage& stage) {
  if (!stage.steps.empty()) return stage.steps;
  if (!(stage.rate > 0.0)) return {};
  const Duration whole = stage.duration.count() > 0 ? stage.duration : usual_duration(stage.profile);
  std::vector<LoadStep> steps;
  double passed = 0.0;  // boundaries are rounded, not lengths, so that the lengths add up
  Duration begin{0};
  for (const Part& part : shape_of(stage.profile)) {
    passed += part.time;
    const Duration end(std::llround(passed * static_cast<double>(whole.count())));
    steps.push_back({end - begin, part.rate * stage.rate});
    begin = end;
  }
  return steps;
}

std::vector<LoadCriterion> load_criteria(const api::LoadTestStage& stage) {
  if (!stage.criteria.empty()) return stage.criteria;
  const double top = highest_rate(stage);
  const LoadCriterion answers = at_most(LoadMetric::ResponseTime, 0.95, 0.5);
  const LoadCriterion failures = at_most(LoadMetric::Failures, 0.01);
  const LoadCriterion rate = at_least(LoadMetric::Rate, 0.95);
  const LoadCriterion recovery = at_most(LoadMetric::Recovery, 30.0);
  const LoadCriterion restarts = at_most(LoadMetric::Restarts, 0.0);
  switch (stage.profile) {
    case LoadProfile::Performance: return {answers, failures, rate};
    case LoadProfile::Stress: return {answers, failures, at_least(LoadMetric::Knee, 0.8 * top), recovery};
    case LoadProfile::Endurance:
      return {failures, rate, at_most(LoadMetric::ResponseTimeGrowth, 0.5, 0.1),
              at_most(LoadMetric::MemoryGrowth, 0.1), restarts};
    case LoadProfile::Volume: return {at_most(LoadMetric::ResponseTime, 0.95, 1.0), failures, rate};
    case LoadProfile::Scalability: return {answers, failures, rate, at_least(LoadMetric::Knee, top)};
    case LoadProfile::Spike: return {at_most(LoadMetric::Failures, 0.05), recovery, restarts};
  }
  return {};
}

Duration load_duration(const api::LoadTestStage& stage) {
  const std::vector<LoadStep> steps = load_steps(stage);
  return std::accumulate(steps.begin(), steps.end(), Duration{0},
                         [](Duration sum, const LoadStep& step) { return sum + step.duration; });
}

double highest_rate(const api::LoadTestStage& stage) {
  double highest = 0.0;
  for (const LoadStep& step : load_steps(stage)) highest = std::max(highest, step.rate);
  return highest;
}

// A window never spans two steps, so each step adds at most one window to those that the whole time gives.
Duration window_length(const api::LoadTestStage& stage) {
  constexpr std::int64_t usual = 120;
  constexpr std::int64_t most = 240;
  const std::vector<LoadStep> steps = load_steps(stage);
  const auto whole = load_duration(stage).count();
  const auto boundaries = static_cast<std::int64_t>(steps.size());
  const auto pieces = [](std::int64_t time, std::int64_t count) {
    return (time + 1000 * count - 1) / (1000 * count);
  };
  std::int64_t length = std::max<std::int64_t>(1, pieces(whole, usual));
  for (const LoadStep& step : steps) {
    length = std::min(length, std::max<std::int64_t>(1, step.duration.count() / 1000));
  }
  return seconds(std::max(length, pieces(whole, std::max<std::int64_t>(1, most - boundaries))));
}

Duration warm_up(const api::LoadTestStage& stage) {
  return std::clamp<Duration>(load_duration(stage) / 20, seconds(2), seconds(30));
}

}  // namespace sluice::loadtest
