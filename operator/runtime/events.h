// EventRecorder: writes what happened to an object as events.k8s.io/v1 Events, for `kubectl describe`.
//
//   events.record({.regarding = {.resource = kRollout, .key = key, .uid = uid},
//                  .type = EventType::Warning, .reason = "RolledBack", .action = "RollBack",
//                  .note = "errors 4.1% against 0.2% of stable: harm proven at the 3rd look"});
//
// record() never waits: a bounded queue takes the event and a thread of the recorder writes it. While the
// server is away the queue fills, with an attempt at growing intervals; what no longer fits is dropped and
// counted.
//
// Events of one object (uid), type and reason are written at most once in `series_interval`: what comes sooner is
// held back, and the newest note of it is written when the time has come. Equal notes become one Event object
// whose `series` counts them; its name is a hash of what makes it the same, so that a create that is sent
// twice, or by the next process, meets the object that exists.
//
// Events are a courtesy to people. Nothing may depend on one having been written.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "base/time.h"
#include "kube/client.h"
#include "runtime/backoff.h"
#include "runtime/instant.h"
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
  std::string controller;         // reportingController, e.g. "sluice.dev/operator"
  std::string instance;           // reportingInstance, e.g. the pod's name; at most 128 bytes
  std::size_t capacity = 1000;    // events that wait to be written; more are dropped
  Duration series_interval = minutes(1);  // between two writes for the same object, type and reason
  std::size_t remembered = 4096;  // such combinations; beyond them within `series_interval`, events are dropped
};

extern const kube::Resource kEvents;

// record() and dropped() are thread-safe; start() and stop() belong to one thread. write_one() and next_due() are for
// the thread, and for harnesses that have none.
class EventRecorder final : public EventSink {
 public:
  EventRecorder(kube::Client& client, const Clock& clock, RecorderOptions options,
                Observer& observer = no_observer());
  ~EventRecorder() override;
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

  void record(Event event) override;
  // Events that nobody will see: no room, a newer note took their place, refused, or too late.
  std::uint64_t dropped() const;

  void start();
  // Writes what is due, until the server is not there, and joins the thread. Stop it last: others record while
  // they stop.
  void stop();

  // Writes, or tries to, one event that is due. False: none is.
  bool write_one();
  // When write_one() can next do something, unless it is now; nothing if only record() can help. For harnesses.
  std::optional<Instant> next_due() const;

 private:
  struct Waiting {
    Event event;
    Time happened;
  };
  // The events of one object, type and reason.
  struct Series {
    std::string name;             // of the Event object that was written last; empty: none
    std::int64_t count = 0;       // how often it has been told there
    Instant written{};            // when
    std::optional<Waiting> held;  // the newest that has not been told
    std::int64_t repeats = 0;     // how often that one was recorded, the first time included
    Time first{};                 // when that was
  };
  using AllSeries = std::map<std::string, Series>;

  void run(const std::stop_token& stop);
  std::optional<Instant> due_when(bool waiting) const;
  std::optional<Waiting> take();
  void accept(Waiting waiting, Instant now);
  bool make_room(Instant now);
  void tell(const std::string& id, Instant now);
  Outcome write(Series& series, const std::string& name);
  Outcome create(const Series& series, const std::string& name);
  Outcome continue_existing(Series& series, const std::string& name);
  Outcome write_series(const Waiting& waiting, const std::string& name, std::int64_t count);
  nlohmann::json body_of(const Series& series, const std::string& name) const;
  void drop(std::uint64_t count);
  void give_up();

  kube::Client& client_;
  const Clock& clock_;
  const RecorderOptions options_;
  Observer& observer_;

  // Of the writing thread.
  AllSeries series_;
  std::set<std::pair<Instant, std::string>> due_;  // the series that hold something back
  Backoff backoff_;
  Instant not_before_{};  // the server was not there

  mutable std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::deque<Waiting> waiting_;  // guarded by mutex_
  std::uint64_t dropped_ = 0;    // guarded by mutex_
  std::jthread thread_;
};

}  // namespace sluice::runtime
