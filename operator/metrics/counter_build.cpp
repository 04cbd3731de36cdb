// How samples become tracks: the constructing half of metrics/counter.h.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>

#include "metrics/counter.h"
#include "metrics/counter_building.h"

namespace sluice::metrics {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

bool countable(double value) {
  return std::isfinite(value) && value >= 0;
}

// A bucket's edge; NaN when it is not a number.
double parse_edge(std::string_view le) {
  if (!le.empty() && le.front() == '+') le.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(le.data(), le.data() + le.size(), value);
  const bool whole = error == std::errc() && end == le.data() + le.size();
  return whole ? value : std::numeric_limits<double>::quiet_NaN();
}

// The two spellings of a number differ by rounding at most.
bool same_edge(double a, double b) {
  return std::abs(a - b) <= 1e-9 * std::abs(b);
}

}  // namespace

ArmSamples::Track ArmSamples::make_track(std::vector<Point> points) {
  std::stable_sort(points.begin(), points.end(), [](const Point& a, const Point& b) { return a.at < b.at; });
  Track track;
  track.reserve(points.size());
  for (Point& point : points) {
    if (!track.empty() && track.back().at == point.at) {
      Counts& kept = track.back().value;
      kept = {std::max(kept.events, point.value.events), std::max(kept.total, point.value.total)};
    } else {
      track.push_back(std::move(point));
    }
  }
  Counts before;  // a first point counts from zero
  Counts so_far;
  for (Point& point : track) {
    const Counts now = point.value;
    if (now.total < before.total || now.events < before.events) before = {};  // a reset of both
    so_far = {so_far.events + now.events - before.events, so_far.total + now.total - before.total};
    point.rise = so_far;
    before = now;
  }
  return track;
}

void ArmSamples::finish(Building& building) {
  for (auto& [key, parts] : building.targets) {
    Target target;
    target.name = parts.name;
    for (auto& [labels, points] : parts.total) {
      if (points.empty()) continue;
      target.total.push_back(make_track(std::move(points)));
      if (building.class_of) target.classes[building.class_of(labels)].push_back(target.total.back());
    }
    for (auto& [labels, points] : parts.events) {
      if (!points.empty()) target.events.push_back(make_track(std::move(points)));
    }
    if (target.total.empty()) {
      if (!target.events.empty()) uncovered_.push_back(std::move(target));
      continue;
    }
    for (const Track& track : target.total) {
      for (const Point& point : track) target.scrapes.push_back(point.at);
    }
    std::sort(target.scrapes.begin(), target.scrapes.end());
    target.scrapes.erase(std::unique(target.scrapes.begin(), target.scrapes.end()), target.scrapes.end());

    std::sort(target.total.begin(), target.total.end(),
              [](const Track& a, const Track& b) { return a.front().at < b.front().at; });
    Time covered = target.total.front().back().at;
    for (const Track& track : target.total) {
      if (track.front().at > covered) target.breaks.push_back(track.front().at);
      covered = std::max(covered, track.back().at);
    }
    targets_.push_back(std::move(target));
  }
}

void ArmSamples::add_totals(const Matrix& total, Building& building) {
  for (const Series& series : total) {
    auto& points = building.target(series.labels).total[series.labels];
    for (const Sample& sample : series.samples) {
      if (countable(sample.value)) points.push_back({sample.at, {0, sample.value}, {}});
    }
  }
}

ArmSamples ArmSamples::of_classes(const Matrix& counter, const ClassOf& class_of) {
  Building building;
  building.class_of = class_of;
  add_totals(counter, building);
  ArmSamples arm;
  arm.finish(building);
  return arm;
}

ArmSamples ArmSamples::of_counter(const Matrix& total, const Matrix& events) {
  Building building;
  add_totals(total, building);
  for (const Series& series : events) {
    auto& points = building.target(series.labels).events[series.labels];
    for (const Sample& sample : series.samples) {
      if (countable(sample.value)) points.push_back({sample.at, {sample.value, 0}, {}});
    }
  }
  ArmSamples arm;
  arm.finish(building);
  return arm;
}

std::vector<double> ArmSamples::edges_of(const Matrix& buckets, double lowest) {
  std::map<double, std::size_t> found;
  std::size_t histograms = 0;
  for (const Series& series : buckets) {
    const auto le = series.labels.find("le");
    if (le == series.labels.end()) continue;
    const double number = parse_edge(le->second);
    if (number == infinity) ++histograms;
    if (number > lowest && number < infinity) ++found[number];
  }
  std::vector<double> edges;
  for (const auto& [edge, count] : found) {
    if (count >= histograms) edges.push_back(edge);
  }
  return edges;
}

ArmSamples ArmSamples::of_mean(const Matrix& count, const Matrix& sum) {
  ArmSamples arm = of_counter(count, sum);
  arm.mean_ = true;
  return arm;
}

ArmSamples ArmSamples::of_histogram(const Matrix& buckets, double edge) {
  // Timestamp -> value; a bucket may be spelt in two ways over time ("1", then "1.0").
  using Bucket = std::map<Time, double>;
  struct Pair {
    const Labels* labels = nullptr;
    Bucket all, below;
  };
  std::map<Labels, Pair> histograms;
  std::map<double, std::string> edges;
  for (const Series& series : buckets) {
    const auto le = series.labels.find("le");
    if (le == series.labels.end()) continue;
    const double number = parse_edge(le->second);
    if (std::isnan(number)) continue;
    edges.emplace(number, le->second);
    Labels labels = series.labels;
    labels.erase("le");
    Pair& pair = histograms[std::move(labels)];
    pair.labels = &series.labels;
    Bucket* bucket = number == infinity ? &pair.all : same_edge(number, edge) ? &pair.below : nullptr;
    if (bucket == nullptr) continue;
    for (const Sample& sample : series.samples) {
      if (!countable(sample.value)) continue;
      double& value = bucket->emplace(sample.at, sample.value).first->second;
      value = std::max(value, sample.value);
    }
  }

  ArmSamples arm;
  arm.histogram_ = true;
  Building building;
  bool missing = false;
  for (const auto& [labels, pair] : histograms) {
    missing = missing || pair.all.empty() || pair.below.empty();
    auto& points = building.target(*pair.labels).total[labels];
    for (const auto& [at, all] : pair.all) {
      if (const auto below = pair.below.find(at); below != pair.below.end()) {
        points.push_back({at, {below->second, all}, {}});
      }
    }
  }
  arm.finish(building);
  if (missing) {
    std::string list;
    for (const auto& [number, text] : edges) list += (list.empty() ? "" : ", ") + text;
    arm.edges_ = std::move(list);
  }
  return arm;
}

}  // namespace sluice::metrics
