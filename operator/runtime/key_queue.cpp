#include "runtime/key_queue.h"

#include <algorithm>
#include <utility>

namespace sluice::runtime {

bool KeyQueue::add(const kube::Key& key, Priority priority, Instant now) {
  if (shut_down_) return false;
  take_due(now);  // what became ready before comes before
  return make_dirty(key, entries_[key], priority, now);
}

void KeyQueue::add_after(const kube::Key& key, Duration delay, Priority priority, Instant now) {
  if (shut_down_) return;
  if (delay <= Duration::zero()) {
    add(key, priority, now);
    return;
  }
  const Instant due = now + delay;
  Entry& entry = entries_[key];
  if (entry.due && *entry.due <= due) {
    entry.due_priority = std::min(entry.due_priority, priority);
    return;
  }
  // Of two delays the earlier time counts, and the more urgent priority.
  entry.due_priority = entry.due ? std::min(entry.due_priority, priority) : priority;
  if (entry.due) delayed_.erase({*entry.due, key});
  entry.due = due;
  entry.backing_off = false;
  delayed_.insert({due, key});
}

Duration KeyQueue::add_backoff(const kube::Key& key, Duration at_least, Instant now) {
  if (shut_down_) return Duration::zero();
  Entry& entry = entries_[key];
  const unsigned doublings = std::min(entry.failures, 40U);
  ++entry.failures;
  const auto grown =
      static_cast<double>(options_.backoff_initial.count()) * static_cast<double>(1ULL << doublings);
  const auto ceiling = static_cast<double>(options_.backoff_ceiling.count());
  const auto own = std::exchange(entry.hurry, false) ? options_.backoff_initial
                                                      : Duration(static_cast<Duration::rep>(std::min(grown, ceiling)));
  const Duration delay = std::max(at_least, own);
  // What was urgent still is; what was only looked at again has turned out to need work.
  add_after(key, delay, std::min(entry.priority, Priority::Change), now);
  entry.backing_off = entry.due == now + own;
  return delay;
}

void KeyQueue::retry_now(Instant now) {
  std::vector<kube::Key> waiting;
  for (const auto& [due, key] : delayed_) {
    if (entries_[key].backing_off) waiting.push_back(key);
  }
  for (const kube::Key& key : waiting) {
    Entry& entry = entries_[key];
    delayed_.erase({*entry.due, key});
    entry.due.reset();
    make_dirty(key, entry, entry.due_priority, now);
  }
  for (const auto& [key, since] : processing_) entries_[key].hurry = true;
}

void KeyQueue::forget(const kube::Key& key) {
  const auto entry = entries_.find(key);
  if (entry == entries_.end()) return;
  entry->second.failures = 0;
  drop_if_idle(entry);
}

unsigned KeyQueue::failures(const kube::Key& key) const {
  const auto entry = entries_.find(key);
  return entry == entries_.end() ? 0 : entry->second.failures;
}

std::optional<KeyQueue::Popped> KeyQueue::try_pop(Instant now) {
  if (shut_down_) return std::nullopt;
  take_due(now);
  const std::optional<Priority> priority = choose();
  if (!priority) return std::nullopt;
  auto& queue = ready_[index(*priority)];
  Popped popped{.key = std::move(queue.begin()->second), .priority = *priority, .waited = {}};
  queue.erase(queue.begin());
  Entry& entry = entries_[popped.key];
  popped.waited = now - entry.ready_since;
  entry.dirty = false;
  entry.place = 0;
  if (entry.due) {
    delayed_.erase({*entry.due, popped.key});
    entry.due.reset();
  }
  processing_.emplace(popped.key, now);
  return popped;
}

nanoseconds KeyQueue::done(const kube::Key& key, Instant now) {
  const auto running = processing_.find(key);
  if (running == processing_.end()) return nanoseconds::zero();
  const nanoseconds worked = now - running->second;
  processing_.erase(running);
  const auto entry = entries_.find(key);
  if (entry == entries_.end()) return worked;
  entry->second.hurry = false;
  if (entry->second.dirty && !shut_down_) {
    enqueue(key, entry->second, now);
  } else {
    drop_if_idle(entry);
  }
  return worked;
}

std::optional<Instant> KeyQueue::next_due(Instant now) const {
  if (shut_down_) return std::nullopt;
  for (const Ready& ready : ready_) {
    if (!ready.empty()) return now;
  }
  // A delayed key that is being worked on becomes ready at done() at the earliest.
  for (const auto& [due, key] : delayed_) {
    if (!processing_.contains(key)) return due;
  }
  return std::nullopt;
}

void KeyQueue::shut_down() {
  shut_down_ = true;
  for (Ready& ready : ready_) ready.clear();
  delayed_.clear();
  entries_.clear();
}

nanoseconds KeyQueue::unfinished(Instant now) const {
  nanoseconds sum{};
  for (const auto& [key, since] : processing_) sum += now - since;
  return sum;
}

nanoseconds KeyQueue::longest_running(Instant now) const {
  nanoseconds longest{};
  for (const auto& [key, since] : processing_) longest = std::max<nanoseconds>(longest, now - since);
  return longest;
}

bool KeyQueue::make_dirty(const kube::Key& key, Entry& entry, Priority priority, Instant now) {
  if (entry.dirty) {
    if (priority >= entry.priority) return false;
    if (entry.place != 0) {
      ready_[index(entry.priority)].erase(entry.place);
      ready_[index(priority)].emplace(entry.place, key);  // keeps its turn among all
    }
    entry.priority = priority;
    return false;
  }
  entry.dirty = true;
  entry.priority = priority;
  ++added_;
  if (!processing_.contains(key)) enqueue(key, entry, now);
  return true;
}

void KeyQueue::enqueue(const kube::Key& key, Entry& entry, Instant now) {
  entry.place = next_place_++;
  entry.ready_since = now;
  ready_[index(entry.priority)].emplace(entry.place, key);
}

void KeyQueue::take_due(Instant now) {
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    const auto [due, key] = *delayed_.begin();
    delayed_.erase(delayed_.begin());
    Entry& entry = entries_[key];
    entry.due.reset();
    make_dirty(key, entry, entry.due_priority, due);
  }
}

void KeyQueue::drop_if_idle(Entries::iterator entry) {
  const Entry& e = entry->second;
  if (!e.dirty && !e.due && e.failures == 0) entries_.erase(entry);
}

std::optional<Priority> KeyQueue::choose() {
  constexpr std::array kByUrgency{Priority::Urgent, Priority::Change, Priority::Resync};
  std::optional<Priority> first;
  for (const Priority priority : kByUrgency) {
    if (ready_[index(priority)].empty()) continue;
    // The last that has been passed over often enough has waited for the others as well.
    if (!first || passed_over_[index(priority)] >= options_.most_passed_over) first = priority;
  }
  if (!first) return std::nullopt;
  for (const Priority priority : kByUrgency) {
    unsigned& passed_over = passed_over_[index(priority)];
    passed_over = priority == *first || ready_[index(priority)].empty() ? 0 : passed_over + 1;
  }
  return first;
}

}  // namespace sluice::runtime
