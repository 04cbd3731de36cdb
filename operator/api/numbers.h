// Numbers as the API writes them: the one place where percentages, ratios and e-values become text and back.
//
// There is no floating point in a spec, since YAML, JSON and every client on the way would round it in their
// own ways: a percentage is an integer or a string ("5%", 5, "0.5%"), a ratio a decimal string ("1.5"). In
// the status there are two kinds of text: readable ones of three significant digits, for people, and exact
// ones that give the same bits again.
//
// All functions are pure and do not throw.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::api {

// An integer or a string that ends in "%", as a fraction: "5%" and 5 are 0.05. Refuses less than 0 % and more
// than 100 %. The error is Invalid, its message a clause such as `"abc" is not a percentage: write ...`.
Result<double> parse_percent(const nlohmann::json& value);

// A plain decimal string without sign or exponent, or an integer: "1.5" is 1.5. Refuses anything above a
// million.
Result<double> parse_ratio(const nlohmann::json& value);

// A fraction for people: 0.00101 is "0.101%", 0.25 is "25%".
std::string percent_text(double fraction);

// A ratio for people: "1.08", "0.00012", "1.3e+09", "inf".
std::string ratio_text(double ratio);

// An e-value for people, from its natural logarithm. Works for values far outside the range of a double:
// log 60 is "60", 1000 is "1.97e+434".
std::string e_value_text(double log_e);

// The shortest text that reads back to the same bits; "inf", "-inf" and "nan" are possible.
std::string exact_text(double value);
std::optional<double> read_exact(std::string_view text);

// Several such numbers as one string, separated by spaces, "-" for an absent one.
std::string pack_exact(std::span<const std::optional<double>> values);

// nullopt unless there are exactly `count` of them and each can be read.
std::optional<std::vector<std::optional<double>>> unpack_exact(std::string_view text, std::size_t count);

}  // namespace sluice::api
