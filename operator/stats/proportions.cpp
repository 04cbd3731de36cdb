#include "stats/proportions.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sluice::stats {
namespace {

struct Restricted {
  double first;
  double second;
};

// The likeliest rates with p_1 - p_2 = d (Farrington & Manning 1990): the root of a cubic.
Restricted restricted_by_difference(const Proportion& first, const Proportion& second, double d) {
  const double theta = second.total / first.total;
  const double p1 = first.rate();
  const double p2 = second.rate();
  const double a = 1.0 + theta;
  const double b = -(1.0 + theta + p1 + theta * p2 + d * (theta + 2.0));
  const double c = d * d + d * (2.0 * p1 + theta + 1.0) + p1 + theta * p2;
  const double g = -p1 * d * (1.0 + d);
  const double third = b / (3.0 * a);
  const double v = third * third * third - b * c / (6.0 * a * a) + g / (2.0 * a);
  const double u = std::copysign(std::sqrt(std::max(0.0, third * third - c / (3.0 * a))), v);
  const double cosine = u != 0.0 ? std::clamp(v / (u * u * u), -1.0, 1.0) : 0.0;
  const double w = (std::numbers::pi + std::acos(cosine)) / 3.0;
  const double rate = std::clamp(2.0 * u * std::cos(w) - third, std::max(0.0, d), std::min(1.0, 1.0 + d));
  return {rate, rate - d};
}

// The likeliest rates with p_1 = ratio * p_2: the smaller root of a quadratic.
Restricted restricted_by_ratio(const Proportion& first, const Proportion& second, double ratio) {
  const double a = (first.total + second.total) * ratio;
  const double b = -(first.total * ratio + first.events + second.total + second.events * ratio);
  const double c = first.events + second.events;
  const double root = std::sqrt(std::max(0.0, b * b - 4.0 * a * c));
  const double rate = 2.0 * c / (root - b);  // the stable form: -b > 0
  return {ratio * rate, rate};
}

double spread(double rate, double total) {
  return rate * (1.0 - rate) / total;
}

ProportionTest test_of(double excess, double variance, Alternative alternative, const Restricted& rates) {
  ProportionTest test;
  test.first_restricted = rates.first;
  test.second_restricted = rates.second;
  if (!(variance > 0.0)) return test;
  test.z = excess / std::sqrt(variance);
  test.p = p_value(normal_tails(test.z), alternative);
  return test;
}

double small_sample_factor(const Proportion& first, const Proportion& second) {
  const double n = first.total + second.total;
  return n > 1.0 ? n / (n - 1.0) : 1.0;
}

}  // namespace

ProportionTest two_proportion_z(const Proportion& first, const Proportion& second, double null_difference,
                                Variance variance, Alternative alternative) {
  const double difference = first.rate() - second.rate();
  Restricted rates{first.rate(), second.rate()};
  if (variance == Variance::Pooled) {
    rates.first = rates.second = (first.events + second.events) / (first.total + second.total);
  }
  return test_of(difference - null_difference,
                 spread(rates.first, first.total) + spread(rates.second, second.total), alternative, rates);
}

ProportionTest difference_score(const Proportion& first, const Proportion& second, double margin,
                                ScoreVariance variance, Alternative alternative) {
  const Restricted rates = restricted_by_difference(first, second, margin);
  double total = spread(rates.first, first.total) + spread(rates.second, second.total);
  if (variance == ScoreVariance::MiettinenNurminen) total *= small_sample_factor(first, second);
  return test_of(first.rate() - second.rate() - margin, total, alternative, rates);
}

ProportionTest ratio_score(const Proportion& first, const Proportion& second, double ratio, bool corrected,
                           Alternative alternative) {
  const Restricted rates = restricted_by_ratio(first, second, ratio);
  double total = spread(rates.first, first.total) + ratio * ratio * spread(rates.second, second.total);
  if (corrected) total *= small_sample_factor(first, second);
  return test_of(first.rate() - ratio * second.rate(), total, alternative, rates);
}

Equivalence equivalence(const Proportion& first, const Proportion& second, double margin) {
  constexpr auto variance = ScoreVariance::FarringtonManning;
  Equivalence result;
  result.p_lower = difference_score(first, second, -margin, variance, Alternative::Greater).p;
  result.p_upper = difference_score(first, second, margin, variance, Alternative::Less).p;
  result.p = result.p_lower.log10_p > result.p_upper.log10_p ? result.p_lower : result.p_upper;
  return result;
}

}  // namespace sluice::stats
