#include "metrics/class_reading.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>

#include "metrics/counter.h"

namespace sluice::metrics {
namespace {

using ByClass = std::map<std::string, double>;

constexpr std::size_t kLongestName = 32;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string hash_of(std::string_view text) {
  std::uint32_t hash = 2166136261U;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  std::string digits(8, '0');
  for (std::size_t i = digits.size(); i-- > 0; hash >>= 4U) digits[i] = "0123456789abcdef"[hash & 15U];
  return digits;
}

std::string edge_text(double edge) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), edge).ptr;
  return {text.data(), end};
}

// The samples of one arm: by label one part, by bin one for each edge.
struct ArmClasses {
  std::vector<double> edges;
  std::vector<ArmSamples> parts;

  ArmReading read(Time from, Time to, Duration lookback) const {
    ArmReading reading = parts.front().read(from, to, lookback);
    if (edges.empty() || reading.gap) return reading;
    double above = reading.counts.total;
    for (std::size_t k = 0; k < parts.size(); ++k) {
      const ArmReading at_edge = k == 0 ? reading : parts[k].read(from, to, lookback);
      if (at_edge.gap) return at_edge;
      const std::string bin = bin_name(k == 0 ? -kInfinity : edges[k - 1], edges[k]);
      reading.classes[bin] = std::max(0.0, above - at_edge.counts.events);
      above = at_edge.counts.events;
    }
    reading.classes[bin_name(edges.back(), kInfinity)] = above;
    return reading;
  }
};

ArmClasses by_label(const Matrix& counter, const std::string& label) {
  const auto class_of = [&label](const Labels& labels) {
    const auto found = labels.find(label);
    return found == labels.end() ? std::string() : class_name(found->second);
  };
  return {{}, {ArmSamples::of_classes(counter, class_of)}};
}

ArmClasses by_bin(const Matrix& buckets, std::vector<double> edges) {
  ArmClasses arm{std::move(edges), {}};
  for (const double edge : arm.edges) arm.parts.push_back(ArmSamples::of_histogram(buckets, edge));
  // Without an edge: it says what is missing.
  if (arm.parts.empty()) arm.parts.push_back(ArmSamples::of_histogram(buckets, kInfinity));
  return arm;
}

ArmClasses stable_classes(const ArmQuery& query, const Matrix& samples) {
  const auto* classes = std::get_if<ClassesQuery>(&query);
  if (classes != nullptr) return by_label(samples, classes->label);
  return by_bin(samples, ArmSamples::edges_of(samples, -kInfinity));
}

// The candidate is read at the edges at which stable was.
ArmClasses candidate_classes(const ArmQuery& query, const Matrix& samples, const ArmClasses& stable) {
  const auto* classes = std::get_if<ClassesQuery>(&query);
  return classes != nullptr ? by_label(samples, classes->label) : by_bin(samples, stable.edges);
}

const std::vector<std::string>& kept_of(const ArmQuery& query) {
  const auto* classes = std::get_if<ClassesQuery>(&query);
  return classes != nullptr ? classes->kept : std::get<ScoresQuery>(query).kept;
}

// What a class with the name of the rest was predicted is counted with the rest.
std::vector<std::string> largest(const ByClass& counts) {
  std::vector<std::pair<double, std::string>> found;
  for (const auto& [name, count] : counts) {
    if (count > 0 && name != kOtherClasses) found.emplace_back(-count, name);
  }
  std::sort(found.begin(), found.end());
  if (found.size() > kMostClasses) found.resize(kMostClasses);
  std::vector<std::string> names;
  for (auto& [count, name] : found) names.push_back(std::move(name));
  return names;
}

double sum(const ByClass& counts) {
  double all = 0;
  for (const auto& [name, count] : counts) all += count;
  return all;
}

