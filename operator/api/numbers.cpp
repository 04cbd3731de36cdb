#include "api/numbers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "api/field_reader.h"

namespace sluice::api {
namespace {

Error not_a(const nlohmann::json& value, const char* what) {
  return Error{ErrorCode::Invalid, shown(value) + " is not " + what, {}};
}

bool digits_only(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// "12" or "12.34". `exponent` moves the point before the one rounding that happens, so that "0.1%" is the
// very same double as the literal 0.001.
std::optional<double> plain_decimal(std::string_view text, int exponent) {
  const auto point = text.find('.');
  const bool plain = digits_only(text.substr(0, point)) &&
                     (point == std::string_view::npos || digits_only(text.substr(point + 1)));
  if (!plain || text.size() > 30) return std::nullopt;
  return read_exact(std::string(text) + "e" + std::to_string(exponent));
}

// Three significant digits, without an exponent between 1e-4 and 1e6 and without zeros at the end.
std::string readable(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 64> text{};
  const double size = std::fabs(value);
  if (size >= 999.5 && size < 1e6) {
    std::snprintf(text.data(), text.size(), "%.0f", value);
  } else {
    std::snprintf(text.data(), text.size(), "%.3g", value);
  }
  return text.data();
}

}  // namespace

Result<double> parse_percent(const nlohmann::json& value) {
  constexpr const char* kWhat = "a percentage: write \"0.5%\", \"5%\" or 5, from 0% to 100%";
  std::optional<double> fraction;
  if (value.is_number_integer() || value.is_number_unsigned()) {
    fraction = plain_decimal(value.dump(), -2);
  } else if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (text.ends_with('%')) fraction = plain_decimal(std::string_view(text).substr(0, text.size() - 1), -2);
  }
  if (!fraction || *fraction > 1.0) return not_a(value, kWhat);
  return *fraction;
}

Result<double> parse_ratio(const nlohmann::json& value) {
  std::optional<double> ratio;
  if (value.is_number_integer() || value.is_number_unsigned()) {
    ratio = plain_decimal(value.dump(), 0);
  } else if (value.is_string()) {
    ratio = plain_decimal(value.get_ref<const std::string&>(), 0);
  }
  if (!ratio) return not_a(value, "a number: write a decimal string such as \"1.5\"");
  if (*ratio > 1e6) return not_a(value, "a ratio: it may be 1000000 at most");
  return *ratio;
}

std::string percent_text(double fraction) {
  return readable(fraction * 100.0) + "%";
}

std::string ratio_text(double ratio) {
  return readable(ratio);
}

std::string e_value_text(double log_e) {
  constexpr double kLogOfTen = 2.302585092994045684;
  if (std::isnan(log_e)) return "nan";
  if (std::isinf(log_e)) return log_e > 0 ? "inf" : "0";
  if (std::fabs(log_e) < 600.0) return readable(std::exp(log_e));
  double power = std::floor(log_e / kLogOfTen);
  double mantissa = std::exp(log_e - power * kLogOfTen);
  if (mantissa >= 9.995) {
    mantissa = 1.0;
    power += 1.0;
  }
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.3ge%+.0f", mantissa, power);
  return text.data();
}

std::string exact_text(double value) {
  std::array<char, 40> text{};
  const auto [end, fault] = std::to_chars(text.data(), text.data() + text.size(), value);
  return fault == std::errc{} ? std::string(text.data(), end) : std::string("nan");
}

std::optional<double> read_exact(std::string_view text) {
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string pack_exact(std::span<const std::optional<double>> values) {
  std::string text;
  for (const auto& value : values) {
    if (!text.empty()) text += ' ';
    text += value ? exact_text(*value) : "-";
  }
  return text;
}

std::optional<std::vector<std::optional<double>>> unpack_exact(std::string_view text, std::size_t count) {
  std::vector<std::optional<double>> values;
  while (!text.empty() && values.size() < count) {
    const auto space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    if (word == "-") {
      values.emplace_back();
    } else if (const auto value = read_exact(word); value && !std::isnan(*value)) {
      values.emplace_back(*value);
    } else {
      return std::nullopt;
    }
    if (space == std::string_view::npos) {
      text = {};
    } else {
      text.remove_prefix(space + 1);
      if (text.empty()) return std::nullopt;  // a blank with nothing behind it
    }
  }
  if (values.size() != count || !text.empty()) return std::nullopt;
  return values;
}

}  // namespace sluice::api
