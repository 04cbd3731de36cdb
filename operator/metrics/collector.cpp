#include "metrics/collector.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>

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

Result<ArmSamples> read_arm(const CounterQuery& query, Questions& questions) {
  if (query.total.empty() || query.events.empty()) return invalid("a counter without a selector");
  // `total` first: its scrapes are the newest that count, so that `events` can lack none of them.
  const auto total = questions.ask(query.total);
  if (!total) return total.error();
  const auto events = questions.ask(query.events);
  if (!events) return events.error();
  return ArmSamples::of_counter(**total, **events);
}

Result<ArmSamples> read_arm(const HistogramQuery& query, Questions& questions) {
  if (query.buckets.empty()) return invalid("a histogram without a selector");
  const auto narrow = questions.ask(with_edge(query.buckets, query.above));
  if (!narrow) return narrow.error();
  ArmSamples arm = ArmSamples::of_histogram(**narrow, query.above);
  if (arm.complete()) return arm;
  // The edge may be spelt in an unusual way; and if not, the user wants to know which ones exist.
  const auto wide = questions.ask(query.buckets);
  if (!wide) return wide.error();
  return ArmSamples::of_histogram(**wide, query.above);
}

Result<ArmSamples> read_arm(const ArmQuery& query, Questions& questions) {
  return std::visit([&](const auto& source) { return read_arm(source, questions); }, query);
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
  const auto candidate = read_arm(query.candidate, questions);
  if (!candidate) return candidate.error();
  const ArmReading s = stable->read(look.from, look.to, lookback);
  const ArmReading c = candidate->read(look.from, look.to, lookback);

  MetricReading metric;
  metric.name = query.name;
  if (s.newest_sample && c.newest_sample) metric.newest_sample = std::min(s.newest_sample, c.newest_sample);
  use_arm(metric, "stable", s);
  use_arm(metric, "candidate", c);
  if (metric.gap) return metric;  // dropped from both arms
  metric.stable = s.counts;
  metric.candidate = c.counts;
  return metric;
}

Result<MetricReading> read_past(const MetricQuery& query, const Look& look, Questions& questions,
                                Duration lookback) {
  const auto stable = read_arm(query.stable, questions);
  if (!stable) return stable.error();
  MetricReading metric;
  metric.name = query.name;
  bool any = false;
  std::map<std::string, Counts> pods;
  const Duration length = look.to - look.from;
  for (int back = look.past; back > 0; --back) {
    const Time from = look.to - length * back;
    const ArmReading block = stable->read(from, from + length, lookback);
    stable->add_by_pod(from, from + length, lookback, pods);
    any = any || !block.gap;
    metric.past.push_back(block.counts);  // zeros for a gap
    if (back > 1) continue;
    metric.newest_sample = block.newest_sample;
    metric.gap = block.gap;
    metric.detail = arm_detail("stable", block);
  }
  if (!any) {
    metric.past.clear();
  } else {
    metric.gap.reset();
    metric.detail.clear();
    for (const auto& [name, counts] : pods) {
      if (counts.total > 0) metric.pods.push_back(counts);
    }
  }
  return metric;
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
  const Time start = look.past > 0 ? look.to - (look.to - look.from) * look.past : look.from;
  Questions questions(source, clock, stop, start, look.to, options);
  for (const MetricQuery& query : look.metrics) {
    auto reading = look.past > 0 ? read_past(query, look, questions, options.lookback)
                                 : read_block(query, look, questions, options.lookback);
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
