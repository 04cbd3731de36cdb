#include "runtime/events.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace sluice::runtime {

EventRecorder::EventRecorder(kube::Client& client, const Clock& clock, RecorderOptions options, Observer& observer)
    : clock_(clock), options_(std::move(options)), observer_(observer), writer_(client, options_.writer, observer) {}

EventRecorder::~EventRecorder() { stop(); }

void EventRecorder::record(Event event) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= options_.capacity) {
      ++dropped_;
      observer_.event_dropped();
      return;
    }
    waiting_.push_back({std::move(event), clock_.now()});
  }
  arrived_.notify_one();
}

std::uint64_t EventRecorder::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void EventRecorder::start() {
  if (thread_.joinable()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void EventRecorder::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void EventRecorder::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    take_waiting();
    const Instant now = clock_.steady();
    if (writer_.write_one(now)) continue;
    const std::optional<Instant> due = writer_.next_due();
    std::unique_lock lock(mutex_);
    const auto arrived = [this] { return !waiting_.empty(); };
    if (due) {
      arrived_.wait_for(lock, stop, *due - now, arrived);
    } else {
      arrived_.wait(lock, stop, arrived);
    }
  }
  flush();
}

void EventRecorder::flush() {
  const Instant deadline = clock_.steady() + options_.flush_time;
  take_waiting();
  // A server that is away is not waited for: write_one() then has nothing due.
  while (clock_.steady() < deadline && writer_.write_one(clock_.steady())) take_waiting();
  if (writer_.waiting() > 0) log::warn("events not written before the end", {{"events", writer_.waiting()}});
}

void EventRecorder::take_waiting() {
  std::deque<Waiting> taken;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(waiting_);
  }
  for (const Waiting& item : taken) writer_.take(item.event, item.happened, clock_.steady());
}

}  // namespace sluice::runtime
