#include "cli/live_view.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "api/conditions.h"
#include "api/names.h"
#include "cli/style.h"
#include "rollout/sentence.h"

namespace sluice::cli {
namespace {

using rollout::e_value;
using rollout::number;
using rollout::percent;

Colour phase_colour(api::Phase phase) {
  switch (phase) {
    case api::Phase::Healthy: return Colour::Green;
    case api::Phase::RolledBack:
    case api::Phase::Degraded: return Colour::Red;
    case api::Phase::Paused: return Colour::Yellow;
    case api::Phase::Pending:
    case api::Phase::Progressing: return Colour::Cyan;
  }
  return Colour::Plain;
}

// The steps of the stage under way: "10% → [25%] → 50%"; empty for a stage without steps.
std::string steps_text(const api::StageSpec& stage, int step, const Style& style) {
  const auto* canary = std::get_if<api::CanaryStage>(&stage.body);
  if (canary == nullptr) return "";
  std::string text;
  for (std::size_t i = 0; i < canary->weights.size(); ++i) {
    const std::string weight = std::to_string(canary->weights[i]) + "%";
    const bool here = static_cast<int>(i) == step;
    text += (i == 0 ? " " : " → ") + (here ? style(Colour::Bold, "[" + weight + "]") : style(Colour::Dim, weight));
  }
  return text;
}

// "shadow → canary: 10% → [25%] → 50% → sign-off → 100%".
std::string road(const api::Rollout& rollout, const Style& style) {
  const auto& status = rollout.status;
  if (!status.stage) return "";
  std::string text;
  for (std::size_t i = 0; i < rollout.spec.stages.size(); ++i) {
    const api::StageSpec& stage = rollout.spec.stages[i];
    const bool here = static_cast<int>(i) == status.stage->index && !status.promoting_since;
    if (i > 0) text += " → ";
    const std::string steps = here ? steps_text(stage, status.stage->step, style) : "";
    text += here ? style(Colour::Bold, steps.empty() ? "[" + stage.name + "]" : stage.name + ":") + steps
                 : style(Colour::Dim, stage.name);
  }
  return text + " → " + (status.promoting_since ? style(Colour::Bold, "[100%]") : style(Colour::Dim, "100%"));
}

std::string arm_text(const api::ArmCounts& arm, bool mean) {
  if (arm.total <= 0) return "-";
  const double value = arm.events / arm.total;
  return (mean ? number(value) : percent(value)) + " of " + std::to_string(std::llround(arm.total));
}

std::string ratio_text(const api::MetricStatus& metric) {
  if (!metric.effect) return "-";
  return number(*metric.effect) + "  " + number(metric.lower.value_or(0)) + "–" +
         (metric.upper ? number(*metric.upper) : std::string("∞"));
}

// Evidence against its threshold on the log scale: a full bar is a decision.
std::string evidence_text(double log_e, double log_threshold, int width, Colour full, const Style& style) {
  const double share = log_threshold > 0 ? log_e / log_threshold : 0;
  const std::string drawn = bar(share, width);
  return (share >= 1 ? style(full, drawn) : drawn) + " " + padded(e_value(log_e), 8);
}

Colour verdict_colour(api::Verdict verdict) {
  if (verdict == api::Verdict::Pass) return Colour::Green;
  if (verdict == api::Verdict::Fail) return Colour::Red;
  return Colour::Plain;
}

void append_traffic(std::string& out, const api::RolloutStatus& status, int width, const Style& style) {
  const int bar_width = std::clamp(width - 40, 20, 60);
  const std::string asked = bar(status.traffic.candidate / 100.0, bar_width);
  out += "  " + padded("candidate asked", 20) + style(Colour::Cyan, asked) + "  " +
         std::to_string(status.traffic.candidate) + "%\n";
  const bool known = status.traffic.realised.has_value();
  const std::string realised = bar(status.traffic.realised.value_or(0), bar_width);
  out += "  " + padded("candidate realised", 20) + style(Colour::Cyan, realised) + "  " +
         (known ? number(std::round(*status.traffic.realised * 1000) / 10) + "%" : std::string("not yet known")) + "\n";
}

// Where predictions are compared: how far they are apart, and what the last test said.
std::string drift_text(const api::DriftStatus& drift, const Style& style) {
  const bool differs = drift.verdict == api::DriftVerdict::Drift;
  std::string text = "PSI " + number(drift.psi) + " of " + number(drift.above) + "  " +
                     style(differs ? Colour::Yellow : Colour::Plain, api::to_string(drift.verdict));
  for (const api::ClassShare& share : drift.shares) {
    text += "  " + (share.name.empty() ? std::string("\"\"") : share.name) + " " + percent(share.stable) + "→" +
            percent(share.candidate);
  }
  return text;
}

void append_metrics(std::string& out, const api::RolloutStatus& status, int width, const Style& style) {
  if (status.metrics.empty()) return;
  const int bar_width = width >= 118 ? 12 : 6;
  const int name_width = 12;
  const int arm_width = 17;
  const int ratio_width = 18;
  const auto first =
      std::find_if(status.metrics.begin(), status.metrics.end(), [](const auto& m) { return !m.drift; });
  std::string harm;
  std::string safe;
  if (first != status.metrics.end()) {
    harm = "worse? needs " + e_value(first->harm_log_threshold);
    safe = "not worse? needs " + e_value(first->non_inferior_log_threshold);
  }
  out += style(Colour::Dim, "  " + padded("metric", name_width) + padded("stable", arm_width) +
                                padded("candidate", arm_width) + padded("ratio  95% sure", ratio_width) +
                                padded(harm, bar_width + 11) + safe) +
         "\n";
  for (const api::MetricStatus& metric : status.metrics) {
    if (metric.drift) {
      const auto predictions = [&](const api::ArmCounts& arm) {
        return padded(std::to_string(std::llround(arm.total)), arm_width);
      };
      out += "  " + padded(cut(metric.name, name_width - 1), name_width) + predictions(metric.stable) +
             predictions(metric.candidate) + drift_text(*metric.drift, style) + "\n";
      continue;
    }
    out += "  " + style(verdict_colour(metric.verdict), padded(cut(metric.name, name_width - 1), name_width)) +
           padded(arm_text(metric.stable, metric.mean), arm_width) + padded(arm_text(metric.candidate, metric.mean), arm_width) +
           padded(ratio_text(metric), ratio_width);
    if (metric.looks > 0) {
      out += evidence_text(metric.harm_log_e_peak, metric.harm_log_threshold, bar_width, Colour::Red, style) + "  " +
             evidence_text(metric.non_inferior_log_e, metric.non_inferior_log_threshold, bar_width, Colour::Green, style);
    }
    out += "\n";
  }
}

void append_history(std::string& out, const api::RolloutStatus& status, Time now, int width, const Style& style) {
  if (status.history.empty()) return;
  out += "\n" + style(Colour::Dim, "  history") + "\n";
  const std::size_t shown = std::min<std::size_t>(4, status.history.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const api::HistoryEntry& entry = status.history[i];
    const Colour colour = entry.outcome == api::Outcome::Promoted     ? Colour::Green
                          : entry.outcome == api::Outcome::RolledBack ? Colour::Red
                                                                      : Colour::Yellow;
    const std::string line = padded(entry.revision, 10) + padded(api::to_string(entry.outcome), 12) +
                             padded(entry.reason, 16) +
                             padded(std::to_string(entry.looks) + (entry.looks == 1 ? " look" : " looks"), 10) +
                             padded(humane(std::max(Duration(0), now - entry.finished_at)) + " ago", 12);
    out += "  " + style(colour, line) + cut(entry.message, std::max(10, width - 62)) + "\n";
  }
}

}  // namespace

std::string live_view(const api::Rollout& rollout, Time now, const ViewOptions& options) {
  const Style style(options.colour);
  const int width = std::max(60, options.width);
  const api::RolloutStatus& status = rollout.status;
  std::string out = style(Colour::Bold, rollout.key.str()) + "   " +
                    style(phase_colour(status.phase), api::to_string(status.phase));
  if (!status.candidate_revision.empty() && status.started_at) {
    out += style(Colour::Dim, "   for " + humane(std::max(Duration(0), now - *status.started_at)));
  }
  out += "\n  " + status.message + "\n\n";
  out += "  " + padded("stable", 20) + (status.stable_revision.empty() ? "none yet" : status.stable_revision) + "\n";
  if (!status.candidate_revision.empty()) {
    out += "  " + padded("candidate", 20) + style(Colour::Bold, status.candidate_revision) + "   " + road(rollout, style) + "\n";
    append_traffic(out, status, width, style);
  }
  out += "\n";
  append_metrics(out, status, width, style);
  for (const api::Condition& condition : status.conditions) {
    const bool bad = condition.type == api::kStalled ||
                     ((condition.type == api::kMetricsAvailable || condition.type == api::kTrafficAccepted ||
                       condition.type == api::kSplitVerified) &&
                      condition.status == api::ConditionStatus::False);
    if (bad) out += "  " + style(Colour::Yellow, condition.type + " " + condition.reason + ": " + condition.message) + "\n";
  }
  append_history(out, status, now, width, style);
  return out;
}

std::string change_lines(const api::Rollout& before, const api::Rollout& after, Time now) {
  const api::RolloutStatus& a = before.status;
  const api::RolloutStatus& b = after.status;
  std::vector<std::string> lines;
  if (a.phase != b.phase) lines.push_back(std::string("phase ") + api::to_string(b.phase));
  if (a.candidate_revision != b.candidate_revision && !b.candidate_revision.empty()) {
    lines.push_back("candidate " + b.candidate_revision);
  }
  if (a.traffic.candidate != b.traffic.candidate) {
    lines.push_back("candidate is asked to get " + std::to_string(b.traffic.candidate) + "% of the traffic");
  }
  if (a.stable_revision != b.stable_revision) lines.push_back("stable " + b.stable_revision);
  for (const api::MetricStatus& metric : b.metrics) {
    const auto old = std::find_if(a.metrics.begin(), a.metrics.end(), [&](const auto& m) { return m.name == metric.name; });
    if (old != a.metrics.end() && old->looks == metric.looks) continue;
    if (metric.looks == 0) continue;
    const std::string look = "look " + std::to_string(metric.looks) + " " + metric.name + ": " + metric.message;
    if (metric.drift) {
      lines.push_back(look);
      continue;
    }
    lines.push_back(look + "; worse " + e_value(metric.harm_log_e_peak) + " of " +
                    e_value(metric.harm_log_threshold) + ", not worse " + e_value(metric.non_inferior_log_e) + " of " +
                    e_value(metric.non_inferior_log_threshold));
  }
  if (lines.empty() && a.message != b.message) lines.push_back(b.message);
  std::string out;
  for (const std::string& line : lines) out += format_time(std::chrono::floor<seconds>(now)) + "  " + line + "\n";
  return out;
}

}  // namespace sluice::cli
