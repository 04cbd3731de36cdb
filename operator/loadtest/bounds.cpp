#include "loadtest/bounds.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "stats/proportions.h"
#include "stats/tails.h"

namespace sluice::loadtest {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double count_of(std::span<const ResponseTimes> times) {
  double sum = 0.0;
  for (const ResponseTimes& entry : times) sum += static_cast<double>(entry.count);
  return sum;
}

double slower_than(const LoadWindow& window, double seconds) {
  double sum = 0.0;
  for (const ResponseTimes& entry : window.response_times) {
    if (entry.seconds > seconds) sum += static_cast<double>(entry.count);
  }
  return sum;
}

// A window's share of something, with the rate that it ran at: windows of one rate are expected to agree.
struct Share {
  double rate;
  double events;
  double total;
};

// Pearson's chi2/df of the windows around the share of all windows of their rate, at least 1. Rates at which nothing
// or everything happened say nothing about scatter.
double dispersion(std::vector<Share> shares) {
  std::stable_sort(shares.begin(), shares.end(), [](const Share& a, const Share& b) { return a.rate < b.rate; });
  double chi_square = 0.0;
  double degrees = 0.0;
  for (std::size_t begin = 0; begin < shares.size();) {
    std::size_t end = begin;
    double events = 0.0;
    double total = 0.0;
    double windows = 0.0;
    for (; end < shares.size() && shares[end].rate == shares[begin].rate; ++end) {
      events += shares[end].events;
      total += shares[end].total;
      windows += shares[end].total > 0.0 ? 1.0 : 0.0;
    }
    const double share = total > 0.0 ? events / total : 0.0;
    if (share > 0.0 && share < 1.0) {
      degrees += windows - 1.0;
      for (std::size_t i = begin; i < end; ++i) {
        if (shares[i].total <= 0.0) continue;
        const double beyond = shares[i].events - shares[i].total * share;
        chi_square += beyond * beyond / (shares[i].total * share * (1.0 - share));
      }
    }
    begin = end;
  }
  return degrees > 0.0 ? std::max(1.0, chi_square / degrees) : 1.0;
}

// The rate of all windows together, where `counts` says what is counted and `expected` what it is divided by:
// Student's bound over windows, Poisson's with fewer than three.
Bounds ratio_bounds(const std::vector<double>& counts, const std::vector<double>& expected, Risk risk) {
  double sum = 0.0;
  double whole = 0.0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    sum += counts[i];
    whole += expected[i];
  }
  const double ratio = sum / whole;
  if (counts.size() < 3) {
    const double low = sum > 0.0 ? 0.5 * stats::chi_squared_upper_quantile(1.0 - risk.low, 2.0 * sum) : 0.0;
    const double high = 0.5 * stats::chi_squared_upper_quantile(risk.high, 2.0 * sum + 2.0);
    return {ratio, low / whole, high / whole};
  }
  double squares = 0.0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double beyond = counts[i] - ratio * expected[i];
    squares += beyond * beyond;
  }
  const double windows = static_cast<double>(counts.size());
  const double error = std::sqrt(squares * windows / (windows - 1.0)) / whole;
  return {ratio, std::max(0.0, ratio - error * stats::student_upper_quantile(risk.low, windows - 1.0)),
          ratio + error * stats::student_upper_quantile(risk.high, windows - 1.0)};
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return 0.5 * (*middle + *std::max_element(values.begin(), middle));
}

// Residuals around the line of `slope`, less their median.
std::vector<double> residuals(const std::vector<Point>& points, double slope) {
  std::vector<double> rest;
  for (const Point& point : points) rest.push_back(point.value - slope * (point.at - points.front().at));
  const double middle = median(rest);
  for (double& value : rest) value -= middle;
  return rest;
}

