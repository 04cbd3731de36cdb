#include "stats/p_adjust.h"

#include <algorithm>
#include <numeric>

namespace sluice::stats {
namespace {

double count(std::size_t n) {
  return static_cast<double>(n);
}

// All take ascending p-values.
void holm(std::vector<double>& p) {
  double largest = 0.0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    largest = std::max(largest, count(p.size() - i) * p[i]);
    p[i] = std::min(1.0, largest);
  }
}

// Step-up: the running minimum from the largest p down of factor(i) * p.
template <class Factor>
void step_up(std::vector<double>& p, const Factor& factor) {
  double smallest = 1.0;
  for (std::size_t i = p.size(); i-- > 0;) {
    smallest = std::min(smallest, factor(i) * p[i]);
    p[i] = smallest;
  }
}

// Hommel (1988) in the form of Wright (1992).
void hommel(std::vector<double>& p) {
  const std::size_t n = p.size();
  double start = 1.0;
  for (std::size_t i = 0; i < n; ++i) start = std::min(start, count(n) * p[i] / count(i + 1));
  std::vector<double> adjusted(n, start);
  std::vector<double> q(n, start);
  for (std::size_t m = n - 1; m >= 2; --m) {
    const std::size_t split = n - m;  // the first split + 1 stay, the last m - 1 decide
    double least = count(m) * p[split + 1] / 2.0;
    for (std::size_t j = 2; j < m; ++j) least = std::min(least, count(m) * p[split + j] / count(j + 1));
    for (std::size_t i = 0; i <= split; ++i) q[i] = std::min(count(m) * p[i], least);
    for (std::size_t i = split + 1; i < n; ++i) q[i] = q[split];
    for (std::size_t i = 0; i < n; ++i) adjusted[i] = std::max(adjusted[i], q[i]);
  }
  for (std::size_t i = 0; i < n; ++i) p[i] = std::min(1.0, std::max(adjusted[i], p[i]));
}

}  // namespace

std::vector<double> adjust(std::span<const double> p_values, Adjustment method) {
  const std::size_t n = p_values.size();
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return p_values[a] < p_values[b]; });
  std::vector<double> sorted(n);
  for (std::size_t i = 0; i < n; ++i) sorted[i] = p_values[order[i]];
  if (n > 1) {
    double harmonic = 0.0;
    for (std::size_t i = 1; i <= n; ++i) harmonic += 1.0 / count(i);
    switch (method) {
      case Adjustment::Bonferroni:
        for (double& p : sorted) p = std::min(1.0, count(n) * p);
        break;
      case Adjustment::Holm:
        holm(sorted);
        break;
      case Adjustment::Hochberg:
        step_up(sorted, [n](std::size_t i) { return count(n - i); });
        break;
      case Adjustment::Hommel:
        hommel(sorted);
        break;
      case Adjustment::BenjaminiHochberg:
        step_up(sorted, [n](std::size_t i) { return count(n) / count(i + 1); });
        break;
      case Adjustment::BenjaminiYekutieli:
        step_up(sorted, [n, harmonic](std::size_t i) { return harmonic * count(n) / count(i + 1); });
        break;
    }
  }
  std::vector<double> result(n);
  for (std::size_t i = 0; i < n; ++i) result[order[i]] = sorted[i];
  return result;
}

}  // namespace sluice::stats
