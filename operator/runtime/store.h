// Store<T>: the typed copy of one resource that reconcilers read instead of asking the API server.
//
//   Store<Deployment> store("deployments", [](const nlohmann::json& o) { return Deployment::parse(o); });
//   const auto by_rollout = store.add_index([](const kube::Key&, const Deployment& d) { return d.owners(); });
//   store.on_change([&](const kube::Key& key, const auto& before, const auto& after) { queue.add(...); });
//   Reflector reflector(client, kDeployments, store, clock);
//
// Each object is projected to a T as it arrives and the JSON is dropped: a tree of JSON costs five to ten
// times its text. An object that `project` turns down, by nullopt or by throwing, is absent from the store;
// that is logged once per object.
//
// Reading is thread-safe and never waits for the server. What is read may be older than the last write of the
// caller. Objects are immutable and shared: a snapshot stays valid after the store has moved on.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include "kube/object.h"
#include "kube/resource.h"
#include "runtime/list_watch.h"

namespace sluice::runtime {

// Remembers which objects were turned down, so that each is logged once. Bounded. Not thread-safe.
class SkipLog {
 public:
  explicit SkipLog(std::string store) : store_(std::move(store)) {}

  // `cause` is empty when the projection just did not want the object.
  void skipped(const kube::Key& key, const std::string& cause);
  void accepted(const kube::Key& key) { skipped_.erase(key); }

 private:
  std::string store_;
  std::set<kube::Key> skipped_;
};

template <class T>
class Store final : public ReflectorSink {
 public:
  using Ptr = std::shared_ptr<const T>;
  struct Item {
    kube::Key key;
    Ptr object;
  };
  // Called by the reflector only; must not keep a reference to the JSON.
  using Project = std::function<std::optional<T>(const nlohmann::json&)>;
  // `before` is null for a new object, `after` for a deleted one. Called by the reflector after the store
  // shows the change, without any lock: it may read this store. Must not throw.
  using Change = std::function<void(const kube::Key&, const Ptr& before, const Ptr& after)>;
  // The keys under which an object is found by indexed(), e.g. its owner. Pure.
  using IndexBy = std::function<std::vector<kube::Key>(const kube::Key&, const T&)>;
  using IndexId = std::size_t;

  // `name` is for logs.
  Store(std::string name, Project project) : project_(std::move(project)), skips_(std::move(name)) {}

  // All three only before the reflector is started.
  //
  // Drops objects as they arrive, before they are projected, and without a word: those of others. Pure.
  void only(std::function<bool(const nlohmann::json&)> wanted) { wanted_ = std::move(wanted); }
  void on_change(Change handler) { handlers_.push_back(std::move(handler)); }
  IndexId add_index(IndexBy by) {
    indexes_.push_back({std::move(by), {}});
    return indexes_.size() - 1;
  }

  // Null when there is none.
  Ptr get(const kube::Key& key) const {
    const std::shared_lock lock(mutex_);
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : found->second.object;
  }

  // All objects, in the order of their keys.
  std::vector<Item> list() const {
    const std::shared_lock lock(mutex_);
    std::vector<Item> items;
    items.reserve(entries_.size());
    for (const auto& [key, entry] : entries_) items.push_back({key, entry.object});
    return items;
  }

  // The objects for which the index function named `under`, in the order of their keys.
  std::vector<Item> indexed(IndexId index, const kube::Key& under) const {
    const std::shared_lock lock(mutex_);
    std::vector<Item> items;
    const auto& members = indexes_.at(index).members;
    const auto found = members.find(under);
    if (found == members.end()) return items;
    for (const kube::Key& key : found->second) items.push_back({key, entries_.at(key).object});
    return items;
  }

  std::size_t size() const {
    const std::shared_lock lock(mutex_);
    return entries_.size();
  }

  // ReflectorSink: for the reflector.
  void list_started() override { staged_.clear(); }
  void list_item(nlohmann::json& object) override;
  void list_removed(nlohmann::json& object) override { staged_.erase(kube::key_of(object)); }
  void list_finished() override;
  void applied(nlohmann::json& object) override;
  void deleted(nlohmann::json& object) override { erase(kube::key_of(object)); }

 private:
  struct Entry {
    Ptr object;
    std::string version;
  };
  using Entries = std::map<kube::Key, Entry>;
  struct Index {
    IndexBy by;
    std::map<kube::Key, std::set<kube::Key>> members;
  };
  struct Announcement {
    kube::Key key;
    Ptr before;
    Ptr after;
  };

