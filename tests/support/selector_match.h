// Label and field selectors as the API server understands them, for the in-memory API server.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kube/client.h"

namespace sluice::test {

class SelectorMatch {
 public:
  // Refuses what does not parse (Invalid). Fields: dotted paths with =, == and !=, e.g. "metadata.name=a".
  static Result<SelectorMatch> parse(const kube::Selector& selector);

  bool matches(const nlohmann::json& object) const;

 private:
  enum class Operator { Exists, Absent, In, NotIn };
  struct Requirement {
    std::string key;
    Operator op = Operator::Exists;
    std::vector<std::string> values;
  };

  static Outcome parse_labels(std::string_view text, std::vector<Requirement>& out);
  static Outcome parse_fields(std::string_view text, std::vector<Requirement>& out);
  static bool holds(const Requirement& requirement, const std::string* value);

  std::vector<Requirement> labels_;
  std::vector<Requirement> fields_;
};

}  // namespace sluice::test
