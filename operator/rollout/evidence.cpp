#include "rollout/evidence.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/log.h"
#include "rollout/edges.h"
#include "rollout/sentence.h"
#include "stats/pod_spread.h"

namespace sluice::rollout {
namespace {

using Blocks = std::vector<stats::Block>;  // of one look, one for each edge

constexpr double kSignificant = 0.05;
constexpr const char* kExchanged = "/exchanged";  // no metric's name has a slash

const char* reason_of(metrics::Gap gap) {
  switch (gap) {
    case metrics::Gap::NoData: return "NoData";
    case metrics::Gap::Stale: return "Stale";
    case metrics::Gap::TargetsChanged: return "TargetsChanged";
    case metrics::Gap::EdgeMissing: return "EdgeMissing";
    case metrics::Gap::Unread: return "ProviderError";
  }
  return "NoData";
}

// The state as it was saved. A state that cannot be read (another version, parameters that the user changed in
// the middle) starts again from nothing, which is conservative: evidence is lost, never invented.
stats::MetricEvidence restore(const api::MetricSpec& metric, const api::EvidenceStatus& saved,
                              const std::map<std::string, std::string>& states, const std::string& name) {
  const std::vector<double> edges = edges_of(metric, saved);
  std::array<double, stats::MetricEvidence::most_edges> pasts{};
  const std::size_t parts = std::clamp<std::size_t>(edges.size(), 1, pasts.size());
  for (std::size_t k = 0; k < parts; ++k) {
    const auto past = saved.past_dispersion.find(past_name(metric.name, edges, k));
    if (past != saved.past_dispersion.end()) pasts[k] = past->second;
  }
  const auto parameters = parameters_of(metric, pasts[0]);
  const auto packed = states.find(name);
  if (packed != states.end()) {
    auto state = stats::MetricEvidence::unpack(parameters, parts, packed->second);
    if (state) return std::move(state).take();
    log::warn("the saved evidence cannot be used and starts anew",
              {{"metric", name}, {"error", state.error().message}});
  }
  return {parameters, std::span(pasts).first(parts)};
}

// What every metric is judged by. The dispersion is shown beside it.
constexpr const char* kMethod = "conditional-poisson e-process: events independent, or as bursty as the dispersion says";

// When non-inferiority is expected if both rates stay what they seem to be, at the last block's exposure. Absent
// when it does not come nearer, or only after a long time.
std::optional<Duration> expected_in(const stats::MetricEvidence& evidence, const Blocks& last,
                                    double threshold, Duration interval) {
  constexpr double longest = 10'000;
  Blocks per_look = last;
  for (std::size_t k = 0; k < per_look.size(); ++k) {
    const stats::Block& totals = evidence.part(k).totals();
    if (totals.candidate_exposure <= 0 || totals.stable_exposure <= 0) return std::nullopt;
    stats::Block& block = per_look[k];
    block.candidate_events = block.candidate_exposure * totals.candidate_events / totals.candidate_exposure;
    block.stable_events = block.stable_exposure * totals.stable_events / totals.stable_exposure;
  }
  const double looks = evidence.looks_to_non_inferior(per_look, threshold);
  if (looks <= 0 || looks > longest) return std::nullopt;
  return interval * static_cast<std::int64_t>(std::ceil(looks));
}

api::Verdict verdict_of(GuardrailState state) {
  switch (state) {
    case GuardrailState::NonInferior:
    case GuardrailState::Tolerated: return api::Verdict::Pass;
    case GuardrailState::Harmed:
    case GuardrailState::CeilingExceeded: return api::Verdict::Fail;
    case GuardrailState::Unproven: return api::Verdict::Inconclusive;
  }
  return api::Verdict::None;
}

GuardrailEvidenceSummary summarise_metric(const api::AnalysisSpec& analysis, const api::MetricSpec& metric,
                                          const stats::MetricEvidence& evidence, const Thresholds& limits) {
  GuardrailEvidenceSummary summary;
  summary.name = metric.name;
  summarise(evidence, analysis, limits, summary);
  if (metric.role == api::MetricRole::Guardrail) summary.power = catastrophe_power(evidence, analysis, limits);
  return summary;
}

void write_numbers(const api::AnalysisSpec& analysis, const stats::MetricEvidence& evidence, const Blocks& blocks,
                   const Thresholds& limits, const GuardrailEvidenceSummary& summary, api::MetricStatus& out) {
  const stats::GuardrailEvidence& told = evidence.part(evidence.leading());
  const stats::Block& totals = told.totals();
  out.stable = {totals.stable_events, totals.stable_exposure};
  out.candidate = {totals.candidate_events, totals.candidate_exposure};
  out.effect.reset();
  out.lower.reset();
  out.upper.reset();
  if (totals.candidate_events + totals.stable_events > 0) {
    const stats::RatioInterval interval = told.ratio(analysis.false_promotion);
    if (std::isfinite(interval.estimate)) out.effect = interval.estimate;
    out.lower = interval.lower;
    if (std::isfinite(interval.upper)) out.upper = interval.upper;
  }
  out.harm_log_e = summary.harm;
  out.harm_log_e_peak = summary.harm_peak;
  out.non_inferior_log_e = summary.non_inferior;
  out.non_inferior_log_e_peak = summary.non_inferior_peak;
  out.looks = evidence.looks();
  out.dispersion = told.dispersion();
  out.method = kMethod;
  const GuardrailState state = judge(summary, limits);
  out.non_inferior_in.reset();
  if (state == GuardrailState::Unproven) {
    out.non_inferior_in = expected_in(evidence, blocks, limits.non_inferior, analysis.interval);
  }
  out.power.reset();
  if (out.role == api::MetricRole::Guardrail) out.power = summary.power;
  out.verdict = out.role == api::MetricRole::Guardrail ? verdict_of(state) : api::Verdict::None;
  out.message = sentence(out, state);
}

// A proof from copies alone, by its name among those of the stage: adds `blocks` to it unless there are none.
stats::MetricEvidence add_copies(const api::MetricSpec& metric, const std::string& name, const Blocks& blocks,
                                 api::EvidenceStatus& saved) {
  stats::MetricEvidence copies = restore(metric, saved, saved.shadow, name);
  if (copies.add(blocks)) saved.shadow[name] = copies.pack();
  return copies;
}

// "Not better by more than the margin" is "stable is not worse than the candidate by more than that".
Blocks exchanged(Blocks blocks) {
  for (stats::Block& block : blocks) {
    std::swap(block.candidate_events, block.stable_events);
    std::swap(block.candidate_exposure, block.stable_exposure);
  }
  return blocks;
}

// What copies alone prove, told in place of the users' proof.
void prove_by_copies(const api::MetricSpec& metric, const Blocks& blocks, bool both_sides, api::EvidenceStatus& saved,
                     GuardrailEvidenceSummary& summary) {
  const stats::MetricEvidence copies = add_copies(metric, metric.name, blocks, saved);
  summary.non_inferior = copies.log_e_non_inferior();
  summary.non_inferior_peak = copies.sup_log_e_non_inferior();
  if (!both_sides) return;
  summary.not_better_peak =
      add_copies(metric, metric.name + kExchanged, exchanged(blocks), saved).sup_log_e_non_inferior();
}

double past_dispersion(const std::vector<metrics::Counts>& blocks) {
  std::vector<double> events;
  std::vector<double> exposure;
  for (const metrics::Counts& counts : blocks) {
    events.push_back(counts.events);
    exposure.push_back(counts.total);
  }
  return rollout::past_dispersion(events, exposure);
}

// A block that could not be used. Without a past the edges of a distribution are chosen by what stable does in this
// block, which therefore cannot be counted as well.
void drop_block(const api::MetricSpec& metric, const metrics::MetricReading& reading, bool undecided,
                api::EvidenceStatus& evidence, api::MetricStatus& numbers, LookSummary& out) {
  ++numbers.dropped;
  const bool guards = metric.role == api::MetricRole::Guardrail;
  if (guards) out.guardrail_gap = true;
  if (reading.gap || !undecided) {
    if (guards) note_gap(metric.name, &reading, out);
    return;
  }
  const auto edges = edges_by_block(reading);
  if (!edges.empty()) evidence.edges[metric.name] = edges;
  if (!guards || !out.gap_metric.empty()) return;
  out.gap_metric = metric.name;
  out.gap_reason = "EdgesChosen";
  out.gap_message = "metric " + metric.name + ": its edges were chosen by this block of stable, whose past was not " +
                    "readable; counting starts with the next one";
}

void add_pod_spread(const metrics::MetricReading& reading, api::EvidenceStatus& evidence) {
  std::vector<double> events;
  std::vector<double> exposure;
  for (const metrics::Counts& pod : reading.pods) {
    events.push_back(pod.events);
    exposure.push_back(pod.total);
  }
  if (const auto found = stats::pod_spread(events, exposure)) evidence.pod_spread[reading.name] = found->spread;
}

}  // namespace

const metrics::MetricReading* find_reading(const metrics::LookResult& look, const std::string& name) {
  const auto found = std::find_if(look.metrics.begin(), look.metrics.end(), [&](const auto& m) { return m.name == name; });
  return found == look.metrics.end() ? nullptr : &*found;
}

api::MetricStatus& status_of(api::RolloutStatus& status, const api::MetricSpec& metric) {
  api::MetricStatus fresh;
  fresh.name = metric.name;
  fresh.role = metric.role;
  if (api::compares_predictions(metric)) fresh.drift.emplace().above = metric.drift.above;
  const auto known = std::find_if(status.metrics.begin(), status.metrics.end(),
                                  [&](const api::MetricStatus& one) { return one.name == metric.name; });
  if (known == status.metrics.end()) return status.metrics.emplace_back(std::move(fresh));
  if (static_cast<bool>(known->drift) != static_cast<bool>(fresh.drift)) *known = std::move(fresh);  // an edited spec
  return *known;
}

void note_gap(const std::string& metric, const metrics::MetricReading* reading, LookSummary& out) {
  if (!out.gap_metric.empty()) return;
  const metrics::Gap gap = reading == nullptr ? metrics::Gap::NoData : reading->gap.value_or(metrics::Gap::Stale);
  out.gap_metric = metric;
  out.gap_reason = reason_of(gap);
  out.gap_message = gap_sentence(metric, gap, reading == nullptr ? "" : reading->detail);
}

stats::GuardrailParameters parameters_of(const api::MetricSpec& metric, double past_dispersion) {
  stats::GuardrailParameters parameters;
  parameters.harm_ratio = metric.harm.ratio;
  parameters.harm_floor = metric.harm.above;
  parameters.margin_ratio = metric.margin.ratio;
  parameters.or_below = metric.margin.or_below;
  parameters.ceiling = metric.ceiling.value_or(0);
  parameters.past_dispersion = past_dispersion;
  return parameters;
}

int tests_of_harm(const api::AnalysisSpec& analysis) {
  int tests = 0;
  for (const api::MetricSpec& metric : analysis.metrics) {
    if (metric.role == api::MetricRole::Report) continue;
    tests += metric.ceiling ? 2 : 1;
  }
  return tests;
}

double superior_threshold(const api::AnalysisSpec& analysis) {
  const auto goals = std::count_if(analysis.metrics.begin(), analysis.metrics.end(),
                                   [](const api::MetricSpec& m) { return m.role == api::MetricRole::Goal; });
  return std::log(static_cast<double>(std::max<std::ptrdiff_t>(1, goals)) / analysis.false_promotion);
}

double past_dispersion(std::span<const double> events, std::span<const double> exposure) {
  if (events.size() < 2) return 0;
  const stats::PastDispersion past = stats::past_dispersion(events, exposure);
  return past.p_value < kSignificant ? std::max(1.0, past.phi) : 1.0;
}

void summarise(const stats::MetricEvidence& evidence, const api::AnalysisSpec& analysis,
               const Thresholds& limits, GuardrailEvidenceSummary& out) {
  out.harm = evidence.log_e_harm();
  out.harm_peak = evidence.sup_log_e_harm();
  out.ceiling_peak = evidence.sup_log_e_above_ceiling();
  out.non_inferior = evidence.log_e_non_inferior();
  out.non_inferior_peak = evidence.sup_log_e_non_inferior();
  out.below_margin = out.harm_peak >= limits.harm &&
                     evidence.ratio_below(evidence.part(0).parameters().margin_ratio, analysis.false_promotion);
}

double catastrophe_power(const stats::MetricEvidence& evidence, const api::AnalysisSpec& analysis,
                         const Thresholds& limits) {
  return evidence.detection_power(analysis.catastrophic_effect, limits.harm);
}

LookSummary add_readings(const api::AnalysisSpec& analysis, const metrics::LookResult& look,
                         api::RolloutStatus& status, int candidate_pods, bool both_sides) {
  LookSummary out;
  const Thresholds limits = thresholds(analysis.false_rollback, analysis.false_promotion, tests_of_harm(analysis));
  const bool mirrored = status.traffic.mirror > 0;
  double most_requests = 0;
  for (const api::MetricSpec& metric : analysis.metrics) {
    if (metric.role == api::MetricRole::Goal) continue;  // goals.cpp
    if (api::compares_predictions(metric)) continue;     // predictions.cpp
    const bool guards = metric.role == api::MetricRole::Guardrail;
    const metrics::MetricReading* reading = find_reading(look, metric.name);
    const metrics::MetricReading nothing{.name = metric.name, .gap = metrics::Gap::NoData};
    if (reading == nullptr) reading = &nothing;
    api::MetricStatus& numbers = status_of(status, metric);
    stats::MetricEvidence evidence = restore(metric, status.evidence, status.evidence.packed, metric.name);
    const std::vector<double> edges = edges_of(metric, status.evidence);
    numbers.harm_log_threshold = limits.harm;
    numbers.non_inferior_log_threshold = limits.non_inferior;
    const auto spread = status.evidence.pod_spread.find(metric.name);
    if (spread != status.evidence.pod_spread.end()) numbers.pod_spread = spread->second;
    if (reading->newest_sample) numbers.newest_sample = reading->newest_sample;
    const bool undecided = is_distribution(metric) && edges.empty();
    const Blocks blocks = reading->gap || undecided ? Blocks{} : blocks_of(*reading, edges);
    const bool used = evidence.add(blocks, !mirrored);
    if (!used) drop_block(metric, *reading, undecided, status.evidence, numbers, out);
    GuardrailEvidenceSummary summary = summarise_metric(analysis, metric, evidence, limits);
    if (mirrored) prove_by_copies(metric, blocks, both_sides && guards, status.evidence, summary);
    if (used) {
      if (is_distribution(metric)) numbers.edge = edge_text(metric, edges[evidence.leading()]);
      write_numbers(analysis, evidence, blocks, limits, summary, numbers);
      if (candidate_pods > 0 && candidate_pods < kFewPods) {
        numbers.message += "; " + few_pods_sentence(candidate_pods, numbers.pod_spread);
      }
      if (both_sides && guards) numbers.message += "; " + not_better_sentence(summary.not_better_peak, limits.non_inferior);
      status.evidence.packed[metric.name] = evidence.pack();
      const stats::Block& block = blocks[0];
      const double requests = block.candidate_exposure + block.stable_exposure;
      if (requests > most_requests) {
        most_requests = requests;
        const double whole = mirrored ? block.stable_exposure : requests;
        status.traffic.realised = whole > 0 ? block.candidate_exposure / whole : 0;
      }
    }
    if (guards) out.guardrails.push_back(summary);
  }
  return out;
}

void add_past(const api::AnalysisSpec& analysis, const metrics::LookResult& look, api::RolloutStatus& status) {
  api::EvidenceStatus& evidence = status.evidence;
  evidence.past_read = true;
  for (const api::MetricSpec& metric : analysis.metrics) {
    const metrics::MetricReading* reading = find_reading(look, metric.name);
    if (reading == nullptr || reading->past.size() < 2) continue;
    if (is_distribution(metric)) {
      evidence.edges[metric.name] = edges_by_past(*reading);
    }
    const std::vector<double> edges = edges_of(metric, evidence);
    for (std::size_t k = 0; k < std::max<std::size_t>(1, edges.size()); ++k) {
      const std::vector<metrics::Counts>* past = past_at(*reading, edges, k);
      if (past != nullptr) evidence.past_dispersion[past_name(metric.name, edges, k)] = past_dispersion(*past);
    }
    add_pod_spread(*reading, evidence);
  }
}

}  // namespace sluice::rollout
