#include "runtime/controller.h"

#include <exception>
#include <utility>

#include "base/log.h"

namespace sluice::runtime {

Controller::Controller(ControllerOptions options, Reconciler& reconciler, const Clock& clock,
                       Observer& observer)
    : options_(std::move(options)),
      reconciler_(reconciler),
      clock_(clock),
      observer_(observer),
      queue_(options_.name, clock, options_.queue, observer) {}

Controller::~Controller() {
  stop(Duration::zero());
}

void Controller::start() {
  const std::lock_guard lock(mutex_);
  if (stopped_ || !workers_.empty()) return;
  observer_.max_workers(name(), options_.workers);
  for (unsigned i = 0; i < options_.workers; ++i) {
    workers_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
}

bool Controller::stop(Duration grace) {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  queue_.shut_down();
  for (std::jthread& worker : workers_) worker.request_stop();
  if (!queue_.drain(grace)) return false;
  workers_.clear();  // joins
  return true;
}

bool Controller::process_next(const std::stop_token& stop) {
  const std::optional<kube::Key> key = queue_.try_pop();
  if (!key) return false;
  handle(*key, stop);
  return true;
}

void Controller::work(const std::stop_token& stop) {
  while (const std::optional<kube::Key> key = queue_.pop(stop)) handle(*key, stop);
}

void Controller::handle(const kube::Key& key, const std::stop_token& stop) {
  count_active(+1);
  const log::Context about({{name(), key.str()}});  // the reconciler may add to it
  const Instant started = clock_.steady();
  const Result<Requeue> result = guarded(key, stop);
  const nanoseconds took = clock_.steady() - started;
  if (result) {
    queue_.forget(key);
    if (result->after) queue_.add_after(key, *result->after, result->priority);
    observer_.reconciled(name(), result->after ? ReconcileResult::RequeueAfter : ReconcileResult::Success,
                         took);
  } else if (stop.stop_requested() && result.error().code == ErrorCode::Cancelled) {
    // Not a failure, and nobody will come back: the next process looks at every key anyway.
    observer_.reconciled(name(), ReconcileResult::Success, took);
  } else {
    back_off(key, result.error());
    observer_.reconciled(name(), ReconcileResult::Error, took);
    if (result.error().code == ErrorCode::Invalid) observer_.terminal_error(name());
  }
  queue_.done(key);
  count_active(-1);
}

void Controller::count_active(int change) {
  // Told under the lock: of two reports that overtake each other the older one would stay.
  const std::lock_guard lock(active_mutex_);
  active_ += change;
  observer_.active_workers(name(), static_cast<std::size_t>(active_));
}

Result<Requeue> Controller::guarded(const kube::Key& key, const std::stop_token& stop) {
  std::string what;
  try {
    return reconciler_.reconcile(key, stop);
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) {
    what = "something that is not a std::exception";
  }
  observer_.panicked(name());
  log::error("reconciler threw", {{"cause", what}});
  return Error{.code = ErrorCode::Internal, .message = what, .retry_after = {}};
}

void Controller::back_off(const kube::Key& key, const Error& error) {
  const Duration at_least = error.retry_after.value_or(Duration::zero());
  const Duration delay = queue_.add_backoff(key, at_least);
  const log::Fields fields = {{"error", to_string(error.code)},
                              {"cause", error.message},
                              {"failures", queue_.failures(key)},
                              {"retryIn", format_duration(delay)}};
  if (error.code == ErrorCode::Conflict) {
    log::info("reconcile met a newer object", fields);  // ordinary: the cache was behind
  } else {
    log::warn("reconcile failed", fields);
  }
}

}  // namespace sluice::runtime
