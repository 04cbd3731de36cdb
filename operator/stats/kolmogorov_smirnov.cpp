#include "stats/kolmogorov_smirnov.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace sluice::stats {
namespace {

// Both samples in one ascending row: which sample, and whether the next value differs.
struct Merged {
  std::vector<bool> from_first;
  std::vector<bool> last_of_ties;
};

Merged merge(std::span<const double> first, std::span<const double> second) {
  std::vector<std::pair<double, bool>> all;
  for (const double value : first) all.emplace_back(value, true);
  for (const double value : second) all.emplace_back(value, false);
  std::sort(all.begin(), all.end());
  Merged merged;
  for (std::size_t i = 0; i < all.size(); ++i) {
    merged.from_first.push_back(all[i].second);
    merged.last_of_ties.push_back(i + 1 == all.size() || all[i].first != all[i + 1].first);
  }
  return merged;
}

double directed(double difference, Alternative alternative) {
  switch (alternative) {
    case Alternative::Greater:
      return difference;
    case Alternative::Less:
      return -difference;
    case Alternative::TwoSided:
      break;
  }
  return std::abs(difference);
}

// P(D_n < d): an element of the n-th power of a matrix of order 2k - 1, scaled to stay within doubles.
double marsaglia_tsang_wang(std::size_t n, double d) {
  const double nd = static_cast<double>(n) * d;
  const std::size_t k = static_cast<std::size_t>(nd) + 1;
  const std::size_t m = 2 * k - 1;
  const double h = static_cast<double>(k) - nd;
  using Matrix = std::vector<double>;
  Matrix base(m * m, 0.0);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < m; ++j) base[i * m + j] = i + 1 >= j ? 1.0 : 0.0;
  }
  for (std::size_t i = 0; i < m; ++i) {
    base[i * m] -= std::pow(h, static_cast<double>(i + 1));
    base[(m - 1) * m + i] -= std::pow(h, static_cast<double>(m - i));
  }
  if (2.0 * h - 1.0 > 0.0) base[(m - 1) * m] += std::pow(2.0 * h - 1.0, static_cast<double>(m));
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j <= i; ++j) base[i * m + j] /= std::tgamma(static_cast<double>(i - j + 2));
  }
  const auto multiply = [m](const Matrix& a, const Matrix& b) {
    Matrix c(m * m, 0.0);
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t l = 0; l < m; ++l) {
        const double factor = a[i * m + l];
        for (std::size_t j = 0; j < m; ++j) c[i * m + j] += factor * b[l * m + j];
      }
    }
    return c;
  };
  // Power by squaring; `scale` is the power of ten taken out.
  const auto rescale = [&](Matrix& a, double& scale) {
    if (a[(k - 1) * m + k - 1] > 1e140) {
      for (double& value : a) value *= 1e-140;
      scale += 140.0;
    }
  };
  Matrix power(m * m, 0.0);
  for (std::size_t i = 0; i < m; ++i) power[i * m + i] = 1.0;
  double power_scale = 0.0;
  double base_scale = 0.0;
  for (std::size_t rest = n; rest > 0; rest /= 2) {
    if (rest % 2 == 1) {
      power = multiply(power, base);
      power_scale += base_scale;
      rescale(power, power_scale);
    }
    base = multiply(base, base);
    base_scale *= 2.0;
    rescale(base, base_scale);
  }
  // Times n!/n^n.
  double result = power[(k - 1) * m + k - 1];
  for (std::size_t i = 1; i <= n; ++i) {
    result *= static_cast<double>(i) / static_cast<double>(n);
    if (result < 1e-140) {
      result *= 1e140;
      power_scale -= 140.0;
    }
  }
  return result * std::pow(10.0, power_scale);
}

}  // namespace

double ks_distance(std::span<const double> first, std::span<const double> second, Alternative alternative) {
  if (first.empty() || second.empty()) return 0.0;
  const Merged merged = merge(first, second);
  double below_first = 0.0;
  double below_second = 0.0;
  double distance = 0.0;
  for (std::size_t i = 0; i < merged.from_first.size(); ++i) {
    (merged.from_first[i] ? below_first : below_second) += 1.0;
    if (!merged.last_of_ties[i]) continue;
    const double difference =
        below_first / static_cast<double>(first.size()) - below_second / static_cast<double>(second.size());
    distance = std::max(distance, directed(difference, alternative));
  }
  return distance;
}

