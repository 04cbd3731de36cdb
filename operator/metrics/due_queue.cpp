#include "metrics/due_queue.h"

#include <algorithm>
#include <utility>

namespace sluice::metrics {

bool DueQueue::schedule(const kube::Key& key, Look look, Time due) {
  Entry& entry = entries_[key];
  const bool waits = entry.waiting && *entry.waiting == look;
  const bool runs = !entry.waiting && entry.running && entry.running->look == look;
  if (waits || runs) return false;
  drop_waiting(entry);
  drop_running(entry);
  entry.place = {due, next_ticket_++, key};
  entry.waiting = std::move(look);
  order_.insert(entry.place);
  return true;
}

void DueQueue::cancel(const kube::Key& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  drop_waiting(found->second);
  drop_running(found->second);
  entries_.erase(found);
}

void DueQueue::cancel_all() {
  while (!entries_.empty()) cancel(kube::Key(entries_.begin()->first));
}

std::optional<Time> DueQueue::next_due() const {
  if (order_.empty()) return std::nullopt;
  return std::get<Time>(*order_.begin());
}

std::optional<Time> DueQueue::next_due_after(Time now) const {
  const auto later = order_.lower_bound({now + Duration(1), 0, {}});
  if (later == order_.end()) return std::nullopt;
  return std::get<Time>(*later);
}

std::optional<DueQueue::Taken> DueQueue::take(Time now, const std::function<bool(const Look&)>& may_be_taken) {
  const auto first = std::find_if(order_.begin(), order_.end(), [&](const Place& place) {
    if (std::get<Time>(place) > now || !may_be_taken) return true;
    return may_be_taken(*entries_.at(std::get<kube::Key>(place)).waiting);
  });
  if (first == order_.end() || std::get<Time>(*first) > now) return std::nullopt;
  const auto [when, ticket, key] = *first;
  Entry& entry = entries_.at(key);
  order_.erase(first);
  entry.running = Running{*std::exchange(entry.waiting, std::nullopt), ticket, {}};
  ++under_way_;
  return Taken{key, entry.running->look, ticket, entry.running->stop.get_token()};
}

bool DueQueue::finish(const Taken& taken) {
  --under_way_;
  const auto found = entries_.find(taken.key);
  if (found == entries_.end()) return false;
  Entry& entry = found->second;
  if (!entry.running || entry.running->ticket != taken.ticket) return false;
  entries_.erase(found);  // a look that waits would have made this one obsolete
  return true;
}

void DueQueue::drop_waiting(Entry& entry) {
  if (!entry.waiting) return;
  order_.erase(entry.place);
  entry.waiting.reset();
}

void DueQueue::drop_running(Entry& entry) {
  if (!entry.running) return;
  entry.running->stop.request_stop();
  entry.running.reset();
}

}  // namespace sluice::metrics
