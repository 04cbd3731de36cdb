#include "traffic/gateway_cookie.h"

#include <charconv>
#include <string_view>

namespace sluice::traffic {
namespace {

constexpr std::string_view kBefore = R"(^(.*;\s*)?)";
constexpr std::string_view kAfter = R"((;.*)?$)";
constexpr std::string_view kMaxAge = "; Max-Age=";

// Everything that means something in a regular expression, and may stand in a token.
std::string literal(std::string_view text) {
  constexpr std::string_view kSpecial = R"(\.+*?()|[]{}^$)";
  std::string out;
  for (const char c : text) {
    if (kSpecial.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string cookie_pattern(const std::string& cookie, const std::string& revision) {
  return std::string(kBefore) + literal(cookie) + "=" + literal(revision) + std::string(kAfter);
}

std::optional<std::string> cookie_in_pattern(const std::string& pattern, const std::string& revision) {
  const std::string end = "=" + literal(revision) + std::string(kAfter);
  if (!pattern.starts_with(kBefore) || !pattern.ends_with(end)) return std::nullopt;
  if (pattern.size() <= kBefore.size() + end.size()) return std::nullopt;
  const std::string middle = pattern.substr(kBefore.size(), pattern.size() - kBefore.size() - end.size());
  std::string name;
  for (std::size_t i = 0; i < middle.size(); ++i) {
    if (middle[i] == '\\' && i + 1 < middle.size()) ++i;
    name += middle[i];
  }
  if (literal(name) != middle) return std::nullopt;
  return name;
}

std::string set_cookie(const CookieAssignment& cookie, const std::string& revision) {
  return cookie.cookie + "=" + revision + std::string(kMaxAge) + std::to_string(cookie.ttl.count()) +
         "; Path=/; HttpOnly; SameSite=Lax";
}

std::optional<seconds> ttl_in(const std::string& value) {
  const std::size_t at = value.find(kMaxAge);
  if (at == std::string::npos) return std::nullopt;
  long count = 0;
  const char* begin = value.data() + at + kMaxAge.size();
  const auto [end, error] = std::from_chars(begin, value.data() + value.size(), count);
  if (error != std::errc() || end == begin) return std::nullopt;
  return seconds(count);
}

}  // namespace sluice::traffic
