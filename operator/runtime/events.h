// EventRecorder: writes what happened to an object as events.k8s.io/v1 Events, for `kubectl describe`.
//
//   events.record({.regarding = {.resource = kRollout, .key = key, .uid = uid},
//                  .type = EventType::Warning, .reason = "RolledBack", .action = "RollBack",
//                  .note = "errors 4.1% against 0.2% of stable: harm proven at the 3rd look"});
//
// record() never waits: a bounded queue takes the event, a thread of the recorder writes it, and when the
// server is away for long, events are dropped and counted. Repeats become one Event with a series; see
// event_series.h.
//
// Events are a courtesy to people. Nothing may depend on one having been written.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "kube/client.h"
#include "runtime/event_writer.h"
#include "runtime/observer.h"

namespace sluice::runtime {

// Where reconcilers put their events: the recorder, or a list in a test.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void record(Event event) = 0;  // thread-safe, does not wait
};

struct RecorderOptions {
  EventWriterOptions writer;
  std::size_t capacity = 1000;  // events that wait to be written; more are dropped
  Duration flush_time{5'000};   // how long stop() goes on writing what waits
};

// record() and dropped() are thread-safe; start() and stop() belong to one thread.
class EventRecorder final : public EventSink {
 public:
  EventRecorder(kube::Client& client, const Clock& clock, RecorderOptions options,
                Observer& observer = no_observer());
  ~EventRecorder() override;
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

  void record(Event event) override;
  std::uint64_t dropped() const;

  void start();
  // Writes what waits, as long as flush_time allows, and joins the thread. Stop it last: others record while
  // they stop.
  void stop();

 private:
  struct Waiting {
    Event event;
    Time happened;
  };

  void run(const std::stop_token& stop);
  void flush();
  void take_waiting();

  const Clock& clock_;
  const RecorderOptions options_;
  Observer& observer_;
  EventWriter writer_;  // used by thread_ only

  mutable std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::deque<Waiting> waiting_;
  std::uint64_t dropped_ = 0;
  std::jthread thread_;
};

}  // namespace sluice::runtime
