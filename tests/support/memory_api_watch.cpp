// MemoryApiServer: watches.
#include <charconv>
#include <deque>
#include <nlohmann/json.hpp>
#include <utility>

#include "support/memory_api_server.h"
#include "support/object_rules.h"
#include "support/selector_match.h"

namespace sluice::test {

using nlohmann::json;

struct MemoryApiServer::Delivery {
  WatchChange::Type type;
  json object;
};

struct MemoryApiServer::Watcher {
  std::string table;
  kube::Resource resource;
  std::string ns;
  SelectorMatch match;
  std::uint64_t cursor = 0;  // everything until here is in `ready` or delivered
  std::deque<std::pair<WatchChange::Type, ObjectPtr>> ready;
  std::optional<Outcome> end;  // what it ends with, once `ready` is empty
  bool bookmark = false;
  std::optional<std::uint64_t> initial_until;  // where initial events are complete; empty: they are, or none
  std::chrono::steady_clock::time_point expires;
  WatchHandler handler;  // of a harness; empty for a blocking watch
};

std::shared_ptr<MemoryApiServer::Watcher> MemoryApiServer::make_watcher(const kube::Resource& resource,
                                                                        const std::string& ns,
                                                                        const kube::WatchOptions& options) {
  auto watcher = std::make_shared<Watcher>();
  watcher->resource = resource;
  watcher->table = qualified(resource);
  watcher->ns = ns;
  const Table* const served = table(resource);
  if (served == nullptr) {
    watcher->end = api_error(ErrorCode::NotFound, "the server could not find the requested resource");
    return watcher;
  }
  Result<SelectorMatch> match = SelectorMatch::parse(options.selector);
  if (!match) {
    watcher->end = match.error();
    return watcher;
  }
  watcher->match = *std::move(match);
  const std::string& text = options.resource_version;
  if (!text.empty() && std::from_chars(text.data(), text.data() + text.size(), watcher->cursor).ec != std::errc()) {
    watcher->end = api_error(ErrorCode::Invalid, "resourceVersion: Invalid value: \"" + text + "\"");
    return watcher;
  }
  if (options.initial_events) {
    if (!options_.streams_lists) {
      watcher->end = api_error(ErrorCode::Invalid,
                               "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the "
                               "WatchList feature gate is enabled");
      return watcher;
    }
    // A consistent list is complete once the watch cache has caught up with now.
    watcher->initial_until = text.empty() ? history_.version() : watcher->cursor;
  }
  if (options.initial_events || text.empty() || text == "0") start_with_all(*watcher, *served);
  return watcher;
}

// What the watch cache holds now, as synthetic events.
void MemoryApiServer::start_with_all(Watcher& watcher, const Table& served) const {
  watcher.cursor = cache_version();
  for (const auto& [key, object] : snapshot(served, watcher.cursor)) {
    if ((watcher.ns.empty() || key.ns == watcher.ns) && watcher.match.matches(*object)) {
      watcher.ready.emplace_back(WatchChange::Type::Added, object);
    }
  }
}

// Moves what has happened since the cursor into `ready`, as this watcher sees it.
void MemoryApiServer::fill(Watcher& watcher) const {
  if (watcher.end) return;
  if (watcher.cursor < history_.compacted()) {
    watcher.end = api_error(ErrorCode::Gone, "too old resource version: " + std::to_string(watcher.cursor) +
                                                 " (" + std::to_string(history_.compacted()) + ")");
    return;
  }
  const std::uint64_t until = cache_version();
  if (watcher.cursor >= until) return;
  for (auto at = history_.after(watcher.cursor); at != history_.changes().end() && at->version <= until;
       ++at) {
    if (at->table != watcher.table || (!watcher.ns.empty() && at->key.ns != watcher.ns)) continue;
    const bool was = at->before != nullptr && watcher.match.matches(*at->before);
    const bool is = at->type != WatchChange::Type::Deleted && watcher.match.matches(*at->object);
    if (is) {
      watcher.ready.emplace_back(was ? WatchChange::Type::Modified : WatchChange::Type::Added, at->object);
    } else if (was) {
      watcher.ready.emplace_back(WatchChange::Type::Deleted, at->object);
    }
  }
  watcher.cursor = until;
}

// The next thing to hand to the watcher, if any.
std::optional<MemoryApiServer::Delivery> MemoryApiServer::take(Watcher& watcher) const {
  fill(watcher);
  if (!watcher.ready.empty()) {
    Delivery next{watcher.ready.front().first, *watcher.ready.front().second};
    watcher.ready.pop_front();
    return next;
  }
  if (watcher.end) return std::nullopt;
  const bool complete = watcher.initial_until && watcher.cursor >= *watcher.initial_until;
  // Before they are complete a watch with initial events gets no other bookmark.
  if (!complete && (watcher.initial_until || !std::exchange(watcher.bookmark, false))) return std::nullopt;
  json bookmark = {{"apiVersion", watcher.resource.api_version()},
                   {"kind", watcher.resource.kind},
                   {"metadata", {{"resourceVersion", std::to_string(watcher.cursor)}}}};
  if (complete) {
    watcher.initial_until.reset();
    bookmark["metadata"]["annotations"] = {{"k8s.io/initial-events-end", "true"}};
  }
  return Delivery{WatchChange::Type::Bookmark, std::move(bookmark)};
}

Outcome MemoryApiServer::watch(const kube::Resource& resource, const std::string& ns,
                               const kube::WatchOptions& options,
                               const std::function<void(kube::WatchEvent)>& handler, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  const std::shared_ptr<Watcher> watcher = make_watcher(resource, ns, options);
  const auto deadline = std::chrono::steady_clock::now() + options.timeout;
  const WatchId id = next_watch_++;
  watchers_.emplace(id, watcher);
  Outcome outcome = Ok{};
  while (!stop.stop_requested()) {
    if (std::optional<Delivery> next = take(*watcher)) {
      lock.unlock();
      handler(kube::WatchEvent{next->type, next->object});
      lock.lock();
      continue;
    }
    if (watcher->end) {
      outcome = *watcher->end;
      break;
    }
    if (std::chrono::steady_clock::now() >= deadline) break;
    happened_.wait_until(lock, stop, deadline, [&] {
      const bool bookmark = watcher->bookmark && !watcher->initial_until;
      return watcher->end || bookmark || !watcher->ready.empty() || watcher->cursor < cache_version();
    });
  }
  watchers_.erase(id);
  return outcome;
}

MemoryApiServer::WatchId MemoryApiServer::open_watch(const kube::Resource& resource, const std::string& ns,
                                                     const kube::WatchOptions& options,
                                                     WatchHandler handler) {
  const std::lock_guard lock(mutex_);
  const std::shared_ptr<Watcher> watcher = make_watcher(resource, ns, options);
  watcher->handler = std::move(handler);
  watcher->expires = clock_.steady() + options.timeout;
  watchers_.emplace(next_watch_, watcher);
  return next_watch_++;
}

void MemoryApiServer::close_watch(WatchId id) {
  const std::lock_guard lock(mutex_);
  watchers_.erase(id);
}

std::size_t MemoryApiServer::pump(std::size_t at_most) {
  std::vector<WatchId> open;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, watcher] : watchers_) {
      if (watcher->handler.on_event) open.push_back(id);
    }
  }
  std::size_t delivered = 0;
  for (const WatchId id : open) delivered += pump_one(id, at_most);
  return delivered;
}

