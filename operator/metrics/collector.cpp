#include "metrics/collector.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>

#include "metrics/class_reading.h"
#include "metrics/counter.h"
#include "metrics/selector.h"

namespace sluice::metrics {
namespace {

// A little more than is counted: whether the window's own start belongs to it differs between Prometheus
// versions.
constexpr Duration kWindowMargin = seconds(1);

Error invalid(std::string message) {
  return {ErrorCode::Invalid, std::move(message), std::nullopt};
}

// Asks the source, each question once, within the time that the look has.
class Questions {
 public:
  Questions(SampleSource& source, const Clock& clock, std::stop_token stop, Time from, Time to,
            const CollectOptions& options)
      : source_(source),
        clock_(clock),
        stop_(std::move(stop)),
        to_(to),
        window_(to - from + options.lookback + kWindowMargin),
        deadline_(options.deadline),
        give_up_at_(clock.steady() + options.deadline) {}

  Result<const Matrix*> ask(const std::string& selector) {
    if (const auto known = answers_.find(selector); known != answers_.end()) return &known->second;
    if (stop_.stop_requested()) return Error{ErrorCode::Cancelled, "the look was cancelled", std::nullopt};
    const auto left = std::chrono::duration_cast<Duration>(give_up_at_ - clock_.steady());
    if (left <= Duration::zero()) {
      return Error{ErrorCode::Timeout, "the look took longer than " + format_duration(deadline_),
                   std::nullopt};
    }
    auto answer = source_.samples(selector, to_, window_, left, stop_);
    if (!answer) return answer.error();
    return &answers_.emplace(selector, std::move(answer).take()).first->second;
  }

 private:
  SampleSource& source_;
  const Clock& clock_;
  std::stop_token stop_;
  Time to_;
  Duration window_;
  Duration deadline_;
  std::chrono::steady_clock::time_point give_up_at_;
  std::map<std::string, Matrix> answers_;
};

// One arm of one metric: of a counter one part, of a histogram one for each edge.
struct Arm {
  std::vector<double> edges;  // of a histogram
  std::vector<ArmSamples> parts;

