#include "stats/packed_state.h"

#include <bit>
#include <cstdint>

#include "base/base64.h"

namespace sluice::stats {
namespace {

void append(std::string& bytes, std::uint64_t word) {
  for (unsigned shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(word >> shift & 0xffU);
}

std::uint64_t word_at(std::string_view bytes, std::size_t at) {
  std::uint64_t word = 0;
  for (unsigned i = 0; i < 8; ++i) word |= std::uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  return word;
}

// FNV-1a: against damage, not against malice.
std::uint64_t checksum(std::string_view bytes) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211ULL;
  return hash;
}

}  // namespace

std::string pack_numbers(std::string_view version, std::span<const double> numbers) {
  std::string bytes;
  bytes.reserve(8 * (numbers.size() + 1));
  for (const double number : numbers) append(bytes, std::bit_cast<std::uint64_t>(number));
  append(bytes, checksum(bytes));
  return std::string(version) + "." + base64url_encode(bytes);
}

Result<std::vector<double>> unpack_numbers(std::string_view version, std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || text.substr(0, dot) != version) {
    return Error{ErrorCode::Invalid, "saved evidence is not of version " + std::string(version), {}};
  }
  const auto bytes = base64url_decode(text.substr(dot + 1));
  if (!bytes || bytes->size() < 8 || bytes->size() % 8 != 0) {
    return Error{ErrorCode::Invalid, "saved evidence is damaged: not whole numbers", {}};
  }
  const std::size_t length = bytes->size() - 8;
  if (checksum(std::string_view(*bytes).substr(0, length)) != word_at(*bytes, length)) {
    return Error{ErrorCode::Invalid, "saved evidence is damaged: the checksum does not fit", {}};
  }
  std::vector<double> numbers;
  for (std::size_t at = 0; at < length; at += 8) {
    numbers.push_back(std::bit_cast<double>(word_at(*bytes, at)));
  }
  return numbers;
}

}  // namespace sluice::stats
