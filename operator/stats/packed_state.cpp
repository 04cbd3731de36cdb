#include "stats/packed_state.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "base/base64.h"

namespace sluice::stats {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie in memory");
constexpr std::size_t kSize = sizeof(double);

// FNV-1a over words, with the high bits stirred in: against damage, not against malice.
std::uint64_t checksum(std::span<const double> numbers) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const double number : numbers) {
    hash = (hash ^ std::bit_cast<std::uint64_t>(number)) * 1099511628211ULL;
    hash ^= hash >> 32;
  }
  return hash;
}

}  // namespace

std::string pack_numbers(std::string_view version, std::span<const double> numbers) {
  std::string bytes(numbers.size_bytes() + kSize, '\0');
  const std::uint64_t sum = checksum(numbers);
  if (!numbers.empty()) std::memcpy(bytes.data(), numbers.data(), numbers.size_bytes());
  std::memcpy(&bytes[numbers.size_bytes()], &sum, kSize);
  return std::string(version) + "." + base64url_encode(bytes);
}

Result<std::vector<double>> unpack_numbers(std::string_view version, std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || text.substr(0, dot) != version) {
    return Error{ErrorCode::Invalid, "saved evidence is not of version " + std::string(version), {}};
  }
  const auto bytes = base64url_decode(text.substr(dot + 1));
  if (!bytes || bytes->empty() || bytes->size() % kSize != 0) {
    return Error{ErrorCode::Invalid, "saved evidence is damaged: not whole numbers", {}};
  }
  std::vector<double> numbers(bytes->size() / kSize - 1);
  std::uint64_t sum = 0;
  if (!numbers.empty()) std::memcpy(numbers.data(), bytes->data(), bytes->size() - kSize);
  std::memcpy(&sum, &(*bytes)[bytes->size() - kSize], kSize);
  if (checksum(numbers) != sum) {
    return Error{ErrorCode::Invalid, "saved evidence is damaged: the checksum does not fit", {}};
  }
  return numbers;
}

}  // namespace sluice::stats
