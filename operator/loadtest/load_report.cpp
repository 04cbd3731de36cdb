#include "loadtest/load_report.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "loadtest/load_charts.h"
#include "loadtest/load_profile.h"

namespace sluice::loadtest {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostReportBytes = 1'000'000;  // a ConfigMap holds 1 MiB, and has metadata

const char* verdict_name(api::Verdict verdict) {
  switch (verdict) {
    case api::Verdict::None: return "None";
    case api::Verdict::Pass: return "Pass";
    case api::Verdict::Fail: return "Fail";
    case api::Verdict::Inconclusive: return "Inconclusive";
    case api::Verdict::Invalid: return "Invalid";
    case api::Verdict::Error: return "Error";
  }
  return "";
}

// JSON has no infinity.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

}  // namespace

std::string report_json(const api::LoadTestStage& stage, const LoadObservation& seen, const LoadVerdict& verdict) {
  Json out;
  out["profile"] = profile_name(stage.profile);
  out["verdict"] = verdict_name(verdict.verdict);
  out["message"] = verdict.message;
  out["criteria"] = Json::array();
  for (const CriterionFinding& finding : verdict.findings) {
    out["criteria"].push_back({{"name", criterion_name(finding.criterion)},
                               {"verdict", verdict_name(finding.verdict)},
                               {"value", number(finding.value)},
                               {"low", number(finding.low)},
                               {"high", number(finding.high)},
                               {finding.criterion.min ? "min" : "max", number(finding.limit)},
                               {"sentence", finding.sentence}});
  }
  std::int64_t requests = 0;
  std::int64_t failures = 0;
  for (const LoadWindow& window : seen.result.windows) {
    requests += window.requests;
    failures += window.failures;
  }
  out["requests"] = requests;
  out["failures"] = failures;
  out["replicas"] = seen.replicas;
  out["restarts"] = seen.restarts;
  out["errors"] = Json::array();
  for (const LoadErrorCount& error : seen.result.errors) {
    out["errors"].push_back({{"what", error.what}, {"count", error.count}});
  }
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::map<std::string, std::string> load_report(const api::LoadTestStage& stage, const LoadObservation& seen,
                                               const LoadVerdict& verdict) {
  std::map<std::string, std::string> data;
  data["report.json"] = report_json(stage, seen, verdict);
  for (auto& [name, svg] : load_charts(stage, seen.result)) data[name] = std::move(svg);
  std::size_t size = 0;
  for (const auto& [name, text] : data) size += name.size() + text.size();
  std::string result = format_load_result(seen.result);
  if (size + result.size() > kMostReportBytes) {
    LoadResult without = seen.result;
    without.windows.clear();
    result = format_load_result(without);
  }
  data["result.json"] = std::move(result);
  return data;
}

}  // namespace sluice::loadtest
