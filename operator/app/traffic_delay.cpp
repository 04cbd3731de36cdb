#include "app/traffic_delay.h"

namespace sluice::app {
namespace {

// Whether the one revision is given more, or less, than before. The end of a promotion only renames what is routed.
bool other_share(const api::RolloutStatus& before, const api::RolloutStatus& after) {
  const bool promoted = !before.candidate_revision.empty() && after.stable_revision == before.candidate_revision;
  if (promoted) return false;
  return after.traffic.candidate != before.traffic.candidate || after.traffic.mirror != before.traffic.mirror;
}

}  // namespace

std::optional<std::chrono::nanoseconds> TrafficDelay::decided(const kube::Key& key, const api::RolloutStatus& before,
                                                              const api::RolloutStatus& after, bool routed,
                                                              Instant now) {
  const std::lock_guard lock(mutex_);
  std::optional<std::chrono::nanoseconds> took;
  const auto found = since_.find(key);
  if (found != since_.end() && routed) {
    took = now - found->second;
    since_.erase(found);
  }
  if (other_share(before, after)) since_[key] = now;
  return took;
}

void TrafficDelay::forgotten(const kube::Key& key) {
  const std::lock_guard lock(mutex_);
  since_.erase(key);
}

}  // namespace sluice::app
