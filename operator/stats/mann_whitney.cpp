#include "stats/mann_whitney.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "stats/roots.h"

namespace sluice::stats {
namespace {

struct Bins {
  std::vector<double> first;
  std::vector<double> second;
};

// The samples as counts at their distinct values, ascending.
Bins bins_of(std::span<const double> first, std::span<const double> second, double shift = 0.0) {
  std::vector<std::pair<double, bool>> all;
  for (const double value : first) all.emplace_back(value - shift, true);
  for (const double value : second) all.emplace_back(value, false);
  std::sort(all.begin(), all.end());
  Bins bins;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i == 0 || all[i].first != all[i - 1].first) {
      bins.first.push_back(0.0);
      bins.second.push_back(0.0);
    }
    (all[i].second ? bins.first : bins.second).back() += 1.0;
  }
  return bins;
}

struct Ranked {
  double n1 = 0.0;
  double n2 = 0.0;
  double u = 0.0;
  double sd = 0.0;
};

Ranked rank(std::span<const double> first, std::span<const double> second) {
  Ranked ranked;
  double before = 0.0;
  double ranks = 0.0;
  double ties = 0.0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    const double both = first[i] + second[i];
    ranks += first[i] * (before + 0.5 * (both + 1.0));
    before += both;
    ties += both * both * both - both;
    ranked.n1 += first[i];
    ranked.n2 += second[i];
  }
  const double n = ranked.n1 + ranked.n2;
  ranked.u = ranks - 0.5 * ranked.n1 * (ranked.n1 + 1.0);
  if (n > 1.0) {
    const double variance = ranked.n1 * ranked.n2 / 12.0 * (n + 1.0 - ties / (n * (n - 1.0)));
    // One bin only leaves rounding of the size of n, nothing else.
    if (variance > 1e-12 * ranked.n1 * ranked.n2 * n) ranked.sd = std::sqrt(variance);
  }
  return ranked;
}

double correction(double deviation, bool continuity, Alternative alternative) {
  if (!continuity) return 0.0;
  switch (alternative) {
    case Alternative::Greater:
      return 0.5;
    case Alternative::Less:
      return -0.5;
    case Alternative::TwoSided:
      break;
  }
  return deviation == 0.0 ? 0.0 : std::copysign(0.5, deviation);
}

double effect_of(const Ranked& ranked) {
  return ranked.n1 > 0.0 && ranked.n2 > 0.0 ? ranked.u / (ranked.n1 * ranked.n2) : 0.5;
}

// How many subsets of `size` of the midranks have which sum of doubled midranks.
std::vector<double> subset_sums(const std::vector<std::size_t>& doubled_ranks, std::size_t size) {
  std::size_t total = 0;
  for (const std::size_t r : doubled_ranks) total += r;
  std::vector<std::vector<double>> ways(size + 1, std::vector<double>(total + 1, 0.0));
  ways[0][0] = 1.0;
  for (const std::size_t r : doubled_ranks) {
    for (std::size_t chosen = size; chosen > 0; --chosen) {
      for (std::size_t sum = total; sum + 1 > r; --sum) ways[chosen][sum] += ways[chosen - 1][sum - r];
    }
  }
  return ways[size];
}

}  // namespace

RankTest mann_whitney_binned(std::span<const double> first, std::span<const double> second, bool continuity,
                             Alternative alternative) {
  const Ranked ranked = rank(first, second);
  RankTest test;
  test.u = ranked.u;
  test.effect = effect_of(ranked);
  if (!(ranked.sd > 0.0)) return test;
  const double deviation = ranked.u - 0.5 * ranked.n1 * ranked.n2;
  test.z = (deviation - correction(deviation, continuity, alternative)) / ranked.sd;
  test.p = p_value(normal_tails(test.z), alternative);
  return test;
}

RankTest mann_whitney(std::span<const double> first, std::span<const double> second, bool continuity,
                      Alternative alternative) {
  const Bins bins = bins_of(first, second);
  return mann_whitney_binned(bins.first, bins.second, continuity, alternative);
}

RankTest mann_whitney_exact(std::span<const double> first, std::span<const double> second,
                            Alternative alternative) {
  const Bins bins = bins_of(first, second);
  const Ranked ranked = rank(bins.first, bins.second);
  RankTest test;
  test.u = ranked.u;
  test.effect = effect_of(ranked);
  if (first.empty() || second.empty()) return test;

  std::vector<std::size_t> doubled;
  double before = 0.0;
  for (std::size_t i = 0; i < bins.first.size(); ++i) {
    const double both = bins.first[i] + bins.second[i];
    doubled.insert(doubled.end(), static_cast<std::size_t>(both),
                   static_cast<std::size_t>(2.0 * before + both + 1.0));
    before += both;
  }
  const std::vector<double> ways = subset_sums(doubled, first.size());
  // In doubled ranks: U = (sum - n1 (n1 + 1)) / 2, so deviations from the mean are whole.
  const double centre = ranked.n1 * (ranked.n1 + ranked.n2 + 1.0);
  const double observed = std::round(2.0 * ranked.u + ranked.n1 * (ranked.n1 + 1.0)) - centre;
  double all = 0.0;
  double extreme = 0.0;
  for (std::size_t sum = 0; sum < ways.size(); ++sum) {
    const double deviation = static_cast<double>(sum) - centre;
    all += ways[sum];
    const bool counts = alternative == Alternative::Greater ? deviation >= observed
                        : alternative == Alternative::Less  ? deviation <= observed
                                                            : std::abs(deviation) >= std::abs(observed);
    if (counts) extreme += ways[sum];
  }
  test.p = p_value_from_log(std::log(extreme / all));
  return test;
}

ShiftInterval shift_interval(std::span<const double> first, std::span<const double> second, bool continuity,
                             double level) {
  ShiftInterval result;
  if (first.empty() || second.empty()) return result;
  const double least =
      *std::min_element(first.begin(), first.end()) - *std::max_element(second.begin(), second.end());
  const double most =
      *std::max_element(first.begin(), first.end()) - *std::min_element(second.begin(), second.end());
  const auto z_at = [&](double shift, bool corrected) {
    const Bins bins = bins_of(first, second, shift);
    const Ranked ranked = rank(bins.first, bins.second);
    const double deviation = ranked.u - 0.5 * ranked.n1 * ranked.n2;
    if (!(ranked.sd > 0.0)) return 0.0;
    return (deviation - correction(deviation, corrected, Alternative::TwoSided)) / ranked.sd;
  };
  constexpr double tolerance = 1e-4;
  const auto root = [&](double quantile, bool corrected) {
    if (z_at(least, corrected) - quantile <= 0.0) return least;
    if (z_at(most, corrected) - quantile >= 0.0) return most;
    return brent([&](double shift) { return z_at(shift, corrected) - quantile; }, least, most, tolerance);
  };
  const double quantile = two_sided_normal_quantile(level);
  result.interval = {root(quantile, continuity), root(-quantile, continuity)};
  result.estimate = root(0.0, false);
  return result;
}

}  // namespace sluice::stats
