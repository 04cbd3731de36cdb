// What a generator of load found: the contract between Sluice and any tool that makes load.
//
// The tool prints one line of JSON on its standard output (docs/load-tests.md, docs/load-test-result.schema.json):
//
//   {"kind":"LoadTestResult","apiVersion":"sluice.dev/v1alpha1","startedAt":1767225600,
//    "windows":[{"at":0,"seconds":5,"askedRate":50,"users":50,"requests":250,"failures":2,
//                "responseTimes":{"12":3,"13.5":200}}],
//    "errors":[{"what":"HTTP 500","count":2}],
//    "generator":{"tool":"locust 2.47.0","workers":2,"lostWorkers":0,"saturated":false,"why":""}}
//
// It comes from a container that anybody may have written: reading is strict, bounded, and never throws.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace sluice::loadtest {

inline constexpr std::size_t kMostResultBytes = 900'000;
inline constexpr std::size_t kMostWindows = 240;

// How many requests took about so long.
struct ResponseTimes {
  double seconds = 0.0;
  std::int64_t count = 0;
  bool operator==(const ResponseTimes&) const = default;
};

// A part of the load. Requests count where they began.
struct LoadWindow {
  Duration at{};            // since the load began
  Duration length{};        // above 0
  double asked_rate = 0.0;  // requests a second; 0: the tool asked for none
  double users = 0.0;       // clients that wait for one answer at a time; 0: not known
  std::int64_t requests = 0;
  std::int64_t failures = 0;                  // of these
  std::vector<ResponseTimes> response_times;  // of all requests, failed ones too; by time, without repeats
  bool operator==(const LoadWindow&) const = default;
};

struct LoadErrorCount {
  std::string what;
  std::int64_t count = 0;
  bool operator==(const LoadErrorCount&) const = default;
};

struct LoadGenerator {
  std::string tool;
  int workers = 1;
  int lost_workers = 0;
  bool saturated = false;  // it could not make the load it was asked for, by its own account
  std::string why;
  bool operator==(const LoadGenerator&) const = default;
};

struct LoadResult {
  Time started_at{};
  std::vector<LoadWindow> windows;  // by time
  std::vector<LoadErrorCount> errors;
  LoadGenerator generator;
  bool operator==(const LoadResult&) const = default;
};

// The last line of a log that is a result. When no line is one, the error is Invalid and says what is wrong with the
// last line that claims to be (`windows[3].failures: 12 of 10 requests`), or that there is none; TooLarge when that
// line has more than kMostResultBytes.
Result<LoadResult> parse_load_result(const std::string& log);

// The same as one line of JSON, without the newline.
std::string format_load_result(const LoadResult& result);

}  // namespace sluice::loadtest
