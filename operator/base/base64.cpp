#include "base/base64.h"

#include <array>
#include <cstdint>
#include <utility>

namespace sluice {
namespace {

constexpr std::string_view kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kForUrls = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Six bits a digit; the last digit is filled up with zeros. Four digits a turn: the evidence of every metric passes
// here at every look.
std::string digits_of(std::string_view bytes, std::string_view alphabet) {
  std::string text((bytes.size() * 8 + 5) / 6, '\0');
  char* to = text.data();
  const auto byte = [&](std::size_t at) { return std::uint32_t{static_cast<unsigned char>(bytes[at])}; };
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const std::uint32_t bits = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    *to++ = alphabet[bits >> 18];
    *to++ = alphabet[bits >> 12 & 63U];
    *to++ = alphabet[bits >> 6 & 63U];
    *to++ = alphabet[bits & 63U];
  }
  if (i == bytes.size()) return text;
  const bool two = i + 2 == bytes.size();
  const std::uint32_t bits = byte(i) << 16 | (two ? byte(i + 1) << 8 : 0U);
  *to++ = alphabet[bits >> 18];
  *to++ = alphabet[bits >> 12 & 63U];
  if (two) *to = alphabet[bits >> 6 & 63U];
  return text;
}

constexpr std::uint8_t kStrange = 0x80;
using Values = std::array<std::uint8_t, 256>;

constexpr Values values_of(std::string_view alphabet) {
  Values values{};
  values.fill(kStrange);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}
constexpr Values kStandardValues = values_of(kStandard);
constexpr Values kForUrlsValues = values_of(kForUrls);

struct Decoded {
  std::string bytes;
  std::uint32_t left = 0;  // bits after the last byte, which an encoder leaves at zero
};

// The way back; nullopt for a strange digit, and for a digit too few.
std::optional<Decoded> bytes_of(std::string_view digits, const Values& values) {
  const std::size_t rest = digits.size() % 4;
  if (rest == 1) return std::nullopt;  // one digit cannot hold a byte
  Decoded out{std::string(digits.size() * 3 / 4, '\0')};
  char* to = out.bytes.data();
  std::uint32_t strange = 0;
  const auto value = [&](std::size_t at) {
    const std::uint32_t known = values[static_cast<unsigned char>(digits[at])];
    strange |= known & kStrange;
    return known;
  };
  std::size_t i = 0;
  for (; i + 4 <= digits.size(); i += 4) {
    const std::uint32_t bits = value(i) << 18 | value(i + 1) << 12 | value(i + 2) << 6 | value(i + 3);
    *to++ = static_cast<char>(bits >> 16 & 0xffU);
    *to++ = static_cast<char>(bits >> 8 & 0xffU);
    *to++ = static_cast<char>(bits & 0xffU);
  }
  if (rest > 0) {
    const std::uint32_t bits = value(i) << 18 | value(i + 1) << 12 | (rest == 3 ? value(i + 2) << 6 : 0U);
    *to++ = static_cast<char>(bits >> 16 & 0xffU);
    if (rest == 3) *to = static_cast<char>(bits >> 8 & 0xffU);
    out.left = bits & (rest == 3 ? 0xffU : 0xffffU);
  }
  if (strange != 0) return std::nullopt;
  return out;
}

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string text = digits_of(bytes, kStandard);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

std::optional<std::string> base64_decode(std::string_view text) {
  std::string digits;
  digits.reserve(text.size());
  std::size_t padding = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    if (c == '=') {
      ++padding;
    } else if (padding > 0) {
      return std::nullopt;
    } else {
      digits += c;
    }
  }
  if (padding > 2 || (digits.size() + padding) % 4 != 0) return std::nullopt;
  auto decoded = bytes_of(digits, kStandardValues);
  if (!decoded) return std::nullopt;
  return std::move(decoded->bytes);
}

std::string base64url_encode(std::string_view bytes) {
  return digits_of(bytes, kForUrls);
}

std::optional<std::string> base64url_decode(std::string_view text) {
  auto decoded = bytes_of(text, kForUrlsValues);
  if (!decoded || decoded->left != 0) return std::nullopt;
  return std::move(decoded->bytes);
}

}  // namespace sluice
