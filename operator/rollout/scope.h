// Scope: which Rollouts this process looks after, when several processes share them.
//
//   --namespace ml         those of one namespace
//   --selector 'team=a'    those with these labels
//   --shard 0/3            a third of them, by a hash of "namespace/name" that never changes
//
// The API server filters by namespace and labels. It cannot filter by a hash: Rollouts of other shards, and what
// belongs to them, are dropped as they arrive, before anything of them is kept.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kube/resource.h"

namespace sluice::rollout {

// FNV-1a, 64 bits: the same in every process, on every machine, in every release.
std::uint64_t stable_hash(std::string_view text);

struct Shard {
  unsigned index = 0;  // below `count`
  unsigned count = 1;  // 1: all of them

  // Whether the Rollout of this key is of this shard. Each key is of exactly one of `count`.
  bool owns(const kube::Key& rollout) const;
  bool operator==(const Shard&) const = default;
};

inline constexpr unsigned kMostShards = 1000;

// "0/3". Errors: Invalid, with a sentence that says what to write.
Result<Shard> parse_shard(const std::string& text);

// What is wrong with the form of a label selector; empty: nothing is. The API server judges names and values.
std::string label_selector_problem(std::string_view selector);

struct Scope {
  std::string ns;        // empty: all namespaces
  std::string selector;  // of labels of Rollouts; empty: all
  Shard shard;

  // What tells the Lease of this scope from that of others, to be put behind its name: "", "-9f86d081" for a selector,
  // "-0-of-3", ".ml" for a namespace, or several in this order.
  std::string lease_suffix() const;
};

}  // namespace sluice::rollout
