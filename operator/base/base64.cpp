#include "base/base64.h"

#include <cstdint>
#include <utility>

namespace sluice {
namespace {

constexpr std::string_view kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kForUrls = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Six bits a digit; the last digit is filled up with zeros.
std::string digits_of(std::string_view bytes, std::string_view alphabet) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t bits = 0;
  unsigned held = 0;  // bits that are not written yet
  for (const char byte : bytes) {
    bits = (bits << 8 | static_cast<unsigned char>(byte)) & 0xffffU;
    held += 8;
    for (; held >= 6; held -= 6) text += alphabet[bits >> (held - 6) & 63U];
  }
  if (held > 0) text += alphabet[bits << (6 - held) & 63U];
  return text;
}

// The way back, a digit at a time.
class Decoder {
 public:
  explicit Decoder(std::string_view alphabet) : alphabet_(alphabet) {}

  bool take(char digit) {
    const std::size_t value = alphabet_.find(digit);
    if (value == std::string_view::npos) return false;
    ++digits_;
    bits_ = (bits_ << 6 | static_cast<std::uint32_t>(value)) & 0xffffU;
    held_ += 6;
    if (held_ < 8) return true;
    held_ -= 8;
    bytes_ += static_cast<char>(bits_ >> held_ & 0xffU);
    return true;
  }

  std::size_t digits() const { return digits_; }
  bool whole() const { return digits_ % 4 != 1; }  // one digit cannot hold a byte
  bool filled_with_zeros() const { return (bits_ & ((1U << held_) - 1U)) == 0; }
  std::string bytes() { return std::move(bytes_); }

 private:
  std::string_view alphabet_;
  std::string bytes_;
  std::uint32_t bits_ = 0;
  unsigned held_ = 0;  // bits that are not part of a byte yet
  std::size_t digits_ = 0;
};

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string text = digits_of(bytes, kStandard);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

std::optional<std::string> base64_decode(std::string_view text) {
  Decoder decoder(kStandard);
  std::size_t padding = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    if (c == '=') {
      ++padding;
    } else if (padding > 0 || !decoder.take(c)) {
      return std::nullopt;
    }
  }
  if (!decoder.whole() || padding > 2 || (decoder.digits() + padding) % 4 != 0) return std::nullopt;
  return decoder.bytes();
}

std::string base64url_encode(std::string_view bytes) {
  return digits_of(bytes, kForUrls);
}

std::optional<std::string> base64url_decode(std::string_view text) {
  Decoder decoder(kForUrls);
  for (const char c : text) {
    if (!decoder.take(c)) return std::nullopt;
  }
  if (!decoder.whole() || !decoder.filled_with_zeros()) return std::nullopt;
  return decoder.bytes();
}

}  // namespace sluice
