// ListWatch: what to ask the API server next, in order to hold a copy of one resource. A pure state machine.
//
//   Listing (a stream) ---its last bookmark--> Watching --ended--> Watching again, from the last version seen
//      |  ^                                    |  ^
//      |  +-------------- Gone ----------------+  |
//      +--refused--> Listing (page by page) ------+
//
// A list is asked for as the beginning of a watch, one object at a time: neither side then holds all of it as
// text or as trees. A server that does not know this refuses, or just watches: after as long as that may last, or
// several that ended early when none was ever complete, it is asked for pages from then on.
//
// The machine performs no request and reads no clock: a driver asks next(), waits until not_before(),
// performs the request, and reports the answer. Reflector drives it on a thread; tests drive it with a
// virtual clock.
//
// Guarantees, whatever fails in between:
// - the sink sees a complete list before the first watch event, and a list replaces everything at once;
// - the watch begins at the version of the list, and again at the last version that was handed to the sink,
//   so that no event is lost; a version that the server has forgotten (Gone) leads to a new, consistent list;
// - resourceVersions are opaque: they are handed back, never compared;
// - any failure, and a watch that ended within a second without an event, delays the next request by a backoff with
//   jitter: a server that is down or refuses us is not hammered.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "kube/client.h"
#include "runtime/backoff.h"
#include "runtime/observer.h"

namespace sluice::runtime {

// Receives the copy. Called by one thread at a time. Objects may be moved from. One that throws is told again.
class ReflectorSink {
 public:
  virtual ~ReflectorSink() = default;

  // A list begins: collect what follows, and show nothing of it yet. An unfinished list before it is dropped.
  virtual void list_started() = 0;
  virtual void list_item(nlohmann::json& object) = 0;     // replaces one of the same name
  virtual void list_removed(nlohmann::json& object) = 0;  // was deleted before the list was complete
  // The list is complete: it replaces the whole copy. What is not in it has been deleted meanwhile.
  virtual void list_finished() = 0;

  virtual void applied(nlohmann::json& object) = 0;  // added or modified
  virtual void deleted(nlohmann::json& object) = 0;  // with its last state
};

struct ReflectorOptions {
  std::string ns;  // empty: all namespaces
  kube::Selector selector;
  bool stream = true;  // false: lists come in pages, whatever the server can do
  int page_size = 500;
  seconds watch_timeout{290};  // shortened at random by up to a fifth, so that watches do not end in step
  bool keep_managed_fields = false;
  // The first list, when it is streamed, asks for the latest, not for whatever the server's cache holds. Pages
  // always do.
  bool latest = false;
  Backoff::Options backoff;
  std::uint64_t seed = 0;  // 0: random
};

// Not thread-safe.
class ListWatch {
 public:
  struct List {
    kube::ListOptions options;
  };
  struct Watch {
    kube::WatchOptions options;
  };
  using Request = std::variant<List, Watch>;

  // `name` is for logs and metrics, e.g. "deployments". `sink` and `observer` outlive the machine.
  ListWatch(std::string name, ReflectorSink& sink, const ReflectorOptions& options,
            Observer& observer = no_observer());

  // The request to make, not before not_before(). Exactly one answer is reported for each: a page of a list, or the
  // end of a watch. A watch may be a list first.
  Request next();
  Instant not_before() const { return not_before_; }
  // The part of it that the server itself has asked for, which holds even when it is known to answer again.
  Instant asked_until() const { return asked_until_; }
  // The server is known to answer again: what has failed before counts no more.
  void hurry();

  void listed(Result<kube::ListPage> page, Instant now);

  void watch_started(Instant now);
  // False: the event makes no sense; end the watch, the machine will list anew.
  [[nodiscard]] bool watch_event(kube::WatchEvent event);
  void watch_ended(const Outcome& outcome, Instant now);

  // Forgets where it is: the next request, to be made at once, is a list of the latest. Not while a request is under
  // way. What the sink has stays until that list is complete.
  void refresh();
  // A list is to be made, or is not complete yet.
  bool listing() const { return listing_; }

  // The first list is complete. Never becomes false again.
  bool synced() const { return synced_; }

 private:
  Watch initial_watch();
  seconds stream_timeout() const;
  void initial_event(kube::WatchEvent& event);
  void initial_watch_ended(const Outcome& outcome, Instant now);
  void finish_list(std::string version);
  void relist(std::string version);
  void fail(const char* what, const Error& error, Instant now);

  std::string name_;
  ReflectorSink& sink_;
  ReflectorOptions options_;
  Observer& observer_;
  Backoff backoff_;
  Jitter jitter_;

  bool listing_ = true;
  bool streams_;                    // lists are asked for as streams
  bool streamed_ = false;           // and one was complete
  bool synced_ = false;
  std::string list_version_;        // where a list starts: any, at least this one, or (empty) the latest
  std::string continue_;            // the page after those that the sink has
  std::size_t items_ = 0;           // of the list so far
  std::string version_;             // the last one that the sink has
  int unfinished_streams_ = 0;      // before the first that was complete
  Instant not_before_{};
  Instant asked_until_{};
  Instant watch_started_{};
  std::size_t watch_events_ = 0;
  bool watch_broken_ = false;
};

}  // namespace sluice::runtime
