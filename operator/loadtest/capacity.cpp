#include "loadtest/capacity.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "loadtest/phases.h"

namespace sluice::loadtest {
namespace {

using api::LoadCriterion;
using api::LoadMetric;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The criteria that say whether a step holds.
std::vector<LoadCriterion> objective_of(const std::vector<LoadCriterion>& criteria) {
  std::vector<LoadCriterion> out;
  for (const LoadCriterion& criterion : criteria) {
    const bool limited = criterion.metric == LoadMetric::Rate ? criterion.min.has_value() : criterion.max.has_value();
    const bool judged = criterion.metric == LoadMetric::ResponseTime || criterion.metric == LoadMetric::Failures ||
                        criterion.metric == LoadMetric::Rate;
    if (judged && limited) out.push_back(criterion);
  }
  if (!out.empty()) return out;
  LoadCriterion failures;
  failures.metric = LoadMetric::Failures;
  failures.max = 0.01;
  LoadCriterion rate;
  rate.metric = LoadMetric::Rate;
  rate.min = 0.95;
  return {failures, rate};
}

std::optional<Bounds> measure(const LoadCriterion& criterion, const Windows& windows, Risk risk) {
  if (criterion.metric == LoadMetric::ResponseTime) {
    return quantile_bounds(windows, criterion.quantile.value_or(0.95), risk);
  }
  return criterion.metric == LoadMetric::Failures ? failure_bounds(windows, risk) : reached_share(windows, risk);
}

struct StepVerdict {
  bool likely = true;  // by point estimates
  bool holds = true;
  bool broken = false;
};

StepVerdict judge_step(const std::vector<LoadCriterion>& objective, const Windows& windows, Risk sound, Risk harmed) {
  StepVerdict verdict;
  for (const LoadCriterion& criterion : objective) {
    const auto to_hold = measure(criterion, windows, sound);
    const auto to_break = measure(criterion, windows, harmed);
    if (!to_hold || !to_break) {
      verdict.holds = verdict.likely = false;
    } else if (criterion.metric == LoadMetric::Rate) {
      verdict.likely = verdict.likely && to_hold->value >= *criterion.min;
      verdict.holds = verdict.holds && to_hold->low >= *criterion.min;
      verdict.broken = verdict.broken || to_break->high < *criterion.min;
    } else {
      verdict.likely = verdict.likely && to_hold->value <= *criterion.max;
      verdict.holds = verdict.holds && to_hold->high <= *criterion.max;
      verdict.broken = verdict.broken || to_break->low > *criterion.max;
    }
  }
  return verdict;
}

struct Bad {
  double count;
  double total;
};

// Slow or failed. Which response times are those of failed requests is not known: quick ones are taken for theirs.
// Slow failures are then counted twice, which matters only where much is wrong anyway.
Bad bad_of(const LoadWindow& window, double slow) {
  double late = 0.0;
  double quick = 0.0;
  for (const ResponseTimes& entry : window.response_times) {
    (entry.seconds > slow ? late : quick) += static_cast<double>(entry.count);
  }
  const double failures = static_cast<double>(window.failures);
  return {late + std::min(failures, quick), static_cast<double>(window.requests)};
}

// Three windows together, the last three at the end: one odd request more in a small window is no relapse.
Bad three_from(const std::vector<Bad>& windows, std::size_t first) {
  const std::size_t begin = std::min(first, windows.size() - std::min<std::size_t>(3, windows.size()));
  Bad sum{0.0, 0.0};
  for (std::size_t i = begin; i < std::min(begin + 3, windows.size()); ++i) {
    sum = {sum.count + windows[i].count, sum.total + windows[i].total};
  }
  return sum;
}

// What recovery is measured against: the windows before the peak whose rate is next to that after it.
Windows like_after(const Phases& phases) {
  const double rate = phases.after.back().asked_rate;
  double nearest = kInfinity;
  for (const LoadWindow& window : phases.before) nearest = std::min(nearest, std::abs(window.asked_rate - rate));
  Windows out;
  for (const LoadWindow& window : phases.before) {
    if (std::abs(window.asked_rate - rate) <= nearest + 0.01 * rate) out.push_back(window);
  }
  return out;
}

}  // namespace

Knee knee_of(const std::vector<LoadCriterion>& criteria, const Windows& windows, Risk risk) {
  const std::vector<LoadCriterion> objective = objective_of(criteria);
  const Phases phases = phases_of(windows);
  std::vector<Windows> steps = plateaus_of(phases.before);
  if (!phases.peak.empty()) steps.push_back(phases.peak);
  std::sort(steps.begin(), steps.end(),
            [](const Windows& a, const Windows& b) { return a.front().asked_rate < b.front().asked_rate; });
  const double count = static_cast<double>(steps.size());
  const Risk sound{risk.low / count, risk.low / count};
  const double shared = risk.high / (count * static_cast<double>(objective.size()));
  Knee knee;
  bool likely = true;
  for (const Windows& step : steps) {
    const double rate = step.front().asked_rate;
    knee.highest = std::max(knee.highest, rate);
    if (knee.broken) continue;
    const StepVerdict verdict = judge_step(objective, step, sound, {shared, shared});
    likely = likely && verdict.likely;
    if (likely) knee.value = rate;
    if (verdict.broken) {
      knee.broken = rate;
    } else {
      knee.below_broken = step;
    }
    if (verdict.holds) {
      knee.held = rate;
      knee.at_held = step;
    }
  }
  return knee;
}

Recovery recovery_of(const Windows& windows, double quantile, Risk risk) {
  const Phases phases = phases_of(windows);
  if (phases.before.empty() || phases.after.empty()) return {};
  const Windows before = like_after(phases);
  const auto usual = quantile_of(histogram(before), quantile);
  if (!usual) return {};
  const double slow = 1.5 * *usual;
  Bad then{0.0, 0.0};
  for (const LoadWindow& window : before) {
    const Bad bad = bad_of(window, slow);
    then = {then.count + bad.count, then.total + bad.total};
  }
  if (then.total <= 0.0) return {};
  const double limit = std::min(0.5, 3.0 * std::max(1.0 - quantile, then.count / then.total));
  const double end = static_cast<double>(end_of(phases.peak.back()).count()) / 1000.0;
  const auto since = [&](Duration at) { return static_cast<double>(at.count()) / 1000.0 - end; };
  const double each = risk.low / static_cast<double>(phases.after.size());

  Recovery out{Bounds{kInfinity, 0.0, kInfinity}, since(end_of(phases.after.back()))};
  std::vector<Bad> each_bad;
  for (const LoadWindow& window : phases.after) each_bad.push_back(bad_of(window, slow));
  Bad rest{0.0, 0.0};  // of this window and all later ones
  bool like = true;
  for (std::size_t i = phases.after.size(); i-- > 0;) {
    const Bad& bad = each_bad[i];
    const double at = since(phases.after[i].at);
    rest = {rest.count + bad.count, rest.total + bad.total};
    if (bad.total > 0.0 && share_bounds(bad.count, bad.total, 1.0, {each, each}).low > limit) {
      out.bounds->low = std::max(out.bounds->low, at);
    }
    const Bad near = three_from(each_bad, i);
    like = like && near.total > 0.0 && near.count <= limit * near.total;
    if (like) out.bounds->value = at;
    if (like && share_bounds(rest.count, rest.total, 1.0, {risk.high, risk.high}).high <= limit) {
      out.bounds->high = at;
    }
  }
  return out;
}

}  // namespace sluice::loadtest
