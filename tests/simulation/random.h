// The one source of chance of a simulation: everything that happens follows from its seed.
//
// Parts that draw independently of one another get a stream each (fork), so that one more draw in one of them
// does not change what happens in the others.
#pragma once

#include <cstdint>
#include <random>

#include "base/time.h"

namespace sluice::simulation {

// splitmix64: spreads seeds that are close to each other.
inline std::uint64_t mixed(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15ull;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ull;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebull;
  return value ^ (value >> 31);
}

// Not thread-safe.
class Random {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed), engine_(mixed(seed)) {}

  Random fork(std::uint64_t stream) const { return Random(mixed(seed_ ^ mixed(stream))); }

  std::uint64_t seed() const { return seed_; }

  // In [0, 1).
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1.0p-53; }
  bool chance(double probability) { return uniform() < probability; }
  // Both ends included.
  int between(int least, int most) {
    return least + static_cast<int>(uniform() * (static_cast<double>(most) - least + 1));
  }
  Duration between(Duration least, Duration most) {
    return least + Duration(static_cast<Duration::rep>(uniform() * static_cast<double>((most - least).count() + 1)));
  }
  double poisson(double mean) {
    if (mean <= 0) return 0;
    return static_cast<double>(std::poisson_distribution<long>(mean)(engine_));
  }

 private:
  std::uint64_t seed_;
  std::mt19937_64 engine_;
};

}  // namespace sluice::simulation
