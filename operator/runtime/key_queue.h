// KeyQueue: which key is to be worked on next. A pure state machine; WorkQueue puts a lock and a clock around
// it.
//
// A key is what names an object, never the object and never the event: many changes of one object while it
// waits are one piece of work, and whoever does it looks at the newest state.
//
// Guarantees:
// - a key that try_pop() returned is not returned again before done(); if it was added meanwhile, it is
//   queued again at done();
// - of several delays for one key the earliest counts, and the most urgent priority; popping a key uses its
//   delay up, since whoever works on it decides anew when to come back;
// - keys of one priority come in the order in which they became ready; more urgent ones come first, but the
//   first of the less urgent ones is passed over at most `most_passed_over` times in a row (once more when
//   two priorities have both waited so long);
// - after shut_down() nothing is added and nothing is returned; what is being worked on can finish.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/time.h"
#include "kube/resource.h"
#include "runtime/instant.h"
#include "runtime/observer.h"

namespace sluice::runtime {

struct QueueOptions {
  Duration backoff_initial{5};  // after the first failure of a key; doubles with each
  Duration backoff_ceiling{60'000};
  unsigned most_passed_over = 16;
};

// Not thread-safe.
class KeyQueue {
 public:
  struct Popped {
    kube::Key key;
    Priority priority = Priority::Change;
    nanoseconds waited{};  // since it became ready
  };

  explicit KeyQueue(const QueueOptions& options = {}) : options_(options) {}

  // Makes the key ready, now or (if somebody works on it) at done(). False: it was so already, or shut down.
  bool add(const kube::Key& key, Priority priority, Instant now);
  void add_after(const kube::Key& key, Duration delay, Priority priority, Instant now);
  // Counts a failure and adds the key after its backoff, or after `at_least` if that is longer. Returns the
  // delay.
  Duration add_backoff(const kube::Key& key, Duration at_least, Instant now);
  // Makes all keys ready that wait for their backoff, as when the server is back that all have failed at, and those
  // that are worked on will wait as after a first failure. Their failures stay counted, and what a server asked to wait
  // for is waited for.
  void retry_now(Instant now);
  // Forgets the failures of a key.
  void forget(const kube::Key& key);
  unsigned failures(const kube::Key& key) const;

  std::optional<Popped> try_pop(Instant now);
  // The worker of this key has finished. Returns how long it took; zero if nobody worked on it.
  nanoseconds done(const kube::Key& key, Instant now);

  // When try_pop() can next return something: `now` or earlier if at once, nothing if only add() can help.
  std::optional<Instant> next_due(Instant now) const;

  void shut_down();
  bool is_shut_down() const { return shut_down_; }

  // How many times a key became ready, by an add or because its time had come.
  std::uint64_t added() const { return added_; }
  std::size_t ready(Priority priority) const { return ready_[index(priority)].size(); }
  std::size_t delayed() const { return delayed_.size(); }
  std::size_t processing() const { return processing_.size(); }
  // The sum, and the largest, of how long the keys that are worked on have been worked on.
  nanoseconds unfinished(Instant now) const;
  nanoseconds longest_running(Instant now) const;

 private:
  struct Entry {
    bool dirty = false;       // is to be worked on
    std::uint64_t place = 0;  // in ready_, 0 when it waits for done()
    Priority priority = Priority::Resync;
    Instant ready_since{};
    std::optional<Instant> due;  // in delayed_
    Priority due_priority = Priority::Resync;
    unsigned failures = 0;
    bool backing_off = false;    // `due` is that of a backoff, and not longer because somebody asked for it
    bool hurry = false;          // a failure of the work under way may have come before the server's return
  };
  using Entries = std::unordered_map<kube::Key, Entry, kube::KeyHash>;

  static std::size_t index(Priority priority) { return static_cast<std::size_t>(priority); }
  bool make_dirty(const kube::Key& key, Entry& entry, Priority priority, Instant now);
  void enqueue(const kube::Key& key, Entry& entry, Instant now);
  void take_due(Instant now);
  void drop_if_idle(Entries::iterator entry);
  std::optional<Priority> choose();

  QueueOptions options_;
  Entries entries_;
  using Ready = std::map<std::uint64_t, kube::Key>;  // in order of arrival
  std::array<Ready, kPriorities> ready_;             // by priority
  std::set<std::pair<Instant, kube::Key>> delayed_;
  std::map<kube::Key, Instant> processing_;
  std::uint64_t next_place_ = 1;
  std::uint64_t added_ = 0;
  std::array<unsigned, kPriorities> passed_over_{};  // since one of that priority was popped
  bool shut_down_ = false;
};

}  // namespace sluice::runtime
