#include "cli/flags.h"

#include <nlohmann/json.hpp>

#include "api/numbers.h"

namespace sluice::cli {
namespace {

// A bare whole number is a percentage in a manifest (5 is 5 %), hence on the command line too.
Result<double> parse_percentage(const std::string& text) {
  const bool whole = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  return api::parse_percent(whole ? text + "%" : text);
}

template <class Parse>
CLI::Validator checked_by(const Parse& parse, const char* name) {
  return CLI::Validator(
      [parse](std::string& text) {
        const auto value = parse(text);
        return value ? std::string() : value.error().message;
      },
      name);
}

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

Result<std::vector<double>> parse_percentages(const std::string& text) {
  std::vector<double> values;
  for (const std::string& part : split_at_commas(text)) {
    const auto value = parse_percentage(part);
    if (!value) return value.error();
    values.push_back(*value);
  }
  return values;
}

Result<double> parse_decimal(const std::string& text) { return api::parse_ratio(text); }

}  // namespace

NamedText split_name(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos) return {"", text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

CLI::Validator duration() {
  return checked_by([](const std::string& text) { return parse_duration(text); }, "DURATION");
}

CLI::Validator percentage() { return checked_by(parse_percentage, "PERCENT"); }

CLI::Validator percentages() { return checked_by(parse_percentages, "PERCENT,PERCENT..."); }

CLI::Validator decimal() { return checked_by(parse_decimal, "NUMBER"); }

CLI::Validator seed() {
  return CLI::Validator(
      [](std::string& text) {
        const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
        if (digits && text.size() <= 18) return std::string();
        return "\"" + text + "\" is not a whole number of at most 18 digits";
      },
      "NUMBER");
}

CLI::Validator named_percentage() {
  return checked_by([](const std::string& text) { return parse_percentage(split_name(text).value); },
                    "[NAME=]PERCENT");
}

CLI::Validator named_decimal() {
  return checked_by([](const std::string& text) { return parse_decimal(split_name(text).value); },
                    "[NAME=]NUMBER");
}

Duration value_of_duration(const std::string& text) { return *parse_duration(text); }

double value_of_percentage(const std::string& text) { return *parse_percentage(text); }

std::vector<double> value_of_percentages(const std::string& text) { return *parse_percentages(text); }

double value_of_decimal(const std::string& text) { return *parse_decimal(text); }

}  // namespace sluice::cli
