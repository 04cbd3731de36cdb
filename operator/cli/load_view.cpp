#include "cli/load_view.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "api/numbers.h"
#include "cli/style.h"
#include "loadtest/load_profile.h"
#include "loadtest/load_report.h"

namespace sluice::cli {
namespace {

using api::Verdict;
using Row = std::array<std::string, 5>;

Colour colour_of(Verdict verdict) {
  if (verdict == Verdict::Pass) return Colour::Green;
  return verdict == Verdict::Fail ? Colour::Red : Colour::Yellow;
}

const char* word(Verdict verdict) {
  switch (verdict) {
    case Verdict::Pass: return "Pass";
    case Verdict::Fail: return "Fail";
    case Verdict::Invalid: return "Invalid";
    default: return "Inconclusive";
  }
}

const char* outcome(Verdict verdict) {
  if (verdict == Verdict::Pass) return "held";
  return verdict == Verdict::Fail ? "broken" : "undecided";
}

std::string bounds(const loadtest::CriterionFinding& finding) {
  const auto text = [&](double value) { return loadtest::criterion_value(finding.criterion, value); };
  const bool low = std::isfinite(finding.low);
  const bool high = std::isfinite(finding.high);
  if (low && high) return text(finding.low) + " to " + text(finding.high);
  if (low) return "at least " + text(finding.low);
  return high ? "at most " + text(finding.high) : "";
}

std::string heading(const api::LoadTestStage& stage, const loadtest::LoadResult& result) {
  std::int64_t requests = 0;
  std::int64_t failures = 0;
  Duration time{0};
  for (const loadtest::LoadWindow& window : result.windows) {
    requests += window.requests;
    failures += window.failures;
    time += window.length;
  }
  const std::string tool = result.generator.tool.empty() ? "" : " by " + result.generator.tool;
  return std::string(loadtest::profile_name(stage.profile)) + " load test" + tool + ": " + std::to_string(requests) +
         " requests in " + humane(time) + ", " + std::to_string(failures) + " failed\n";
}

}  // namespace

std::string load_view(const api::LoadTestStage& stage, const loadtest::LoadObservation& seen,
                      const loadtest::LoadVerdict& verdict, bool colour) {
  const Style style(colour);
  std::vector<Row> rows = {{"CRITERION", "VALUE", "WITH CONFIDENCE", "LIMIT", ""}};
  for (const loadtest::CriterionFinding& finding : verdict.findings) {
    rows.push_back({loadtest::criterion_name(finding.criterion),
                    loadtest::criterion_value(finding.criterion, finding.value), bounds(finding),
                    loadtest::criterion_limit(finding),
                    style(colour_of(finding.verdict), outcome(finding.verdict))});
  }
  std::array<int, 5> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns(row[i]));
  }
  std::string out = heading(stage, seen.result) + "\n";
  for (const Row& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i) out += padded(row[i], widths[i] + 2);
    out += row.back() + "\n";
  }
  for (const loadtest::LoadErrorCount& error : seen.result.errors) {
    out += "\n" + std::to_string(error.count) + " times: " + error.what;
  }
  return out + (seen.result.errors.empty() ? "" : "\n") + "\n" +
         style(colour_of(verdict.verdict), word(verdict.verdict)) + ": " + verdict.message + "\n";
}

}  // namespace sluice::cli
