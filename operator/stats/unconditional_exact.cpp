#include "stats/unconditional_exact.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "stats/fisher.h"

namespace sluice::stats {
namespace {

struct Sizes {
  std::size_t first;
  std::size_t second;
};

// Which outcomes (x_1, x_2) are at least as extreme as the observed one, row by row of x_1.
using Region = std::vector<std::vector<bool>>;

template <class Extreme>
Region region(const Sizes& sizes, const Extreme& extreme) {
  Region result(sizes.first + 1, std::vector<bool>(sizes.second + 1));
  for (std::size_t i = 0; i <= sizes.first; ++i) {
    for (std::size_t j = 0; j <= sizes.second; ++j) {
      result[i][j] = extreme(static_cast<double>(i), static_cast<double>(j));
    }
  }
  return result;
}

std::vector<double> binomial(std::size_t n, double p) {
  std::vector<double> result(n + 1);
  const double size = static_cast<double>(n);
  for (std::size_t k = 0; k <= n; ++k) {
    const double x = static_cast<double>(k);
    const double log_choose = -std::log(size + 1.0) - log_beta(x + 1.0, size - x + 1.0);
    result[k] = std::exp(log_choose + x * std::log(p) + (size - x) * std::log1p(-p));
  }
  return result;
}

double probability(const Region& extreme, const Sizes& sizes, double p) {
  const std::vector<double> one = binomial(sizes.first, p);
  const std::vector<double> two = binomial(sizes.second, p);
  double total = 0.0;
  for (std::size_t i = 0; i < extreme.size(); ++i) {
    double row = 0.0;
    for (std::size_t j = 0; j < two.size(); ++j) {
      if (extreme[i][j]) row += two[j];
    }
    total += one[i] * row;
  }
  return total;
}

// The rate as a function of an angle: even steps of the angle are fine steps of the rate near 0 and 1.
double rate_at(double angle) {
  const double sine = std::sin(angle);
  return std::clamp(sine * sine, 1e-12, 1.0 - 1e-12);
}

double supremum(const Region& extreme, const Sizes& sizes) {
  constexpr int steps = 256;
  const double step = 0.5 * std::numbers::pi / steps;
  std::vector<double> values;
  for (int i = 0; i <= steps; ++i) values.push_back(probability(extreme, sizes, rate_at(step * i)));
  const auto top = std::max_element(values.begin(), values.end());
  double low = step * static_cast<double>(std::max<std::ptrdiff_t>(0, top - values.begin() - 1));
  double high = low + 2.0 * step;
  double best = *top;
  constexpr double golden = 0.618033988749894848;
  for (int i = 0; i < 30; ++i) {
    const double left = high - golden * (high - low);
    const double right = low + golden * (high - low);
    const double at_left = probability(extreme, sizes, rate_at(left));
    const double at_right = probability(extreme, sizes, rate_at(right));
    best = std::max({best, at_left, at_right});
    (at_left < at_right ? low : high) = at_left < at_right ? left : right;
  }
  return std::min(1.0, best);
}

// z as scipy writes it. Outcomes that tie but for rounding are told apart by it; it is the statistic all the
// same, and agreement is worth more here than the last bit.
double pooled_z(double x, double y, double n, double m) {
  const double p1 = x / n;
  const double p2 = y / m;
  if (p1 == p2) return 0.0;
  const double p = (x + y) / (n + m);
  return (p1 - p2) / std::sqrt(p * (1.0 - p) * (1.0 / n + 1.0 / m));
}

double fisher_p(double x, double y, double n, double m, Alternative alternative) {
  return fisher_exact({x, n - x, y, m - y}, alternative).p;
}

bool is_degenerate(const Proportion& first, const Proportion& second) {
  const double events = std::round(first.events) + std::round(second.events);
  const double total = std::round(first.total) + std::round(second.total);
  return std::round(first.total) <= 0.0 || std::round(second.total) <= 0.0 || events <= 0.0 ||
         events >= total;
}

Sizes sizes_of(const Proportion& first, const Proportion& second) {
  return {static_cast<std::size_t>(std::round(first.total)),
          static_cast<std::size_t>(std::round(second.total))};
}

}  // namespace

UnconditionalTest barnard(const Proportion& first, const Proportion& second, Alternative alternative) {
  UnconditionalTest test;
  test.degenerate = is_degenerate(first, second);
  if (test.degenerate) return test;
  const double n = std::round(first.total);
  const double m = std::round(second.total);
  const double observed = pooled_z(std::round(first.events), std::round(second.events), n, m);
  test.statistic = observed;
  const Region extreme = region(sizes_of(first, second), [&](double x, double y) {
    const double z = pooled_z(x, y, n, m);
    switch (alternative) {
      case Alternative::Less:
        return z <= observed;
      case Alternative::Greater:
        return z >= observed;
      case Alternative::TwoSided:
        break;
    }
    return std::abs(z) >= std::abs(observed);
  });
  test.p = supremum(extreme, sizes_of(first, second));
  return test;
}

UnconditionalTest boschloo(const Proportion& first, const Proportion& second, Alternative alternative) {
  if (alternative == Alternative::TwoSided) {
    const UnconditionalTest less = boschloo(first, second, Alternative::Less);
    const UnconditionalTest greater = boschloo(first, second, Alternative::Greater);
    UnconditionalTest smaller = less.p < greater.p ? less : greater;
    smaller.p = std::min(1.0, 2.0 * smaller.p);
    return smaller;
  }
  UnconditionalTest test;
  test.degenerate = is_degenerate(first, second);
  if (test.degenerate) return test;
  const double n = std::round(first.total);
  const double m = std::round(second.total);
  const double observed = fisher_p(std::round(first.events), std::round(second.events), n, m, alternative);
  test.statistic = observed;
  const Region extreme = region(sizes_of(first, second), [&](double x, double y) {
    return fisher_p(x, y, n, m, alternative) <= observed * (1.0 + 1e-10);
  });
  test.p = supremum(extreme, sizes_of(first, second));
  return test;
}

}  // namespace sluice::stats
