#include "loadtest/phases.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace sluice::loadtest {
namespace {

using api::LoadMetric;
using api::LoadProfile;

// Tools round what they ask for.
bool same_rate(double a, double b) { return std::abs(a - b) <= 0.01 * std::max(a, b); }

const api::LoadCriterion* find(const std::vector<api::LoadCriterion>& criteria, LoadMetric metric) {
  const auto found = std::find_if(criteria.begin(), criteria.end(),
                                  [&](const api::LoadCriterion& criterion) { return criterion.metric == metric; });
  return found == criteria.end() ? nullptr : &*found;
}

template <class Predicate>
Windows those(const Windows& windows, Predicate predicate) {
  Windows out;
  std::copy_if(windows.begin(), windows.end(), std::back_inserter(out), predicate);
  return out.empty() ? windows : out;
}

}  // namespace

Phases phases_of(const Windows& windows) {
  double highest = 0.0;
  for (const LoadWindow& window : windows) highest = std::max(highest, window.asked_rate);
  Phases phases;
  for (const LoadWindow& window : windows) {
    const bool high = same_rate(window.asked_rate, highest);
    if (high && !phases.after.empty()) break;
    Windows& phase = !phases.after.empty() ? phases.after
                     : high                ? phases.peak
                     : phases.peak.empty() ? phases.before
                                           : phases.after;
    phase.push_back(window);
  }
  return phases;
}

std::vector<Windows> plateaus_of(const Windows& windows) {
  std::vector<Windows> out;
  for (const LoadWindow& window : windows) {
    if (out.empty() || !same_rate(out.back().front().asked_rate, window.asked_rate)) out.emplace_back();
    out.back().push_back(window);
  }
  return out;
}

bool seeks_knee(const api::LoadTestStage& stage, const std::vector<api::LoadCriterion>& criteria) {
  return stage.profile == LoadProfile::Stress || stage.profile == LoadProfile::Scalability ||
         find(criteria, LoadMetric::Knee) != nullptr;
}

Windows scope_of(const api::LoadTestStage& stage, const std::vector<api::LoadCriterion>& criteria, LoadMetric metric,
                 const Windows& windows) {
  const Phases phases = phases_of(windows);
  if (seeks_knee(stage, criteria)) {
    Windows rising = phases.before;
    rising.insert(rising.end(), phases.peak.begin(), phases.peak.end());
    const api::LoadCriterion* knee = find(criteria, LoadMetric::Knee);
    if (knee == nullptr || !knee->min) return rising;
    return those(rising, [&](const LoadWindow& window) { return window.asked_rate <= *knee->min * 1.01; });
  }
  if (stage.profile != LoadProfile::Spike || metric == LoadMetric::Failures || phases.peak.empty()) return windows;
  const api::LoadCriterion* recovery = find(criteria, LoadMetric::Recovery);
  const Duration begin = phases.peak.front().at;
  const Duration allowed(recovery != nullptr ? std::llround(recovery->max.value_or(30.0) * 1000.0) : 30'000);
  const Duration end = end_of(phases.peak.back()) + allowed;
  return those(windows, [&](const LoadWindow& window) { return end_of(window) <= begin || window.at >= end; });
}

}  // namespace sluice::loadtest
