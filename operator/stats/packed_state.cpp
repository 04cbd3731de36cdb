#include "stats/packed_state.h"

#include <array>
#include <bit>
#include <cstdint>

namespace sluice::stats {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

using Bytes = std::vector<std::uint8_t>;

void append(Bytes& bytes, std::uint64_t word) {
  for (unsigned shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<std::uint8_t>(word >> shift));
}

std::uint64_t word_at(const Bytes& bytes, std::size_t at) {
  std::uint64_t word = 0;
  for (unsigned i = 0; i < 8; ++i) word |= std::uint64_t{bytes[at + i]} << (8 * i);
  return word;
}

// FNV-1a: against damage, not against malice.
std::uint64_t checksum(const Bytes& bytes, std::size_t length) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (std::size_t i = 0; i < length; ++i) hash = (hash ^ bytes[i]) * 1099511628211ULL;
  return hash;
}

std::string encode(const Bytes& bytes) {
  std::string text;
  text.reserve(bytes.size() * 4 / 3 + 4);
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const std::uint8_t byte : bytes) {
    bits = (bits << 8) | byte;
    held += 8;
    while (held >= 6) {
      held -= 6;
      text.push_back(alphabet[(bits >> held) & 63U]);
    }
  }
  if (held > 0) text.push_back(alphabet[(bits << (6 - held)) & 63U]);
  return text;
}

bool decode(std::string_view text, Bytes& bytes) {
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char character : text) {
    const std::size_t value = alphabet.find(character);
    if (value == std::string_view::npos) return false;
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes.push_back(static_cast<std::uint8_t>(bits >> held));
    }
  }
  // What is left must be fewer bits than a character and zero: one spelling for each value.
  return held < 6 && (bits & ((1U << held) - 1U)) == 0;
}

}  // namespace

std::string pack_numbers(std::string_view version, std::span<const double> numbers) {
  Bytes bytes;
  bytes.reserve(8 * (numbers.size() + 1));
  for (const double number : numbers) append(bytes, std::bit_cast<std::uint64_t>(number));
  append(bytes, checksum(bytes, bytes.size()));
  return std::string(version) + "." + encode(bytes);
}

Result<std::vector<double>> unpack_numbers(std::string_view version, std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || text.substr(0, dot) != version) {
    return Error{ErrorCode::Invalid, "saved evidence is not of version " + std::string(version), {}};
  }
  Bytes bytes;
  if (!decode(text.substr(dot + 1), bytes) || bytes.size() < 8 || bytes.size() % 8 != 0) {
    return Error{ErrorCode::Invalid, "saved evidence is damaged: not whole numbers", {}};
  }
  const std::size_t length = bytes.size() - 8;
  if (checksum(bytes, length) != word_at(bytes, length)) {
    return Error{ErrorCode::Invalid, "saved evidence is damaged: the checksum does not fit", {}};
  }
  std::vector<double> numbers;
  for (std::size_t at = 0; at < length; at += 8) numbers.push_back(std::bit_cast<double>(word_at(bytes, at)));
  return numbers;
}

}  // namespace sluice::stats
