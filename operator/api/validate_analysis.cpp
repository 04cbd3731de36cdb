#include "api/validate_analysis.h"

#include <algorithm>
#include <set>
#include <string>

#include "api/numbers.h"
#include "api/selector.h"

namespace sluice::api {
namespace {

std::string at(const std::string& list, std::size_t index) {
  return list + "[" + std::to_string(index) + "]";
}

void check_item_name(const std::string& name, const std::string& path, std::set<std::string>& seen,
                     std::vector<FieldError>& out) {
  if (name.empty()) {
    out.push_back({path + ".name", "is required"});
  } else if (!seen.insert(name).second) {
    out.push_back({path + ".name", "\"" + name + "\" is there twice: give each its own name"});
  }
}

void check_share(double share, const std::string& path, std::vector<FieldError>& out) {
  if (!(share > 0.0 && share < 0.5)) {
    out.push_back({path, "must be above 0% and below 50%, such as \"5%\""});
  }
}

bool is_label(const std::string& name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto fits = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && letter(name.front()) && std::all_of(name.begin(), name.end(), fits);
}

void check_source(const MetricSpec& metric, const std::string& path, std::vector<FieldError>& out) {
  const auto check = [&](const std::string& selector, const char* field, SelectorUse use) {
    if (const auto problem = selector_problem(selector, use)) out.push_back({path + field, *problem});
  };
  if (const auto* counter = std::get_if<CounterSource>(&metric.source)) {
    check(counter->events, ".counter.events", SelectorUse::Counter);
    check(counter->total, ".counter.total", SelectorUse::Counter);
    return;
  }
  if (const auto* mean = std::get_if<MeanSource>(&metric.source)) {
    check(mean->sum, ".mean.sum", SelectorUse::Counter);
    check(mean->count, ".mean.count", SelectorUse::Counter);
    return;
  }
  if (const auto* classes = std::get_if<ClassesSource>(&metric.source)) {
    check(classes->counter, ".classes.counter", SelectorUse::Counter);
    if (!is_label(classes->label)) {
      out.push_back({path + ".classes.label", "write the label whose values are the classes, such as class"});
    }
    return;
  }
  if (const auto* scores = std::get_if<ScoresSource>(&metric.source)) {
    check(scores->buckets, ".scores.buckets", SelectorUse::AllBuckets);
    return;
  }
  const auto& histogram = std::get<HistogramSource>(metric.source);
  check(histogram.buckets, ".histogram.buckets", SelectorUse::Buckets);
  if (histogram.above && *histogram.above <= Duration(0)) {
    out.push_back(
        {path + ".histogram.above", "must be longer than 0s: write an edge of the histogram, such as 250ms"});
  }
}

// A better model predicts something else: what differs cannot be wrong by itself.
void check_drift(const MetricSpec& metric, const std::string& path, std::vector<FieldError>& out) {
  if (metric.role != MetricRole::Report) {
    out.push_back({path + ".role",
                   "a metric of classes or scores decides nothing, since a better model predicts something else: "
                   "remove it, or write role: report"});
  }
  if (!(metric.drift.above > 0.0)) {
    out.push_back({path + ".drift.above", "must be above \"0\", such as \"0.1\""});
  }
}

void check_metric(const MetricSpec& metric, double catastrophic_effect, const std::string& path,
                  std::vector<FieldError>& out) {
  check_source(metric, path, out);
  if (compares_predictions(metric)) return check_drift(metric, path, out);
  if (metric.role != MetricRole::Goal) {
    const char* only = "is for a metric of role goal: remove it, or write role: goal";
    if (std::holds_alternative<MeanSource>(metric.source)) out.push_back({path + ".mean", only});
    if (metric.direction != Direction::Increase) out.push_back({path + ".direction", only});
  }
  if (metric.harm.ratio < 1.0) {
    out.push_back(
        {path + ".harm.ratio", "must be at least \"1\", or a candidate like stable would count as harmful"});
  }
  if (metric.margin.ratio <= 1.0 || metric.margin.ratio <= metric.harm.ratio) {
    out.push_back({path + ".margin.ratio", "must be above \"1\" and above harm.ratio (" +
                                               ratio_text(metric.harm.ratio) +
                                               "), or nothing could be shown to be within it"});
  }
  const auto* histogram = std::get_if<HistogramSource>(&metric.source);
  if (metric.role == MetricRole::Goal && histogram != nullptr && !histogram->above) {
    out.push_back({path + ".histogram.above", "a goal is one share: write the edge, such as 250ms"});
  }
  if (metric.ceiling && histogram != nullptr && !histogram->above) {
    out.push_back({path + ".ceiling", "a ceiling belongs to one edge: write histogram.above, or remove it"});
  } else if (metric.ceiling && (*metric.ceiling <= 0.0 || *metric.ceiling >= 1.0)) {
    out.push_back({path + ".ceiling", "must be above 0% and below 100%"});
  } else if (metric.ceiling && metric.margin.or_below >= *metric.ceiling) {
    out.push_back({path + ".margin.orBelow", "must be below the ceiling, " + percent_text(*metric.ceiling) +
                                                 "; it is " + percent_text(metric.margin.or_below)});
  }
  if (metric.role == MetricRole::Report) {
    if (metric.ceiling) {
      out.push_back({path + ".ceiling", "a metric of role report decides nothing: remove it, or the role"});
    }
  } else if (metric.role == MetricRole::Guardrail && catastrophic_effect <= metric.harm.ratio) {
    out.push_back({"spec.analysis.catastrophicEffect", "must be above the harm.ratio of " + metric.name +
                                                           " (" + ratio_text(metric.harm.ratio) +
                                                           "), or no look could show it"});
  }
}

// A goal is judged where users stay with one revision, and such a stage by its goals.
void check_goals(const Spec& spec, std::vector<FieldError>& out) {
  const auto test = std::find_if(spec.stages.begin(), spec.stages.end(), [](const StageSpec& stage) {
    return std::holds_alternative<AbTestStage>(stage.body);
  });
  const auto& metrics = spec.analysis.metrics;
  const auto goal = std::find_if(metrics.begin(), metrics.end(),
                                 [](const MetricSpec& metric) { return metric.role == MetricRole::Goal; });
  if (test != spec.stages.end() && goal == metrics.end() && !metrics.empty()) {
    out.push_back({"spec.analysis.metrics", "the abTest stage " + test->name +
                                                " is decided by goals: give at least one metric role: goal"});
  } else if (test == spec.stages.end() && goal != metrics.end() && !spec.stages.empty()) {
    out.push_back({at("spec.analysis.metrics", static_cast<std::size_t>(goal - metrics.begin())) + ".role",
                   "a goal is judged in an abTest stage, and there is none: add one, or write role: report"});
  }
}

bool is_web_address(const std::string& address) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!address.starts_with(scheme) || address.size() == scheme.size()) continue;
    const char first = address[scheme.size()];
    return first != '/' && first != ':' && address.find_first_of(" \t\r\n?#") == std::string::npos;
  }
  return false;
}

