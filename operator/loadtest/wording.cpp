#include "loadtest/wording.h"

#include <cmath>
#include <cstdio>

#include "api/numbers.h"
#include "loadtest/load_report.h"

namespace sluice::loadtest {
namespace {

using api::LoadMetric;

std::string digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, std::abs(value) < 1000.0 ? "%.3g" : "%.0f", value);
  return text;
}

// Signed, since a growth may be a decrease: "+12%", "-3%".
std::string growth_text(double share) {
  return (share < 0.0 ? "-" : "+") + api::percent_text(std::abs(share));
}

const char* outcome(api::Verdict verdict) {
  if (verdict == api::Verdict::Pass) return "held";
  return verdict == api::Verdict::Fail ? "broken" : "undecided";
}

std::string between(const CriterionFinding& finding) {
  const auto text = [&](double value) { return criterion_value(finding.criterion, value); };
  if (std::isfinite(finding.low) && std::isfinite(finding.high)) {
    if (finding.low == finding.high) return "";
    return " (" + text(finding.low) + " to " + text(finding.high) + " with confidence)";
  }
  if (std::isfinite(finding.low)) return " (at least " + text(finding.low) + " with confidence)";
  if (std::isfinite(finding.high)) return " (at most " + text(finding.high) + " with confidence)";
  return "";
}

}  // namespace

std::string time_text(double seconds) {
  return std::abs(seconds) < 1.0 ? digits(seconds * 1000.0) + "ms" : digits(seconds) + "s";
}

std::string rate_text(double rate) { return digits(rate) + "/s"; }

std::string counted(double count, const std::string& what) {
  return digits(count) + " " + what + (count == 1.0 ? "" : "s");
}

std::string criterion_name(const api::LoadCriterion& criterion) {
  const std::string share = criterion.quantile ? api::percent_text(*criterion.quantile) : "";
  switch (criterion.metric) {
    case LoadMetric::ResponseTime: return (share.empty() ? "95%" : share) + " of response times";
    case LoadMetric::Failures: return "failures";
    case LoadMetric::Rate: return "rate reached";
    case LoadMetric::Knee: return "knee";
    case LoadMetric::Recovery: return "recovery";
    case LoadMetric::ResponseTimeGrowth: return "growth of " + (share.empty() ? "50%" : share) + " of response times";
    case LoadMetric::MemoryGrowth: return "growth of memory";
    case LoadMetric::Restarts: return "restarts";
    case LoadMetric::RatePerReplica: return "rate per replica";
  }
  return "";
}

std::string criterion_value(const api::LoadCriterion& criterion, double value) {
  if (std::isnan(value)) return "not known";
  if (std::isinf(value)) return criterion.metric == LoadMetric::Recovery ? "not yet" : "no bound";
  switch (criterion.metric) {
    case LoadMetric::ResponseTime:
    case LoadMetric::Recovery: return time_text(value);
    case LoadMetric::Failures:
    case LoadMetric::Rate: return api::percent_text(value);
    case LoadMetric::ResponseTimeGrowth:
    case LoadMetric::MemoryGrowth: return growth_text(value);
    case LoadMetric::Knee:
    case LoadMetric::RatePerReplica: return rate_text(value);
    case LoadMetric::Restarts: return digits(value);
  }
  return "";
}

std::string criterion_limit(const CriterionFinding& finding) {
  if (!std::isfinite(finding.limit)) return "no limit";
  const std::string limit = criterion_value(finding.criterion, finding.limit);
  return (finding.criterion.min ? "≥ " : "≤ ") + limit;
}

std::string finding_sentence(const CriterionFinding& finding) {
  const bool within = finding.criterion.metric == LoadMetric::ResponseTime;
  return criterion_name(finding.criterion) + (within ? " are within " : ": ") +
         criterion_value(finding.criterion, finding.value) + between(finding) + "; at " +
         (finding.criterion.min ? "least " : "most ") + criterion_value(finding.criterion, finding.limit) +
         " is asked for: " + outcome(finding.verdict);
}

}  // namespace sluice::loadtest
