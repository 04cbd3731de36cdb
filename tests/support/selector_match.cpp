#include "support/selector_match.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sluice::test {
namespace {

Error invalid(std::string_view text) {
  return {.code = ErrorCode::Invalid,
          .message = "unable to parse selector \"" + std::string(text) + "\"",
          .retry_after = {}};
}

std::string trim(std::string_view text) {
  const auto begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(' ') - begin + 1));
}

// Splits at commas that are not inside parentheses.
std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  std::string part;
  int depth = 0;
  for (const char c : text) {
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (c == ',' && depth == 0) {
      parts.push_back(trim(part));
      part.clear();
    } else {
      part += c;
    }
  }
  if (!trim(part).empty() || !parts.empty()) parts.push_back(trim(part));
  return parts;
}

// "key in (a,b)" with `word` " in ": false if the word is not there.
bool split_set(const std::string& part, std::string_view word, std::string& key,
               std::vector<std::string>& values) {
  const auto at = part.find(word);
  if (at == std::string::npos || part.back() != ')') return false;
  const auto open = part.find('(', at);
  if (open == std::string::npos) return false;
  key = trim(std::string_view(part).substr(0, at));
  values = split(std::string_view(part).substr(open + 1, part.size() - open - 2));
  return true;
}

// "a!=b", "a==b", "a=b": false if it is none of them.
bool split_equality(const std::string& part, std::string& key, std::string& value, bool& negated) {
  const auto at = part.find('=');
  if (at == std::string::npos || at == 0) return false;
  negated = part[at - 1] == '!';
  key = trim(std::string_view(part).substr(0, negated ? at - 1 : at));
  const auto after = at + 1 < part.size() && part[at + 1] == '=' ? at + 2 : at + 1;
  value = trim(std::string_view(part).substr(after));
  return !key.empty();
}

const nlohmann::json* at_path(const nlohmann::json& object, std::string_view path) {
  const nlohmann::json* here = &object;
  while (!path.empty()) {
    const auto dot = path.find('.');
    const auto found = here->is_object() ? here->find(std::string(path.substr(0, dot))) : here->end();
    if (found == here->end()) return nullptr;
    here = &*found;
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return here;
}

}  // namespace

Result<SelectorMatch> SelectorMatch::parse(const kube::Selector& selector) {
  SelectorMatch match;
  if (const Outcome labels = parse_labels(selector.labels, match.labels_); !labels) return labels.error();
  if (const Outcome fields = parse_fields(selector.fields, match.fields_); !fields) return fields.error();
  return match;
}

Outcome SelectorMatch::parse_labels(std::string_view text, std::vector<Requirement>& out) {
  for (const std::string& part : split(text)) {
    if (part.empty()) return invalid(text);
    Requirement made;
    std::string value;
    bool negated = false;
    if (split_set(part, " notin ", made.key, made.values)) {
      made.op = Operator::NotIn;
    } else if (split_set(part, " in ", made.key, made.values)) {
      made.op = Operator::In;
    } else if (split_equality(part, made.key, value, negated)) {
      made.op = negated ? Operator::NotIn : Operator::In;
      made.values = {value};
    } else {
      const bool absent = part.front() == '!';
      made.op = absent ? Operator::Absent : Operator::Exists;
      made.key = absent ? part.substr(1) : part;
    }
    if (made.key.empty() || made.key.find_first_of(" ()=") != std::string::npos) return invalid(text);
    out.push_back(std::move(made));
  }
  return Ok{};
}

Outcome SelectorMatch::parse_fields(std::string_view text, std::vector<Requirement>& out) {
  for (const std::string& part : split(text)) {
    Requirement made;
    std::string value;
    bool negated = false;
    if (!split_equality(part, made.key, value, negated)) return invalid(text);
    made.op = negated ? Operator::NotIn : Operator::In;
    made.values = {value};
    out.push_back(std::move(made));
  }
  return Ok{};
}

bool SelectorMatch::holds(const Requirement& requirement, const std::string* value) {
  const auto named = [&] { return std::ranges::count(requirement.values, *value) > 0; };
  switch (requirement.op) {
    case Operator::Exists:
      return value != nullptr;
    case Operator::Absent:
      return value == nullptr;
    case Operator::In:
      return value != nullptr && named();
    case Operator::NotIn:
      return value == nullptr || !named();
  }
  return false;
}

bool SelectorMatch::matches(const nlohmann::json& object) const {
  const nlohmann::json* labels = at_path(object, "metadata.labels");
  for (const Requirement& requirement : labels_) {
    const std::string* value = nullptr;
    if (labels != nullptr && labels->is_object()) {
      const auto found = labels->find(requirement.key);
      if (found != labels->end()) value = found->get_ptr<const std::string*>();
    }
    if (!holds(requirement, value)) return false;
  }
  static const std::string kEmpty;
  for (const Requirement& requirement : fields_) {
    const nlohmann::json* found = at_path(object, requirement.key);
    const std::string* value = found == nullptr ? &kEmpty : found->get_ptr<const std::string*>();
    if (!holds(requirement, value)) return false;
  }
  return true;
}

}  // namespace sluice::test
