#include "stats/categorical.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace sluice::stats {
namespace {

double total_of(std::span<const double> counts) {
  return std::accumulate(counts.begin(), counts.end(), 0.0);
}

void add_cell(ChiSquare& result, double observed, double expected) {
  const double excess = observed - expected;
  result.statistic += excess * excess / expected;
  if (observed > 0.0) result.likelihood_ratio += 2.0 * observed * std::log(observed / expected);
}

void finish(ChiSquare& result, double classes) {
  result.degrees = std::max(0.0, classes - 1.0);
  if (result.degrees <= 0.0) {
    result = ChiSquare{};
    return;
  }
  result.likelihood_ratio = std::max(0.0, result.likelihood_ratio);
  result.p = p_value_from_log(log_chi_squared_upper(result.statistic, result.degrees));
  result.likelihood_ratio_p =
      p_value_from_log(log_chi_squared_upper(result.likelihood_ratio, result.degrees));
}

}  // namespace

ChiSquare goodness_of_fit(std::span<const double> observed, std::span<const double> weights) {
  ChiSquare result;
  const double total = total_of(observed);
  const double weight = total_of(weights);
  if (!(total > 0.0) || !(weight > 0.0)) return result;
  double classes = 0.0;
  for (std::size_t i = 0; i < observed.size(); ++i) {
    const double expected = total * weights[i] / weight;
    if (expected > 0.0) {
      classes += 1.0;
      add_cell(result, observed[i], expected);
    } else if (observed[i] > 0.0) {
      constexpr double infinity = std::numeric_limits<double>::infinity();
      return {infinity, 1.0, {0.0, -infinity}, infinity, {0.0, -infinity}, 0.0};
    }
  }
  finish(result, classes);
  return result;
}

ChiSquare homogeneity(std::span<const double> first, std::span<const double> second) {
  ChiSquare result;
  const double n1 = total_of(first);
  const double n2 = total_of(second);
  if (!(n1 > 0.0) || !(n2 > 0.0)) return result;
  const double share = n1 / (n1 + n2);
  double classes = 0.0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    const double both = first[i] + second[i];
    if (!(both > 0.0)) continue;
    classes += 1.0;
    add_cell(result, first[i], both * share);
    add_cell(result, second[i], both * (1.0 - share));
  }
  result.cramers_v = std::sqrt(result.statistic / (n1 + n2));
  finish(result, classes);
  return result;
}

StabilityIndex stability_index(std::span<const double> first, std::span<const double> second, double floor,
                               double level) {
  StabilityIndex result;
  const double n1 = total_of(first);
  const double n2 = total_of(second);
  if (!(n1 > 0.0) || !(n2 > 0.0) || first.size() < 2) return result;
  for (std::size_t i = 0; i < first.size(); ++i) {
    const double a = std::max(first[i] / n1, floor);
    const double b = std::max(second[i] / n2, floor);
    if (a > 0.0 && b > 0.0) result.value += (a - b) * std::log(a / b);
  }
  const double degrees = static_cast<double>(first.size()) - 1.0;
  const double scale = 1.0 / n1 + 1.0 / n2;
  result.critical = scale * chi_squared_upper_quantile(1.0 - level, degrees);
  result.p = p_value_from_log(log_chi_squared_upper(result.value / scale, degrees));
  return result;
}

double jensen_shannon_divergence(std::span<const double> first, std::span<const double> second) {
  const double n1 = total_of(first);
  const double n2 = total_of(second);
  if (!(n1 > 0.0) || !(n2 > 0.0)) return 0.0;
  double divergence = 0.0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    const double a = first[i] / n1;
    const double b = second[i] / n2;
    const double middle = 0.5 * (a + b);
    if (a > 0.0) divergence += 0.5 * a * std::log2(a / middle);
    if (b > 0.0) divergence += 0.5 * b * std::log2(b / middle);
  }
  return std::clamp(divergence, 0.0, 1.0);
}

Proportion share_from(std::span<const double> counts, std::size_t edge) {
  return {total_of(counts.subspan(std::min(edge, counts.size()))), total_of(counts)};
}

}  // namespace sluice::stats
