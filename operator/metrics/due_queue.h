// Which looks are due, and which are under way: the part of the scheduler that knows nothing of threads or
// clocks.
//
// At most one look waits for a key, and a look counts as the key's own from schedule() until finish():
// scheduling the same one meanwhile changes nothing, scheduling a different one makes the older one obsolete.
// Looks that are due leave in the order of their due times, for equal ones in the order in which they were
// scheduled. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <tuple>

#include "base/time.h"
#include "kube/resource.h"
#include "metrics/block.h"

namespace sluice::metrics {

class DueQueue {
 public:
  struct Taken {
    kube::Key key;
    Look look;
    std::uint64_t ticket = 0;
    std::stop_token stop;  // requested once the look is obsolete
  };

  // False when the key has this very look already, waiting or under way: its due time stays as it was.
  bool schedule(const kube::Key& key, Look look, Time due);
  void cancel(const kube::Key& key);
  void cancel_all();

  std::optional<Time> next_due() const;
  // The same of those that are not due yet at `now`.
  std::optional<Time> next_due_after(Time now) const;
  // The first look that is due at `now` and may be taken (empty: each may), which is under way from now on; none if
  // there is no such look. The others keep their places.
  std::optional<Taken> take(Time now, const std::function<bool(const Look&)>& may_be_taken = {});
  // Ends a look that was taken. False when it became obsolete meanwhile: its result is of no use.
  bool finish(const Taken& taken);

  std::size_t waiting() const { return order_.size(); }
  std::size_t under_way() const { return under_way_; }

 private:
  using Place = std::tuple<Time, std::uint64_t, kube::Key>;  // due, ticket, key
  struct Running {
    Look look;
    std::uint64_t ticket = 0;
    std::stop_source stop;
  };
  struct Entry {
    std::optional<Look> waiting;
    Place place;  // of `waiting` in order_
    std::optional<Running> running;
  };

  void drop_waiting(Entry& entry);
  static void drop_running(Entry& entry);

  std::map<kube::Key, Entry> entries_;
  std::set<Place> order_;
  std::uint64_t next_ticket_ = 1;
  std::size_t under_way_ = 0;
};

}  // namespace sluice::metrics