  bool complete() const {
    return !parts.empty() && std::all_of(parts.begin(), parts.end(), [](const auto& part) { return part.complete(); });
  }
};

Arm at_edges(const Matrix& buckets, std::vector<double> edges) {
  Arm arm{std::move(edges), {}};
  for (const double edge : arm.edges) arm.parts.push_back(ArmSamples::of_histogram(buckets, edge));
  return arm;
}

Result<Arm> read_arm(const CounterQuery& query, Questions& questions) {
  if (query.total.empty() || query.events.empty()) return invalid("a counter without a selector");
  // `total` first: its scrapes are the newest that count, so that `events` can lack none of them.
  const auto total = questions.ask(query.total);
  if (!total) return total.error();
  const auto events = questions.ask(query.events);
  if (!events) return events.error();
  return Arm{{}, {ArmSamples::of_counter(**total, **events)}};
}

Result<Arm> read_arm(const MeanQuery& query, Questions& questions) {
  if (query.sum.empty() || query.count.empty()) return invalid("a mean without a selector");
  const auto count = questions.ask(query.count);
  if (!count) return count.error();
  const auto sum = questions.ask(query.sum);
  if (!sum) return sum.error();
  return Arm{{}, {ArmSamples::of_mean(**count, **sum)}};
}

Result<Arm> read_arm(const HistogramQuery& query, Questions& questions) {
  if (query.buckets.empty()) return invalid("a histogram without a selector");
  if (!query.edges.empty()) {
    const auto narrow = questions.ask(with_edges(query.buckets, query.edges));
    if (!narrow) return narrow.error();
    Arm arm = at_edges(**narrow, query.edges);
    if (arm.complete()) return arm;
  }
  // An edge may be spelt in an unusual way; and if not, the user wants to know which ones exist.
  const auto wide = questions.ask(query.buckets);
  if (!wide) return wide.error();
  std::vector<double> edges = query.edges.empty() ? ArmSamples::edges_of(**wide) : query.edges;
  if (edges.empty()) return Arm{{}, {ArmSamples::of_histogram(**wide, 0)}};  // it says what is missing
  return at_edges(**wide, std::move(edges));
}

// Precondition: no query of classes, which read_classes() reads.
Result<Arm> read_arm(const ArmQuery& query, Questions& questions) {
  if (const auto* histogram = std::get_if<HistogramQuery>(&query)) return read_arm(*histogram, questions);
  if (const auto* mean = std::get_if<MeanQuery>(&query)) return read_arm(*mean, questions);
  return read_arm(std::get<CounterQuery>(query), questions);
}

// The candidate is read at the edges at which stable was.
ArmQuery at_edges_of(const Arm& stable, const ArmQuery& query) {
  const auto* histogram = std::get_if<HistogramQuery>(&query);
  if (histogram == nullptr) return query;
  return HistogramQuery{histogram->buckets, stable.edges};
}

std::string arm_detail(const char* arm, const ArmReading& reading) {
  if (reading.detail.empty() || reading.gap == Gap::EdgeMissing) return reading.detail;
  return std::string(arm) + ": " + reading.detail;
}

void use_arm(MetricReading& metric, const char* arm, const ArmReading& reading) {
  if (metric.gap || (!reading.gap && !metric.detail.empty())) return;  // the first one is told
  metric.gap = reading.gap;
  metric.detail = arm_detail(arm, reading);
}

Result<MetricReading> read_block(const MetricQuery& query, const Look& look, Questions& questions,
                                 Duration lookback) {
  const auto stable = read_arm(query.stable, questions);
  if (!stable) return stable.error();
  const auto candidate = read_arm(at_edges_of(*stable, query.candidate), questions);
  if (!candidate) return candidate.error();

  MetricReading metric;
  metric.name = query.name;
  for (std::size_t k = 0; k < stable->parts.size(); ++k) {
    const ArmReading s = stable->parts[k].read(look.from, look.to, lookback);
    const ArmReading c = candidate->parts[std::min(k, candidate->parts.size() - 1)].read(look.from, look.to, lookback);
    if (s.newest_sample && c.newest_sample) metric.newest_sample = std::min(s.newest_sample, c.newest_sample);
    use_arm(metric, "stable", s);
    use_arm(metric, "candidate", c);
    if (metric.gap) break;  // dropped from both arms
    if (k == 0) {
      metric.stable = s.counts;
      metric.candidate = c.counts;
    }
    if (k < stable->edges.size()) metric.edges.push_back({stable->edges[k], s.counts, c.counts, {}});
  }
  if (metric.gap) {
    metric.stable = metric.candidate = {};
    metric.edges.clear();
  }
  return metric;
}

// Stable's blocks at one edge, oldest first; zeros for a gap. False: each of them is one.
bool read_past_of(const ArmSamples& stable, const Look& look, Duration lookback, std::vector<Counts>& past) {
  const Duration length = look.to - look.from;
  bool any = false;
  for (int back = look.past; back > 0; --back) {
    const Time from = look.to - length * back;
    const ArmReading block = stable.read(from, from + length, lookback);
    any = any || !block.gap;
    past.push_back(block.counts);
  }
  return any;
}

Result<MetricReading> read_past(const MetricQuery& query, const Look& look, Questions& questions,
                                Duration lookback) {
  const auto stable = read_arm(query.stable, questions);
  if (!stable) return stable.error();
  MetricReading metric;
  metric.name = query.name;
  const ArmSamples& first = stable->parts[0];
  const ArmReading last = first.read(look.from, look.to, lookback);
  metric.newest_sample = last.newest_sample;
  if (!read_past_of(first, look, lookback, metric.past)) {
    metric.past.clear();
    metric.gap = last.gap;
    metric.detail = arm_detail("stable", last);
    return metric;
  }
  for (std::size_t k = 0; k < stable->edges.size(); ++k) {
    EdgeReading reading{stable->edges[k], {}, {}, {}};
    if (k == 0) {
      reading.past = metric.past;
    } else if (!read_past_of(stable->parts[k], look, lookback, reading.past)) {
      continue;
    }
    metric.edges.push_back(std::move(reading));
  }
  std::map<std::string, Counts> pods;
  const Duration length = look.to - look.from;
  for (int back = look.past; back > 0; --back) {
    const Time from = look.to - length * back;
    first.add_by_pod(from, from + length, lookback, pods);
  }
  for (const auto& [name, counts] : pods) {
    if (counts.total > 0) metric.pods.push_back(counts);
  }
  return metric;
}

// Predictions decide nothing: what cannot be asked of them is a gap of theirs, and no error of the look.
Result<MetricReading> read_classes(const MetricQuery& query, const Look& look, Questions& questions,
                                   Duration lookback) {
  const auto unread = [&query](const Error& error) -> Result<MetricReading> {
    if (error.code == ErrorCode::Cancelled) return error;
    MetricReading nothing;
    nothing.name = query.name;
    nothing.gap = Gap::Unread;
    nothing.detail = error.message;
    return nothing;
  };
  const auto stable = questions.ask(*class_selector(query.stable));
  if (!stable) return unread(stable.error());
  if (look.past > 0) return read_class_past(query, **stable, look, lookback);
  const auto candidate = questions.ask(*class_selector(query.candidate));
  if (!candidate) return unread(candidate.error());
  return read_class_block(query, **stable, **candidate, look, lookback);
}

Result<MetricReading> read(const MetricQuery& query, const Look& look, Questions& questions, Duration lookback) {
  if (class_selector(query.stable) != nullptr) return read_classes(query, look, questions, lookback);
  return look.past > 0 ? read_past(query, look, questions, lookback) : read_block(query, look, questions, lookback);
}

// Of several series the values at one time are added.
LookResult read_series(const Look& look, SampleSource& source, std::stop_token stop, const CollectOptions& options) {
  LookResult result;
  result.look = look;
  const auto read = source.values(look.series->query, look.to, look.to - look.from, look.series->step,
                                  options.deadline, std::move(stop));
  if (!read) {
    result.error = read.error();
    return result;
  }
  std::map<Time, double> sums;
  for (const Series& series : *read) {
    for (const Sample& sample : series.samples) sums[sample.at] += sample.value;
  }
  for (const auto& [at, value] : sums) result.series.push_back({at, value});
  return result;
}

}  // namespace

LookResult take(const Look& look, SampleSource& source, const Clock& clock, std::stop_token stop,
                const CollectOptions& options) {
  LookResult result;
  result.look = look;
  constexpr int most_past = 1000;
  if (look.from >= look.to || look.past < 0 || look.past > most_past) {
    result.error =
        invalid("a look needs from < to and a past of at most " + std::to_string(most_past) + " blocks");
    return result;
  }
  if (look.series) return read_series(look, source, std::move(stop), options);
  const Time start = look.past > 0 ? look.to - (look.to - look.from) * look.past : look.from;
  Questions questions(source, clock, stop, start, look.to, options);
  for (const MetricQuery& query : look.metrics) {
    auto reading = read(query, look, questions, options.lookback);
    if (!reading) {
      result.error = reading.error();
      result.error->message = "metric " + query.name + ": " + result.error->message;
      result.metrics.clear();
      return result;
    }
    result.metrics.push_back(std::move(reading).take());
  }
  return result;
}

}  // namespace sluice::metrics
