// Time as an argument: nothing below app/ asks the operating system what time it is.
//
// Times are whole milliseconds since the Unix epoch in UTC. Decisions take `Time now`; threads that must wait
// take a Clock, which tests replace by a virtual one.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice {

using Duration = std::chrono::milliseconds;
using Time = std::chrono::sys_time<std::chrono::milliseconds>;

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;                                   // wall clock: may jump
  virtual std::chrono::steady_clock::time_point steady() const = 0;  // for measuring how long something took
};

// The machine's clocks. Thread-safe.
class SystemClock final : public Clock {
 public:
  Time now() const override { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }
  std::chrono::steady_clock::time_point steady() const override { return std::chrono::steady_clock::now(); }
};

// Kubernetes durations: a sequence of numbers with the units ms, s, m, h ("30s", "1h30m", "250ms", "1.5s").
// Refuses the empty string, a bare number, negative values and anything beyond 10 years.
Result<Duration> parse_duration(std::string_view text);

// The shortest such string: 90 s is "1m30s", 0 is "0s".
std::string format_duration(Duration duration);

// A duration as a person says it, with at most two units: "2h 5m", "45s", "0.4s".
std::string humane(Duration duration);

// RFC 3339 in UTC, as in metadata.creationTimestamp. Parses an optional fraction and the offsets Z and +hh:mm;
// formats whole seconds, with milliseconds only when they are not zero.
Result<Time> parse_time(std::string_view text);
std::string format_time(Time time);

// RFC 3339 with microseconds: MicroTime, as Leases and Events want it.
std::string format_micro_time(Time time);

}  // namespace sluice
