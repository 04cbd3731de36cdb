// What a reconciler is given by tests that ask neither for looks nor for events.
#pragma once

#include "rollout/reconciler.h"
#include "runtime/events.h"

namespace sluice::rollout {

class NoLooks final : public Looks {
 public:
  void schedule(const kube::Key&, const metrics::Look&, Time) override {}
  void cancel(const kube::Key&) override {}
};

class NoEvents final : public runtime::EventSink {
 public:
  void record(runtime::Event) override {}
};

}  // namespace sluice::rollout
