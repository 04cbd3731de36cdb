// The report of a load test, as the data of a ConfigMap: verdict, raw result, charts.
#pragma once

#include <map>
#include <string>

#include "loadtest/load_judge.h"

namespace sluice::loadtest {

// One criterion as a person writes it: "95% of response times", "failures".
std::string criterion_name(const api::LoadCriterion& criterion);

// A value in the unit of the criterion: "312ms", "0.4%", "80/s"; "not known" for NaN.
std::string criterion_value(const api::LoadCriterion& criterion, double value);

// The limit with its direction: "≤ 300ms".
std::string criterion_limit(const CriterionFinding& finding);

// verdict, message and findings as JSON, indented.
std::string report_json(const api::LoadTestStage& stage, const LoadObservation& seen, const LoadVerdict& verdict);

// Keys report.json, result.json and the file names of load_charts(). Below 1 MB together, as a ConfigMap must be: the
// windows of result.json are left out when they do not fit.
std::map<std::string, std::string> load_report(const api::LoadTestStage& stage, const LoadObservation& seen,
                                               const LoadVerdict& verdict);

}  // namespace sluice::loadtest
