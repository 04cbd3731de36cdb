#include "harness.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "traffic/route_view.h"
#include "workload/views.h"

namespace sluice::simulation {
namespace {

using nlohmann::json;

constexpr std::size_t kAccount = 60;
constexpr const char* kNamespace = "ml";

const char* verb(test::Call::Verb verb) {
  switch (verb) {
    case test::Call::Verb::Create: return "create ";
    case test::Call::Verb::Update: return "update ";
    case test::Call::Verb::Patch: return "patch ";
    case test::Call::Verb::Delete: return "delete ";
    default: return "";
  }
}

}  // namespace

Harness::Harness(const Random& random, bool exact_traffic, Counters& counters)
    : world(random, exact_traffic),
      faults(world, counters, random.fork(10)),
      invariants(world, counters),
      counters_(counters),
      random_(random.fork(11)) {
  faults.on_write = [this](const test::Call& call) { wrote(call); };
  start();
}

void Harness::start() {
  process_ = std::make_unique<OperatorProcess>(world, faults, counters_, random_.fork(100 + starts_++).seed());
}

void Harness::restart() {
  tell("the operator is gone; another one starts");
  happenings += 20;
  events_before_ += process_->events_recorded();
  process_.reset();
  faults.revive();
  start();
}

void Harness::create(const RolloutChoice& choice) {
  const kube::Key key{kNamespace, choice.name};
  const json object = {{"metadata", {{"name", key.name}, {"namespace", key.ns}}}, {"spec", spec_of(choice)}};
  (void)world.server.as("kubectl")->create(api::kRollouts, object);
  world.traffic.add(key, choice.requests_per_second);
  rollouts_.push_back(key);
  happenings += 40;
  invariants.refresh(key);
  tell("created " + key.name);
}

void Harness::remove(const kube::Key& key) {
  (void)world.server.remove(api::kRollouts, key);
  std::erase(rollouts_, key);
  invariants.forget(key);
  world.notice_all_gone(key);
  tell("deleted " + key.name);
}

void Harness::patch(const kube::Resource& resource, const kube::Key& key, const json& merge) {
  (void)world.server.as("kubectl")->patch(resource, key, merge, {});
  world.notice(resource, key);
  invariants.refresh(resource == api::kRollouts || resource == traffic::kHttpRoutes ? key : kube::Key{});
}

void Harness::tell(std::string what) {
  account_.push_back(format_time(world.clock.now()) + " " + std::move(what));
  if (account_.size() > kAccount) account_.pop_front();
}

void Harness::wrote(const test::Call& call) {
  if (call.resource != runtime::kEvents) {
    tell(verb(call.verb) + call.resource.plural + (call.subresource.empty() ? "" : "/" + call.subresource) + " " +
         call.key.name);
  }
  const std::size_t broken = invariants.broken().size();
  world.notice(call.resource, call.key);
  invariants.operator_wrote(call, process_->caught_up_at());
  if (invariants.broken().size() > broken) tell("BROKEN: " + invariants.broken().back());
  if (on_operator_write) on_operator_write(call);
}

bool Harness::act() {
  const auto due = world.next_due();
  if (!due || *due > world.clock.now()) return false;
  world.act();
  return true;
}

bool Harness::reflect(std::size_t reflector, std::size_t at_most) {
  if (lagging_[reflector] > world.clock.now()) return false;
  const bool requested = process().request(reflector);
  return process().deliver(reflector, at_most) || requested;
}

// Whatever was just done may have been the end of the process.
bool Harness::finished_unit(bool done) {
  if (faults.crashed()) {
    restart();
    return true;
  }
  return done;
}

bool Harness::work() {
  bool any = act();
  for (std::size_t i = 0; i < process().reflectors(); ++i) any = reflect(i, test::MemoryApiServer::kAll) || any;
  const bool lags = std::any_of(lagging_.begin(), lagging_.end(), [&](Time t) { return t > world.clock.now(); });
  if (!any && !lags && !frozen_ && process().watching()) process().note_caught_up();
  any = any || process().look() || process().hand_over() || process().reconcile() || process().write_event();
  invariants.check_events(events_before_ + process().events_recorded(), happenings + 12 * counters_.faults);
  return finished_unit(any);
}

bool Harness::work_at_random() {
  const int parts = static_cast<int>(process().reflectors());
  const int part = random_.between(0, parts + 7);
  bool done = false;
  if (part < parts) {
    done = reflect(static_cast<std::size_t>(part), static_cast<std::size_t>(random_.between(1, 6)));
  } else if (part < parts + 3) {
    done = process().reconcile();
  } else if (part == parts + 3) {
    done = process().look();
  } else if (part == parts + 4) {
    done = process().hand_over();
  } else if (part == parts + 5) {
    done = process().write_event();
  } else {
    done = act();
  }
  return finished_unit(done);
}

void Harness::advance(Duration longest) {
  std::optional<Time> due = process().next_due();
  if (const auto other = world.next_due(); other && (!due || *other < *due)) due = other;
  // A watch that lags has something to deliver when it does no more.
  for (const Time end : lagging_) {
    if (end > world.clock.now() && (!due || end < *due)) due = end;
  }
  Duration by = longest;
  // What is due and was not done waits for something else than time.
  if (due && *due > world.clock.now()) {
    by = std::min(longest, std::chrono::duration_cast<Duration>(*due - world.clock.now()));
  } else {
    for (const Time until : lagging_) {
      if (until <= world.clock.now()) continue;
      by = std::min(by, std::chrono::duration_cast<Duration>(until - world.clock.now()));
    }
  }
  world.advance(by);
  ++counters_.advances;
}

bool Harness::at_rest() const {
  return std::all_of(rollouts_.begin(), rollouts_.end(), [&](const kube::Key& key) {
    const auto rollout = invariants.rollout(key);
    return rollout && Invariants::at_rest(*rollout);
  });
}

bool Harness::settle(Duration longest) {
  const Time until = world.clock.now() + longest;
  std::uint64_t seen = 0;  // the statuses are read again only when something was written
  bool rests = false;
  while (world.clock.now() < until) {
    while (work()) {
    }
    if (world.server.version() != seen) rests = at_rest();
    seen = world.server.version();
    if (rests) return true;
    advance(minutes(1));
  }
  return false;
}

void Harness::run(Duration time) {
  const Time until = world.clock.now() + time;
  while (world.clock.now() < until) {
    while (work()) {
    }
    advance(std::chrono::duration_cast<Duration>(until - world.clock.now()));
  }
}

void Harness::freeze(bool frozen) {
  frozen_ = frozen;
  if (frozen) {
    world.server.freeze_watch_cache();
  } else {
    world.server.thaw_watch_cache();
  }
}

}  // namespace sluice::simulation
