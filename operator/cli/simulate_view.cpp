#include "cli/simulate_view.h"

#include <cmath>
#include <cstdio>

#include "api/numbers.h"
#include "cli/style.h"

namespace sluice::cli {
namespace {

using forecast::Scenario;
using forecast::Summary;
using forecast::Times;

constexpr int kLabel = 28;
constexpr int kColumn = 11;

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

// Shares of runs: two decimals below 10 %, where error rates live.
std::string share(const std::optional<double>& value) {
  if (!value) return "-";
  return fixed(*value * 100, *value < 0.0995 ? 2 : 1) + "%";
}

std::string looks(const std::optional<double>& value, int digits) { return value ? fixed(*value, digits) : "-"; }

std::string right(const std::string& text, int width) {
  return std::string(static_cast<std::size_t>(std::max(0, width - columns(text))), ' ') + text;
}

std::string thousands(int value) {
  std::string text = std::to_string(value);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<std::size_t>(at), ",");
  }
  return text;
}

// The guardrail that a simulation is about: the first whose candidate differs from stable, else the first.
std::size_t subject(const Scenario& s) {
  for (std::size_t i = 0; i < s.truths.size(); ++i) {
    if (s.truths[i].ratio != 1.0) return i;
  }
  return 0;
}

std::string headline(const Scenario& s) {
  const std::size_t of = subject(s);
  const forecast::Truth& truth = s.truths[of];
  std::string base = api::percent_text(truth.base_rate);
  if (truth.base_rate_end != truth.base_rate) base += " to " + api::percent_text(truth.base_rate_end);
  std::string weights;
  for (const forecast::Step& step : s.steps) {
    weights += (weights.empty() ? "" : ", ") + api::percent_text(step.weight);
  }
  std::string text = thousands(s.runs) + " rollouts: " + base + " of events, candidate " +
                     api::ratio_text(truth.ratio) + " times as many; " + api::ratio_text(s.requests_per_second) +
                     " requests/s, " + weights + " to the candidate; " + thousands(s.looks) + " looks of " +
                     format_duration(s.analysis.interval);
  if (s.truths.size() > 1) {
    text += "; " + std::to_string(s.truths.size()) + " guardrails, the rates are those of " +
            s.analysis.metrics[of].name;
  }
  for (const forecast::Goal& goal : s.goals) {
    text += "; goal " + goal.metric.name + " better by " + api::percent_text(goal.improvement);
  }
  if (s.dispersion > 1) text += "; dispersion " + api::ratio_text(s.dispersion);
  if (s.pod_effect > 0) text += "; pods differ by " + api::percent_text(s.pod_effect);
  return text + "; seed " + std::to_string(s.seed);
}

std::string times_columns(const Times& times) {
  return right(looks(times.median, 0), kColumn) + right(looks(times.p90, 0), kColumn) +
         right(looks(times.mean, 1), kColumn);
}

std::string row(const std::string& label, const std::map<int, std::optional<double>>& shares, const Times& times) {
  std::string line = padded(label, kLabel);
  for (const auto& [at, value] : shares) line += right(share(value), kColumn);
  return line + times_columns(times) + "\n";
}

std::string oracle_row(const std::string& label, const Times& ours, const Times& oracle, std::size_t shares) {
  std::string line = padded(label, kLabel) + std::string(shares * kColumn, ' ') + times_columns(oracle);
  if (ours.mean && oracle.mean) line += "   ours takes " + fixed(*ours.mean / *oracle.mean, 2) + " times as long";
  return line + "\n";
}

}  // namespace

std::string simulate_view(const Scenario& scenario, const Summary& summary, bool colour) {
  const Style style(colour);
  std::string head = padded("", kLabel);
  for (const auto& [at, value] : summary.rolled_back) {
    head += right(std::to_string(at) + (at == 1 ? " look" : " looks"), kColumn);
  }
  head += right("median", kColumn) + right("p90", kColumn) + right("mean", kColumn);

  std::string out = headline(scenario) + "\n\n" + style(Colour::Bold, head) + "\n";
  out += row("rolled back within", summary.rolled_back, summary.roll_back);
  out += row("proven non-inferior within", summary.promoted, summary.promotion);
  const std::size_t shares = summary.rolled_back.size();
  if (summary.oracle_roll_back) {
    out += oracle_row("truth known, harm", summary.roll_back, *summary.oracle_roll_back, shares);
  }
  if (summary.oracle_promotion) {
    out += oracle_row("truth known, non-inferior", summary.promotion, *summary.oracle_promotion, shares);
  }
  out += "\nWhat the product would have done: " +
         style(Colour::Red, "rolled back " + share(summary.outcome_rolled_back)) + ", " +
         style(Colour::Green, "promoted " + share(summary.outcome_promoted)) + ", undecided " +
         share(summary.outcome_inconclusive) + "\n";
  const double error = 50.0 / std::sqrt(static_cast<double>(scenario.runs));
  out += style(Colour::Dim, "Times are in looks. The simulation's own error is at most " +
                                fixed(2.0 * error, 2) + " points of a share, 19 times out of 20.") +
         "\n";
  return out;
}

}  // namespace sluice::cli
