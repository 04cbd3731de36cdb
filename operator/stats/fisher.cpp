#include "stats/fisher.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "stats/log_space.h"
#include "stats/roots.h"

namespace sluice::stats {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// The hypergeometric distribution of the candidate's events, given the margins of a table.
class Hypergeometric {
 public:
  explicit Hypergeometric(const Table& table) {
    const double a = std::round(table.candidate_events);
    const double b = std::round(table.candidate_rest);
    const double c = std::round(table.stable_events);
    const double d = std::round(table.stable_rest);
    least_ = std::max(0.0, a - d);
    const double most = std::min(a + b, a + c);
    at_ = static_cast<std::size_t>(a - least_);
    // Ratios of neighbouring probabilities are exact, so no factorial is needed.
    logs_.push_back(0.0);
    for (double x = least_; x < most; x += 1.0) {
      logs_.push_back(logs_.back() + std::log((a + b - x) * (a + c - x) / ((x + 1.0) * (d - a + x + 1.0))));
    }
    const double total = log_sum_exp(logs_);
    for (double& value : logs_) value -= total;
  }

  std::size_t observed() const { return at_; }
  std::size_t last() const { return logs_.size() - 1; }
  double least() const { return least_; }
  const std::vector<double>& logs() const { return logs_; }

  // Probabilities under an odds ratio in [0, infinity).
  std::vector<double> tilted(double odds) const {
    std::vector<double> result(logs_.size());
    if (odds <= 0.0) {
      result[0] = 1.0;
      return result;
    }
    const double log_odds = std::log(odds);
    double largest = log_zero;
    for (std::size_t i = 0; i < result.size(); ++i) {
      result[i] = logs_[i] + log_odds * (least_ + static_cast<double>(i));
      largest = std::max(largest, result[i]);
    }
    double total = 0.0;
    for (double& value : result) total += value = std::exp(value - largest);
    for (double& value : result) value /= total;
    return result;
  }

 private:
  double least_ = 0.0;
  std::size_t at_ = 0;
  std::vector<double> logs_;
};

double sum_up_to(const std::vector<double>& logs, std::size_t last) {
  return log_sum_exp(std::span(logs).first(last + 1));
}

double sum_from(const std::vector<double>& logs, std::size_t first) {
  return log_sum_exp(std::span(logs).subspan(first));
}

double two_sided(const Hypergeometric& distribution) {
  const double limit = distribution.logs()[distribution.observed()] + std::log1p(1e-7);
  std::vector<double> kept;
  for (const double value : distribution.logs()) {
    if (value <= limit) kept.push_back(value);
  }
  return log_sum_exp(kept);
}

// The odds ratio at which a function that is monotone in it crosses 0. Odds above 1 are searched for as their
// inverse, so that all lie in (0, 1], and to the tolerance of R's uniroot, eps^(1/4): R's fisher.test gives
// four digits, and so does this, the same ones.
template <class Function>
double odds_at_root(const Function& function) {
  const double tolerance = std::pow(std::numeric_limits<double>::epsilon(), 0.25);
  const double at_one = function(1.0);
  if (at_one == 0.0) return 1.0;
  if ((at_one > 0.0) != (function(0.0) > 0.0)) return brent(function, 0.0, 1.0, tolerance);
  return 1.0 / brent([&](double inverse) { return function(1.0 / inverse); },
                     std::numeric_limits<double>::epsilon(), 1.0, tolerance);
}

}  // namespace

PValue fisher_exact(const Table& table, Alternative alternative) {
  const Hypergeometric distribution(table);
  const std::size_t at = distribution.observed();
  if (alternative == Alternative::TwoSided) return p_value_from_log(two_sided(distribution));
  const double tail = alternative == Alternative::Less ? sum_up_to(distribution.logs(), at)
                                                       : sum_from(distribution.logs(), at);
  // Near 1 the other tail is the exact one.
  if (tail > -0.1) {
    const double rest = alternative == Alternative::Less
                            ? (at < distribution.last() ? sum_from(distribution.logs(), at + 1) : log_zero)
                            : (at > 0 ? sum_up_to(distribution.logs(), at - 1) : log_zero);
    return p_value_from_log(log_one_minus_exp(rest));
  }
  return p_value_from_log(tail);
}

OddsRatio conditional_odds_ratio(const Table& table, double level, Alternative alternative) {
  const Hypergeometric distribution(table);
  const std::size_t at = distribution.observed();
  const std::size_t last = distribution.last();
  OddsRatio result;
  result.interval = {0.0, infinity};
  if (last == 0) return result;

  if (at == 0) {
    result.estimate = 0.0;
  } else if (at == last) {
    result.estimate = infinity;
  } else {
    result.estimate = odds_at_root([&](double odds) {
      const std::vector<double> weights = distribution.tilted(odds);
      double mean = 0.0;
      for (std::size_t i = 0; i < weights.size(); ++i) {
        mean += (distribution.least() + static_cast<double>(i)) * weights[i];
      }
      return mean - (distribution.least() + static_cast<double>(at));
    });
  }

  const double tail = (1.0 - level) * (alternative == Alternative::TwoSided ? 0.5 : 1.0);
  const auto between = [&](double odds, std::size_t first, std::size_t end) {
    const std::vector<double> weights = distribution.tilted(odds);
    double sum = 0.0;
    for (std::size_t i = first; i < end; ++i) sum += weights[i];
    return sum;
  };
  if (alternative != Alternative::Less && at > 0) {
    result.interval.lower = odds_at_root([&](double odds) { return between(odds, at, last + 1) - tail; });
  }
  if (alternative != Alternative::Greater && at < last) {
    result.interval.upper = odds_at_root([&](double odds) { return between(odds, 0, at + 1) - tail; });
  }
  return result;
}

}  // namespace sluice::stats
