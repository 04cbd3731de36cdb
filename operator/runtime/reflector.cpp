#include "runtime/reflector.h"

#include <exception>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "base/log.h"

namespace sluice::runtime {

Reflector::Reflector(kube::Client& client, kube::Resource resource, ReflectorSink& sink, const Clock& clock,
                     const ReflectorOptions& options, Observer& observer)
    : client_(client),
      resource_(std::move(resource)),
      clock_(clock),
      ns_(options.ns),
      machine_(resource_.plural, sink, options, observer) {}

Reflector::~Reflector() {
  stop();
}

void Reflector::start() {
  if (thread_.joinable()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Reflector::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

bool Reflector::wait_synced(Duration timeout) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, timeout, [this] { return synced(); });
  return synced();
}

void Reflector::refresh() {
  const std::lock_guard lock(mutex_);
  ++refreshes_asked_;
  watch_end_.request_stop();
  wake_.notify_all();
}

void Reflector::retry_now() {
  const std::lock_guard lock(mutex_);
  hurry_ = true;  // also while a request is under way: it may have failed already
  wake_.notify_all();
}

bool Reflector::wait_fresh(Duration timeout) {
  std::unique_lock lock(mutex_);
  return wake_.wait_for(lock, timeout, [this] { return refreshes_done_ == refreshes_asked_; });
}

void Reflector::run(const std::stop_token& stop) {
  while (wait_for_turn(stop)) {
    begin_refresh();
    const ListWatch::Request request = machine_.next();
    if (const auto* wanted = std::get_if<ListWatch::List>(&request)) {
      list(wanted->options);
    } else {
      watch(std::get<ListWatch::Watch>(request).options, stop);
    }
  }
}

void Reflector::list(const kube::ListOptions& options) {
  auto page = client_.list(resource_, ns_, options);
  try {
    machine_.listed(std::move(page), clock_.steady());
  } catch (const std::exception& e) {
    log::error("the cache threw on a list", {{"resource", name()}, {"cause", e.what()}});
    machine_.listed(Error{.code = ErrorCode::Internal, .message = e.what(), .retry_after = {}}, clock_.steady());
  }
  note_progress();
}

void Reflector::begin_refresh() {
  const std::lock_guard lock(mutex_);
  watch_end_ = std::stop_source();  // of this watch only: a token that lives long gathers registrations
  if (refreshes_begun_ == refreshes_asked_) return;
  refreshes_begun_ = refreshes_asked_;
  machine_.refresh();
}

// After each answer, and each event of a watch.
void Reflector::note_progress() {
  if (machine_.listing()) return;
  const std::lock_guard lock(mutex_);
  if (synced() && refreshes_done_ == refreshes_begun_) return;
  synced_ = true;
  refreshes_done_ = refreshes_begun_;
  wake_.notify_all();
}

void Reflector::watch(const kube::WatchOptions& options, const std::stop_token& stop) {
  std::stop_source end;
  {
    const std::lock_guard lock(mutex_);
    end = watch_end_;
  }
  const std::stop_callback forward(stop, [&end] { end.request_stop(); });
  machine_.watch_started(clock_.steady());
  std::string thrown;
  const Outcome outcome = client_.watch(
      resource_, ns_, options,
      [&](kube::WatchEvent event) {
        // The reader of the stream would not tell what was thrown.
        try {
          if (thrown.empty() && machine_.watch_event(event)) {
            note_progress();
            return;
          }
        } catch (const std::exception& e) {
          thrown = e.what();
        }
        end.request_stop();
      },
      end.get_token());
  if (stop.stop_requested()) return;
  {
    const std::lock_guard lock(mutex_);
    if (refreshes_begun_ != refreshes_asked_) return;  // whatever ended it, the list to come makes up for it
  }
  if (thrown.empty()) {
    machine_.watch_ended(outcome, clock_.steady());
    return;
  }
  log::error("the cache threw on a watch event", {{"resource", name()}, {"cause", thrown}});
  machine_.watch_ended(Error{.code = ErrorCode::Internal, .message = thrown, .retry_after = {}},
                       clock_.steady());
}

bool Reflector::wait_for_turn(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const auto due = [this] { return hurry_ ? machine_.asked_until() : machine_.not_before(); };
  const auto wanted = [this] { return refreshes_begun_ != refreshes_asked_; };
  for (Instant now = clock_.steady(); due() > now && !wanted() && !stop.stop_requested(); now = clock_.steady()) {
    const Instant before = due();
    const bool news = wake_.wait_for(lock, stop, before - now, [&] { return due() != before || wanted(); });
    if (!news) break;
  }
  if (std::exchange(hurry_, false)) machine_.hurry();
  return !stop.stop_requested();
}

}  // namespace sluice::runtime
