// What one look of a Rollout costs from the counts to the status: five metrics, three of them counter pairs and two
// whole distributions, each of three edges chosen from a histogram of twelve buckets. All of add_readings is in it: reading the packed evidence, the block, the power, the
// interval, the sentence, packing again. Time is processor time. Each iteration starts from the status as it was before that look.
#include <benchmark/benchmark.h>

#include <time.h>

#include <array>
#include <cmath>

#include "allocations.h"
#include "rollout/evidence.h"

namespace sluice::rollout {
namespace {

using bench::allocations;

api::AnalysisSpec five_metrics() {
  api::AnalysisSpec analysis;
  for (const char* name : {"errors", "timeouts", "rejected"}) {
    api::MetricSpec metric;
    metric.name = name;
    metric.source = api::CounterSource{"events", "total"};
    analysis.metrics.push_back(metric);
  }
  for (const char* name : {"latency", "first-token"}) {
    api::MetricSpec metric;
    metric.name = name;
    metric.source = api::HistogramSource{"buckets", std::nullopt};
    metric.margin.or_below = 0.01;
    analysis.metrics.push_back(metric);
  }
  return analysis;
}

// Of this thread, so that neighbours on the machine do not count.
double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// An equal candidate on a tenth of 100 requests a second; no two blocks have the same exposures.
metrics::LookResult look_number(const api::AnalysisSpec& analysis, int number) {
  metrics::LookResult look;
  const double requests = 5400.0 + number % 17;
  for (const api::MetricSpec& metric : analysis.metrics) {
    metrics::MetricReading reading;
    reading.name = metric.name;
    const bool latency = std::holds_alternative<api::HistogramSource>(metric.source);
    const double rate = latency ? 0.08 : 0.01;
    const auto counts = [&](double share) {
      return metrics::EdgeReading{0, {std::round(requests * share) + number % 5, requests},
                                  {std::round(600.0 * share) + number % 3, 600.0 + number % 7}, {}};
    };
    reading.stable = counts(rate).stable;
    reading.candidate = counts(rate).candidate;
    if (latency) {
      constexpr std::array<double, 11> shares = {.999, .99, .95, .8, .5, .25, .08, .03, .01, .002, .0001};
      for (std::size_t k = 0; k < shares.size(); ++k) {
        metrics::EdgeReading at = counts(shares[k]);
        at.edge = 0.005 * std::exp2(static_cast<double>(k));
        at.past.assign(30, at.stable);
        reading.edges.push_back(at);
      }
      reading.past = reading.edges[0].past;
    }
    look.metrics.push_back(reading);
  }
  return look;
}

void one_look(benchmark::State& state) {
  const api::AnalysisSpec analysis = five_metrics();
  api::RolloutStatus before;
  add_past(analysis, look_number(analysis, 0), before);
  for (const auto& metric : analysis.metrics) before.evidence.past_dispersion[metric.name] = 1.1;
  const int number = static_cast<int>(state.range(0));
  for (int i = 1; i < number; ++i) add_readings(analysis, look_number(analysis, i), before);
  const metrics::LookResult look = look_number(analysis, number);
  long allocated = 0;
  for (auto _ : state) {
    api::RolloutStatus status = before;
    const long allocated_before = allocations.load();
    const double start = processor_seconds();
    benchmark::DoNotOptimize(add_readings(analysis, look, status));
    state.SetIterationTime(processor_seconds() - start);
    allocated += allocations.load() - allocated_before;
  }
  state.counters["allocations"] =
      benchmark::Counter(static_cast<double>(allocated), benchmark::Counter::kAvgIterations);
}
BENCHMARK(one_look)->ArgName("look")->Arg(1)->Arg(5)->Arg(50)->UseManualTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace sluice::rollout

BENCHMARK_MAIN();
