#include "runtime/work_queue.h"

#include <utility>

namespace sluice::runtime {

WorkQueue::WorkQueue(std::string name, const Clock& clock, const QueueOptions& options, Observer& observer)
    : name_(std::move(name)), clock_(clock), observer_(observer), queue_(options) {}

void WorkQueue::add(const kube::Key& key, Priority priority) {
  {
    const std::lock_guard lock(mutex_);
    const bool added = queue_.add(key, priority, clock_.steady());
    report();  // also when it has only moved to another priority
    if (!added) return;
  }
  changed_.notify_one();
}

void WorkQueue::add_after(const kube::Key& key, Duration delay, Priority priority) {
  {
    const std::lock_guard lock(mutex_);
    queue_.add_after(key, delay, priority, clock_.steady());
    report();
  }
  // Whoever waits for a later time must look again.
  changed_.notify_one();
}

Duration WorkQueue::add_backoff(const kube::Key& key, Duration at_least) {
  Duration delay;
  {
    const std::lock_guard lock(mutex_);
    delay = queue_.add_backoff(key, at_least, clock_.steady());
    observer_.queue_retried(name_);
  }
  changed_.notify_one();
  return delay;
}

void WorkQueue::retry_now() {
  {
    const std::lock_guard lock(mutex_);
    queue_.retry_now(clock_.steady());
    report();
  }
  changed_.notify_all();
}

void WorkQueue::forget(const kube::Key& key) {
  const std::lock_guard lock(mutex_);
  queue_.forget(key);
}

unsigned WorkQueue::failures(const kube::Key& key) const {
  const std::lock_guard lock(mutex_);
  return queue_.failures(key);
}

std::optional<kube::Key> WorkQueue::pop(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested() && !queue_.is_shut_down()) {
    if (std::optional<kube::Key> key = pop_locked()) {
      // This thread may be the only one that knew when the next key is due: another one must look.
      if (queue_.next_due(clock_.steady())) changed_.notify_one();
      return key;
    }
    const Instant now = clock_.steady();
    const std::optional<Instant> due = queue_.next_due(now);
    const auto news = [&] { return queue_.is_shut_down() || queue_.next_due(clock_.steady()) != due; };
    if (due) {
      changed_.wait_for(lock, stop, *due - now, news);
    } else {
      changed_.wait(lock, stop, news);
    }
  }
  return std::nullopt;
}

std::optional<kube::Key> WorkQueue::try_pop() {
  const std::lock_guard lock(mutex_);
  return pop_locked();
}

void WorkQueue::done(const kube::Key& key) {
  {
    const std::lock_guard lock(mutex_);
    observer_.queue_worked(name_, queue_.done(key, clock_.steady()));
    report();
    if (queue_.processing() == 0) idle_.notify_all();
  }
  changed_.notify_one();
}

std::optional<Instant> WorkQueue::next_due() const {
  const std::lock_guard lock(mutex_);
  return queue_.next_due(clock_.steady());
}

void WorkQueue::shut_down() {
  {
    const std::lock_guard lock(mutex_);
    queue_.shut_down();
    report();
  }
  changed_.notify_all();
}

bool WorkQueue::drain(Duration timeout) {
  std::unique_lock lock(mutex_);
  return idle_.wait_for(lock, timeout, [this] { return queue_.processing() == 0; });
}

std::size_t WorkQueue::depth() const {
  const std::lock_guard lock(mutex_);
  std::size_t sum = 0;
  for (const Priority priority : {Priority::Urgent, Priority::Change, Priority::Resync}) {
    sum += queue_.ready(priority);
  }
  return sum;
}

std::size_t WorkQueue::delayed() const {
  const std::lock_guard lock(mutex_);
  return queue_.delayed();
}

std::size_t WorkQueue::processing() const {
  const std::lock_guard lock(mutex_);
  return queue_.processing();
}

nanoseconds WorkQueue::unfinished() const {
  const std::lock_guard lock(mutex_);
  return queue_.unfinished(clock_.steady());
}

nanoseconds WorkQueue::longest_running() const {
  const std::lock_guard lock(mutex_);
  return queue_.longest_running(clock_.steady());
}

void WorkQueue::report() {
  for (; told_ < queue_.added(); ++told_) observer_.queue_added(name_);
  for (const Priority priority : {Priority::Urgent, Priority::Change, Priority::Resync}) {
    observer_.queue_depth(name_, priority, queue_.ready(priority));
  }
}

std::optional<kube::Key> WorkQueue::pop_locked() {
  std::optional<KeyQueue::Popped> popped = queue_.try_pop(clock_.steady());
  if (!popped) return std::nullopt;
  observer_.queue_waited(name_, popped->waited);
  report();
  return std::move(popped->key);
}

}  // namespace sluice::runtime