PValue ks_exact(std::span<const double> first, std::span<const double> second, Alternative alternative,
                bool ignore_ties) {
  if (first.empty() || second.empty()) return {};
  const std::size_t n = first.size();
  const std::size_t m = second.size();
  const double n1 = static_cast<double>(n);
  const double n2 = static_cast<double>(m);
  const Merged merged = merge(first, second);
  // Distances are multiples of 1/(n1 n2): half a unit of slack is exact.
  const double limit = ks_distance(first, second, alternative) * n1 * n2 - 0.5;
  // hit[j]: given that the path is at (i, j), the probability that it was that far away at some point. Of the
  // paths to (i, j) a share i/(i+j) comes from (i-1, j).
  std::vector<double> hit(m + 1, 0.0);
  for (std::size_t i = 0; i <= n; ++i) {
    for (std::size_t j = 0; j <= m; ++j) {
      const double x = static_cast<double>(i);
      const double y = static_cast<double>(j);
      const bool distinct = i + j == 0 || ignore_ties || merged.last_of_ties[i + j - 1];
      if (distinct && directed(x * n2 - y * n1, alternative) > limit) {
        hit[j] = 1.0;
      } else if (i + j == 0) {
        hit[j] = 0.0;
      } else {
        const double from_left = i > 0 ? x / (x + y) * hit[j] : 0.0;
        hit[j] = from_left + (j > 0 ? y / (x + y) * hit[j - 1] : 0.0);
      }
    }
  }
  return p_value_from_log(std::log(hit[m]));
}

double log_kolmogorov_upper(double l) {
  if (l <= 0.0) return 0.0;
  constexpr double crossover = 1.18;
  if (l < crossover) {
    double sum = 0.0;
    for (int k = 1; k < 40; k += 2)
      sum += std::exp(-k * k * std::numbers::pi * std::numbers::pi / (8.0 * l * l));
    return std::log1p(-std::sqrt(2.0 * std::numbers::pi) / l * sum);
  }
  // exp(-2 l^2) taken out of the alternating series.
  double rest = 0.0;
  for (int k = 2; k < 20; ++k) rest += (k % 2 == 0 ? -1.0 : 1.0) * std::exp(-2.0 * (k * k - 1.0) * l * l);
  return std::numbers::ln2 - 2.0 * l * l + std::log1p(rest);
}

PValue ks_asymptotic(double distance, double n1, double n2, Alternative alternative) {
  if (!(n1 > 0.0) || !(n2 > 0.0)) return {};
  const double effective = n1 * n2 / (n1 + n2);
  if (alternative == Alternative::TwoSided) {
    return p_value_from_log(log_kolmogorov_upper(std::sqrt(effective) * distance));
  }
  return p_value_from_log(-2.0 * effective * distance * distance);
}

PValue ks_one_sided_hodges(double distance, double n1, double n2) {
  if (!(n1 > 0.0) || !(n2 > 0.0)) return {};
  const double larger = std::max(n1, n2);
  const double smaller = std::min(n1, n2);
  const double z = std::sqrt(n1 * n2 / (n1 + n2)) * distance;
  const double skew = (larger + 2.0 * smaller) / std::sqrt(n1 * n2 * (n1 + n2));
  return p_value_from_log(-2.0 * z * z - 2.0 * z * skew / 3.0);
}

double kolmogorov_upper(double n, double d) {
  if (d >= 1.0) return 0.0;
  if (2.0 * n * d <= 1.0) return 1.0;
  constexpr double largest_exact = 3000.0;
  if (n > largest_exact) {
    const double root = std::sqrt(n);
    return std::exp(log_kolmogorov_upper(root * d + 1.0 / (6.0 * root)));
  }
  return std::clamp(1.0 - marsaglia_tsang_wang(static_cast<std::size_t>(n), d), 0.0, 1.0);
}

BinnedKs ks_binned(std::span<const double> first, std::span<const double> second) {
  double n1 = 0.0;
  double n2 = 0.0;
  for (const double count : first) n1 += count;
  for (const double count : second) n2 += count;
  BinnedKs result;
  if (!(n1 > 0.0) || !(n2 > 0.0)) return result;
  double below_first = 0.0;
  double below_second = 0.0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    below_first += first[i];
    below_second += second[i];
    result.distance = std::max(result.distance, std::abs(below_first / n1 - below_second / n2));
  }
  result.effective_size = n1 * n2 / (n1 + n2);
  result.p = ks_asymptotic(result.distance, n1, n2, Alternative::TwoSided);
  return result;
}

}  // namespace sluice::stats