std::size_t MemoryApiServer::pump_one(WatchId id, std::size_t at_most) {
  std::size_t delivered = 0;
  std::unique_lock lock(mutex_);
  // Looked up anew each time: a handler may close the watch.
  for (auto found = watchers_.find(id); found != watchers_.end(); found = watchers_.find(id)) {
    const std::shared_ptr<Watcher> watcher = found->second;
    if (delivered == at_most && !watcher->ready.empty()) break;
    std::optional<Delivery> next;
    if (delivered < at_most) next = take(*watcher);
    if (next) {
      ++delivered;
      lock.unlock();
      watcher->handler.on_event(kube::WatchEvent{next->type, next->object});
      lock.lock();
      continue;
    }
    if (!watcher->end && clock_.steady() >= watcher->expires) watcher->end = Ok{};
    if (!watcher->end) break;
    watchers_.erase(found);
    lock.unlock();
    watcher->handler.on_end(*watcher->end);
    return delivered;
  }
  return delivered;
}

void MemoryApiServer::send_bookmarks() {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, watcher] : watchers_) watcher->bookmark = true;
  happened_.notify_all();
}

void MemoryApiServer::break_watches(const Outcome& outcome) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, watcher] : watchers_) {
    watcher->ready.clear();
    watcher->end = outcome;
  }
  happened_.notify_all();
}

void MemoryApiServer::compact() {
  const std::lock_guard lock(mutex_);
  // Watches that are open have their own buffers and do not notice.
  for (const auto& [id, watcher] : watchers_) fill(*watcher);
  history_.compact(cache_version());
  happened_.notify_all();  // what is in the buffers now is to be delivered
}

void MemoryApiServer::freeze_watch_cache() {
  const std::lock_guard lock(mutex_);
  if (!frozen_) frozen_ = history_.version();
}

void MemoryApiServer::thaw_watch_cache() {
  const std::lock_guard lock(mutex_);
  frozen_.reset();
  happened_.notify_all();
}

}  // namespace sluice::test
