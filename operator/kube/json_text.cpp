#include "kube/json_text.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

namespace sluice::kube {

namespace {

// The code point of the two- or three-byte UTF-8 sequence at `at`, and its length; length 1 for all others.
struct CodePoint {
  std::uint32_t value = 0;
  std::size_t length = 1;
};

CodePoint code_point_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const std::uint32_t first = byte(at);
  if (first >= 0xC2 && first <= 0xDF && at + 1 < text.size()) {
    return {(first & 0x1F) << 6 | (byte(at + 1) & 0x3F), 2};
  }
  if (first >= 0xE0 && first <= 0xEF && at + 2 < text.size()) {
    return {(first & 0x0F) << 12 | (byte(at + 1) & 0x3F) << 6 | (byte(at + 2) & 0x3F), 3};
  }
  return {first, 1};
}

bool needs_escape(std::uint32_t c) {
  return c == 0x7F || (c >= 0x80 && c <= 0x9F) || c == 0x2028 || c == 0x2029 || c == 0xFEFF || c == 0xFFFE ||
         c == 0xFFFF;
}

}  // namespace

std::string to_text(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string to_yaml_text(const nlohmann::json& value) {
  static constexpr char kHex[] = "0123456789abcdef";
  const std::string text = to_text(value);
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    // Bytes of four-byte sequences come one by one: as single bytes they are above 0x9F or continue one.
    if (needs_escape(c.value) && (c.length > 1 || c.value == 0x7F)) {
      out += "\\u";
      for (int shift = 12; shift >= 0; shift -= 4) out += kHex[c.value >> shift & 15];
    } else {
      out.append(text, at, c.length);
    }
    at += c.length;
  }
  return out;
}

}  // namespace sluice::kube
