// EventWriter: brings events to the API server, one request at a time; the part of EventRecorder without a
// thread.
//
// A server that cannot be reached is tried again with a growing delay, at most `attempts` times for one
// event, which is then given up; an event that the server refuses is given up at once. While a write waits
// for its next try, those behind it wait too.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "kube/client.h"
#include "runtime/backoff.h"
#include "runtime/event_series.h"
#include "runtime/observer.h"

namespace sluice::runtime {

struct EventWriterOptions {
  std::string controller;  // reportingController, e.g. "sluice.dev/operator"
  std::string instance;    // reportingInstance, e.g. the pod's name; at most 128 bytes
  EventSeriesOptions series;
  Backoff::Options backoff{.initial = Duration(1'000), .ceiling = Duration(30'000)};
  unsigned attempts = 12;
  std::size_t capacity = 1000;  // different events that wait for a server that is away
  std::uint64_t seed = 0;  // of the backoff's jitter; 0: random
};

// The resource that events are written to.
const kube::Resource& event_resource();

// Not thread-safe.
class EventWriter {
 public:
  EventWriter(kube::Client& client, EventWriterOptions options, Observer& observer = no_observer());

  // Takes an event in; writes nothing yet.
  void take(const Event& event, Time wall, Instant now);
  // Makes at most one write that is due. False: none is due.
  bool write_one(Instant now);
  // When write_one() next has something to do.
  std::optional<Instant> next_due() const;

  std::size_t waiting() const { return writes_.size(); }
  std::uint64_t given_up() const { return given_up_; }

 private:
  enum class Attempt { Done, Retry, GiveUp };

  Attempt attempt(EventSeries::Write& write);
  Attempt create(EventSeries::Write& write);
  Attempt already_exists(EventSeries::Write& write);
  Attempt patch(EventSeries::Write& write);
  static Attempt judge(const Error& error, const EventSeries::Write& write);
  void give_up(const EventSeries::Write& write);

  kube::Client& client_;
  EventWriterOptions options_;
  Observer& observer_;
  EventSeries series_;
  Backoff backoff_;
  std::deque<EventSeries::Write> writes_;
  unsigned attempts_ = 0;  // at the first of writes_
  Instant not_before_{};
  std::uint64_t given_up_ = 0;
};

}  // namespace sluice::runtime
