// Random numbers for simulations: the same on every machine, and independent of who draws them.
//
// A stream is named by four numbers (seed, run, metric, purpose) and owns its generator, so that a simulation
// gives the same numbers whatever the number of threads and whatever else is drawn. The generator is
// xoshiro256++ (Blackman & Vigna 2021), seeded by SplitMix64 as its authors advise. The distributions of the
// standard library are not used: their algorithms differ between libraries, and so would the results.
//
// Pure values, not synchronised: one stream, one thread. Nothing throws; the preconditions are the caller's.
#pragma once

#include <array>
#include <cstdint>

namespace sluice::forecast {

class Random {
 public:
  Random(std::uint64_t seed, std::uint64_t run, std::uint64_t metric, std::uint64_t purpose);

  std::uint64_t bits();
  double uniform();  // inside (0, 1), neither end is possible
  double normal();   // mean 0, variance 1: Marsaglia's polar method

  // Shape > 0, scale 1: Marsaglia & Tsang, ACM TOMS 26 (2000); below shape 1 by their power of a uniform.
  double gamma(double shape);

  // The number of successes in `trials` >= 0 with probability 0 <= p <= 1 each. Inversion while fewer than 10
  // are expected, else transformed rejection with squeeze (BTRS; Hoermann, J. Stat. Comput. Simul. 46, 1993).
  std::int64_t binomial(std::int64_t trials, double p);

  // The same with a probability that is itself random, a beta variable of mean p, such that the variance is
  // `dispersion` times that of the binomial: n p (1-p) phi with phi = 1 + (n-1) rho. It cannot exceed that of
  // all or nothing (phi = n). Precondition: dispersion >= 1.
  std::int64_t beta_binomial(std::int64_t trials, double p, double dispersion);

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace sluice::forecast