// How much wider the bounds must be: the sample estimate of r is too low by about (1 + 3 r)/n (Kendall 1954).
double widening(const std::vector<double>& rest) {
  double squares = 0.0;
  double products = 0.0;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    squares += rest[i] * rest[i];
    if (i > 0) products += rest[i] * rest[i - 1];
  }
  if (squares <= 0.0) return 1.0;
  const double r = products / squares;
  const double corrected = std::clamp(r + (1.0 + 3.0 * r) / static_cast<double>(rest.size()), 0.0, 0.95);
  return (1.0 + corrected) / (1.0 - corrected);
}

}  // namespace

std::vector<ResponseTimes> histogram(const Windows& windows) {
  std::vector<ResponseTimes> all;
  for (const LoadWindow& window : windows) {
    all.insert(all.end(), window.response_times.begin(), window.response_times.end());
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.seconds < b.seconds; });
  std::vector<ResponseTimes> out;
  for (const ResponseTimes& entry : all) {
    if (!out.empty() && out.back().seconds == entry.seconds) {
      out.back().count += entry.count;
    } else {
      out.push_back(entry);
    }
  }
  return out;
}

std::optional<double> quantile_of(std::span<const ResponseTimes> times, double quantile) {
  const double wanted = quantile * count_of(times);
  double within = 0.0;
  for (const ResponseTimes& entry : times) {
    within += static_cast<double>(entry.count);
    if (within >= wanted) return entry.seconds;
  }
  if (times.empty()) return std::nullopt;
  return times.back().seconds;
}

std::optional<double> smooth_quantile(std::span<const ResponseTimes> times, double quantile) {
  const double wanted = quantile * count_of(times);
  double below = 0.0;
  double last_rank = 0.0;
  double last = times.empty() ? 0.0 : times.front().seconds;
  for (const ResponseTimes& entry : times) {
    const double rank = below + 0.5 * static_cast<double>(entry.count);  // a class stands for the middle of its ranks
    if (rank >= wanted) {
      const double part = rank > last_rank ? (wanted - last_rank) / (rank - last_rank) : 1.0;
      return last + std::clamp(part, 0.0, 1.0) * (entry.seconds - last);
    }
    below += static_cast<double>(entry.count);
    last_rank = rank;
    last = entry.seconds;
  }
  if (times.empty()) return std::nullopt;
  return times.back().seconds;
}

std::optional<Bounds> quantile_bounds(const Windows& windows, double quantile, Risk risk) {
  const std::vector<ResponseTimes> times = histogram(windows);
  const auto value = quantile_of(times, quantile);
  if (!value) return std::nullopt;
  // What the windows say of one time: how likely as few, or as many, requests within it are if it is the quantile.
  // They scatter around the share of that time, not of the quantile: where no window has slow requests there is no
  // scatter, however different the windows are below. Both ends are found by halving: a tool may write many classes.
  const auto tails = [&](const ResponseTimes& entry) {
    std::vector<Share> slow;
    double within = 0.0;
    double total = 0.0;
    for (const LoadWindow& window : windows) {
      slow.push_back({window.asked_rate, slower_than(window, entry.seconds), count_of(window.response_times)});
      total += slow.back().total;
      within += slow.back().total - slow.back().events;
    }
    const double phi = dispersion(std::move(slow));
    return stats::binomial_tails(within / phi, total / phi, quantile);
  };
  const auto below = std::partition_point(times.begin(), times.end(), [&](const ResponseTimes& entry) {
    return tails(entry).lower <= std::log(risk.low);
  });
  const auto above = std::partition_point(times.begin(), times.end(), [&](const ResponseTimes& entry) {
    return tails(entry).upper > std::log(risk.high);
  });
  return Bounds{*value, below == times.end() ? times.back().seconds : below->seconds,
                above == times.end() ? kInfinity : above->seconds};
}

std::optional<Bounds> quantile_ratio(const Windows& first, const Windows& second, double quantile, Risk risk) {
  const auto a = quantile_bounds(first, quantile, risk);
  const auto b = quantile_bounds(second, quantile, {risk.high, risk.low});
  if (!a || !b) return std::nullopt;
  const auto log_of = [](double seconds) { return std::log(std::max(seconds, 1e-6)); };
  const double ratio = log_of(a->value) - log_of(b->value);
  const double down = std::hypot(log_of(a->value) - log_of(a->low), log_of(b->high) - log_of(b->value));
  const double up = std::hypot(log_of(a->high) - log_of(a->value), log_of(b->value) - log_of(b->low));
  return Bounds{std::exp(ratio), std::exp(ratio - down), std::exp(ratio + up)};
}

