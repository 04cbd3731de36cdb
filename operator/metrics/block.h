// What a look asks Prometheus for, and what it answers: counts of both arms over one block of time.
//
// A block is (from, to]; the boundaries are fixed when it is asked for, so that the same block can be read
// again after a restart with the same result. All values here are plain; the reading is in
// metrics/collector.h.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "kube/resource.h"
#include "metrics/sample.h"

namespace sluice::metrics {

// Selectors with all placeholders filled in, for one arm.
struct CounterQuery {
  std::string events;
  std::string total;
  bool operator==(const CounterQuery&) const = default;
};
struct HistogramQuery {
  std::string buckets;
  std::vector<double> edges;  // in the unit of `le`, ascending; empty: all that stable's histogram has
  bool operator==(const HistogramQuery&) const = default;
};
struct MeanQuery {
  std::string sum;    // read as Counts::events, which may then be above Counts::total
  std::string count;  // read as Counts::total
  bool operator==(const MeanQuery&) const = default;
};

// How many predictions there were of each class: the values of a label of a counter, or the bins of a histogram.
// Counted one by one are the classes `kept`, or, while it is empty, the kMostClasses largest that stable has. A look
// has these after all others, so that they cost the others no time.
inline constexpr std::size_t kMostClasses = 20;
struct ClassesQuery {
  std::string counter;
  std::string label;              // a series without it is of the class ""
  std::vector<std::string> kept;  // as ClassReading::name
  bool operator==(const ClassesQuery&) const = default;
};
struct ScoresQuery {
  std::string buckets;
  std::vector<std::string> kept;
  bool operator==(const ScoresQuery&) const = default;
};
using ArmQuery = std::variant<CounterQuery, HistogramQuery, MeanQuery, ClassesQuery, ScoresQuery>;

struct MetricQuery {
  std::string name;
  ArmQuery stable;
  ArmQuery candidate;
  bool operator==(const MetricQuery&) const = default;
};

// Any expression that gives one series, evaluated every `step`.
struct SeriesQuery {
  std::string query;
  Duration step{};
  bool operator==(const SeriesQuery&) const = default;
};

// One look to be taken. With `series` it asks for that between its ends, and for no metrics. `past` asks for stable's
// own history instead: `past` consecutive blocks that end at `to`.
struct Look {
  std::string prometheus_address;
  std::vector<MetricQuery> metrics;
  Time from{};
  Time to{};
  int past = 0;
  std::optional<SeriesQuery> series;
  bool operator==(const Look&) const = default;
};

struct Counts {
  double events = 0;
  double total = 0;
  bool operator==(const Counts&) const = default;
};

// What was observed above one edge of a histogram.
struct EdgeReading {
  double edge = 0;
  Counts stable;
  Counts candidate;
  std::vector<Counts> past;  // as MetricReading::past
  bool operator==(const EdgeReading&) const = default;
};

// What one class was predicted. The last one of a reading is the rest, kOtherClasses.
struct ClassReading {
  std::string name;
  double stable = 0;
  double candidate = 0;
  bool operator==(const ClassReading&) const = default;
};
inline constexpr const char* kOtherClasses = "other";

// Why a block of a metric says nothing. It is then dropped from both arms.
enum class Gap {
  NoData,          // no series at all for an arm
  Stale,           // series exist, but without a sample near an end of the block
  TargetsChanged,  // a pod came or went inside the block, so that its counts cannot be split
  EdgeMissing,     // the histogram has no bucket with the asked edge
  Unread,          // of classes: the query failed, which is no error of the look
};

struct MetricReading {
  std::string name;
  Counts stable;
  Counts candidate;
  std::optional<Gap> gap;
  std::string detail;                 // for EdgeMissing: the edges that exist; for Unread: why; else which arm
  std::optional<Time> newest_sample;  // of the older arm
  std::vector<Counts> past;           // for a Look with past > 0: oldest first; empty: not readable
  std::vector<Counts> pods;           // of that past, by pod of stable: those that counted anything
  std::vector<EdgeReading> edges;     // of a histogram, ascending; what stands above is that of the first one
  std::vector<ClassReading> classes;  // the kept ones in their order and the rest; with a past: all of it together
  bool operator==(const MetricReading&) const = default;
};

// The answer to one Look: readings for each metric, or the one error that stopped it (Prometheus unreachable,
// a query that it refused).
struct LookResult {
  Look look;
  std::vector<MetricReading> metrics;
  std::optional<Error> error;
  std::vector<Sample> series;  // of Look::series, by time; empty: it has no value at all
};

}  // namespace sluice::metrics
