// EventSeries: which of the events that are recorded become a write, and which. Pure bookkeeping.
//
// Two events are *the same* when object (uid), reporter, type, reason, action and note class agree. The first
// one creates an Event object; repeats are counted and become its `series` by a patch, at most one write a
// minute. The name of the Event object is a hash of what makes it the same, so a create that is sent twice,
// or again by the next process, meets the object that exists instead of making another.
//
// The note class is for notes with numbers that change from one look to the next: give such events the same
// class and they are one series (whose note stays that of the first, as the API wants it). Empty: the note is
// its own class. As a guard against a caller who forgets, more than `similar_limit` classes of one object and
// reason within `similar_window` are taken for one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/time.h"
#include "kube/resource.h"
#include "runtime/instant.h"

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
  std::string reason;      // one CamelCase word, distinct for each thing that happens
  std::string action;      // what was done about it; empty: the reason
  std::string note;        // for a person; cut to 1 kB
  std::string note_class;  // see above
};

struct EventSeriesOptions {
  Duration write_interval{60'000};  // between two writes for the same event
  Duration idle{360'000};           // a series without a repeat for so long is forgotten
  unsigned similar_limit = 10;
  Duration similar_window{600'000};
  std::size_t remembered = 4096;  // series; beyond it the one that was idle longest is forgotten
};

// What identifies a series, as the name of its Event object: "<object name>.<16 hex digits>".
std::string event_name(const Event& event, const std::string& note_class, const std::string& reporter);

// Not thread-safe.
class EventSeries {
 public:
  struct Write {
    std::string name;        // of the Event object
    Event event;             // the first of the series
    bool create = true;      // else patch the series
    std::int64_t count = 1;  // occurrences so far
    Time first;              // eventTime
    Time last;               // of the last occurrence
  };

  // `reporter` is part of what makes events the same: the reporting controller.
  EventSeries(std::string reporter, const EventSeriesOptions& options)
      : reporter_(std::move(reporter)), options_(options) {}

  // Takes an occurrence in. `wall` is its time of day. A write is returned if one is due at once.
  std::optional<Write> observe(const Event& event, Time wall, Instant now);
  // The next series whose repeats are to be written by now.
  std::optional<Write> take_due(Instant now);
  // When take_due() next has something.
  std::optional<Instant> next_due() const;

  // The server already had this Event, with so many occurrences that are not ours: add them to the count.
  void adopt(const std::string& name, std::int64_t occurrences, Time first);
  // The Event of this name is not at the server (any more): the next occurrence creates it.
  void forget(const std::string& name);

  std::size_t size() const { return series_.size(); }

 private:
  struct Series {
    Event event;
    std::int64_t count = 1;
    std::int64_t written = 1;  // the count that the server knows
    Time first;
    Time last;
    Instant last_seen;
    Instant last_write;
  };
  using Map = std::map<std::string, Series>;

  struct Similar {
    Instant since{};
    std::set<std::string> classes;
  };

  std::string note_class(const Event& event, Instant now);
  void expire(Instant now);
  void make_room();

  std::string reporter_;
  EventSeriesOptions options_;
  Map series_;                                         // by name
  std::set<std::pair<Instant, std::string>> pending_;  // names of series with repeats to write, by when
  std::map<std::string, Similar> similar_;             // by uid and reason
  std::optional<Instant> swept_;
};

}  // namespace sluice::runtime
