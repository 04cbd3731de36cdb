// EventRecorder: writes what happened to an object as events.k8s.io/v1 Events, for `kubectl describe`.
//
//   events.record({.regarding = {.resource = kRollout, .key = key, .uid = uid},
//                  .type = EventType::Warning, .reason = "RolledBack", .action = "RollBack",
//                  .note = "errors 4.1% against 0.2% of stable: harm proven at the 3rd look"});
//
// record() never waits: a bounded queue takes the event and a thread of the recorder writes it; when the server is
// away for long, events are dropped and counted.
//
// Two events are the same when object (uid), type, reason and note agree. The first one creates an Event object,
// whose name is a hash of what makes it the same, so that a create that is sent twice meets the object that exists;
// repeats become its `series`, at most one write a minute.
//
// Events are a courtesy to people. Nothing may depend on one having been written.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/time.h"
#include "kube/client.h"
#include "runtime/observer.h"

namespace sluice::runtime {

enum class EventType { Normal, Warning };

struct ObjectReference {
  kube::Resource resource;
  kube::Key key;
  std::string uid;
};

struct Event {
  ObjectReference regarding;
  EventType type = EventType::Normal;
  std::string reason;  // one CamelCase word, distinct for each thing that happens
  std::string action;  // what was done about it; empty: the reason
  std::string note;    // for a person; cut to 1 kB
};

// Where reconcilers put their events: the recorder, or a list in a test.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void record(Event event) = 0;  // thread-safe, does not wait
};

struct RecorderOptions {
  std::string controller;       // reportingController, e.g. "sluice.dev/operator"
  std::string instance;         // reportingInstance, e.g. the pod's name; at most 128 bytes
  std::size_t capacity = 1000;  // events that wait to be written; more are dropped
  Duration series_interval = minutes(1);
  std::size_t remembered = 4096;  // different events; beyond it they are forgotten all at once
};

extern const kube::Resource kEvents;

// record() and dropped() are thread-safe; start() and stop() belong to one thread. write_one() is for the thread,
// and for harnesses that have none.
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
  // Writes what waits, unless the server refuses, and joins the thread. Stop it last: others record while they stop.
  void stop();

  // Writes the event that has waited longest. False: none waits.
  bool write_one();

 private:
  struct Waiting {
    Event event;
    Time happened;
  };
  struct Known {
    std::int64_t count = 1;
    Time first{};
    Time written{};
  };

  void run(const std::stop_token& stop);
  std::optional<Waiting> take();
  void write(const Waiting& waiting);
  Outcome create(const Waiting& waiting, const std::string& name);
  Outcome write_series(const Waiting& waiting, const std::string& name, const Known& known);

  kube::Client& client_;
  const Clock& clock_;
  const RecorderOptions options_;
  Observer& observer_;
  std::map<std::string, Known> known_;  // by name of the Event; of the writing thread alone
  mutable std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::deque<Waiting> waiting_;  // guarded by mutex_
  std::uint64_t dropped_ = 0;    // guarded by mutex_
  std::jthread thread_;
};

}  // namespace sluice::runtime
