#include "faults.h"

#include <nlohmann/json.hpp>

namespace sluice::simulation {
namespace {

Error error(ErrorCode code, std::string message, std::optional<Duration> retry_after = {}) {
  return {.code = code, .message = std::move(message), .retry_after = retry_after};
}

}  // namespace

Faults::Faults(World& world, Counters& counters, Random random)
    : world_(world), counters_(counters), random_(random) {}

bool Faults::planned(Mishap mishap) const {
  const auto found = planned_.find(calls_);
  return found != planned_.end() && found->second == mishap;
}

void Faults::crash() {
  crashed_ = true;
  ++counters_.crashes;
  ++counters_.faults;
}

void Faults::slow_down(Duration least, Duration most) {
  if (!random_.chance(rates_.slow)) return;
  ++counters_.faults;
  world_.advance(random_.between(least, most));
}

Error Faults::failure(const test::Call& call) {
  ++counters_.faults;
  switch (random_.between(0, 5)) {
    case 0: return error(ErrorCode::TooManyRequests, "too many requests", seconds(random_.between(1, 3)));
    case 1: return error(ErrorCode::Internal, "internal error");
    case 2: return error(ErrorCode::Timeout, "no answer in time");
    case 3:
      if (call.is_write()) return error(ErrorCode::Conflict, "the object has been modified");
      return error(ErrorCode::Gone, "too old resource version");
    default: return error(ErrorCode::Unavailable, "connection refused");
  }
}

std::optional<Error> Faults::before(const test::Call& call) {
  if (crashed_) return error(ErrorCode::Unavailable, "the process is dead");
  ++counters_.answers;
  ++calls_;
  if (call.verb != test::Call::Verb::Watch) ++requests_;
  if (planned(Mishap::CrashBefore) || random_.chance(rates_.crash / 2)) {
    crash();
    return error(ErrorCode::Unavailable, "the process is dead");
  }
  slow_down(milliseconds(200), seconds(9));
  if (planned(Mishap::Refused) || random_.chance(rates_.refused)) return failure(call);
  return std::nullopt;
}

bool Faults::twice(const test::Call& call) {
  if (!call.is_write() || !random_.chance(rates_.twice)) return false;
  ++counters_.faults;
  if (on_write) on_write(call);
  return true;
}

std::optional<Error> Faults::after(const test::Call& call) {
  if (on_write && call.is_write()) on_write(call);
  if (planned(Mishap::CrashAfter) || random_.chance(rates_.crash / 2)) {
    crash();
    return error(ErrorCode::Unavailable, "the process is dead");
  }
  if (planned(Mishap::AnswerLost) || random_.chance(rates_.lost)) {
    ++counters_.faults;
    return error(random_.chance(0.5) ? ErrorCode::Timeout : ErrorCode::Unavailable, "the answer was lost");
  }
  return std::nullopt;
}

std::optional<Error> Faults::before_query() {
  if (crashed_) return error(ErrorCode::Unavailable, "the process is dead");
  ++counters_.answers;
  slow_down(seconds(1), seconds(12));
  if (world_.clock.now() < away_until_) return error(ErrorCode::Unavailable, "connection refused");
  if (!random_.chance(rates_.prometheus)) return std::nullopt;
  ++counters_.faults;
  return error(random_.chance(0.5) ? ErrorCode::Timeout : ErrorCode::TooManyRequests, "busy");
}

Result<metrics::Matrix> FaultyPrometheus::samples(std::string_view selector, Time end, Duration window, Duration,
                                                  std::stop_token) {
  if (const auto failed = faults_.before_query()) return *failed;
  return world_.traffic.samples(selector, end, window);
}

// The memory of pods: it does not grow.
Result<metrics::Matrix> FaultyPrometheus::values(std::string_view, Time end, Duration window, Duration step, Duration,
                                                 std::stop_token) {
  if (const auto failed = faults_.before_query()) return *failed;
  metrics::Series series;
  for (Time at = end - window; at <= end; at += step) series.samples.push_back({at, 1e9});
  return metrics::Matrix{series};
}

}  // namespace sluice::simulation
