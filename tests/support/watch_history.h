// WatchHistory: what happened at the in-memory API server since the last compaction, in order.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>

#include "kube/client.h"

namespace sluice::test {

using ObjectPtr = std::shared_ptr<const nlohmann::json>;

struct WatchChange {
  using Type = kube::WatchEvent::Type;
  std::uint64_t version = 0;
  Type type = Type::Added;
  std::string table;  // plural.group
  kube::Key key;
  ObjectPtr before;  // null for Added
  ObjectPtr object;  // for Deleted: the last state, with the version of the deletion
};

// Not thread-safe.
class WatchHistory {
 public:
  WatchHistory(std::uint64_t first_version, std::size_t limit)
      : version_(first_version), compacted_(first_version), limit_(limit) {}

  std::uint64_t version() const { return version_; }      // of the newest change
  std::uint64_t compacted() const { return compacted_; }  // what happened until then is forgotten
  std::uint64_t bump() { return ++version_; }

  void append(WatchChange change) {
    changes_.push_back(std::move(change));
    if (changes_.size() > limit_) compact(changes_[limit_ / 10].version);
  }

  // Forgets what happened until `version`.
  void compact(std::uint64_t version) {
    while (!changes_.empty() && changes_.front().version <= version) changes_.pop_front();
    compacted_ = std::max(compacted_, version);
  }

  const std::deque<WatchChange>& changes() const { return changes_; }

  // The first change after `version`. Versions are dense enough for a search from the end: readers are close
  // to it.
  std::deque<WatchChange>::const_iterator after(std::uint64_t version) const {
    auto at = changes_.end();
    while (at != changes_.begin() && std::prev(at)->version > version) --at;
    return at;
  }

 private:
  std::uint64_t version_;
  std::uint64_t compacted_;
  std::size_t limit_;
  std::deque<WatchChange> changes_;
};

}  // namespace sluice::test
