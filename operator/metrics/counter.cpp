#include "metrics/counter.h"

#include <algorithm>

namespace sluice::metrics {
namespace {

// A target is there while it missed at most two scrapes in a row; scrapes faster than this floor are not
// counted on to be that punctual.
constexpr int kIntervals = 3;
constexpr Duration kShortestAge = seconds(5);

// The last of ascending times at or before `limit`, not older than `oldest`.
std::optional<Time> last_upto(const std::vector<Time>& times, Time limit, Time oldest) {
  const auto after = std::upper_bound(times.begin(), times.end(), limit);
  if (after == times.begin() || *std::prev(after) < oldest) return std::nullopt;
  return *std::prev(after);
}

Counts operator+(const Counts& a, const Counts& b) {
  return {a.events + b.events, a.total + b.total};
}
Counts operator-(const Counts& a, const Counts& b) {
  return {a.events - b.events, a.total - b.total};
}

}  // namespace

// The rise of the tracks after the scrape `after` up to `upto`; a track that is not known from before, and
// every one without `after`, counts from zero.
Counts ArmSamples::rise(const std::vector<Track>& tracks, std::optional<Time> after, Time upto, Time oldest) {
  const auto later = [](Time time, const Point& point) { return time < point.at; };
  Counts sum;
  for (const Track& track : tracks) {
    const auto end = std::upper_bound(track.begin(), track.end(), upto, later);
    const auto start = after
                           ? std::upper_bound(track.begin(), end, *after, later)
                           : std::find_if(track.begin(), end, [&](const Point& p) { return p.at >= oldest; });
    if (start == end) continue;
    const bool known = after && start != track.begin() && std::prev(start)->at >= oldest;
    const Counts before = known ? std::prev(start)->rise : start->rise - start->value;
    sum = sum + (std::prev(end)->rise - before);
  }
  return sum;
}

std::optional<Time> ArmSamples::newest_scrape(Time oldest, Time to) const {
  std::optional<Time> newest;
  for (const Target& target : targets_) newest = std::max(newest, last_upto(target.scrapes, to, oldest));
  return newest;
}

Duration ArmSamples::allowed_age(Time oldest, Time to, Duration lookback) const {
  std::vector<Duration> gaps;
  for (const Target& target : targets_) {
    auto scrape = std::lower_bound(target.scrapes.begin(), target.scrapes.end(), oldest);
    for (; scrape != target.scrapes.end() && std::next(scrape) != target.scrapes.end(); ++scrape) {
      if (*std::next(scrape) > to) break;
      gaps.push_back(*std::next(scrape) - *scrape);
    }
  }
  if (gaps.empty()) return lookback;
  const auto middle = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() / 2);
  std::nth_element(gaps.begin(), middle, gaps.end());
  return std::min(std::max(*middle * kIntervals, kShortestAge), lookback);
}

ArmSamples::Part ArmSamples::part_of(const Target& target, Time from, Time to, Duration age, Time oldest) {
  Part part;
  part.first = last_upto(target.scrapes, from, oldest);
  part.last = last_upto(target.scrapes, to, oldest);
  part.there_at_from = part.first && *part.first >= from - age;
  part.there_at_to = part.last && *part.last >= to - age;
  if (!part.last || *part.last <= from) return part;  // nothing of it in the block
  if (part.there_at_from && part.there_at_to) {
    const auto broken = std::upper_bound(target.breaks.begin(), target.breaks.end(), *part.first);
    if (broken != target.breaks.end() && *broken <= *part.last) part.changed = "all its series were replaced";
    return part;
  }
  if (rise(target.total, part.first, *part.last, oldest).total == 0) return part;
  part.changed = part.there_at_from ? "vanished" : part.there_at_to ? "appeared" : "came and went";
  return part;
}

std::string ArmSamples::uncovered_events(Time from, Time to, Time oldest) const {
  for (const Target& target : uncovered_) {
    if (rise(target.events, from, to, oldest).events > 0) return target.name;
  }
  return {};
}

// Of a target that was there at both ends.
Counts ArmSamples::counts_of(const Target& target, const Part& part, Time oldest) const {
  Counts counts = rise(target.total, part.first, *part.last, oldest) +
                  rise(target.events, part.first, *part.last, oldest);
  if (histogram_) counts.events = counts.total - counts.events;  // above = all - below
  return counts;
}

void ArmSamples::add_by_pod(Time from, Time to, Duration lookback, std::map<std::string, Counts>& pods) const {
  const Time oldest = from - lookback;
  const Duration age = allowed_age(oldest, to, lookback);
  for (const Target& target : targets_) {
    const Part part = part_of(target, from, to, age, oldest);
    if (!part.there_at_from || !part.there_at_to || !part.changed.empty()) continue;
    Counts counts = counts_of(target, part, oldest);
    counts.events = std::clamp(counts.events, 0.0, counts.total);
    pods[target.name] = pods[target.name] + counts;
  }
}

ArmReading ArmSamples::read(Time from, Time to, Duration lookback) const {
  const Time oldest = from - lookback;
  ArmReading reading;
  const auto gap = [&](Gap what, std::string detail) {
    reading.counts = {};
    reading.classes.clear();
    reading.gap = what;
    reading.detail = std::move(detail);
    return reading;
  };
  reading.newest_sample = newest_scrape(oldest, to);
  if (edges_) return gap(Gap::EdgeMissing, *edges_);
  if (!reading.newest_sample) return gap(Gap::NoData, "no samples");

  const Duration age = allowed_age(oldest, to, lookback);
  bool any_at_to = false;
  std::string changed;
  for (const Target& target : targets_) {
    const Part part = part_of(target, from, to, age, oldest);
    any_at_to = any_at_to || part.there_at_to;
    if (!part.changed.empty()) {
      changed = target.name + " " + part.changed;
    } else if (part.there_at_from && part.there_at_to) {
      reading.counts = reading.counts + counts_of(target, part, oldest);
      for (const auto& [name, tracks] : target.classes) {
        reading.classes[name] += rise(tracks, part.first, *part.last, oldest).total;
      }
    }
  }
  if (!any_at_to)
    return gap(Gap::Stale,
               "the newest sample is " + humane(to - *reading.newest_sample) + " older than the block's end");
  if (!changed.empty()) return gap(Gap::TargetsChanged, changed);
  if (const std::string name = uncovered_events(from, to, oldest); !name.empty()) {
    return gap(Gap::TargetsChanged, "events come from " + name + ", which total does not cover");
  }

  Counts& counts = reading.counts;
  if (mean_) return reading;
  if (counts.events > counts.total)
    reading.detail = "more events than total: is every event also counted in total?";
  counts.events = std::clamp(counts.events, 0.0, counts.total);
  return reading;
}

}  // namespace sluice::metrics
