// Instant: a point on the monotonic clock.
//
// Everything in this folder that waits, backs off or measures does so on the steady clock, because a wall
// clock that jumps must neither fire a timer nor lose a lease. State machines take the instant as an
// argument; the threads around them read it from Clock::steady().
#pragma once

#include <chrono>

namespace sluice::runtime {

using Instant = std::chrono::steady_clock::time_point;
using std::chrono::nanoseconds;

}  // namespace sluice::runtime
