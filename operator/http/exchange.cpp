#include "http/exchange.h"

#include <utility>

namespace sluice::http {

void Exchange::on_head(Head head) {
  const std::lock_guard lock(mutex_);
  head_ = std::move(head);
  changed_.notify_all();
}

void Exchange::on_piece(std::string_view bytes, std::function<void()> release) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (!abandoned_) {
      piece_ = bytes;
      release_.swap(release);
      changed_.notify_all();
      return;
    }
  }
  release();
}

void Exchange::on_finished() {
  const std::lock_guard lock(mutex_);
  finished_ = true;
  changed_.notify_all();
}

void Exchange::on_failed(Fault fault) {
  const std::lock_guard lock(mutex_);
  if (!fault_) fault_ = std::move(fault);
  changed_.notify_all();
}

template <class Predicate>
bool Exchange::wait(std::unique_lock<std::mutex>& lock, Instant deadline, const std::stop_token& stop,
                    Predicate ready) {
  return changed_.wait_until(lock, stop, deadline, ready);
}

Exchange::Event Exchange::wait_for_head(Instant deadline, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  wait(lock, deadline, stop, [this] { return head_.has_value() || fault_.has_value(); });
  // The order matters: an answer that is here already is worth more than a stop or a deadline of the same
  // moment.
  if (head_) return Event::Head;
  if (fault_) return Event::Failed;
  return stop.stop_requested() ? Event::Stopped : Event::TimedOut;
}

Exchange::Event Exchange::wait_for_body(Instant deadline, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  wait(lock, deadline, stop, [this] { return release_ || finished_ || fault_.has_value(); });
  // A stop comes first here: on a busy stream there is always one more piece.
  if (stop.stop_requested()) return Event::Stopped;
  if (release_) return Event::Piece;
  if (fault_) return Event::Failed;
  if (finished_) return Event::Finished;
  return Event::TimedOut;
}

bool Exchange::consume_piece(const std::function<bool(std::string_view)>& consume) {
  std::string_view piece;
  std::function<void()> release;
  {
    const std::lock_guard lock(mutex_);
    piece = std::exchange(piece_, {});
    release = std::exchange(release_, nullptr);
  }
  bool go_on = false;
  try {
    go_on = consume(piece);
  } catch (...) {
    // A consumer promises not to throw; one that does ends its stream, not the process.
  }
  // Also when it said no: the library keeps the connection's memory until it is told.
  if (release) release();
  return go_on;
}

void Exchange::abandon() noexcept {
  std::function<void()> release;
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    piece_ = {};
    release.swap(release_);
  }
  if (release) release();
}

}  // namespace sluice::http
