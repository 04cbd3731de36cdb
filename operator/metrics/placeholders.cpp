#include "metrics/placeholders.h"

#include <algorithm>
#include <cctype>

namespace sluice::metrics {
namespace {

Error invalid(std::string message) {
  return {ErrorCode::Invalid, std::move(message), std::nullopt};
}

bool is_name_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == ':';
}

// `quote` is the open quote, or 0 outside of any.
Result<std::string> escape(std::string_view name, std::string_view value, char quote) {
  if (quote == 0) {
    if (!std::all_of(value.begin(), value.end(), is_name_character)) {
      return invalid("$(" + std::string(name) + ") stands outside of quotes, where \"" + std::string(value) +
                     "\" is not allowed");
    }
    return std::string(value);
  }
  if (quote == '`') {
    if (value.find('`') != std::string_view::npos) {
      return invalid("$(" + std::string(name) + ") contains a backtick: quote it with \" instead");
    }
    return std::string(value);
  }
  std::string out;
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == quote) out += '\\';
    out += c;
  }
  return out;
}

std::string known_names(const std::map<std::string, std::string>& values) {
  std::string names;
  for (const auto& [name, value] : values) names += (names.empty() ? "$(" : ", $(") + name + ")";
  return names.empty() ? "none" : names;
}

// The quote that is open after `c`, when `quote` was open before it.
char next_quote(char quote, char c) {
  if (quote == 0) return c == '"' || c == '\'' || c == '`' ? c : '\0';
  return c == quote ? '\0' : quote;
}

std::string quote_regex(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

Result<std::string> fill(std::string_view selector, const std::map<std::string, std::string>& values) {
  std::string out;
  char quote = 0;
  for (std::size_t i = 0; i < selector.size(); ++i) {
    const char c = selector[i];
    if (c == '$' && selector.substr(i, 2) == "$(") {
      const std::size_t end = selector.find(')', i);
      if (end == std::string_view::npos) {
        return invalid("the placeholder " + std::string(selector.substr(i, 20)) +
                       " has no closing parenthesis");
      }
      const std::string name(selector.substr(i + 2, end - i - 2));
      const auto found = values.find(name);
      if (found == values.end()) {
        return invalid("unknown placeholder $(" + name + "); known: " + known_names(values));
      }
      auto value = escape(name, found->second, quote);
      if (!value) return value.error();
      out += *value;
      i = end;
      continue;
    }
    out += c;
    if (c == '\\' && (quote == '"' || quote == '\'') && i + 1 < selector.size()) {
      out += selector[++i];  // an escaped character does not end the string
      continue;
    }
    quote = next_quote(quote, c);
  }
  return out;
}

std::string pods_regex(std::string_view rollout, std::string_view revision) {
  constexpr std::size_t longest_base = 58;  // a name of 63 characters less the 5 random ones
  std::string base(rollout);
  base.append("-").append(revision).append("-");
  // The Deployment's pods are <base><template hash>-<random>, cut at longest_base before the random part.
  if (base.size() >= longest_base) return quote_regex(base.substr(0, longest_base)) + "[a-z0-9]{5}";
  const std::size_t room = longest_base - base.size();
  constexpr std::size_t longest_hash = 10;
  if (room > longest_hash) return quote_regex(base) + "[a-z0-9]+-[a-z0-9]{5}";
  return quote_regex(base) + "[a-z0-9]+-?[a-z0-9]{5}";
}

}  // namespace sluice::metrics
