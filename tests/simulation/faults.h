// What goes wrong between the operator and its servers, by chance or at one chosen call.
//
// A crash is played at a call: from then on the process is dead, nothing that it still sends arrives, and the
// driver throws it away as soon as the call stack is unwound. That is what the outside sees of kill -9.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "metrics/sample.h"
#include "random.h"
#include "support/faulty_client.h"
#include "world.h"

namespace sluice::simulation {

// Chances for each call.
struct FaultRates {
  double refused = 0;    // the server never saw it
  double lost = 0;       // the server did it, the answer is lost
  double twice = 0;      // sent again by the library
  double slow = 0;       // takes seconds
  double crash = 0;      // before or after the server did it
  double prometheus = 0; // a query fails
};

// What can be made to happen at one chosen call.
enum class Mishap { CrashBefore, CrashAfter, Refused, AnswerLost };

// The steps of a run.
struct Counters {
  std::uint64_t reconciles = 0;
  std::uint64_t answers = 0;   // of the API server and of Prometheus
  std::uint64_t advances = 0;  // of the clock
  std::uint64_t faults = 0;
  std::uint64_t crashes = 0;
  std::uint64_t rollouts = 0;  // that came to an end: promoted, rolled back, superseded
  std::map<std::string, int> endings;  // of these, by reason

  std::uint64_t steps() const { return reconciles + answers + advances + faults; }
};

// Not thread-safe.
class Faults final : public test::Faults {
 public:
  Faults(World& world, Counters& counters, Random random);

  void set(const FaultRates& rates) { rates_ = rates; }
  // Something happens at the n-th call since the beginning (1: the first one); once.
  void plan(std::uint64_t call, Mishap mishap) { planned_[call] = mishap; }
  void prometheus_away_until(Time time) { away_until_ = time; }

  bool crashed() const { return crashed_; }
  std::uint64_t calls() const { return calls_; }        // since the beginning
  std::uint64_t requests() const { return requests_; }  // of them all but the openings of watches
  void revive() { crashed_ = false; }

  // Called after each write that the server has seen, before anything else happens.
  std::function<void(const test::Call&)> on_write;

  std::optional<Error> before(const test::Call& call) override;
  bool twice(const test::Call& call) override;
  std::optional<Error> after(const test::Call& call) override;
  // Whether Prometheus answers; may take its time.
  std::optional<Error> before_query();

 private:
  Error failure(const test::Call& call);
  void slow_down(Duration least, Duration most);
  bool planned(Mishap mishap) const;
  void crash();

  World& world_;
  Counters& counters_;
  Random random_;
  FaultRates rates_;
  Time away_until_{};
  bool crashed_ = false;
  std::uint64_t calls_ = 0;
  std::uint64_t requests_ = 0;
  std::map<std::uint64_t, Mishap> planned_;  // by call
};

// Prometheus as the operator sees it.
class FaultyPrometheus final : public metrics::SampleSource {
 public:
  FaultyPrometheus(const World& world, Faults& faults) : world_(world), faults_(faults) {}
  Result<metrics::Matrix> samples(std::string_view selector, Time end, Duration window, Duration deadline,
                                  std::stop_token stop) override;
  Result<metrics::Matrix> values(std::string_view query, Time end, Duration window, Duration step, Duration deadline,
                                 std::stop_token stop) override;

 private:
  const World& world_;
  Faults& faults_;
};

}  // namespace sluice::simulation
