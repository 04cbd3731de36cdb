#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numbers>
#include <utility>

#include "api/field_reader.h"
#include "api/json.h"
#include "api/names.h"
#include "api/numbers.h"

namespace sluice::api {
namespace {

using nlohmann::json;

// --- Writing: what is empty is left out, so that `kubectl get -o yaml` shows what there is. ----------------

void put(json& out, const char* field, const std::string& text) {
  if (!text.empty()) out[field] = text;
}

void put(json& out, const char* field, const std::optional<Time>& time) {
  if (time) out[field] = format_time(*time);
}

// JSON knows no infinity, and a count is never one.
double finite(double value) {
  return std::isfinite(value) ? value : 0.0;
}

json to_json(const ArmCounts& arm, bool mean) {
  json out{{"events", finite(arm.events)}, {"total", finite(arm.total)}};
  if (arm.total > 0) out["value"] = mean ? ratio_text(arm.events / arm.total) : percent_text(arm.events / arm.total);
  return out;
}

json to_json(const JobStatus& job) {
  json out{{"attempt", job.attempt}, {"name", job.name}};
  put(out, "uid", job.uid);
  put(out, "runningSince", job.running_since);
  if (job.restarts != 0) out["restarts"] = job.restarts;
  if (job.verdict != Verdict::None) out["verdict"] = to_string(job.verdict);
  put(out, "retryAt", job.retry_at);
  if (job.errors != 0) out["errors"] = job.errors;
  put(out, "message", job.message);
  return out;
}

json to_json(const Assignment& assignment) {
  if (const auto* header = std::get_if<HeaderAssignment>(&assignment)) {
    return {{"header", header->header}, {"values", header->values}};
  }
  const auto& cookie = std::get<CookieAssignment>(assignment);
  return {{"cookie", cookie.cookie}, {"ttl", format_duration(cookie.ttl)}};
}

json to_json(const StageStatus& stage) {
  json out{{"index", stage.index},
           {"name", stage.name},
           {"step", stage.step},
           {"startedAt", format_time(stage.started_at)},
           {"looks", stage.looks}};
  put(out, "firstTrafficAt", stage.first_traffic_at);
  put(out, "weightSetAt", stage.weight_set_at);
  put(out, "passed", stage.passed);
  if (stage.job) out["job"] = to_json(*stage.job);
  put(out, "digest", stage.digest);
  if (stage.edits != 0) out["edits"] = stage.edits;
  return out;
}

json to_json(const TrafficStatus& traffic) {
  json out{{"stable", traffic.stable}, {"candidate", traffic.candidate}, {"accepted", traffic.accepted}};
  if (traffic.mirror != 0) out["mirror"] = traffic.mirror;
  if (traffic.assigned != 0) out["assigned"] = traffic.assigned;
  if (traffic.assignment) out["assignment"] = to_json(*traffic.assignment);
  if (traffic.reasserted != 0) out["reasserted"] = traffic.reasserted;
  if (traffic.realised) {
    out["realised"] = percent_text(*traffic.realised);
    out["exact"] = exact_text(*traffic.realised);
  }
  return out;
}

// The numbers of a metric that are logarithms or estimates, in the order in which `exact` holds them.
constexpr std::size_t kExactNumbers = 12;
std::array<std::optional<double>, kExactNumbers> exact_numbers(const MetricStatus& m) {
  return {m.effect,
          m.lower,
          m.upper,
          m.harm_log_e,
          m.harm_log_e_peak,
          m.harm_log_threshold,
          m.non_inferior_log_e,
          m.non_inferior_log_e_peak,
          m.non_inferior_log_threshold,
          m.dispersion,
          m.pod_spread,
          m.power};
}

json evidence_to_json(double log_e, double peak, double threshold) {
  return {{"evidence", e_value_text(log_e)},
          {"peak", e_value_text(peak)},
          {"threshold", e_value_text(threshold)},
          {"pValue", e_value_text(std::min(0.0, -peak))}};
}

// The numbers of a drift in the order in which `exact` holds them; those of the shares follow.
std::vector<std::optional<double>> exact_numbers(const DriftStatus& drift) {
  std::vector<std::optional<double>> numbers{drift.psi, drift.jensen_shannon, drift.above, drift.log10_p};
  for (const ClassShare& share : drift.shares) numbers.insert(numbers.end(), {share.stable, share.candidate});
  return numbers;
}

json to_json(const DriftStatus& drift) {
  json out{{"psi", ratio_text(drift.psi)},
           {"jensenShannon", ratio_text(drift.jensen_shannon)},
           {"above", ratio_text(drift.above)},
           {"exact", pack_exact(exact_numbers(drift))}};
  if (drift.log10_p) out["pValue"] = e_value_text(*drift.log10_p * std::numbers::ln10);
  for (const ClassShare& share : drift.shares) {
    out["shares"].push_back({{"class", share.name},
                             {"stable", percent_text(share.stable)},
                             {"candidate", percent_text(share.candidate)}});
  }
  put(out, "tested", drift.tested);
  put(out, "found", drift.found);
  return out;
}

json predictions_to_json(const MetricStatus& metric) {
  json out{{"name", metric.name},
           {"role", to_string(metric.role)},
           {"verdict", to_string(metric.drift->verdict)},
           {"stable", {{"total", finite(metric.stable.total)}}},
           {"candidate", {{"total", finite(metric.candidate.total)}}},
           {"looks", metric.looks},
           {"drift", to_json(*metric.drift)}};
  if (metric.dropped != 0) out["dropped"] = metric.dropped;
  put(out, "newestSample", metric.newest_sample);
  put(out, "method", metric.method);
  put(out, "message", metric.message);
  return out;
}

json to_json(const MetricStatus& metric) {
  if (metric.drift) return predictions_to_json(metric);
  json out{{"name", metric.name},
           {"role", to_string(metric.role)},
           {"stable", to_json(metric.stable, metric.mean)},
           {"candidate", to_json(metric.candidate, metric.mean)},
           {"looks", metric.looks},
           {"dispersion", ratio_text(metric.dispersion)},
           {"exact", pack_exact(exact_numbers(metric))}};
  if (metric.mean) out["mean"] = true;
  if (metric.verdict != Verdict::None) out["verdict"] = to_string(metric.verdict);
  if (metric.effect) out["effect"] = ratio_text(*metric.effect);
  if (metric.lower && metric.upper) out["interval"] = {ratio_text(*metric.lower), ratio_text(*metric.upper)};
  out["harm"] = evidence_to_json(metric.harm_log_e, metric.harm_log_e_peak, metric.harm_log_threshold);
  json& proof = out[metric.role == MetricRole::Goal ? "superior" : "nonInferior"];
  proof = evidence_to_json(metric.non_inferior_log_e, metric.non_inferior_log_e_peak,
                           metric.non_inferior_log_threshold);
  if (metric.non_inferior_in) proof["expectedIn"] = format_duration(*metric.non_inferior_in);
  if (metric.power) out["power"] = percent_text(*metric.power);
  if (metric.pod_spread) out["podSpread"] = percent_text(*metric.pod_spread);
  if (metric.dropped != 0) out["dropped"] = metric.dropped;
  put(out, "newestSample", metric.newest_sample);
  put(out, "edge", metric.edge);
  put(out, "method", metric.method);
  put(out, "message", metric.message);
  return out;
}

json to_json(const EvidenceStatus& evidence) {
  json out = json::object();
  put(out, "revision", evidence.revision);
  put(out, "through", evidence.through);
  if (evidence.past_read) out["pastRead"] = true;
  for (const auto& [metric, edges] : evidence.edges) {
    std::string text;
    for (const double edge : edges) text += (text.empty() ? "" : ", ") + exact_text(edge);
    out["edges"][metric] = text;
  }
  for (const auto& [metric, phi] : evidence.past_dispersion) out["pastDispersion"][metric] = exact_text(phi);
  for (const auto& [metric, spread] : evidence.pod_spread) out["podSpread"][metric] = exact_text(spread);
  if (!evidence.classes.empty()) out["classes"] = evidence.classes;
  if (!evidence.packed.empty()) out["packed"] = evidence.packed;
  if (!evidence.shadow.empty()) out["shadow"] = evidence.shadow;
  put(out, "split", evidence.split);
  put(out, "splitDisturbed", evidence.split_disturbed);
  return out;
}

json to_json(const Approval& approval) {
  json out{{"stage", approval.stage}, {"at", format_time(approval.at)}};
  put(out, "by", approval.by);
  return out;
}

json to_json(const LoadTestStatus& test) {
  json out{{"stage", test.stage}, {"attempt", test.attempt}, {"requests", test.requests}, {"failures", test.failures}};
  if (test.verdict != Verdict::None) out["verdict"] = to_string(test.verdict);
  put(out, "report", test.report);
  put(out, "rate", test.rate);
  put(out, "p50", test.p50);
  put(out, "p95", test.p95);
  put(out, "p99", test.p99);
  put(out, "message", test.message);
  return out;
}

template <class Item>
void put(json& out, const char* field, const std::vector<Item>& items);

json to_json(const HistoryEntry& entry) {
  json out{{"revision", entry.revision},
           {"outcome", to_string(entry.outcome)},
           {"reason", entry.reason},
           {"startedAt", format_time(entry.started_at)},
           {"finishedAt", format_time(entry.finished_at)},
           {"looks", entry.looks}};
  put(out, "stage", entry.stage);
  if (entry.attempt != 0) out["attempt"] = entry.attempt;
  put(out, "message", entry.message);
  put(out, "approvals", entry.approvals);
  if (!entry.reports.empty()) out["reports"] = entry.reports;
  return out;
}

json to_json(const RetiredRevision& retired) {
  return {{"revision", retired.revision}, {"scaleDownAt", format_time(retired.scale_down_at)}};
}

json to_json(const Condition& condition) {
  return {{"type", condition.type},
          {"status", to_string(condition.status)},
          {"observedGeneration", condition.observed_generation},
          {"lastTransitionTime", format_time(condition.last_transition)},
          {"reason", condition.reason},
          {"message", condition.message}};
}

template <class Item>
void put(json& out, const char* field, const std::vector<Item>& items) {
  if (items.empty()) return;
  json list = json::array();
  for (const Item& item : items) list.push_back(to_json(item));
  out[field] = std::move(list);
}

// "0.4 of 60 (errors)": the guardrail that is nearest to a roll-back, and the one that promotion waits for.
json summary_of(const std::vector<MetricStatus>& metrics) {
  const MetricStatus* harm = nullptr;
  const MetricStatus* proof = nullptr;
  const auto harm_gap = [](const MetricStatus& m) { return m.harm_log_e_peak - m.harm_log_threshold; };
  const auto proof_gap = [](const MetricStatus& m) {
    return m.non_inferior_log_e_peak - m.non_inferior_log_threshold;
  };
  for (const MetricStatus& metric : metrics) {
    if (metric.role != MetricRole::Guardrail) continue;
    if (harm == nullptr || harm_gap(metric) > harm_gap(*harm)) harm = &metric;
    if (proof == nullptr || proof_gap(metric) < proof_gap(*proof)) proof = &metric;
  }
  if (harm == nullptr || proof == nullptr) return nullptr;
  const auto text = [](double log_e, double threshold, const std::string& name) {
    return e_value_text(log_e) + " of " + e_value_text(threshold) + " (" + name + ")";
  };
  return {{"harm", text(harm->harm_log_e_peak, harm->harm_log_threshold, harm->name)},
          {"proof", text(proof->non_inferior_log_e_peak, proof->non_inferior_log_threshold, proof->name)}};
}

}  // namespace

json status_to_json(const RolloutStatus& status) {
  json out{{"observedGeneration", status.observed_generation},
           {"phase", to_string(status.phase)},
           {"traffic", to_json(status.traffic)},
           {"replicas", status.replicas},
           {"readyReplicas", status.ready_replicas},
           {"selector", status.selector}};
  put(out, "message", status.message);
  put(out, "stableRevision", status.stable_revision);
  put(out, "candidateRevision", status.candidate_revision);
  put(out, "rejectedRevision", status.rejected_revision);
  put(out, "verdict", status.verdict);
  put(out, "startedAt", status.started_at);
  put(out, "waitingSince", status.waiting_since);
  put(out, "promotingSince", status.promoting_since);
  if (status.stage) out["stage"] = to_json(*status.stage);
  put(out, "approvals", status.approvals);
  put(out, "metrics", status.metrics);
  put(out, "loadTests", status.load_tests);
  if (json summary = summary_of(status.metrics); !summary.is_null()) out["summary"] = std::move(summary);
  if (json evidence = to_json(status.evidence); !evidence.empty()) out["evidence"] = std::move(evidence);
  put(out, "retired", status.retired);
  put(out, "history", status.history);
  if (!status.former_stable.empty()) out["formerStable"] = status.former_stable;
  put(out, "conditions", status.conditions);
  if (!status.handled.empty()) out["handled"] = status.handled;
  if (!status.ignored.empty()) out["ignored"] = status.ignored;
  if (status.attempt != 0) out["attempt"] = status.attempt;
  if (status.collision_count != 0) out["collisionCount"] = status.collision_count;
  return out;
}

}  // namespace sluice::api