Bounds share_bounds(double events, double total, double dispersion, Risk risk) {
  const stats::Proportion share{events / dispersion, total / dispersion};
  return {share.rate(), stats::clopper_pearson_interval(share, 1.0 - 2.0 * risk.low).lower,
          stats::clopper_pearson_interval(share, 1.0 - 2.0 * risk.high).upper};
}

std::optional<Bounds> failure_bounds(const Windows& windows, Risk risk) {
  std::vector<Share> shares;
  double events = 0.0;
  double total = 0.0;
  for (const LoadWindow& window : windows) {
    shares.push_back({window.asked_rate, static_cast<double>(window.failures), static_cast<double>(window.requests)});
    events += shares.back().events;
    total += shares.back().total;
  }
  if (total <= 0.0) return std::nullopt;
  return share_bounds(events, total, dispersion(std::move(shares)), risk);
}

std::optional<Bounds> reached_share(const Windows& windows, Risk risk) {
  std::vector<double> made;
  std::vector<double> asked;
  for (const LoadWindow& window : windows) {
    if (window.asked_rate <= 0.0) continue;
    made.push_back(static_cast<double>(window.requests));
    asked.push_back(window.asked_rate * static_cast<double>(window.length.count()) / 1000.0);
  }
  if (made.empty()) return std::nullopt;
  return ratio_bounds(made, asked, risk);
}

std::optional<Bounds> good_rate(const Windows& windows, Risk risk) {
  std::vector<double> good;
  std::vector<double> time;
  for (const LoadWindow& window : windows) {
    good.push_back(static_cast<double>(window.requests - window.failures));
    time.push_back(static_cast<double>(window.length.count()) / 1000.0);
  }
  if (good.empty()) return std::nullopt;
  return ratio_bounds(good, time, risk);
}

std::optional<Bounds> growth(const std::vector<Point>& points, Risk risk) {
  if (points.size() < kLeastPoints || !(points.back().at > points.front().at)) return std::nullopt;
  std::vector<double> slopes;
  for (std::size_t i = 0; i < points.size(); ++i) {
    for (std::size_t j = i + 1; j < points.size(); ++j) {
      if (points[j].at > points[i].at) {
        slopes.push_back((points[j].value - points[i].value) / (points[j].at - points[i].at));
      }
    }
  }
  std::sort(slopes.begin(), slopes.end());
  const double slope = median(slopes);
  const double n = static_cast<double>(points.size());
  const double error = std::sqrt(n * (n - 1.0) * (2.0 * n + 5.0) / 18.0 * widening(residuals(points, slope)));
  const double pairs = static_cast<double>(slopes.size());
  const double span = points.back().at - points.front().at;
  const auto share = [&](double steepness) {
    std::vector<double> starts;
    for (const Point& point : points) starts.push_back(point.value - steepness * (point.at - points.front().at));
    const double start = median(std::move(starts));
    return start > 0.0 ? steepness * span / start : kInfinity;
  };
  const auto at_rank = [&](double rank, double beyond) {
    if (rank < 0.0 || rank > pairs - 1.0) return beyond;
    return share(slopes[static_cast<std::size_t>(rank)]);
  };
  const double value = share(slope);
  if (!std::isfinite(value)) return std::nullopt;
  const double down = 0.5 * (pairs - stats::normal_upper_quantile(risk.low) * error);
  const double up = 0.5 * (pairs + stats::normal_upper_quantile(risk.high) * error);
  return Bounds{value, at_rank(std::floor(down) - 1.0, -kInfinity), at_rank(std::ceil(up), kInfinity)};
}

}  // namespace sluice::loadtest
