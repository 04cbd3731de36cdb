// Which block is read next, and what a finished look changes.
//
// Blocks follow one another without overlap: each starts where the last one ended, or, after a change of weight or
// a warm-up, where the evidence becomes valid. All boundaries follow from the status, so that after a crash the
// same blocks are read again.
#include "metrics/collector.h"
#include "rollout/context.h"
#include "rollout/edges.h"
#include "rollout/evidence.h"
#include "rollout/goals.h"
#include "rollout/load_reading.h"
#include "rollout/predictions.h"
#include "rollout/queries.h"
#include "rollout/sentence.h"
#include "rollout/split_check.h"
#include "rollout/stages.h"

namespace sluice::rollout {
namespace {

constexpr int kPastBlocks = 30;
constexpr Duration kRetry = seconds(5);  // after a look that failed

metrics::ArmQuery arm_query(const Context& context, const api::MetricSpec& metric, const std::string& revision) {
  const auto values = placeholders(context.rollout.key, revision);
  const auto classes = context.status().evidence.classes.find(metric.name);
  struct Query {
    const std::map<std::string, std::string>& values;
    std::vector<double> edges;
    std::vector<std::string> kept;

    metrics::ArmQuery operator()(const api::CounterSource& counter) const {
      return metrics::CounterQuery{filled(counter.events, values), filled(counter.total, values)};
    }
    metrics::ArmQuery operator()(const api::MeanSource& mean) const {
      return metrics::MeanQuery{filled(mean.sum, values), filled(mean.count, values)};
    }
    metrics::ArmQuery operator()(const api::HistogramSource& histogram) const {
      return metrics::HistogramQuery{filled(histogram.buckets, values), edges};
    }
    metrics::ArmQuery operator()(const api::ClassesSource& classes) const {
      return metrics::ClassesQuery{filled(classes.counter, values), classes.label, kept};
    }
    metrics::ArmQuery operator()(const api::ScoresSource& scores) const {
      return metrics::ScoresQuery{filled(scores.buckets, values), kept};
    }
  };
  const bool chosen = classes != context.status().evidence.classes.end();
  return std::visit(Query{values, edges_of(metric, context.status().evidence),
                          chosen ? classes->second : std::vector<std::string>{}},
                    metric.source);
}

// Not before the users are assigned: until then one user may meet both revisions.
bool takes_goals(const Context& context) {
  const api::StageSpec& stage = current_stage(context);
  return kind_of(stage).takes_goals(stage) && exposed_as_asked(context);
}

// Goals are read where they are judged, and in stable's past, which tells how bursty their events are. Predictions
// are read where they are counted, and in stable's past, which tells what its classes are.
bool is_read(const Context& context, const api::MetricSpec& metric) {
  if (api::compares_predictions(metric)) {
    if (!context.status().evidence.past_read) return true;
    return context.status().stage && kind_of(current_stage(context)).counts_predictions();
  }
  if (metric.role != api::MetricRole::Goal) return true;
  const bool past = !context.status().evidence.past_read;
  if (past) return !std::holds_alternative<api::MeanSource>(metric.source);
  return context.status().stage && takes_goals(context);
}

metrics::Look look_of(const Context& context) {
  metrics::Look look;
  look.prometheus_address = context.spec().analysis.prometheus_address;
  const api::RolloutStatus& status = context.status();
  const auto ask = [&](const api::MetricSpec& metric) {
    look.metrics.push_back({metric.name, arm_query(context, metric, status.stable_revision),
                            arm_query(context, metric, status.candidate_revision)});
  };
  const api::AnalysisSpec& analysis = context.spec().analysis;
  for (const api::MetricSpec& metric : analysis.metrics) {
    if (is_read(context, metric) && !api::compares_predictions(metric)) ask(metric);
  }
  if (!analysis.requests.empty() && analysis.split_check != api::SplitCheck::Off && status.evidence.past_read) {
    const auto arm = [&](const std::string& revision) {
      const std::string selector = filled(analysis.requests, placeholders(context.rollout.key, revision));
      return metrics::CounterQuery{selector, selector};
    };
    look.metrics.push_back({kRequestsReading, arm(status.stable_revision), arm(status.candidate_revision)});
  }
  for (const api::MetricSpec& metric : analysis.metrics) {
    if (is_read(context, metric) && api::compares_predictions(metric)) ask(metric);
  }
  return look;
}

// The look that the status asks for; nullopt: none.
std::optional<metrics::Look> next_look(const Context& context) {
  const api::RolloutStatus& status = context.status();
  const api::AnalysisSpec& analysis = context.spec().analysis;
  if (auto memory = memory_look(context.rollout, status, context.seen)) return memory;
  const bool undecidable = analysis.metrics.empty() || context.spec().stages.empty();
  if (status.candidate_revision.empty() || status.stable_revision.empty() || undecidable) return std::nullopt;
  metrics::Look look = look_of(context);
  if (!status.evidence.past_read) {
    look.past = kPastBlocks;
    look.to = *status.started_at - metrics::kSettle;  // readable at once: the first weight need not wait for it
    look.from = look.to - analysis.interval;  // one block; `past` of them end at `to`
    return look;
  }
  const bool exposed = exposure_of(status.traffic).any() && status.traffic.candidate < 100;
  if (!exposed || !status.stage || !status.stage->weight_set_at || !status.stage->first_traffic_at) {
    return std::nullopt;
  }
  look.from = std::max(*status.stage->weight_set_at, *status.stage->first_traffic_at + analysis.warmup);
  if (status.evidence.through) look.from = std::max(look.from, *status.evidence.through);
  look.to = look.from + analysis.interval;
  return look;
}

// Once a rollout, at its first look: what stable's pods say about how far one pod can be from another. Of several
// metrics the one whose pods differ most is told.
void warn_of_few_pods(Context& context, int pods) {
  if (pods <= 0 || pods >= kFewPods) return;
  std::optional<double> spread;
  std::string metric;
  for (const auto& [name, value] : context.status().evidence.pod_spread) {
    if (spread && *spread >= value) continue;
    spread = value;
    metric = name;
  }
  std::string text = few_pods_sentence(pods, spread);
  if (!metric.empty()) text = "metric " + metric + ": " + text;
  context.event(Event::Type::Warning, "FewCandidatePods", text + "; give it at least " + std::to_string(kFewPods));
}

void take_block(Context& context, const metrics::LookResult& result) {
  api::RolloutStatus& status = context.status();
  const int pods = context.revision(status.candidate_revision).endpoints;
  const bool first = looks_so_far(status) == 0;
  check_split(context, result);
  if (split_holds(context)) {  // what was counted cannot be trusted
    status.evidence.through = result.look.to;
    context.metrics = MetricsState{true, "EvidenceArrives", "Prometheus answers, but the split is not the asked one"};
    return;
  }
  const api::StageSpec& stage = current_stage(context);
  const bool both_sides = kind_of(stage).both_sides(stage);
  LookSummary summary = add_readings(context.spec().analysis, result, status, pods, both_sides);
  if (takes_goals(context)) add_goals(context.spec().analysis, result, status, summary);
  if (kind_of(stage).counts_predictions()) add_predictions(context.spec().analysis, result, status);
  if (first && looks_so_far(status) > 0) warn_of_few_pods(context, pods);
  status.evidence.through = result.look.to;
  if (!summary.gap_metric.empty()) {
    context.metrics = MetricsState{false, summary.gap_reason, summary.gap_message};
    if (summary.guardrail_gap) return;  // no verdict from a look that did not see every guardrail
  } else {
    context.metrics = MetricsState{true, "EvidenceArrives", "the last look saw every guardrail"};
  }
  if (exposed_as_asked(context)) ++status.stage->looks;

  follow_look(context, summary);
}

}  // namespace

int looks_so_far(const api::RolloutStatus& status) {
  int most = 0;
  for (const api::MetricStatus& metric : status.metrics) {
    if (!metric.drift) most = std::max(most, metric.looks);
  }
  return most;
}

void take_look(Context& context) {
  if (!context.seen.look) return;
  const metrics::LookResult& result = *context.seen.look;
  if (next_look(context) != result.look) return;  // asked for before something changed
  if (result.error) {
    context.metrics = MetricsState{false, "ProviderError", "Prometheus: " + result.error->message};
  } else if (result.look.series) {
    context.metrics = MetricsState{true, "EvidenceArrives", "Prometheus answered about the memory"};
  } else if (result.look.past > 0) {
    add_past(context.spec().analysis, result, context.status());
    choose_classes(context.spec().analysis, result, context.status());
    context.metrics = MetricsState{true, "EvidenceArrives", "Prometheus answered about stable's past"};
  } else {
    take_block(context, result);
  }
}

void request_look(Context& context) {
  auto look = next_look(context);
  if (!look) return;
  const bool failed = context.metrics && context.metrics->reason == "ProviderError";
  const bool again = look->series && context.seen.look && context.seen.look->look == *look;  // but without the log
  const Time due = failed || again ? context.now + kRetry : look->to + metrics::kSettle;
  context.decision.look = LookRequest{std::move(*look), due};
}

}  // namespace sluice::rollout
