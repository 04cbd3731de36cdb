// The end of a log as it may stand in a status message: whole lines, plain text, bounded.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::rollout {

// The last `lines` lines of `log`, cut at their beginning to at most `bytes` bytes, without blank lines at the end.
// What a terminal or JSON would stumble over (escape sequences, control characters, bytes that are not UTF-8) is left
// out. Pure.
std::string log_tail(std::string_view log, int lines, std::size_t bytes);

}  // namespace sluice::rollout
