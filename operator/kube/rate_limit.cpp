#include "kube/rate_limit.h"

#include <algorithm>
#include <cmath>

namespace sluice::kube {

RateLimit::RateLimit(double rate, int burst) : rate_(rate), burst_(std::max(1, burst)), tokens_(burst_) {}

std::optional<Duration> RateLimit::take(Instant now, Duration longest) {
  if (rate_ <= 0) return Duration::zero();
  const std::lock_guard lock(mutex_);
  if (used_ && now > last_) {
    const double passed = std::chrono::duration<double>(now - last_).count();
    tokens_ = std::min(burst_, tokens_ + passed * rate_);
  }
  if (!used_ || now > last_) last_ = now;
  used_ = true;
  const double lacking = std::max(0.0, 1 - tokens_);
  const auto wait = Duration(static_cast<Duration::rep>(std::ceil(lacking / rate_ * 1000)));
  if (wait >= longest) return std::nullopt;
  tokens_ -= 1;
  return wait;
}

}  // namespace sluice::kube
