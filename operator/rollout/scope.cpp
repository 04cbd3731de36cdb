#include "rollout/scope.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <optional>
#include <vector>

namespace sluice::rollout {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

// At commas that are not in parentheses.
std::vector<std::string_view> requirements_of(std::string_view selector) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t at = 0; at <= selector.size(); ++at) {
    const char c = at == selector.size() ? ',' : selector[at];
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (c != ',' || (depth > 0 && at < selector.size())) continue;
    parts.push_back(trimmed(selector.substr(begin, at - begin)));
    begin = at + 1;
  }
  return parts;
}

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '/';
  });
}

// "key", "!key", "key=value", "key in (a,b)" and the like.
bool is_requirement(std::string_view text) {
  if (text.starts_with('!')) return is_word(trimmed(text.substr(1)));
  for (const std::string_view comparison : {"!=", "==", "=", ">", "<"}) {
    const auto at = text.find(comparison);
    if (at == std::string_view::npos) continue;
    const std::string_view value = trimmed(text.substr(at + comparison.size()));
    return is_word(trimmed(text.substr(0, at))) && (value.empty() || is_word(value));
  }
  const auto open = text.find('(');
  if (open == std::string_view::npos) return is_word(text);
  const std::string_view head = trimmed(text.substr(0, open));
  const auto space = head.find(' ');
  if (space == std::string_view::npos || !text.ends_with(')')) return false;
  const std::string_view word = trimmed(head.substr(space));
  if ((word != "in" && word != "notin") || !is_word(head.substr(0, space))) return false;
  const auto values = requirements_of(text.substr(open + 1, text.size() - open - 2));
  return std::all_of(values.begin(), values.end(),
                     [](std::string_view value) { return value.empty() || is_word(value); });
}

// "b,a==1" is "a=1,b": one spelling of what is the same, so that it has one Lease.
std::string plain(std::string_view selector) {
  std::vector<std::string> parts;
  for (const std::string_view part : requirements_of(selector)) {
    std::string& text = parts.emplace_back(part);
    if (const auto at = text.find("=="); at != std::string::npos) text.erase(at, 1);
  }
  std::sort(parts.begin(), parts.end());
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ",") + part;
  return out;
}

std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : text) {
    hash ^= static_cast<unsigned char>(byte);
    hash *= 0x100000001b3;
  }
  return hash;
}

bool Shard::owns(const kube::Key& rollout) const {
  return count <= 1 || stable_hash(rollout.ns + "/" + rollout.name) % count == index;
}

Result<Shard> parse_shard(const std::string& text) {
  const auto slash = text.find('/');
  const auto index = number(std::string_view(text).substr(0, slash));
  const auto count = slash == std::string::npos ? std::nullopt : number(std::string_view(text).substr(slash + 1));
  const auto invalid = [&](const std::string& why) { return Error{ErrorCode::Invalid, text + ": " + why, {}}; };
  if (!index || !count) return invalid("write which shard of how many, as in 0/3");
  if (*count == 0 || *count > kMostShards) {
    return invalid("the number of shards must be from 1 to " + std::to_string(kMostShards));
  }
  if (*index >= *count) {
    const std::string last = std::to_string(*count - 1);
    return invalid("shards are counted from 0, so the last of " + std::to_string(*count) + " is " + last + "/" +
                   std::to_string(*count));
  }
  return Shard{.index = *index, .count = *count};
}

std::string label_selector_problem(std::string_view selector) {
  if (trimmed(selector).empty()) return "";
  for (const std::string_view part : requirements_of(selector)) {
    if (is_requirement(part)) continue;
    return "\"" + std::string(part) + "\" is no requirement: write key=value, key!=value, key in (a,b), " +
           "key notin (a,b), key or !key, separated by commas";
  }
  return "";
}

std::string Scope::lease_suffix() const {
  std::string suffix;
  if (!selector.empty()) {
    std::array<char, 10> text{};
    std::snprintf(text.data(), text.size(), "-%08x", static_cast<unsigned>(stable_hash(plain(selector)) >> 32));
    suffix = text.data();
  }
  if (shard.count > 1) suffix += "-" + std::to_string(shard.index) + "-of-" + std::to_string(shard.count);
  // Behind a dot, which no namespace has: one that is called "0-of-3" is no shard.
  if (!ns.empty()) suffix += "." + ns;
  return suffix;
}

}  // namespace sluice::rollout
