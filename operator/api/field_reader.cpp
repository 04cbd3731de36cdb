#include "api/field_reader.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/numbers.h"

namespace sluice::api {

std::string join(const std::vector<FieldError>& errors) {
  std::string text;
  for (const FieldError& error : errors) {
    if (!text.empty()) text += "; ";
    text += error.path + ": " + error.message;
  }
  return text;
}

std::optional<std::int64_t> whole_number(const nlohmann::json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
    return static_cast<std::int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const double number = value.get<double>();
  constexpr double kExactUpTo = 9007199254740992.0;  // 2^53
  if (!(std::fabs(number) <= kExactUpTo) || std::floor(number) != number) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

std::string shown(const nlohmann::json& value) {
  // A template may be megabytes: its type says enough.
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  constexpr std::size_t kLongest = 60;
  std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

const std::string* string_in(const nlohmann::json& value) {
  return value.get_ptr<const std::string*>();
}

FieldReader::FieldReader(const nlohmann::json* value, std::string path, std::vector<FieldError>& problems)
    : path_(std::move(path)), problems_(problems) {
  if (value == nullptr || value->is_null()) return;
  if (value->is_object()) {
    object_ = value;
  } else {
    problems_.push_back({path_, shown(*value) + " is not an object: write its fields, indented, below it"});
  }
}

const nlohmann::json* FieldReader::find(const char* field) const {
  if (object_ == nullptr) return nullptr;
  const auto found = object_->find(field);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

void FieldReader::each(const char* field, const std::function<void(const FieldReader&)>& read) const {
  const nlohmann::json* value = find(field);
  if (value == nullptr) return;
  if (!value->is_array()) return problem(field, shown(*value) + " is not a list");
  for (std::size_t i = 0; i < value->size(); ++i) {
    read(FieldReader(&(*value)[i], path_of(field) + "[" + std::to_string(i) + "]", problems_));
  }
}

void FieldReader::require(const char* field) const {
  if (!has(field)) problem(field, "is required");
}

void FieldReader::read(const char* field, std::string& out) const {
  const nlohmann::json* value = find(field);
  if (value == nullptr) return;
  if (!value->is_string()) return problem(field, shown(*value) + " is not a string");
  out = value->get_ref<const std::string&>();
}

void FieldReader::read(const char* field, int& out) const {
  const nlohmann::json* value = find(field);
  if (value == nullptr) return;
  const auto number = whole_number(*value);
  if (!number || std::cmp_less(*number, std::numeric_limits<int>::min()) ||
      std::cmp_greater(*number, std::numeric_limits<int>::max())) {
    return problem(field, shown(*value) + " is not a whole number");
  }
  out = static_cast<int>(*number);
}

void FieldReader::read(const char* field, bool& out) const {
  const nlohmann::json* value = find(field);
  if (value == nullptr) return;
  if (!value->is_boolean()) return problem(field, shown(*value) + " is not true or false");
  out = value->get<bool>();
}

void FieldReader::read(const char* field, Duration& out) const {
  const nlohmann::json* value = find(field);
  if (value == nullptr) return;
  if (!value->is_string()) {
    return problem(field, shown(*value) + " is not a duration: write a string such as 30s, 5m or 1h30m");
  }
  const auto duration = parse_duration(value->get_ref<const std::string&>());
  if (!duration) return problem(field, duration.error().message);
  out = *duration;
}

void FieldReader::read_percent(const char* field, double& out) const {
  const nlohmann::json* value = find(field);
  if (value == nullptr) return;
  const auto fraction = parse_percent(*value);
  if (!fraction) return problem(field, fraction.error().message);
  out = *fraction;
}

void FieldReader::read_ratio(const char* field, double& out) const {
  const nlohmann::json* value = find(field);
  if (value == nullptr) return;
  const auto ratio = parse_ratio(*value);
  if (!ratio) return problem(field, ratio.error().message);
  out = *ratio;
}

void FieldReader::read_strings(const char* field, std::vector<std::string>& out) const {
  const nlohmann::json* value = find(field);
  if (value == nullptr) return;
  if (!value->is_array()) return problem(field, shown(*value) + " is not a list");
  out.clear();
  for (std::size_t i = 0; i < value->size(); ++i) {
    const nlohmann::json& item = (*value)[i];
    if (item.is_string()) {
      out.push_back(item.get_ref<const std::string&>());
    } else {
      problems_.push_back({path_of(field) + "[" + std::to_string(i) + "]", shown(item) + " is not a string"});
    }
  }
}

void FieldReader::read_array(const char* field, RawJson& out) const {
  const nlohmann::json* value = find(field);
  if (value == nullptr) return;
  if (!value->is_array()) return problem(field, shown(*value) + " is not a list");
  out = *value;
}

}  // namespace sluice::api