bool asks_for_equivalence(const StageSpec& stage) {
  const auto* shadow = std::get_if<ShadowStage>(&stage.body);
  return shadow != nullptr && shadow->require == ShadowProof::Equivalence;
}

// The other stages ask a person or a Job.
bool is_judged_by_metrics(const StageSpec& stage) {
  return std::holds_alternative<CanaryStage>(stage.body) || std::holds_alternative<ShadowStage>(stage.body);
}

}  // namespace

void check_analysis(const Spec& spec, std::vector<FieldError>& out) {
  const AnalysisSpec& analysis = spec.analysis;
  const bool needed = std::any_of(spec.stages.begin(), spec.stages.end(), is_judged_by_metrics);
  if (needed || !analysis.prometheus_address.empty()) {
    if (!is_web_address(analysis.prometheus_address)) {
      out.push_back({"spec.analysis.prometheus.address",
                     "write the address, such as http://prometheus.monitoring:9090"});
    }
  }
  if (analysis.interval < seconds(1)) out.push_back({"spec.analysis.interval", "must be at least 1s"});
  if (analysis.warmup < Duration(0)) out.push_back({"spec.analysis.warmup", "must not be negative"});
  check_share(analysis.false_rollback, "spec.analysis.falseRollback", out);
  check_share(analysis.false_promotion, "spec.analysis.falsePromotion", out);
  if (!(analysis.catastrophic_effect > 1.0)) {
    out.push_back({"spec.analysis.catastrophicEffect", "must be above \"1\", such as \"3\""});
  }
  if (!analysis.requests.empty()) {
    if (const auto problem = selector_problem(analysis.requests, SelectorUse::Counter)) {
      out.push_back({"spec.analysis.requests", *problem});
    }
  }
  std::set<std::string> names;
  for (std::size_t i = 0; i < analysis.metrics.size(); ++i) {
    const std::string path = at("spec.analysis.metrics", i);
    check_item_name(analysis.metrics[i].name, path, names, out);
    check_metric(analysis.metrics[i], analysis.catastrophic_effect, path, out);
  }
  check_goals(spec, out);
  if (!needed) return;
  const bool equivalence = std::any_of(spec.stages.begin(), spec.stages.end(), asks_for_equivalence);
  const bool guarded =
      std::any_of(analysis.metrics.begin(), analysis.metrics.end(),
                  [](const MetricSpec& metric) { return metric.role == MetricRole::Guardrail; });
  if (analysis.metrics.empty()) {
    out.push_back({"spec.analysis.metrics", "write at least one: the stages are judged by them"});
  } else if (!guarded && analysis.promote_when == PromoteWhen::NonInferior) {
    out.push_back(
        {"spec.analysis.metrics",
         "make at least one a guardrail: with promoteWhen NonInferior there is nothing to prove otherwise"});
  } else if (!guarded && equivalence) {
    out.push_back({"spec.analysis.metrics",
                   "make at least one a guardrail: a shadow that requires Equivalence has nothing to prove otherwise"});
  }
}

}  // namespace sluice::api
