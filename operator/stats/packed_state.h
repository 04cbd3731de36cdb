// Numbers as printable text and back, bit for bit: how evidence survives a restart inside a status field.
//
// The text is "<version>." and base64url of the little-endian IEEE 754 bytes, the last eight of which are a
// checksum. Four characters hold three bytes: n numbers take 4/3 * 8 (n + 1) characters and a few.
//
// Pure, no throw.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::stats {

std::string pack_numbers(std::string_view version, std::span<const double> numbers);

// Invalid when the version differs, a character or the length is wrong, or the checksum does not fit.
Result<std::vector<double>> unpack_numbers(std::string_view version, std::string_view text);

}  // namespace sluice::stats
