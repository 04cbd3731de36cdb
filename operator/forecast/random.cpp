#include "forecast/random.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace sluice::forecast {
namespace {

// One step of SplitMix64: a bijection of 64 bits that leaves no visible structure.
std::uint64_t split_mix(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// log k! - [log sqrt(2 pi) + (k + 1/2) log(k + 1) - (k + 1)]: what Stirling's formula leaves.
double stirling_rest(double k) {
  static constexpr std::array<double, 10> kFirst = {
      0.08106146679532726,  0.04134069595540929,  0.02767792568499834, 0.02079067210376509, 0.01664469118982119,
      0.01387612882307075, 0.01189670994589177, 0.01041126526197209, 0.009255462182712733, 0.008330563433362871};
  if (k < 10.0) return kFirst[static_cast<std::size_t>(k)];
  const double next = k + 1.0;
  const double square = next * next;
  return (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / 1260.0 / square) / square) / next;
}

// Sums the probabilities from 0 upwards. Precondition: trials * p < 10, p <= 1/2, so that q^n does not vanish.
std::int64_t binomial_by_inversion(Random& random, std::int64_t trials, double p) {
  const double odds = p / (1.0 - p);
  double left = random.uniform();
  double probability = std::exp(static_cast<double>(trials) * std::log1p(-p));
  std::int64_t k = 0;
  while (left > probability && k < trials) {
    left -= probability;
    probability *= odds * static_cast<double>(trials - k) / static_cast<double>(k + 1);
    ++k;
  }
  return k;
}

// Precondition: trials * p >= 10, p <= 1/2.
std::int64_t binomial_by_rejection(Random& random, std::int64_t trials, double p) {
  const auto n = static_cast<double>(trials);
  const double odds = p / (1.0 - p);
  const double spread = std::sqrt(n * p * (1.0 - p));
  const double b = 1.15 + 2.53 * spread;
  const double a = -0.0873 + 0.0248 * b + 0.01 * p;
  const double centre = n * p + 0.5;
  const double sure = 0.92 - 4.2 / b;
  for (;;) {
    const double u = random.uniform() - 0.5;
    double v = random.uniform();
    const double us = 0.5 - std::abs(u);
    const double k = std::floor((2.0 * a / us + b) * u + centre);
    if (us >= 0.07 && v <= sure) return static_cast<std::int64_t>(k);
    if (k < 0.0 || k > n) continue;
    // The full test against the density, relative to that of the mode m.
    const double alpha = (2.83 + 5.1 / b) * spread;
    const double m = std::floor((n + 1.0) * p);
    v = std::log(v * alpha / (a / (us * us) + b));
    const double bound = (m + 0.5) * std::log((m + 1.0) / (odds * (n - m + 1.0))) + stirling_rest(m) +
                         stirling_rest(n - m) + (n + 1.0) * std::log((n - m + 1.0) / (n - k + 1.0)) +
                         (k + 0.5) * std::log(odds * (n - k + 1.0) / (k + 1.0)) - stirling_rest(k) -
                         stirling_rest(n - k);
    if (v <= bound) return static_cast<std::int64_t>(k);
  }
}

}  // namespace

Random::Random(std::uint64_t seed, std::uint64_t run, std::uint64_t metric, std::uint64_t purpose) {
  // Each number is mixed in by itself, so that neighbouring names share nothing.
  std::uint64_t name = seed;
  for (const std::uint64_t part : {run, metric, purpose}) name = split_mix(name) ^ part;
  for (std::uint64_t& word : state_) word = split_mix(name);
}

std::uint64_t Random::bits() {
  auto& s = state_;
  const std::uint64_t result = std::rotl(s[0] + s[3], 23) + s[0];
  const std::uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = std::rotl(s[3], 45);
  return result;
}

double Random::uniform() { return (static_cast<double>(bits() >> 12) + 0.5) * 0x1.0p-52; }

double Random::normal() {
  for (;;) {
    const double x = 2.0 * uniform() - 1.0;
    const double y = 2.0 * uniform() - 1.0;
    const double square = x * x + y * y;
    if (square < 1.0 && square > 0.0) return x * std::sqrt(-2.0 * std::log(square) / square);
  }
}

double Random::gamma(double shape) {
  if (shape < 1.0) {
    const double power = std::log(uniform()) / shape;
    return gamma(shape + 1.0) * std::exp(power);
  }
  const double d = shape - 1.0 / 3.0;
  const double c = 1.0 / std::sqrt(9.0 * d);
  for (;;) {
    const double x = normal();
    const double t = 1.0 + c * x;
    if (t <= 0.0) continue;
    const double v = t * t * t;
    const double u = uniform();
    if (u < 1.0 - 0.0331 * x * x * x * x) return d * v;
    if (std::log(u) < 0.5 * x * x + d * (1.0 - v + std::log(v))) return d * v;
  }
}

std::int64_t Random::binomial(std::int64_t trials, double p) {
  if (trials <= 0 || p <= 0.0) return 0;
  if (p >= 1.0) return trials;
  if (p > 0.5) return trials - binomial(trials, 1.0 - p);
  return static_cast<double>(trials) * p < 10.0 ? binomial_by_inversion(*this, trials, p)
                                                : binomial_by_rejection(*this, trials, p);
}

std::int64_t Random::beta_binomial(std::int64_t trials, double p, double dispersion) {
  if (dispersion <= 1.0 || trials <= 1 || p <= 0.0 || p >= 1.0) return binomial(trials, p);
  const double correlation = (dispersion - 1.0) / static_cast<double>(trials - 1);
  if (correlation >= 1.0) return uniform() < p ? trials : 0;
  const double size = 1.0 / correlation - 1.0;  // alpha + beta
  const double events = gamma(size * p);
  const double others = gamma(size * (1.0 - p));
  // With tiny shapes both may underflow; then one of the two ends it is.
  if (!(events + others > 0.0)) return uniform() < p ? trials : 0;
  return binomial(trials, events / (events + others));
}

}  // namespace sluice::forecast
