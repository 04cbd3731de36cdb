// Reading the status back. Every reader leaves the default where the JSON has not what is expected.
#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/field_reader.h"
#include "api/json.h"
#include "api/names.h"
#include "api/numbers.h"

namespace sluice::api {
namespace {

using nlohmann::json;

const json* find(const json& in, const char* field) {
  if (!in.is_object()) return nullptr;
  const auto found = in.find(field);
  return found == in.end() ? nullptr : &*found;
}

std::string text_of(const json& in, const char* field) {
  const json* value = find(in, field);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

bool flag_of(const json& in, const char* field) {
  const json* value = find(in, field);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

template <class Integer>
Integer number_of(const json& in, const char* field, Integer fallback = 0) {
  const json* value = find(in, field);
  const auto number = value != nullptr ? whole_number(*value) : std::nullopt;
  return number && std::in_range<Integer>(*number) ? static_cast<Integer>(*number) : fallback;
}

double count_of(const json& in, const char* field) {
  const json* value = find(in, field);
  if (value == nullptr || !value->is_number()) return 0.0;
  const double number = value->get<double>();
  return std::isfinite(number) ? number : 0.0;
}

std::optional<Time> time_of(const json& in, const char* field) {
  const auto time = parse_time(text_of(in, field));
  return time ? std::optional<Time>(*time) : std::nullopt;
}

std::map<std::string, std::string> texts_of(const json& in, const char* field) {
  std::map<std::string, std::string> texts;
  const json* value = find(in, field);
  if (value == nullptr || !value->is_object()) return texts;
  for (const auto& [name, text] : value->items()) {
    if (text.is_string()) texts[name] = text.get<std::string>();
  }
  return texts;
}

// Exact numbers by name; what is none is left out.
std::map<std::string, double> numbers_of(const json& in, const char* field) {
  std::map<std::string, double> numbers;
  for (const auto& [name, text] : texts_of(in, field)) {
    const auto number = read_exact(text);
    if (number && !std::isnan(*number)) numbers[name] = *number;
  }
  return numbers;
}

// Of a list such as "0.1, 0.25"; empty when one of them is no number.
std::vector<double> numbers_in(const std::string& text) {
  std::vector<double> numbers;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(", ", at), text.size());
    const auto number = read_exact(text.substr(at, end - at));
    if (!number || !std::isfinite(*number)) return {};
    numbers.push_back(*number);
    at = end + 2;
  }
  return numbers;
}

template <class Enum>
Enum word_of(const json& in, const char* field, Enum fallback) {
  return from_string<Enum>(text_of(in, field)).value_or(fallback);
}

// The items of a list that `read` could make something of.
template <class Item>
std::vector<Item> list_of(const json& in, const char* field, std::optional<Item> (*read)(const json&)) {
  std::vector<Item> items;
  const json* list = find(in, field);
  if (list == nullptr || !list->is_array()) return items;
  for (const json& value : *list) {
    if (auto item = read(value)) items.push_back(std::move(*item));
  }
  return items;
}

ArmCounts arm_of(const json& in, const char* field) {
  const json* arm = find(in, field);
  if (arm == nullptr) return {};
  return {count_of(*arm, "events"), count_of(*arm, "total")};
}

// Without a name it cannot be found again: such an attempt is begun anew.
std::optional<JobStatus> job_of(const json& in) {
  const json* job = find(in, "job");
  if (job == nullptr) return std::nullopt;
  JobStatus out;
  out.attempt = number_of<int>(*job, "attempt", -1);
  out.name = text_of(*job, "name");
  if (out.attempt < 1 || out.name.empty()) return std::nullopt;
  out.uid = text_of(*job, "uid");
  out.running_since = time_of(*job, "runningSince");
  out.restarts = number_of<int>(*job, "restarts");
  out.verdict = word_of(*job, "verdict", Verdict::None);
  out.retry_at = time_of(*job, "retryAt");
  out.errors = number_of<int>(*job, "errors");
  out.message = text_of(*job, "message");
  return out;
}

// Without a start the limits of the stage mean nothing: such a stage is begun again.
std::optional<StageStatus> stage_of(const json& in) {
  const json* stage = find(in, "stage");
  if (stage == nullptr) return std::nullopt;
  const auto started = time_of(*stage, "startedAt");
  const int index = number_of<int>(*stage, "index", -1);
  const int step = number_of<int>(*stage, "step", -1);
  if (!started || index < 0 || step < 0) return std::nullopt;
  StageStatus out;
  out.index = index;
  out.name = text_of(*stage, "name");
  out.step = step;
  out.started_at = *started;
  out.first_traffic_at = time_of(*stage, "firstTrafficAt");
  out.weight_set_at = time_of(*stage, "weightSetAt");
  out.looks = number_of<int>(*stage, "looks");
  out.passed = text_of(*stage, "passed");
  out.job = job_of(*stage);
  out.digest = text_of(*stage, "digest");
  out.edits = number_of<int>(*stage, "edits");
  return out;
}

std::optional<Assignment> assignment_of(const json& in) {
  const json* assignment = find(in, "assignment");
  if (assignment == nullptr) return std::nullopt;
  const json* values = find(*assignment, "values");
  HeaderAssignment header{text_of(*assignment, "header"), {}};
  if (!header.header.empty() && values != nullptr && values->is_array()) {
    for (const json& value : *values) {
      if (value.is_string()) header.values.push_back(value.get<std::string>());
    }
    return header.values.empty() ? std::nullopt : std::optional<Assignment>(header);
  }
  const auto ttl = parse_duration(text_of(*assignment, "ttl"));
  const CookieAssignment cookie{text_of(*assignment, "cookie"), std::chrono::floor<seconds>(ttl ? *ttl : Duration())};
  return cookie.cookie.empty() || cookie.ttl < seconds(1) ? std::nullopt : std::optional<Assignment>(cookie);
}

// Weights that do not sum to 100 were not written by Sluice: all to stable, as if there were none.
TrafficStatus traffic_of(const json& in) {
  TrafficStatus out;
  const json* traffic = find(in, "traffic");
  if (traffic == nullptr) return out;
  const int candidate = number_of<int>(*traffic, "candidate", -1);
  const int stable = number_of<int>(*traffic, "stable", -1);
  if (candidate >= 0 && candidate <= 100 && stable == 100 - candidate) {
    out.stable = stable;
    out.candidate = candidate;
    out.accepted = flag_of(*traffic, "accepted");
    out.mirror = std::clamp(number_of<int>(*traffic, "mirror"), 0, 100);
    out.assignment = assignment_of(*traffic);
    if (out.assignment) out.assigned = std::clamp(number_of<int>(*traffic, "assigned"), 0, 100);
  }
  out.reasserted = number_of<int>(*traffic, "reasserted");
  const auto realised = read_exact(text_of(*traffic, "exact"));
  if (realised && !std::isnan(*realised)) out.realised = *realised;
  return out;
}

// The readable texts are rounded, which could put evidence over its threshold: without the exact ones there
// is none.
void read_exact_numbers(const json& in, MetricStatus& out) {
  const auto numbers = unpack_exact(text_of(in, "exact"), 12);
  if (!numbers) return;
  const auto& n = *numbers;
  out.effect = n[0];
  out.lower = n[1];
  out.upper = n[2];
  out.harm_log_e = n[3].value_or(0);
  out.harm_log_e_peak = n[4].value_or(0);
  out.harm_log_threshold = n[5].value_or(0);
  out.non_inferior_log_e = n[6].value_or(0);
  out.non_inferior_log_e_peak = n[7].value_or(0);
  out.non_inferior_log_threshold = n[8].value_or(0);
  out.dispersion = n[9].value_or(1);
  out.pod_spread = n[10];
  out.power = n[11];
}

std::optional<ClassShare> read_share(const json& in) {
  return find(in, "class") == nullptr ? std::nullopt : std::optional(ClassShare{text_of(in, "class"), 0, 0});
}

Box<DriftStatus> drift_of(const json& in) {
  const json* drift = find(in, "drift");
  if (drift == nullptr) return {};
  DriftStatus out;
  out.verdict = word_of(in, "verdict", DriftVerdict::Inconclusive);
  out.tested = text_of(*drift, "tested");
  out.found = text_of(*drift, "found");
  out.shares = list_of<ClassShare>(*drift, "shares", read_share);
  const auto numbers = unpack_exact(text_of(*drift, "exact"), 4 + 2 * out.shares.size());
  if (!numbers) {
    out.shares.clear();
    return out;
  }
  const auto& n = *numbers;
  out.psi = n[0].value_or(0);
  out.jensen_shannon = n[1].value_or(0);
  out.above = n[2].value_or(0);
  out.log10_p = n[3];
  for (std::size_t i = 0; i < out.shares.size(); ++i) {
    out.shares[i].stable = n[4 + 2 * i].value_or(0);
    out.shares[i].candidate = n[5 + 2 * i].value_or(0);
  }
  return out;
}

std::optional<MetricStatus> read_metric(const json& in) {
  MetricStatus out;
  out.name = text_of(in, "name");
  if (out.name.empty()) return std::nullopt;
  out.role = word_of(in, "role", MetricRole::Guardrail);
  out.drift = drift_of(in);
  if (!out.drift) out.verdict = word_of(in, "verdict", Verdict::None);
  out.stable = arm_of(in, "stable");
  out.candidate = arm_of(in, "candidate");
  read_exact_numbers(in, out);
  out.mean = flag_of(in, "mean");
  if (const json* proof = find(in, out.role == MetricRole::Goal ? "superior" : "nonInferior")) {
    if (const auto expected = parse_duration(text_of(*proof, "expectedIn"))) out.non_inferior_in = *expected;
  }
  out.looks = number_of<int>(in, "looks");
  out.dropped = number_of<int>(in, "dropped");
  out.newest_sample = time_of(in, "newestSample");
  out.edge = text_of(in, "edge");
  out.method = text_of(in, "method");
  out.message = text_of(in, "message");
  return out;
}

std::map<std::string, std::vector<std::string>> lists_of(const json& in, const char* field) {
  std::map<std::string, std::vector<std::string>> lists;
  const json* value = find(in, field);
  if (value == nullptr || !value->is_object()) return lists;
  for (const auto& [name, list] : value->items()) {
    const auto is_text = [](const json& item) { return item.is_string(); };
    // One that is not what was written would count other things than before.
    if (!list.is_array() || !std::all_of(list.begin(), list.end(), is_text)) continue;
    lists[name] = list.get<std::vector<std::string>>();
  }
  return lists;
}

EvidenceStatus evidence_of(const json& in) {
  EvidenceStatus out;
  const json* evidence = find(in, "evidence");
  if (evidence == nullptr) return out;
  out.revision = text_of(*evidence, "revision");
  out.through = time_of(*evidence, "through");
  out.past_read = flag_of(*evidence, "pastRead");
  for (const auto& [metric, text] : texts_of(*evidence, "edges")) out.edges[metric] = numbers_in(text);
  out.past_dispersion = numbers_of(*evidence, "pastDispersion");
  out.pod_spread = numbers_of(*evidence, "podSpread");
  out.classes = lists_of(*evidence, "classes");
  out.packed = texts_of(*evidence, "packed");
  out.shadow = texts_of(*evidence, "shadow");
  out.split = text_of(*evidence, "split");
  out.split_disturbed = time_of(*evidence, "splitDisturbed");
  return out;
}

std::optional<Approval> read_approval(const json& in) {
  Approval out{text_of(in, "stage"), text_of(in, "by"), time_of(in, "at").value_or(Time{})};
  return out.stage.empty() ? std::nullopt : std::optional(std::move(out));
}

std::optional<LoadTestStatus> read_load_test(const json& in) {
  LoadTestStatus out;
  out.stage = text_of(in, "stage");
  if (out.stage.empty()) return std::nullopt;
  out.attempt = number_of<int>(in, "attempt");
  out.verdict = word_of(in, "verdict", Verdict::None);
  out.report = text_of(in, "report");
  out.requests = number_of<std::int64_t>(in, "requests");
  out.failures = number_of<std::int64_t>(in, "failures");
  out.rate = text_of(in, "rate");
  out.p50 = text_of(in, "p50");
  out.p95 = text_of(in, "p95");
  out.p99 = text_of(in, "p99");
  out.message = text_of(in, "message");
  return out;
}

std::optional<std::string> read_name(const json& in) {
  if (!in.is_string() || in.get_ref<const std::string&>().empty()) return std::nullopt;
  return in.get<std::string>();
}

std::optional<HistoryEntry> read_history(const json& in) {
  HistoryEntry out;
  const auto outcome = from_string<Outcome>(text_of(in, "outcome"));
  out.revision = text_of(in, "revision");
  if (!outcome || out.revision.empty()) return std::nullopt;
  out.outcome = *outcome;
  out.reason = text_of(in, "reason");
  out.stage = text_of(in, "stage");
  out.started_at = time_of(in, "startedAt").value_or(Time{});
  out.finished_at = time_of(in, "finishedAt").value_or(Time{});
  out.looks = number_of<int>(in, "looks");
  out.attempt = number_of<std::int64_t>(in, "attempt");
  out.message = text_of(in, "message");
  out.approvals = list_of<Approval>(in, "approvals", read_approval);
  out.reports = list_of<std::string>(in, "reports", read_name);
  return out;
}

std::optional<RetiredRevision> read_retired(const json& in) {
  RetiredRevision out{text_of(in, "revision"), time_of(in, "scaleDownAt").value_or(Time{})};
  return out.revision.empty() ? std::nullopt : std::optional(std::move(out));
}

std::optional<Condition> read_condition(const json& in) {
  Condition out;
  out.type = text_of(in, "type");
  if (out.type.empty()) return std::nullopt;
  out.status = word_of(in, "status", ConditionStatus::Unknown);
  out.observed_generation = number_of<std::int64_t>(in, "observedGeneration");
  out.last_transition = time_of(in, "lastTransitionTime").value_or(Time{});
  out.reason = text_of(in, "reason");
  out.message = text_of(in, "message");
  return out;
}

}  // namespace

RolloutStatus status_from_json(const json& in) {
  RolloutStatus out;
  out.observed_generation = number_of<std::int64_t>(in, "observedGeneration");
  out.phase = word_of(in, "phase", Phase::Pending);
  out.message = text_of(in, "message");
  out.stable_revision = text_of(in, "stableRevision");
  out.candidate_revision = text_of(in, "candidateRevision");
  out.rejected_revision = text_of(in, "rejectedRevision");
  out.verdict = text_of(in, "verdict");
  out.started_at = time_of(in, "startedAt");
  out.waiting_since = time_of(in, "waitingSince");
  out.promoting_since = time_of(in, "promotingSince");
  out.stage = stage_of(in);
  out.traffic = traffic_of(in);
  out.approvals = list_of<Approval>(in, "approvals", read_approval);
  out.metrics = list_of<MetricStatus>(in, "metrics", read_metric);
  out.load_tests = list_of<LoadTestStatus>(in, "loadTests", read_load_test);
  out.evidence = evidence_of(in);
  out.retired = list_of<RetiredRevision>(in, "retired", read_retired);
  out.history = list_of<HistoryEntry>(in, "history", read_history);
  out.former_stable = list_of<std::string>(in, "formerStable", read_name);
  out.conditions = list_of<Condition>(in, "conditions", read_condition);
  out.handled = texts_of(in, "handled");
  out.ignored = texts_of(in, "ignored");
  out.attempt = number_of<std::int64_t>(in, "attempt");
  out.replicas = number_of<int>(in, "replicas");
  out.ready_replicas = number_of<int>(in, "readyReplicas");
  out.selector = text_of(in, "selector");
  out.collision_count = number_of<std::int32_t>(in, "collisionCount");
  return out;
}

}  // namespace sluice::api
