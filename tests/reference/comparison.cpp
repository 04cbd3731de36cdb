#include "comparison.h"

#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>

namespace reference {
namespace {

std::optional<double> number_of(const json& value) {
  if (value.is_number()) return value.get<double>();
  if (value == "Inf") return std::numeric_limits<double>::infinity();
  if (value == "-Inf") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

std::string shown(const json& value) {
  const std::optional<double> number = number_of(value);
  if (!number) return value.dump();
  char text[40];
  std::snprintf(text, sizeof text, "%.15g", *number);
  return text;
}

bool agrees(double want, double got, const Tolerance& tolerance) {
  if (std::isinf(want) || std::isinf(got)) return want == got;
  return std::abs(got - want) <= tolerance.relative * std::abs(want) + tolerance.absolute;
}

void compare(const std::string& where, const json& want, const json& got, const Tolerance& tolerance,
             std::vector<std::string>& found) {
  if (want.is_array() && got.is_array() && want.size() == got.size()) {
    for (std::size_t i = 0; i < want.size(); ++i) {
      compare(where + "[" + std::to_string(i) + "]", want[i], got[i], tolerance, found);
    }
    return;
  }
  const std::optional<double> wanted = number_of(want);
  const std::optional<double> gotten = number_of(got);
  const bool same = wanted && gotten ? agrees(*wanted, *gotten, tolerance) : want == got;
  if (!same) found.push_back(where + ": want " + shown(want) + ", got " + shown(got));
}

}  // namespace

std::vector<std::string> differences(const json& expected, const json& result, const Tolerance& tolerance) {
  std::vector<std::string> found;
  for (const auto& [key, want] : expected.items()) {
    if (!result.contains(key)) {
      found.push_back(key + ": not computed");
    } else {
      compare(key, want, result[key], tolerance, found);
    }
  }
  return found;
}

}  // namespace reference
