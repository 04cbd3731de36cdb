#include "operator_process.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "traffic/route_view.h"

namespace sluice::simulation {

OperatorProcess::OperatorProcess(World& world, Faults& faults, Counters& counters, std::uint64_t seed)
    : world_(world),
      faults_(faults),
      counters_(counters),
      direct_(world.server.as(traffic::kFieldManager)),
      client_(*direct_, faults),
      recorder_(client_, world.clock, {.controller = "sluice.dev/operator", .instance = "simulation"}),
      scheduler_({.threads = 0}, world.clock,
                 [this](const std::string&) -> Result<std::unique_ptr<metrics::SampleSource>> {
                   return std::unique_ptr<metrics::SampleSource>(new FaultyPrometheus(world_, faults_));
                 },
                 [this](const kube::Key& key, metrics::LookResult result) {
                   answered_.emplace_back(key, std::move(result));
                 }),
      reconciler_(client_, cache_, *this, *this, world.clock),
      controller_({.name = "rollout", .workers = 1}, reconciler_, world.clock) {
  cache_.on_change([this](const kube::Key& key) { controller_.queue().add(key); });
  for (const auto& [resource, sink] : cache_.sinks()) {
    runtime::ReflectorOptions options = rollout::watch_options(resource, {});
    options.seed = mixed(seed + reflectors_.size()) | 1;  // 0 would be a random one
    reflectors_.push_back(std::make_unique<test::SteppedReflector>(world.server, resource, *sink, world.clock,
                                                                   options, &faults));
  }
}

bool OperatorProcess::request(std::size_t reflector) { return reflectors_[reflector]->step(); }

bool OperatorProcess::deliver(std::size_t reflector, std::size_t at_most) {
  return reflectors_[reflector]->pump(at_most) > 0;
}

bool OperatorProcess::synced() const {
  return std::all_of(reflectors_.begin(), reflectors_.end(), [](const auto& r) { return r->synced(); });
}

bool OperatorProcess::watching() const {
  return std::all_of(reflectors_.begin(), reflectors_.end(), [](const auto& r) { return r->watching(); });
}

bool OperatorProcess::reconcile() {
  if (!synced() || !controller_.process_next()) return false;
  ++counters_.reconciles;
  return true;
}

bool OperatorProcess::look() { return scheduler_.run_due(world_.clock.now()) > 0; }

bool OperatorProcess::hand_over() {
  if (answered_.empty()) return false;
  auto [key, result] = std::move(answered_.front());
  answered_.pop_front();
  reconciler_.look_finished(key, std::move(result));
  controller_.queue().add(key);
  return true;
}

bool OperatorProcess::write_event() { return recorder_.write_one(); }

Time OperatorProcess::wall(runtime::Instant instant) const {
  return world_.clock.now() + std::chrono::ceil<Duration>(instant - world_.clock.steady());
}

std::optional<Time> OperatorProcess::next_due() {
  std::optional<Time> first = scheduler_.next_due();
  const auto or_at = [&](std::optional<runtime::Instant> instant) {
    if (instant && (!first || wall(*instant) < *first)) first = wall(*instant);
  };
  or_at(recorder_.next_due());
  if (synced()) or_at(controller_.queue().next_due());
  for (const auto& reflector : reflectors_) or_at(reflector->next_due());
  return first;
}

void OperatorProcess::schedule(const kube::Key& key, const metrics::Look& look, Time due) {
  scheduler_.schedule(key, look, due);
}

void OperatorProcess::record(runtime::Event event) {
  ++events_recorded_;
  recorder_.record(std::move(event));
}

}  // namespace sluice::simulation
