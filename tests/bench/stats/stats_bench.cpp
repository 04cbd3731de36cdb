// What a look costs: evidence of five guardrails, its interval, and saving it; with the number of
// allocations.
#include <benchmark/benchmark.h>

#include <vector>

#include "allocations.h"
#include "stats/guardrail.h"

namespace sluice::stats {
namespace {

using bench::allocations;

std::vector<GuardrailEvidence> five() {
  GuardrailParameters parameters;
  parameters.past_dispersion = 1.1;
  parameters.ceiling = 0.05;
  return std::vector<GuardrailEvidence>(5, GuardrailEvidence(parameters));
}

// Exposures that differ from block to block are the rule; equal ones, as in simulations, are cheaper.
void one_look(benchmark::State& state) {
  const bool equal_shares = state.range(0) != 0;
  std::vector<GuardrailEvidence> metrics = five();
  double stable = 5400.0;
  const long before = allocations.load();
  for (auto _ : state) {
    stable = equal_shares ? 5400.0 : stable + 1.0;
    for (GuardrailEvidence& metric : metrics) {
      metric.add({6.0, 54.0, 600.0, stable});
      benchmark::DoNotOptimize(metric.sup_log_e_harm());
    }
  }
  state.counters["allocations"] = benchmark::Counter(static_cast<double>(allocations.load() - before),
                                                     benchmark::Counter::kAvgIterations);
}
BENCHMARK(one_look)->ArgName("equal_shares")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

void interval(benchmark::State& state) {
  GuardrailEvidence metric = five().front();
  for (int i = 0; i < 50; ++i) metric.add({6.0, 54.0, 600.0, 5400.0 + i});
  for (auto _ : state) benchmark::DoNotOptimize(metric.ratio(0.05));
}
BENCHMARK(interval)->Unit(benchmark::kMicrosecond);

void save_and_restore(benchmark::State& state) {
  GuardrailEvidence metric = five().front();
  for (int i = 0; i < 50; ++i) metric.add({6.0, 54.0, 600.0, 5400.0 + i});
  for (auto _ : state)
    benchmark::DoNotOptimize(GuardrailEvidence::unpack(metric.parameters(), metric.pack()).ok());
}
BENCHMARK(save_and_restore)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace sluice::stats

BENCHMARK_MAIN();
