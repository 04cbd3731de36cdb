// The values that flags take, checked while the command line is parsed, so that a bad one is refused with the name
// of its flag: "--base-rate: "x" is not a percentage: write ...".
//
// Each value_of_... has as its precondition that the text has passed the validator of the same name. Names: a value
// may be meant for one guardrail only, "errors=1%".
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "base/time.h"

namespace sluice::cli {

CLI::Validator duration();       // 30s, 1m30s
CLI::Validator percentage();     // 0.5%, 5% or 5
CLI::Validator percentages();    // 1,5,10%: several of them, separated by commas
CLI::Validator decimal();        // 1.5
CLI::Validator seed();           // a whole number; the parser itself would let -3 wrap around
CLI::Validator named_percentage();  // a percentage, or NAME=PERCENTAGE
CLI::Validator named_decimal();     // a decimal, or NAME=DECIMAL

Duration value_of_duration(const std::string& text);
double value_of_percentage(const std::string& text);  // as a fraction
std::vector<double> value_of_percentages(const std::string& text);
double value_of_decimal(const std::string& text);

// "errors=1%" is {"errors", "1%"}; "1%" is {"", "1%"}.
struct NamedText {
  std::string name;
  std::string value;
};
NamedText split_name(const std::string& text);

}  // namespace sluice::cli
