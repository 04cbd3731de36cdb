#include "api/selector.h"

#include <algorithm>

namespace sluice::api {
namespace {

constexpr const char* kPlain =
    "write a plain selector such as http_requests_total{pod=~\"$(pods)\"}; Sluice computes increases itself, "
    "so "
    "leave out rate(), [5m], offset and arithmetic";

bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}
bool in_name(char c) {
  return starts_name(c) || (c >= '0' && c <= '9');
}

std::string list_placeholders(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) text += i + 1 == count ? " or " : ", ";
    text += std::string("$(") + kPlaceholders[i] + ")";
  }
  return text;
}

// Reads a selector from left to right. Each step returns false when the text does not go on as it must.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool selector() {
    blank();
    metric_ = name();
    blank();
    if (metric_.empty() && peek() != '{') return false;
    if (peek() == '{' && !matchers()) return false;
    blank();
    return at_ == text_.size();
  }

  std::string_view metric() const { return metric_; }
  bool names_metric() const { return !metric_.empty() || matches_name_; }
  bool has_edge() const { return has_edge_; }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void blank() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
  }
  std::string_view name() {
    const std::size_t start = at_;
    if (starts_name(peek())) {
      while (in_name(peek())) ++at_;
    }
    return text_.substr(start, at_ - start);
  }

  bool matchers() {
    for (++at_; blank(), peek() != '}';) {
      const std::string_view label = name();
      if (label.empty() || !comparison() || !string()) return false;
      matches_name_ = matches_name_ || label == "__name__";
      has_edge_ = has_edge_ || label == "le";
      blank();
      if (peek() == ',') {
        ++at_;
      } else if (peek() != '}') {
        return false;
      }
    }
    ++at_;
    return true;
  }

  bool comparison() {
    blank();
    for (const std::string_view sign : {"=~", "!~", "!=", "="}) {
      if (text_.substr(at_).starts_with(sign)) {
        at_ += sign.size();
        blank();
        return true;
      }
    }
    return false;
  }

  bool string() {
    const char quote = peek();
    if (quote != '"' && quote != '\'' && quote != '`') return false;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == quote) {
        ++at_;
        return true;
      }
      if (text_[at_] == '\\' && quote != '`') ++at_;
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string_view metric_;
  bool matches_name_ = false;
  bool has_edge_ = false;
};

struct Placeholders {
  std::string unknown;  // the first one that is not known, as written
  bool tell_arms_apart = false;
};

Placeholders placeholders_in(std::string_view text) {
  Placeholders found;
  for (auto at = text.find("$("); at != std::string_view::npos; at = text.find("$(", at + 2)) {
    const auto end = text.find(')', at);
    const std::string_view name = end == std::string_view::npos ? "" : text.substr(at + 2, end - at - 2);
    const auto* const known = std::find(kPlaceholders.begin(), kPlaceholders.end(), name);
    if (known == kPlaceholders.end()) {
      found.unknown = end == std::string_view::npos ? text.substr(at, 20) : text.substr(at, end - at + 1);
      return found;
    }
    found.tell_arms_apart = found.tell_arms_apart || known < kPlaceholders.begin() + kArmPlaceholders;
  }
  return found;
}

}  // namespace

std::optional<std::string> selector_problem(std::string_view selector, SelectorUse use) {
  const Placeholders placeholders = placeholders_in(selector);
  if (!placeholders.unknown.empty()) {
    return "unknown placeholder " + placeholders.unknown + ": write " +
           list_placeholders(kPlaceholders.size());
  }
  Reader reader(selector);
  if (!reader.selector()) return kPlain;
  if (!reader.names_metric()) return "names no metric: write one before the {";
  if (!placeholders.tell_arms_apart) {
    return "counts both revisions alike: tell them apart by a matcher with " +
           list_placeholders(kArmPlaceholders) + ", such as pod=~\"$(pods)\"";
  }
  if (use == SelectorUse::Counter) return std::nullopt;
  if (reader.has_edge()) {
    return use == SelectorUse::Buckets ? "remove the matcher of le: `above` chooses the bucket"
                                       : "remove the matcher of le: all of the buckets are read";
  }
  if (!reader.metric().empty() && reader.metric().find("bucket") == std::string_view::npos) {
    return "write the histogram's series of buckets, whose name ends in _bucket";
  }
  return std::nullopt;
}

}  // namespace sluice::api
