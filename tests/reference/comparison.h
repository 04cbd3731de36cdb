// How a computed result is held against an expected one.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace reference {

using nlohmann::json;

struct Tolerance {
  double relative = 0.0;
  double absolute = 0.0;
};

// One line for each expected value that the result does not have or has otherwise; empty when all agree.
//
// Numbers agree within relative * |want| + absolute. "Inf" and "-Inf" stand for infinities, null for "not
// defined". Keys of the result that are not expected are not looked at.
std::vector<std::string> differences(const json& expected, const json& result, const Tolerance& tolerance);

}  // namespace reference
