#include "runtime/event_series.h"

#include <algorithm>
#include <cstdio>

namespace sluice::runtime {
namespace {

constexpr minutes kSweepEvery{1};

// FNV-1a: stable across processes and versions, which std::hash is not.
std::uint64_t hash(std::uint64_t seed, const std::string& text) {
  for (const char c : text) {
    seed ^= static_cast<unsigned char>(c);
    seed *= 0x100000001b3ULL;
  }
  // The end of the text counts, so that ("ab", "c") and ("a", "bc") differ.
  return (seed ^ 0xff) * 0x100000001b3ULL;
}

}  // namespace

std::string event_name(const Event& event, const std::string& note_class, const std::string& reporter) {
  std::uint64_t sum = 0xcbf29ce484222325ULL;
  const std::string type = event.type == EventType::Normal ? "Normal" : "Warning";
  for (const std::string& part :
       {event.regarding.uid, event.regarding.resource.kind, reporter, type, event.reason, event.action, note_class}) {
    sum = hash(sum, part);
  }
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(sum));
  // The whole is a DNS subdomain of at most 253 characters; a cut may not leave a dot or a dash before ours.
  std::string name = event.regarding.key.name.substr(0, 230);
  while (!name.empty() && (name.back() == '.' || name.back() == '-')) name.pop_back();
  return name + "." + digits;
}

std::optional<EventSeries::Write> EventSeries::observe(const Event& event, Time wall, Instant now) {
  expire(now);
  const std::string name = event_name(event, note_class(event, now), reporter_);
  const auto known = series_.find(name);
  if (known == series_.end()) {
    make_room();
    series_.emplace(name, Series{event, 1, 1, wall, wall, now, now});
    return Write{.name = name, .event = event, .create = true, .count = 1, .first = wall, .last = wall};
  }
  Series& series = known->second;
  ++series.count;
  series.last = wall;
  series.last_seen = now;
  pending_.insert({series.last_write + options_.write_interval, name});
  return take_due(now);
}

std::optional<EventSeries::Write> EventSeries::take_due(Instant now) {
  if (pending_.empty() || pending_.begin()->first > now) return std::nullopt;
  const std::string name = pending_.begin()->second;
  pending_.erase(pending_.begin());
  Series& series = series_.at(name);
  series.written = series.count;
  series.last_write = now;
  return Write{.name = name,
               .event = series.event,
               .create = false,
               .count = series.count,
               .first = series.first,
               .last = series.last};
}

std::optional<Instant> EventSeries::next_due() const {
  if (pending_.empty()) return std::nullopt;
  return pending_.begin()->first;
}

void EventSeries::adopt(const std::string& name, std::int64_t occurrences, Time first) {
  const auto known = series_.find(name);
  if (known == series_.end()) return;
  known->second.count += occurrences;
  known->second.written += occurrences;
  known->second.first = first;
}

void EventSeries::forget(const std::string& name) {
  const auto known = series_.find(name);
  if (known == series_.end()) return;
  pending_.erase({known->second.last_write + options_.write_interval, name});
  series_.erase(known);
}

std::string EventSeries::note_class(const Event& event, Instant now) {
  const std::string wanted = event.note_class.empty() ? event.note : event.note_class;
  Similar& similar = similar_[event.regarding.uid + "/" + event.reason];
  if (similar.classes.empty() || now - similar.since > options_.similar_window) {
    similar.since = now;
    similar.classes.clear();
  }
  if (similar.classes.contains(wanted)) return wanted;
  if (similar.classes.size() >= options_.similar_limit) return {};
  similar.classes.insert(wanted);
  return wanted;
}

void EventSeries::expire(Instant now) {
  if (swept_ && now - *swept_ < kSweepEvery) return;
  swept_ = now;
  std::erase_if(series_, [&](const auto& item) {
    const Series& series = item.second;
    return series.count == series.written && now - series.last_seen > options_.idle;
  });
  std::erase_if(similar_, [&](const auto& item) { return now - item.second.since > options_.similar_window; });
}

void EventSeries::make_room() {
  if (series_.size() < options_.remembered) return;
  const auto oldest = std::ranges::min_element(
      series_, {}, [](const Map::value_type& item) { return item.second.last_seen; });
  const std::string name = oldest->first;
  forget(name);
}

}  // namespace sluice::runtime
