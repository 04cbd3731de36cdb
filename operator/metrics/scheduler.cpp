#include "metrics/scheduler.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.h"

namespace sluice::metrics {
namespace {

// The wall clock may be set while a thread sleeps; it is looked at again after this time at most.
constexpr Duration kLongestSleep = seconds(5);

}  // namespace

LookScheduler::LookScheduler(SchedulerOptions options, const Clock& clock, Connect connect,
                             OnResult on_result, Observe observe)
    : options_(options),
      clock_(clock),
      connect_(std::move(connect)),
      on_result_(std::move(on_result)),
      observe_(std::move(observe)) {
  for (int i = 0; i < options_.threads; ++i) {
    threads_.emplace_back([this](std::stop_token stop) { work(std::move(stop)); });
  }
}

LookScheduler::~LookScheduler() {
  stop();
}

bool LookScheduler::schedule(const kube::Key& key, Look look, Time due) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || !queue_.schedule(key, std::move(look), due)) return false;
    ++changes_;
  }
  changed_.notify_one();
  return true;
}

void LookScheduler::cancel(const kube::Key& key) {
  const std::lock_guard lock(mutex_);
  queue_.cancel(key);
}

std::optional<Time> LookScheduler::next_due() const {
  const std::lock_guard lock(mutex_);
  return queue_.next_due();
}

int LookScheduler::run_due(Time now) {
  for (int taken_count = 0;; ++taken_count) {
    std::optional<DueQueue::Taken> taken;
    {
      const std::lock_guard lock(mutex_);
      taken = take_locked(now);
    }
    if (!taken) return taken_count;
    run(*taken);
  }
}

void LookScheduler::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    queue_.cancel_all();
  }
  for (std::jthread& thread : threads_) thread.request_stop();
  threads_.clear();  // joins
}

void LookScheduler::work(std::stop_token stop) {
  while (const auto taken = wait_for_due(stop)) run(*taken);
}

std::optional<DueQueue::Taken> LookScheduler::wait_for_due(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const Time now = clock_.now();
    if (auto taken = take_locked(now)) {
      if (queue_.waiting() > 0) changed_.notify_one();  // another thread minds the next one meanwhile
      return taken;
    }
    // What is due and waits for room is taken by the thread that makes it.
    const auto due = queue_.next_due_after(now);
    const auto anything_new = [this, seen = changes_] { return changes_ != seen; };
    if (!due) {
      changed_.wait(lock, stop, anything_new);
    } else {
      changed_.wait_for(lock, stop, std::clamp(*due - now, Duration(1), kLongestSleep), anything_new);
    }
  }
  return std::nullopt;
}

std::optional<DueQueue::Taken> LookScheduler::take_locked(Time now) {
  auto taken = queue_.take(now, [this](const Look& look) { return has_room(look.prometheus_address); });
  if (taken) {
    ++changes_;
    ++providers_[taken->look.prometheus_address].under_way;
  }
  return taken;
}

bool LookScheduler::has_room(const std::string& address) const {
  const auto known = providers_.find(address);
  if (known == providers_.end()) return true;
  return known->second.under_way < (known->second.hangs ? 1 : std::max(1, options_.threads / 2));
}

bool LookScheduler::finish(const DueQueue::Taken& taken, const LookResult& result) {
  const std::lock_guard lock(mutex_);
  Provider& provider = providers_[taken.look.prometheus_address];
  --provider.under_way;
  if (!result.error || result.error->code != ErrorCode::Cancelled) {
    provider.hangs = result.error && result.error->code == ErrorCode::Timeout;
  }
  constexpr std::size_t most = 64;
  if (providers_.size() > most) {
    std::erase_if(providers_, [](const auto& known) { return known.second.under_way == 0; });
  }
  return queue_.finish(taken);
}

void LookScheduler::run(const DueQueue::Taken& taken) {
  const log::Context about({{"rollout", taken.key.str()}});
  const auto start = clock_.steady();
  LookResult result = take_look(taken);
  const auto took = std::chrono::duration_cast<Duration>(clock_.steady() - start);
  if (result.error) log::debug("a look failed", {{"cause", result.error->message}, {"took", humane(took)}});
  if (observe_) observe_(result, took);
  if (finish(taken, result)) on_result_(taken.key, std::move(result));
}

LookResult LookScheduler::take_look(const DueQueue::Taken& taken) {
  LookResult failed;
  failed.look = taken.look;
  try {
    const auto source = source_for(taken.look.prometheus_address);
    if (source) return take(taken.look, **source, clock_, taken.stop, options_.collect);
    failed.error = source.error();
  } catch (const std::exception& bug) {  // out of memory, say: one look fails, not the process
    log::error("a look broke off", {{"error", bug.what()}});
    failed.error = Error{ErrorCode::Internal, bug.what(), std::nullopt};
  }
  return failed;
}

Result<std::shared_ptr<SampleSource>> LookScheduler::source_for(const std::string& address) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto& known = providers_[address].source) return known;
  }
  auto made = connect_(address);
  if (!made) return made.error();
  std::shared_ptr<SampleSource> source = std::move(made).take();
  const std::lock_guard lock(mutex_);
  std::shared_ptr<SampleSource>& kept = providers_[address].source;
  if (!kept) kept = std::move(source);  // of two made at once the first stays
  return kept;
}

}  // namespace sluice::metrics
