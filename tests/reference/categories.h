// The categories of reference cases: each turns the inputs of a case into the results that may be expected of
// it.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "stats/tails.h"

namespace reference {

using nlohmann::json;

// `item` is the whole case: its "inputs", and its "name" and "expected" where the inputs leave something
// open.
using Compute = std::function<json(const json& item)>;
using Categories = std::map<std::string, Compute>;

void add_counts(Categories& categories);           // proportions, tables, rates, histograms
void add_means_and_ranks(Categories& categories);  // Welch, delta method, Mann-Whitney, Kolmogorov-Smirnov
void add_planning(Categories& categories);         // sample sizes, group-sequential boundaries, p-adjustment
void add_sequential(Categories& categories);       // e-processes and confidence sequences

// "greater", "less", "larger", "two-sided", "two.sided".
sluice::stats::Alternative alternative_of(const json& text);

inline std::vector<double> numbers(const json& values) {
  return values.get<std::vector<double>>();
}
inline json pair_of(const sluice::stats::Interval& interval) {
  return json::array({interval.lower, interval.upper});
}
inline json or_null(const std::optional<double>& value) {
  return value ? json(*value) : json(nullptr);
}

}  // namespace reference
