#include "rollout/predictions.h"

#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "rollout/evidence.h"
#include "rollout/sentence.h"
#include "rollout/stages.h"
#include "stats/drift.h"

namespace sluice::rollout {
namespace {

constexpr const char* kMethod =
    "PSI with its chi-squared test, once at the end of a stage: predictions independent of one another";
constexpr std::size_t kMostShares = 3;

// What was chosen to be counted; nullptr: nothing yet.
const std::vector<std::string>* chosen(const api::EvidenceStatus& evidence, const std::string& metric) {
  const auto found = evidence.classes.find(metric);
  return found == evidence.classes.end() || found->second.empty() ? nullptr : &found->second;
}

// From a reading that was not bound to chosen classes. False: stable predicted nothing.
bool choose(const metrics::MetricReading& reading, api::EvidenceStatus& evidence) {
  if (reading.classes.size() < 2) return false;
  std::vector<std::string> names;
  for (const metrics::ClassReading& one : reading.classes) names.push_back(one.name);
  names.pop_back();  // the rest
  evidence.classes[reading.name] = std::move(names);
  return true;
}

// The counts as they were saved. What cannot be read starts anew: evidence is lost, never invented.
stats::ClassCounts restore(const std::string& metric, std::size_t classes, const api::EvidenceStatus& evidence) {
  const auto packed = evidence.packed.find(metric);
  if (packed == evidence.packed.end()) return stats::ClassCounts(classes);
  auto counts = stats::ClassCounts::unpack(classes, packed->second);
  if (counts) return std::move(counts).take();
  log::warn("the saved evidence cannot be used and starts anew",
            {{"metric", metric}, {"error", counts.error().message}});
  return stats::ClassCounts(classes);
}

double total(std::span<const double> counts) {
  double all = 0;
  for (const double count : counts) all += count;
  return all;
}

// Largest difference first; of equals the class that stable has more of.
std::vector<api::ClassShare> most_different(const std::vector<std::string>& names, const stats::ClassCounts& counts) {
  std::vector<api::ClassShare> shares;
  const double stable = total(counts.stable());
  const double candidate = total(counts.candidate());
  if (stable <= 0 || candidate <= 0) return shares;
  for (std::size_t i = 0; i < counts.stable().size(); ++i) {
    const std::string name = i < names.size() ? names[i] : metrics::kOtherClasses;
    shares.push_back({name, counts.stable()[i] / stable, counts.candidate()[i] / candidate});
  }
  std::stable_sort(shares.begin(), shares.end(), [](const api::ClassShare& a, const api::ClassShare& b) {
    return std::abs(a.candidate - a.stable) > std::abs(b.candidate - b.stable);
  });
  if (shares.size() > kMostShares) shares.resize(kMostShares);
  std::erase_if(shares, [](const api::ClassShare& share) { return share.stable == share.candidate; });
  return shares;
}

void write_numbers(const api::MetricSpec& metric, const std::vector<std::string>& names,
                   const stats::ClassCounts& counts, api::MetricStatus& out) {
  const stats::Drift now = stats::drift(counts.stable(), counts.candidate());
  api::DriftStatus& drift = *out.drift;
  drift.psi = now.psi;
  drift.jensen_shannon = now.jensen_shannon;
  drift.above = metric.drift.above;
  drift.log10_p.reset();
  drift.shares = most_different(names, counts);
  out.stable = {0, total(counts.stable())};
  out.candidate = {0, total(counts.candidate())};
  out.looks = counts.looks();
  out.method = kMethod;
  out.message = predictions_sentence(out, "undecided until the stage ends");
}

void drop_block(const api::MetricSpec& metric, const metrics::MetricReading* reading, api::MetricStatus& out) {
  ++out.dropped;
  const auto gap = reading == nullptr ? metrics::Gap::NoData : reading->gap.value_or(metrics::Gap::NoData);
  out.message = gap_sentence(metric.name, gap, reading == nullptr ? "" : reading->detail);
}

void add_block(const api::MetricSpec& metric, const metrics::MetricReading* reading, api::RolloutStatus& status) {
  api::MetricStatus& numbers = status_of(status, metric);
  if (numbers.drift->tested == status.stage->name) return;
  if (reading != nullptr && reading->newest_sample) numbers.newest_sample = reading->newest_sample;
  if (reading == nullptr || reading->gap) return drop_block(metric, reading, numbers);
  const std::vector<std::string>* names = chosen(status.evidence, metric.name);
  if (names == nullptr) {
    ++numbers.dropped;
    numbers.message = choose(*reading, status.evidence)
                          ? "its classes were chosen by this block of stable, whose past was not readable; counting "
                            "starts with the next one"
                          : "stable has predicted nothing yet";
    return;
  }
  std::vector<double> stable;
  std::vector<double> candidate;
  for (const metrics::ClassReading& one : reading->classes) {
    stable.push_back(one.stable);
    candidate.push_back(one.candidate);
  }
  stats::ClassCounts counts = restore(metric.name, names->size() + 1, status.evidence);
  if (!counts.add(stable, candidate)) return drop_block(metric, reading, numbers);
  status.evidence.packed[metric.name] = counts.pack();
  write_numbers(metric, *names, counts, numbers);
}

// nullptr: the stage under way is not one in which predictions are counted, or is no longer in the spec.
const api::StageSpec* counting_stage(const Context& context) {
  const auto& stage = context.status().stage;
  const auto& stages = context.spec().stages;
  if (!stage || stage->index < 0 || static_cast<std::size_t>(stage->index) >= stages.size()) return nullptr;
  const api::StageSpec& spec = current_stage(context);
  return spec.name == stage->name && kind_of(spec).counts_predictions() ? &spec : nullptr;
}

// What the counts of one metric say; it has not been tested in this stage. True: its predictions drifted.
bool test(const api::MetricSpec& metric, api::RolloutStatus& status, api::MetricStatus& numbers) {
  api::DriftStatus& drift = *numbers.drift;
  const std::vector<std::string>* names = chosen(status.evidence, metric.name);
  const bool counted = names != nullptr && status.evidence.packed.contains(metric.name);
  const stats::ClassCounts counts =
      counted ? restore(metric.name, names->size() + 1, status.evidence) : stats::ClassCounts(0);
  const stats::Drift found = stats::drift(counts.stable(), counts.candidate());
  const bool enough = found.classes >= 2 && total(counts.stable()) >= kFewestPredictions &&
                      total(counts.candidate()) >= kFewestPredictions;
  if (!enough) {
    if (counted) numbers.message = predictions_sentence(numbers, "too few predictions to tell");
    return false;
  }
  drift.tested = status.stage->name;
  drift.log10_p = found.p.log10_p;
  const bool differs = found.psi > metric.drift.above && found.p.p < kSignificantDrift;
  drift.verdict = differs ? api::DriftVerdict::Drift : api::DriftVerdict::NoDrift;
  const std::string word = differs ? "drifted in stage " : "no drift in stage ";
  numbers.message = predictions_sentence(numbers, word + drift.tested);
  return differs;
}

}  // namespace

void choose_classes(const api::AnalysisSpec& analysis, const metrics::LookResult& past, api::RolloutStatus& status) {
  for (const api::MetricSpec& metric : analysis.metrics) {
    if (!api::compares_predictions(metric)) continue;
    const metrics::MetricReading* reading = find_reading(past, metric.name);
    if (reading != nullptr) choose(*reading, status.evidence);
  }
}

void add_predictions(const api::AnalysisSpec& analysis, const metrics::LookResult& look, api::RolloutStatus& status) {
  for (const api::MetricSpec& metric : analysis.metrics) {
    if (api::compares_predictions(metric)) add_block(metric, find_reading(look, metric.name), status);
  }
}

void restart_predictions(Context& context, bool over_again) {
  if (counting_stage(context) == nullptr) return;
  for (const api::MetricSpec& metric : context.spec().analysis.metrics) {
    if (!api::compares_predictions(metric)) continue;
    context.status().evidence.packed.erase(metric.name);
    if (!over_again) continue;
    api::MetricStatus& numbers = status_of(context.status(), metric);
    if (numbers.drift->tested == context.status().stage->name) numbers.drift->tested.clear();
  }
}

std::string conclude_predictions(Context& context) {
  if (counting_stage(context) == nullptr) return "";
  api::RolloutStatus& status = context.status();
  std::string told;
  for (const api::MetricSpec& metric : context.spec().analysis.metrics) {
    if (!api::compares_predictions(metric)) continue;
    api::MetricStatus& numbers = status_of(status, metric);
    if (numbers.drift->tested == status.stage->name) continue;
    if (!test(metric, status, numbers)) continue;
    const std::string what = drift_sentence(numbers);
    told += "; " + metric.name + " drifted: " + what;
    if (!numbers.drift->found.empty()) continue;
    numbers.drift->found = metric.name + " drifted in stage " + status.stage->name + ": " + what;
    context.event(Event::Type::Warning, "PredictionsDrifted", numbers.drift->found);
  }
  return told;
}

std::string drift_found(const api::RolloutStatus& status) {
  std::string told;
  for (const api::MetricStatus& metric : status.metrics) {
    if (metric.drift && !metric.drift->found.empty()) told += "; " + metric.drift->found;
  }
  return told;
}

}  // namespace sluice::rollout
