// Sums of numbers that are held as logarithms: e-values, likelihoods and small probabilities.
//
// An e-value of a clear case is exp(600) and a p-value exp(-3000): both are ordinary doubles as logarithms
// and neither is one without. Everything in stats/ that multiplies evidence therefore adds logarithms, and
// comes through here whenever it must add the values themselves.
//
// All functions are pure, take any double that is not NaN (infinities included), and never throw. The order
// of summation is that of the range, so that the same input gives the same bits on every replica.
#pragma once

#include <cstddef>
#include <limits>
#include <span>

namespace sluice::stats {

inline constexpr double log_zero = -std::numeric_limits<double>::infinity();
inline constexpr double log_of_ten = 2.302585092994045684;

// log(sum of exp(terms)). Minus infinity for an empty range.
double log_sum_exp(std::span<const double> terms);

// log(exp(a) + exp(b)).
double log_add_exp(double a, double b);

// log of the mean of exp(terms): the average of e-values is an e-value. Minus infinity for an empty range.
double log_mean_exp(std::span<const double> terms);

// log(1 - exp(x)) for x <= 0, without loss near either end (Maechler 2012). Minus infinity at x = 0; an x
// above 0, which only rounding can bring, counts as 0.
double log_one_minus_exp(double x);

}  // namespace sluice::stats
