#include "rollout/split_check.h"

#include <algorithm>
#include <cmath>

#include "api/conditions.h"
#include "base/log.h"
#include "rollout/evidence.h"
#include "rollout/sentence.h"
#include "stats/split_evidence.h"

namespace sluice::rollout {
namespace {

constexpr double kAlpha = 0.001;
// Fractions of the smaller asked share that are no mismatch: scrapes of two arms at two instants see a little less of
// the one and more of the other; and users differ in how much they ask.
constexpr double kToleranceForRequests = 0.02;
constexpr double kToleranceForUsers = 0.2;

stats::SplitEvidence restore(const api::EvidenceStatus& saved) {
  if (saved.split.empty()) return {};
  auto evidence = stats::SplitEvidence::unpack(saved.split);
  if (evidence) return std::move(evidence).take();
  log::warn("the saved check of the split cannot be used and starts anew", {{"error", evidence.error().message}});
  return {};
}

bool is_mismatch(const stats::SplitEvidence& evidence) { return evidence.sup_log_e() >= -std::log(kAlpha); }

// Whether there is an asked share: not for copies, nor for users who are told apart by a header of their own.
bool has_asked_share(const api::TrafficStatus& traffic) {
  if (traffic.assignment && std::holds_alternative<api::HeaderAssignment>(*traffic.assignment)) return false;
  return traffic.candidate > 0 && traffic.candidate < 100 && traffic.mirror == 0;
}

// A disturbance is seen at visits, which are an interval apart at most while looks are taken.
bool is_settled(const api::RolloutStatus& status, Duration interval, Time from) {
  if (!status.stage || !status.stage->weight_set_at || from < *status.stage->weight_set_at + interval) return false;
  const auto& disturbed = status.evidence.split_disturbed;
  return !disturbed || from >= *disturbed + 2 * interval;
}

const metrics::MetricReading* requests_in(const api::AnalysisSpec& analysis, const metrics::LookResult& result) {
  if (!analysis.requests.empty()) return find_reading(result, kRequestsReading);
  const auto first = std::find_if(analysis.metrics.begin(), analysis.metrics.end(),
                                  [](const auto& metric) { return metric.role == api::MetricRole::Guardrail; });
  return first == analysis.metrics.end() ? nullptr : find_reading(result, first->name);
}

}  // namespace

void check_split(Context& context, const metrics::LookResult& result) {
  api::RolloutStatus& status = context.status();
  const api::AnalysisSpec& analysis = context.spec().analysis;
  if (analysis.split_check == api::SplitCheck::Off) {
    status.evidence.split.clear();
    return;
  }
  if (!is_settled(status, analysis.interval, result.look.from) || !has_asked_share(status.traffic)) return;
  const metrics::MetricReading* requests = requests_in(analysis, result);
  if (requests == nullptr || requests->gap) return;
  stats::SplitEvidence evidence = restore(status.evidence);
  const bool before = is_mismatch(evidence);
  const double tolerance = status.traffic.assignment ? kToleranceForUsers : kToleranceForRequests;
  const double share = status.traffic.candidate / 100.0;
  if (!evidence.add(requests->candidate.total, requests->stable.total, share, tolerance)) return;
  status.evidence.split = evidence.pack();
  if (!before && is_mismatch(evidence)) {
    context.event(Event::Type::Warning, api::reason::kSampleRatioMismatch, split_sentence(context));
  }
}

bool split_mismatch(const api::RolloutStatus& status) {
  return !status.evidence.split.empty() && is_mismatch(restore(status.evidence));
}

bool split_holds(const Context& context) {
  return context.spec().analysis.split_check == api::SplitCheck::Enforce && split_mismatch(context.status());
}

void reset_split(Context& context, const std::string& why) {
  api::RolloutStatus& status = context.status();
  if (split_mismatch(status)) {
    context.event(Event::Type::Normal, "SplitCheckReset", "the check of the split starts afresh, " + why);
  }
  status.evidence.split.clear();
  status.evidence.split_disturbed = context.now;
}

std::string split_sentence(const Context& context) {
  const stats::SplitEvidence evidence = restore(context.status().evidence);
  const bool few = evidence.realised() < evidence.share();
  const auto whole = [](double count) { return std::to_string(std::llround(count)); };
  std::string text = "the candidate gets " + percent(evidence.realised()) + " of the requests (" +
                     whole(evidence.candidate()) + " of " + whole(evidence.candidate() + evidence.stable()) +
                     ") where " + percent(evidence.share()) + " were asked for: " + (few ? "the candidate" : "stable") +
                     " has too few; ";
  text += few ? "either its pods lose requests before they count them (crashes, timeouts, limits), or stable answers "
                "callers that bypass the gateway"
              : "either stable's pods lose requests before they count them, or the candidate answers callers that bypass "
                "the gateway (a load test, retries)";
  if (context.spec().analysis.requests.empty()) {
    text += ": name a counter of the requests that the gateway routes in spec.analysis.requests then";
  }
  return text;
}

void set_split_condition(Context& context) {
  api::RolloutStatus& status = context.status();
  const bool checked = !status.evidence.split.empty() && !status.candidate_revision.empty();
  if (!checked) return api::remove_condition(status.conditions, api::kSplitVerified);
  const stats::SplitEvidence evidence = restore(status.evidence);
  const bool mismatch = is_mismatch(evidence);
  api::Condition condition{.type = api::kSplitVerified,
                           .status = mismatch ? api::ConditionStatus::False : api::ConditionStatus::True,
                           .observed_generation = context.rollout.generation,
                           .last_transition = context.now,
                           .reason = mismatch ? api::reason::kSampleRatioMismatch : "AsAsked",
                           .message = {}};
  condition.message = mismatch ? split_sentence(context)
                               : "the candidate gets " + percent(evidence.realised()) + " of the requests where " +
                                     percent(evidence.share()) + " were asked for";
  api::set_condition(status.conditions, std::move(condition), context.now);
}

}  // namespace sluice::rollout
