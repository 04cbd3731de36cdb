#include "rollout/log_tail.h"

namespace sluice::rollout {
namespace {

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

// How many bytes the character at `at` has; 0: it is none.
std::size_t character(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  std::size_t size = 0;
  if (first < 0x80) size = 1;
  if (first >= 0xC2 && first <= 0xDF) size = 2;
  if (first >= 0xE0 && first <= 0xEF) size = 3;
  if (first >= 0xF0 && first <= 0xF4) size = 4;
  if (size == 0 || at + size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if (!continues(text[at + i])) return 0;
  }
  // Overlong forms, surrogates and what is beyond Unicode.
  const auto second = size > 1 ? static_cast<unsigned char>(text[at + 1]) : 0;
  const bool wrong = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
                     (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
  return wrong ? 0 : size;
}

// Past an escape sequence such as ESC [ 3 1 m.
std::size_t after_escape(std::string_view text, std::size_t at) {
  if (++at >= text.size() || text[at] != '[') return at;
  ++at;
  while (at < text.size() && (text[at] < '@' || text[at] > '~')) ++at;
  return at < text.size() ? at + 1 : at;
}

std::string plain(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const char byte = text[at];
    const std::size_t size = character(text, at);
    if (byte == '\x1b') {
      at = after_escape(text, at);
      continue;
    }
    if (byte == '\t') {
      out += ' ';
    } else if (byte == '\n' || (size == 1 && byte >= ' ' && byte != '\x7f') || size > 1) {
      out.append(text.substr(at, size));
    }
    at += size == 0 ? 1 : size;
  }
  return out;
}

}  // namespace

std::string log_tail(std::string_view log, int lines, std::size_t bytes) {
  std::string text = plain(log);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::size_t begin = text.size();
  for (int seen = 0; begin > 0; --begin) {
    if (text[begin - 1] == '\n' && ++seen == lines) break;
  }
  if (text.size() - begin > bytes) begin = text.size() - bytes;
  while (begin < text.size() && continues(text[begin])) ++begin;
  return text.substr(begin);
}

}  // namespace sluice::rollout