std::vector<ClassReading> kept_and_rest(const std::vector<std::string>& kept, const ByClass& stable,
                                        const ByClass& candidate) {
  const auto count_of = [](const ByClass& counts, const std::string& name) {
    const auto found = counts.find(name);
    return found == counts.end() ? 0.0 : found->second;
  };
  std::vector<ClassReading> readings;
  ClassReading rest{kOtherClasses, sum(stable), sum(candidate)};
  for (const std::string& name : kept.empty() ? largest(stable) : kept) {
    readings.push_back({name, count_of(stable, name), count_of(candidate, name)});
    rest.stable -= readings.back().stable;
    rest.candidate -= readings.back().candidate;
  }
  // Of counts that are not whole a hair may be left.
  rest.stable = std::max(0.0, rest.stable);
  rest.candidate = std::max(0.0, rest.candidate);
  readings.push_back(std::move(rest));
  return readings;
}

void use_gap(MetricReading& metric, const char* arm, const ArmReading& reading) {
  if (metric.gap || !reading.gap) return;  // the first one is told
  metric.gap = reading.gap;
  metric.detail = reading.gap == Gap::EdgeMissing ? reading.detail : std::string(arm) + ": " + reading.detail;
}

}  // namespace

const std::string* class_selector(const ArmQuery& query) {
  if (const auto* classes = std::get_if<ClassesQuery>(&query)) return &classes->counter;
  const auto* scores = std::get_if<ScoresQuery>(&query);
  return scores == nullptr ? nullptr : &scores->buckets;
}

std::string class_name(std::string_view value) {
  std::string name(value);
  if (name.size() > kLongestName) {
    const std::string hash = hash_of(value);
    std::size_t length = kLongestName - hash.size() - 1;
    while (length > 0 && (static_cast<unsigned char>(name[length]) & 0xC0U) == 0x80U) --length;  // a whole character
    name = name.substr(0, length) + "~" + hash;
  }
  for (char& c : name) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';  // it is shown in terminals
  }
  return name;
}

std::string bin_name(double lower, double upper) {
  if (std::isinf(lower)) return "<=" + edge_text(upper);
  if (std::isinf(upper)) return ">" + edge_text(lower);
  return edge_text(lower) + ".." + edge_text(upper);
}

MetricReading read_class_block(const MetricQuery& query, const Matrix& stable, const Matrix& candidate,
                               const Look& look, Duration lookback) {
  const ArmClasses of_stable = stable_classes(query.stable, stable);
  const ArmClasses of_candidate = candidate_classes(query.candidate, candidate, of_stable);
  const ArmReading s = of_stable.read(look.from, look.to, lookback);
  const ArmReading c = of_candidate.read(look.from, look.to, lookback);
  MetricReading metric;
  metric.name = query.name;
  if (s.newest_sample && c.newest_sample) metric.newest_sample = std::min(s.newest_sample, c.newest_sample);
  use_gap(metric, "stable", s);
  use_gap(metric, "candidate", c);
  if (metric.gap) return metric;
  metric.stable.total = s.counts.total;
  metric.candidate.total = c.counts.total;
  metric.classes = kept_and_rest(kept_of(query.stable), s.classes, c.classes);
  return metric;
}

MetricReading read_class_past(const MetricQuery& query, const Matrix& stable, const Look& look, Duration lookback) {
  const ArmClasses arm = stable_classes(query.stable, stable);
  const Duration length = look.to - look.from;
  MetricReading metric;
  metric.name = query.name;
  ByClass all;
  ArmReading last;
  for (int back = look.past; back > 0; --back) {
    const Time from = look.to - length * back;
    last = arm.read(from, from + length, lookback);
    for (const auto& [name, count] : last.classes) all[name] += count;
  }
  metric.newest_sample = last.newest_sample;
  if (all.empty()) {
    use_gap(metric, "stable", last);
  } else {
    metric.classes = kept_and_rest(kept_of(query.stable), all, {});
  }
  return metric;
}

}  // namespace sluice::metrics
