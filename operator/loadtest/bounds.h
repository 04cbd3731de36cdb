// Confidence bounds for what a load test measures: pure numbers, no notion of a criterion.
//
// Requests of one load are not independent: a stall slows all that are under way. Counts are therefore divided by the
// dispersion of the windows (Pearson's chi2/df, at least 1), as a quasi-binomial model does. With a single window
// nothing is known of it, and it is 1.
//
// `Risk` holds the probability with which each end may be on the wrong side, one-sided, in (0, 0.5). Pure, no throw.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "loadtest/load_result.h"

namespace sluice::loadtest {

struct Risk {
  double low = 0.05;
  double high = 0.05;
};

// An end is infinite where the data do not bound it.
struct Bounds {
  double value = 0.0;
  double low = 0.0;
  double high = 0.0;
};

using Windows = std::vector<LoadWindow>;

// All windows' response times together, by time, without repeats.
std::vector<ResponseTimes> histogram(const Windows& windows);

// The smallest response time that a share `quantile` of the requests does not exceed; nothing without any.
std::optional<double> quantile_of(std::span<const ResponseTimes> times, double quantile);

// The same with what lies between the classes of the histogram filled in on a straight line: for trends, where steps
// of one class would hide them.
std::optional<double> smooth_quantile(std::span<const ResponseTimes> times, double quantile);

// Bounds of a quantile by order statistics: for a time t the count of requests within t, given F(t) = quantile, is
// binomial, once divided by the dispersion of the windows' shares beyond t. Nothing without response times.
std::optional<Bounds> quantile_bounds(const Windows& windows, double quantile, Risk risk);

// How far the first's quantile is above the second's, as a ratio: MOVER on the logarithm (Zou & Donner 2008,
// Statistics in Medicine 27:1693).
std::optional<Bounds> quantile_ratio(const Windows& first, const Windows& second, double quantile, Risk risk);

// Failed requests among all (Clopper-Pearson). Nothing without requests.
std::optional<Bounds> failure_bounds(const Windows& windows, Risk risk);

// Requests made over requests asked for. Nothing when none were asked for.
std::optional<Bounds> reached_share(const Windows& windows, Risk risk);

// Requests that did not fail, a second. Nothing without windows.
std::optional<Bounds> good_rate(const Windows& windows, Risk risk);

// Bounds of a share of counts that are divided by `dispersion`.
Bounds share_bounds(double events, double total, double dispersion, Risk risk);

struct Point {
  double at = 0.0;  // seconds
  double value = 0.0;
};

// Growth from the first to the last point as a share of the value at the first: Theil-Sen slope, bounds of Sen (1968)
// with Kendall's variance, widened by (1 + r)/(1 - r) for residuals with lag-1 autocorrelation r > 0. Nothing with
// fewer than kLeastPoints points or without a positive value at the first.
inline constexpr std::size_t kLeastPoints = 8;
std::optional<Bounds> growth(const std::vector<Point>& points, Risk risk);

}  // namespace sluice::loadtest
