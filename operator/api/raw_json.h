// A JSON value that is passed on as written, kept as its text.
//
// A tree costs five to ten times its text in memory, and its header is the slowest of all to compile: so the
// types of this folder hold what Sluice does not read by itself (a pod template, the lists of a route) in this
// form, and whoever needs the tree asks for it. The text is compact, with the members of each object sorted,
// so that equal text means equal values. Bytes that are not UTF-8 are replaced, not thrown at. Immutable apart
// from assignment; no function throws.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace sluice::api {

class RawJson {
 public:
  RawJson() = default;                   // null
  RawJson(const nlohmann::json& value);  // implicit: a tree may be written wherever its text is wanted

  nlohmann::json tree() const;  // parsed anew at each call
  bool is_null() const { return text_.empty(); }
  const std::string& text() const { return text_; }  // empty for null
  bool operator==(const RawJson&) const = default;

 private:
  std::string text_;
};

}  // namespace sluice::api
