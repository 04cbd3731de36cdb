#include "random_status.h"

#include <array>
#include <cmath>
#include <limits>

namespace sluice::api {
namespace {

using Random = std::mt19937;

int number(Random& random, int least, int most) {
  return std::uniform_int_distribution(least, most)(random);
}
bool flag(Random& random) {
  return number(random, 0, 1) == 1;
}

std::string text(Random& random) {
  constexpr std::array<const char*, 6> kTexts{"",           "a",        "\"quoted\" \\ /", "ünïcode ≥ 1",
                                              "two\nlines", "6d9f7c5b8"};
  return kTexts[static_cast<std::size_t>(number(random, 0, 5))];
}

std::string name(Random& random) {
  return "name-" + std::to_string(number(random, 0, 1000));
}

double real(Random& random) {
  switch (number(random, 0, 7)) {
    case 0:
      return 0.0;
    case 1:
      return std::numeric_limits<double>::infinity();
    case 2:
      return -std::numeric_limits<double>::infinity();
    case 3:
      return std::numeric_limits<double>::denorm_min();
    case 4:
      return -std::numeric_limits<double>::max();
    case 5:
      return 1.0 / 3.0;
    default:
      return std::normal_distribution(0.0, 300.0)(random);
  }
}

double count(Random& random) {
  return flag(random) ? number(random, 0, 100'000)
                      : std::exp(std::uniform_real_distribution(-5.0, 40.0)(random));
}

Time time(Random& random) {
  const auto most = std::int64_t{4'000'000'000} * 1000;
  const auto ms = std::uniform_int_distribution<std::int64_t>(0, most)(random);
  return Time(Duration(flag(random) ? ms : ms / 1000 * 1000));
}

template <class Make>
auto maybe(Random& random, Make make) -> std::optional<decltype(make(random))> {
  if (flag(random)) return std::nullopt;
  return make(random);
}

template <class Make>
auto some(Random& random, Make make) {
  std::vector<decltype(make(random))> items;
  for (int i = number(random, 0, 3); i > 0; --i) items.push_back(make(random));
  return items;
}

template <class Make>
auto by_name(Random& random, Make make) {
  std::map<std::string, decltype(make(random))> items;
  for (int i = number(random, 0, 3); i > 0; --i) items[name(random)] = make(random);
  return items;
}

// The structured bindings below stop compiling when a field is added to types.h, so that none is forgotten
// here. They name the fields in order.

Condition condition(Random& random) {
  Condition out;
  auto& [type, status, generation, transition, reason, message] = out;
  type = name(random);
  status = static_cast<ConditionStatus>(number(random, 0, 2));
  generation = number(random, 0, 1000);
  transition = time(random);
  reason = name(random);
  message = text(random);
  return out;
}

JobStatus job(Random& random) {
  JobStatus out;
  auto& [attempt, job_name, uid, running_since, restarts, verdict, retry_at, errors, message] = out;
  restarts = number(random, 0, 9);
  attempt = number(random, 1, 9);
  job_name = "job-" + name(random);
  uid = text(random);
  running_since = maybe(random, time);
  verdict = static_cast<Verdict>(number(random, 0, 5));
  retry_at = maybe(random, time);
  errors = number(random, 0, 9);
  message = text(random);
  return out;
}

StageStatus stage(Random& random) {
  StageStatus out;
  auto& [index, stage_name, step, started_at, first_traffic_at, weight_set_at, looks, passed, job_now, digest,
         edits] = out;
  index = number(random, 0, 9);
  stage_name = name(random);
  step = number(random, 0, 9);
  started_at = time(random);
  first_traffic_at = maybe(random, time);
  weight_set_at = maybe(random, time);
  looks = number(random, 0, 99);
  passed = text(random);
  job_now = maybe(random, job);
  digest = name(random);
  edits = number(random, 0, 9);
  return out;
}

Assignment assignment(Random& random) {
  if (flag(random)) return CookieAssignment{name(random), seconds(number(random, 1, 1'000'000))};
  return HeaderAssignment{name(random), {name(random), "", "\"quoted\""}};
}

TrafficStatus traffic(Random& random) {
  TrafficStatus out;
  auto& [stable, candidate, mirror, assigned, assignment_now, realised, accepted, reasserted] = out;
  candidate = number(random, 0, 100);
  stable = 100 - candidate;
  mirror = number(random, 0, 100);
  assignment_now = maybe(random, assignment);
  if (assignment_now) assigned = number(random, 0, 100);
  realised = maybe(random, [](Random& r) { return std::uniform_real_distribution(0.0, 1.0)(r); });
  accepted = flag(random);
  reasserted = number(random, 0, 3);
  return out;
}

ArmCounts arm(Random& random) {
  return {count(random), count(random)};
}

ClassShare class_share(Random& random) {
  ClassShare out;
  auto& [class_name, stable, candidate] = out;
  class_name = text(random);
  stable = real(random);
  candidate = real(random);
  return out;
}

DriftStatus drift(Random& random) {
  DriftStatus out;
  auto& [verdict, tested, found, psi, jensen_shannon, above, log10_p, shares] = out;
  verdict = static_cast<DriftVerdict>(number(random, 0, 2));
  tested = text(random);
  found = text(random);
  for (double* value : {&psi, &jensen_shannon, &above}) *value = real(random);
  log10_p = maybe(random, real);
  shares = some(random, class_share);
  return out;
}

// Of a metric that compares predictions there is no evidence but its own.
MetricStatus predictions(Random& random) {
  MetricStatus out;
  out.name = name(random);
  out.role = MetricRole::Report;
  out.stable.total = count(random);
  out.candidate.total = count(random);
  out.looks = number(random, 0, 1000);
  out.dropped = number(random, 0, 1000);
  out.newest_sample = maybe(random, time);
  out.method = text(random);
  out.message = text(random);
  out.drift = drift(random);
  return out;
}

MetricStatus metric(Random& random) {
  if (number(random, 0, 3) == 0) return predictions(random);
  MetricStatus out;
  auto& [metric_name, role, mean, verdict, stable, candidate, edge, effect, lower, upper, harm, harm_peak,
         harm_threshold, proof, proof_peak, proof_threshold, expected_in, looks, dropped, dispersion, power, pod_spread,
         newest_sample, method, message, no_drift] = out;
  no_drift = {};
  metric_name = name(random);
  role = static_cast<MetricRole>(number(random, 0, 2));
  mean = role == MetricRole::Goal && flag(random);
  verdict = static_cast<Verdict>(number(random, 0, 5));
  stable = arm(random);
  candidate = arm(random);
  edge = text(random);
  effect = maybe(random, real);
  lower = maybe(random, real);
  upper = maybe(random, real);
  for (double* value : {&harm, &harm_peak, &harm_threshold, &proof, &proof_peak, &proof_threshold}) {
    *value = real(random);
  }
  expected_in = maybe(random, [](Random& r) { return Duration(number(r, 0, 1'000'000'000)); });
  looks = number(random, 0, 1000);
  dropped = number(random, 0, 1000);
  dispersion = 1.0 + std::fabs(std::normal_distribution(0.0, 1.0)(random));
  power = maybe(random, real);
  pod_spread = maybe(random, real);
  method = text(random);
  newest_sample = maybe(random, time);
  message = text(random);
  return out;
}

EvidenceStatus evidence(Random& random) {
  EvidenceStatus out;
  auto& [revision, through, past_dispersion, pod_spread, past_read, edges, classes, packed, shadow, split,
         disturbed] = out;
  classes = by_name(random, [](Random& r) { return std::vector<std::string>{text(r), "", "cat"}; });
  revision = text(random);
  through = maybe(random, time);
  past_dispersion = by_name(random, real);
  pod_spread = by_name(random, real);
  past_read = flag(random);
  edges = by_name(random, [](Random& r) { return std::vector<double>{1.0 * number(r, 1, 99) / 7, 100}; });
  packed = by_name(random, text);
  shadow = by_name(random, text);
  split = text(random);
  disturbed = maybe(random, time);
  return out;
}

Approval approval(Random& random) {
  Approval out;
  auto& [stage_name, by, at] = out;
  stage_name = name(random);
  by = text(random);
  at = time(random);
  return out;
}

LoadTestStatus load_test(Random& random) {
  LoadTestStatus out;
  auto& [stage_name, attempt, verdict, report, requests, failures, rate, p50, p95, p99, message] = out;
  stage_name = name(random);
  attempt = number(random, 0, 9);
  verdict = static_cast<Verdict>(number(random, 0, 5));
  requests = std::uniform_int_distribution<std::int64_t>(0, std::int64_t{1} << 50)(random);
  failures = number(random, 0, 99);
  for (std::string* one : {&report, &rate, &p50, &p95, &p99, &message}) *one = text(random);
  return out;
}

HistoryEntry history_entry(Random& random) {
  HistoryEntry out;
  auto& [revision, outcome, reason, stage_name, started_at, finished_at, looks, attempt, message, approvals, reports] =
      out;
  reports = some(random, name);
  approvals = some(random, approval);
  revision = name(random);
  outcome = static_cast<Outcome>(number(random, 0, 2));
  reason = text(random);
  stage_name = text(random);
  started_at = time(random);
  finished_at = time(random);
  looks = number(random, 0, 99);
  attempt = number(random, 0, 9);
  message = text(random);
  return out;
}

RetiredRevision retired_revision(Random& random) {
  RetiredRevision out;
  auto& [revision, scale_down_at] = out;
  revision = name(random);
  scale_down_at = time(random);
  return out;
}

}  // namespace

RolloutStatus random_status(Random& random) {
  RolloutStatus out;
  auto& [observed_generation, phase, message, stable_revision, candidate_revision, rejected_revision, verdict,
         started_at, waiting_since, promoting_since, stage_now, approvals, traffic_now, metrics, load_tests,
         evidence_now, retired, history, former_stable, conditions, handled, ignored, attempt, replicas, ready_replicas, selector,
         collision_count] = out;
  observed_generation = std::uniform_int_distribution<std::int64_t>(0, std::int64_t{1} << 60)(random);
  phase = static_cast<Phase>(number(random, 0, 5));
  message = text(random);
  stable_revision = text(random);
  candidate_revision = text(random);
  rejected_revision = text(random);
  verdict = text(random);
  started_at = maybe(random, time);
  waiting_since = maybe(random, time);
  promoting_since = maybe(random, time);
  stage_now = maybe(random, stage);
  approvals = some(random, approval);
  traffic_now = traffic(random);
  metrics = some(random, metric);
  load_tests = some(random, load_test);
  evidence_now = evidence(random);
  retired = some(random, retired_revision);
  history = some(random, history_entry);
  former_stable = some(random, name);
  conditions = some(random, condition);
  handled = by_name(random, text);
  ignored = by_name(random, text);
  attempt = number(random, 0, 9);
  replicas = number(random, 0, 100);
  ready_replicas = number(random, 0, 100);
  selector = text(random);
  collision_count = number(random, 0, 3);
  return out;
}

}  // namespace sluice::api
