#include "support/stepped_reflector.h"

#include <nlohmann/json.hpp>
#include <variant>

namespace sluice::test {

SteppedReflector::SteppedReflector(MemoryApiServer& server, const kube::Resource& resource,
                                   runtime::ReflectorSink& sink, const Clock& clock,
                                   const runtime::ReflectorOptions& options, Faults* faults)
    : server_(server),
      resource_(resource),
      ns_(options.ns),
      clock_(clock),
      faults_(faults),
      machine_(resource.plural, sink, options) {}

SteppedReflector::~SteppedReflector() {
  if (watch_) server_.close_watch(*watch_);
}

std::optional<runtime::Instant> SteppedReflector::next_due() const {
  if (watch_) return std::nullopt;
  return machine_.not_before();
}

bool SteppedReflector::step() {
  if (watch_ || clock_.steady() < machine_.not_before()) return false;
  const runtime::ListWatch::Request request = machine_.next();
  if (const auto* wanted = std::get_if<runtime::ListWatch::List>(&request)) {
    list(wanted->options);
  } else {
    open(std::get<runtime::ListWatch::Watch>(request).options);
  }
  return true;
}

std::size_t SteppedReflector::pump(std::size_t at_most) {
  return watch_ ? server_.pump_one(*watch_, at_most) : 0;
}

void SteppedReflector::list(const kube::ListOptions& options) {
  Faults none;
  FaultyClient client(server_, faults_ == nullptr ? none : *faults_);
  machine_.listed(client.list(resource_, ns_, options), clock_.steady());
}

void SteppedReflector::open(const kube::WatchOptions& options) {
  machine_.watch_started(clock_.steady());
  if (faults_ != nullptr) {
    if (const auto refused = faults_->before({Call::Verb::Watch, resource_, {}, ""})) {
      machine_.watch_ended(*refused, clock_.steady());
      return;
    }
  }
  watch_ = server_.open_watch(resource_, ns_, options,
                              {.on_event =
                                   [this](kube::WatchEvent event) {
                                     if (machine_.watch_event(event)) return;
                                     server_.close_watch(*watch_);
                                     watch_.reset();
                                     machine_.watch_ended(Ok{}, clock_.steady());
                                   },
                               .on_end =
                                   [this](const Outcome& outcome) {
                                     watch_.reset();
                                     machine_.watch_ended(outcome, clock_.steady());
                                   }});
}

}  // namespace sluice::test
