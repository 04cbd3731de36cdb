#include "runtime/backoff.h"

#include <algorithm>
#include <random>

namespace sluice::runtime {
namespace {

std::uint64_t seed_from_system() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

}  // namespace

Jitter::Jitter(std::uint64_t seed) : state_(seed != 0 ? seed : seed_from_system()) {}

double Jitter::uniform() {
  // splitmix64: passes the usual batteries, and any seed is a good seed.
  state_ += 0x9E3779B97F4A7C15ULL;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1.0p-53;
}

Backoff::Backoff(const Options& options, std::uint64_t seed)
    : options_(options), jitter_(seed), base_(options.initial) {}

Duration Backoff::next(Instant now) {
  if (last_ && now - *last_ > options_.reset_after) reset();
  last_ = now;
  const auto highest_base = Duration(
      static_cast<Duration::rep>(static_cast<double>(options_.ceiling.count()) / (1 + options_.jitter)));
  base_ = std::min(base_, highest_base);
  const double factor = 1 + options_.jitter * jitter_.uniform();
  const Duration delay(static_cast<Duration::rep>(static_cast<double>(base_.count()) * factor));
  base_ *= 2;
  return delay;
}

void Backoff::reset() {
  base_ = options_.initial;
  last_.reset();
}

}  // namespace sluice::runtime
