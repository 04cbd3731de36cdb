#include "metrics/selector.h"

#include <array>
#include <charconv>
#include <cstdlib>

namespace sluice::metrics {
namespace {

// The shortest decimal digits that read back as `value`.
std::string digits(double value, std::chars_format format) {
  std::array<char, 512> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format);
  return {buffer.data(), end.ptr};
}

// "12.5" as a regular expression that allows zeros at its end, and no zero before the point.
std::string decimal_regex(std::string_view number) {
  const std::size_t point = number.find('.');
  const std::string whole(number.substr(0, point));
  if (point == std::string_view::npos) return whole + "(\\.0*)?";
  return (whole == "0" ? "0?" : whole) + "\\." + std::string(number.substr(point + 1)) + "0*";
}

// Fixed and scientific spellings. Precondition: a finite value > 0.
std::string number_regex(double value) {
  const std::string scientific = digits(value, std::chars_format::scientific);  // "2.5e-01"
  const std::size_t e = scientific.find('e');
  const int exponent = std::atoi(scientific.c_str() + e + 1);
  const std::string sign = exponent < 0 ? "-" : "\\+?";
  return decimal_regex(digits(value, std::chars_format::fixed)) + "|" +
         decimal_regex(std::string_view(scientific).substr(0, e)) + "[eE]" + sign + "0*" +
         std::to_string(std::abs(exponent));
}

// As the content of a PromQL string in double quotes.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string with_edges(std::string_view selector, std::span<const double> edges) {
  constexpr std::string_view blank = " \t\r\n";
  std::string numbers;
  for (const double edge : edges) {
    if (edge > 0 && edge < 1e300) numbers += "|" + number_regex(edge);
  }
  const std::string matcher = "le=~\"" + escaped("\\+?[iI]nf" + numbers) + "\"";
  const std::size_t last = selector.find_last_not_of(blank);
  if (last == std::string_view::npos) return std::string(selector);
  std::string out(selector.substr(0, last + 1));
  if (out.back() != '}') return out + "{" + matcher + "}";
  out.pop_back();
  const char before = out[out.find_last_not_of(blank)];
  const bool first = before == '{' || before == ',';
  return out + (first ? "" : ",") + matcher + "}";
}

}  // namespace sluice::metrics
