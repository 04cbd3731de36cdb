// One object of a manifest while it is read: typed access to its fields, with the path for messages.
//
// Each read leaves the target alone when the field is absent or null, which is what makes the defaults of
// types.h the defaults of the API, and adds a problem when the field has the wrong form. Nothing throws. For
// the .cpp files of this folder.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/field_error.h"
#include "api/names.h"
#include "base/time.h"

namespace sluice::api {

// A whole number within int64; also one that was written as 5.0, as some clients do.
std::optional<std::int64_t> whole_number(const nlohmann::json& value);

// Like the value in the manifest, cut to a length fit for a message.
std::string shown(const nlohmann::json& value);

// The text of a JSON string; nullptr when it is something else.
const std::string* string_in(const nlohmann::json& value);

class FieldReader {
 public:
  // `value` may be null, and of any type: anything but an object reads as an empty one (and is a problem
  // unless it is null). `value` and `problems` must outlive the reader.
  FieldReader(const nlohmann::json* value, std::string path, std::vector<FieldError>& problems);

  // The field, or nullptr when it is absent or null.
  const nlohmann::json* find(const char* field) const;
  const nlohmann::json* object() const { return object_; }  // nullptr: it is none
  bool has(const char* field) const { return find(field) != nullptr; }
  std::string path_of(const char* field) const { return path_.empty() ? field : path_ + "." + field; }
  const std::string& path() const { return path_; }

  // An absent child reads as an empty object.
  FieldReader child(const char* field) const { return {find(field), path_of(field), problems_}; }
  void each(const char* field, const std::function<void(const FieldReader&)>& read) const;

  void require(const char* field) const;  // a problem when it is absent
  void problem(const char* field, const std::string& message) const {
    problems_.push_back({path_of(field), message});
  }

  void read(const char* field, std::string& out) const;
  void read(const char* field, int& out) const;
  void read(const char* field, bool& out) const;
  void read(const char* field, Duration& out) const;
  void read_percent(const char* field, double& out) const;  // out is a fraction
  void read_ratio(const char* field, double& out) const;
  void read_strings(const char* field, std::vector<std::string>& out) const;
  void read_array(const char* field, RawJson& out) const;  // as it is

  template <class Enum>
  void read_word(const char* field, Enum& out) const {
    const nlohmann::json* value = find(field);
    if (value == nullptr) return;
    const std::string* word = string_in(*value);
    const auto known = word != nullptr ? from_string<Enum>(*word) : std::nullopt;
    if (known) {
      out = *known;
    } else {
      problem(field, shown(*value) + " is not known: write " + known_words<Enum>());
    }
  }

 private:
  const nlohmann::json* object_ = nullptr;  // nullptr: reads as an empty object
  std::string path_;
  std::vector<FieldError>& problems_;
};

}  // namespace sluice::api
