#include "rollout/sentence.h"

#include <array>
#include <charconv>
#include <cmath>
#include <numbers>

namespace sluice::rollout {
namespace {

// As printf would with %.<precision>f or %.<precision>g, which takes three times as long; a look writes dozens.
std::string digits(double value, std::chars_format format, int precision) {
  std::array<char, 340> text{};  // fits every double, even in full
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, format, precision).ptr;
  return {text.data(), end};
}

std::string whole(double count) { return digits(count, std::chars_format::fixed, 0); }

std::string share_of(const api::ArmCounts& arm) {
  if (arm.total <= 0) return "no requests";
  return percent(arm.events / arm.total) + " (" + whole(arm.events) + " of " + whole(arm.total) + ")";
}

const char* state_word(GuardrailState state) {
  switch (state) {
    case GuardrailState::Unproven: return "undecided";
    case GuardrailState::NonInferior: return "not worse";
    case GuardrailState::Tolerated: return "worse, but within the margin";
    case GuardrailState::Harmed: return "worse";
    case GuardrailState::CeilingExceeded: return "above the ceiling";
  }
  return "";
}

}  // namespace

std::string number(double value) {
  if (std::isnan(value)) return "-";
  if (std::isinf(value)) return value > 0 ? "infinite" : "-infinite";
  if (value == 0) return "0";
  const double size = std::abs(value);
  if (size >= 1e6 || size < 1e-4) return digits(value, std::chars_format::general, 2);
  const int behind_the_point = std::max(0, 2 - static_cast<int>(std::floor(std::log10(size))));
  std::string text = digits(value, std::chars_format::fixed, behind_the_point);
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text;
}

std::string percent(double share) { return number(share * 100) + "%"; }

std::string e_value(double log_e) {
  if (log_e == -HUGE_VAL) return "0";
  if (std::abs(log_e) < 600) return number(std::exp(log_e));
  return (log_e < 0 ? "1e" : "1e+") + whole(std::round(log_e / std::log(10.0)));
}

std::string sentence(const api::MetricStatus& metric, GuardrailState state) {
  const std::string where = metric.edge.empty() ? "" : "above " + metric.edge + " ";
  std::string text = std::string(state_word(state)) + ": " + where + share_of(metric.candidate) + " against " +
                     share_of(metric.stable) + " of stable";
  if (metric.effect) {
    text += ", ratio " + number(*metric.effect) + " (" + number(metric.lower.value_or(0)) + " to " +
            (metric.upper ? number(*metric.upper) : std::string("any")) + ")";
  }
  return text;
}

std::string goal_sentence(const api::MetricStatus& goal, GoalState state) {
  const char* word = state == GoalState::Better ? "better: " : state == GoalState::Worse ? "worse: " : "undecided: ";
  const auto arm = [&](const api::ArmCounts& counts) {
    if (!goal.mean) return share_of(counts);
    if (counts.total <= 0) return std::string("nothing observed");
    return number(counts.events / counts.total) + " (of " + whole(counts.total) + ")";
  };
  std::string text = word + arm(goal.candidate) + " against " + arm(goal.stable) + " of stable";
  if (!goal.effect) return text;
  text += std::string(goal.mean ? ", difference " : ", ratio ") + number(*goal.effect);
  if (!goal.mean || (goal.lower && goal.upper)) {
    text += " (" + (goal.lower ? number(*goal.lower) : std::string("any")) + " to " +
            (goal.upper ? number(*goal.upper) : std::string("any")) + ")";
  }
  return text;
}

std::string not_better_sentence(double log_e, double threshold) {
  if (log_e >= threshold) return "not better by more than the margin either";
  return "that it is not better by more than the margin is not shown yet (evidence " + e_value(log_e) + " of " +
         e_value(threshold) + ")";
}

std::string few_pods_sentence(int candidate_pods, std::optional<double> pod_spread) {
  std::string known = "of a size that stable's past does not tell";
  if (pod_spread) known = *pod_spread > 0 ? percent(*pod_spread) + " in stable's past" : "none seen in stable's past";
  return "with " + std::to_string(candidate_pods) + (candidate_pods == 1 ? " pod" : " pods") +
         " of the candidate, a difference between pods (" + known + ") cannot be told from one between revisions";
}

std::string drift_sentence(const api::MetricStatus& metric) {
  const api::DriftStatus& drift = *metric.drift;
  std::string text = "PSI " + number(drift.psi) + " (above " + number(drift.above) + " it counts)";
  if (drift.log10_p) text += ", p " + e_value(*drift.log10_p * std::numbers::ln10);
  if (drift.shares.empty()) return text;
  const api::ClassShare& most = drift.shares.front();
  return text + ", " + (most.name.empty() ? "\"\"" : most.name) + " " + percent(most.stable) + " -> " +
         percent(most.candidate);
}

std::string predictions_sentence(const api::MetricStatus& metric, const std::string& state) {
  const std::string counted =
      whole(metric.stable.total) + " predictions of stable, " + whole(metric.candidate.total) + " of the candidate";
  return state + ": " + drift_sentence(metric) + " (Jensen-Shannon " + number(metric.drift->jensen_shannon) + "; " +
         counted + ")";
}

std::string gap_sentence(const std::string& metric, metrics::Gap gap, const std::string& detail) {
  const std::string of = detail.empty() ? "" : " (" + detail + ")";
  switch (gap) {
    case metrics::Gap::NoData: return "metric " + metric + " has no series for this block" + of;
    case metrics::Gap::Stale: return "metric " + metric + " has no fresh samples at an end of this block" + of;
    case metrics::Gap::TargetsChanged: return "pods came or went during this block of metric " + metric + of;
    case metrics::Gap::EdgeMissing: return "the histogram of metric " + metric + " has no bucket at the asked edge" + of;
    case metrics::Gap::Unread: return "metric " + metric + " could not be read" + of;
  }
  return "";
}

}  // namespace sluice::rollout