  Ptr projected(const kube::Key& key, const nlohmann::json& object);
  void erase(const kube::Key& key);
  void put_in_indexes(const kube::Key& key, const T& object);
  void take_from_indexes(const kube::Key& key, const T& object);
  static std::vector<Announcement> differences(const Entries& before, const Entries& after);
  void announce(const Announcement& change) const {
    for (const Change& handler : handlers_) handler(change.key, change.before, change.after);
  }

  const Project project_;
  std::function<bool(const nlohmann::json&)> wanted_;  // empty: all
  std::vector<Change> handlers_;

  mutable std::shared_mutex mutex_;
  Entries entries_;
  std::vector<Index> indexes_;

  // Of the reflector's thread alone.
  Entries staged_;
  SkipLog skips_;
};

template <class T>
typename Store<T>::Ptr Store<T>::projected(const kube::Key& key, const nlohmann::json& object) {
  if (wanted_ && !wanted_(object)) return nullptr;
  std::string cause;
  try {
    if (std::optional<T> made = project_(object)) {
      skips_.accepted(key);
      return std::make_shared<const T>(*std::move(made));
    }
  } catch (const std::exception& e) {
    cause = e.what();
  }
  skips_.skipped(key, cause);
  return nullptr;
}

template <class T>
void Store<T>::list_item(nlohmann::json& object) {
  kube::Key key = kube::key_of(object);
  std::string version = kube::resource_version_of(object);
  // Only this thread writes entries_, so it may read them without the lock. What has not changed is kept as
  // it is: a relist of 10,000 objects then costs neither memory nor projections.
  const auto known = entries_.find(key);
  if (known != entries_.end() && !version.empty() && known->second.version == version) {
    staged_.insert_or_assign(std::move(key), known->second);
    return;
  }
  if (Ptr made = projected(key, object)) {
    staged_.insert_or_assign(std::move(key), Entry{std::move(made), std::move(version)});
  } else {
    staged_.erase(key);  // it was there, earlier in the same list
  }
}

template <class T>
void Store<T>::list_finished() {
  {
    const std::unique_lock lock(mutex_);
    entries_.swap(staged_);
    for (Index& index : indexes_) index.members.clear();
    for (const auto& [key, entry] : entries_) put_in_indexes(key, *entry.object);
  }
  for (const Announcement& change : differences(staged_, entries_)) announce(change);
  staged_.clear();
}

template <class T>
std::vector<typename Store<T>::Announcement> Store<T>::differences(const Entries& before,
                                                                   const Entries& after) {
  std::vector<Announcement> changes;
  for (const auto& [key, entry] : before) {
    if (!after.contains(key)) changes.push_back({key, entry.object, nullptr});
  }
  for (const auto& [key, entry] : after) {
    const auto old = before.find(key);
    if (old == before.end()) {
      changes.push_back({key, nullptr, entry.object});
    } else if (old->second.object != entry.object) {
      changes.push_back({key, old->second.object, entry.object});
    }
  }
  return changes;
}

template <class T>
void Store<T>::applied(nlohmann::json& object) {
  Announcement change{kube::key_of(object), nullptr, nullptr};
  std::string version = kube::resource_version_of(object);
  const auto known = entries_.find(change.key);
  if (known != entries_.end() && !version.empty() && known->second.version == version) return;
  change.after = projected(change.key, object);
  if (!change.after) {
    erase(change.key);
    return;
  }
  {
    const std::unique_lock lock(mutex_);
    Entry& entry = entries_[change.key];
    change.before = std::exchange(entry.object, change.after);
    entry.version = std::move(version);
    if (change.before) take_from_indexes(change.key, *change.before);
    put_in_indexes(change.key, *change.after);
  }
  announce(change);
}

template <class T>
void Store<T>::erase(const kube::Key& key) {
  Announcement change{key, nullptr, nullptr};
  {
    const std::unique_lock lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return;
    change.before = std::move(found->second.object);
    entries_.erase(found);
    take_from_indexes(key, *change.before);
  }
  announce(change);
}

template <class T>
void Store<T>::put_in_indexes(const kube::Key& key, const T& object) {
  for (Index& index : indexes_) {
    for (const kube::Key& under : index.by(key, object)) index.members[under].insert(key);
  }
}

template <class T>
void Store<T>::take_from_indexes(const kube::Key& key, const T& object) {
  for (Index& index : indexes_) {
    for (const kube::Key& under : index.by(key, object)) {
      const auto found = index.members.find(under);
      if (found == index.members.end()) continue;
      found->second.erase(key);
      if (found->second.empty()) index.members.erase(found);
    }
  }
}

}  // namespace sluice::runtime
