// Tails of distributions as logarithms, and the p-value that the fixed-horizon tests of this folder return.
//
// A tail of 1e-500 is ordinary here: every function returns a natural logarithm and stays exact to about
// 1e-10 relative where a double of the value itself would be 0. Where a tail is near one, its complement is
// kept.
//
// All functions are pure, never throw and never return NaN for arguments in the stated ranges.
#pragma once

namespace sluice::stats {

// Which way the first sample (the candidate) departs from the null value.
enum class Alternative { TwoSided, Less, Greater };

// p in [0, 1], and log10(p) where p itself underflows.
struct PValue {
  double p = 1.0;
  double log10_p = 0.0;
};

PValue p_value_from_log(double log_p);

// The logarithms of P(X <= x) and P(X >= x).
struct LogTails {
  double lower;
  double upper;
};

// One-sided: that tail. Two-sided: twice the smaller one, at most 1 (for symmetric distributions).
PValue p_value(const LogTails& tails, Alternative alternative);

// Both ends of an interval of confidence; infinite where it is open.
struct Interval {
  double lower;
  double upper;
};

// log P(Z > z) of a standard normal, any z: erfc up to 37, then -z^2/2 - log(z sqrt(2 pi)) + log1p(-1/z^2 +
// 3/z^4).
double log_normal_upper(double z);
LogTails normal_tails(double z);
// The z above which the normal leaves `probability`, 0 < probability < 1.
double normal_upper_quantile(double probability);
// The same for the two-sided interval of a confidence level, 0 < level < 1.
double two_sided_normal_quantile(double level);

// Student's t with `degrees` > 0 (not necessarily whole, up to 1e10).
LogTails student_tails(double t, double degrees);
double student_upper_quantile(double probability, double degrees);

// Chi-squared with `degrees` > 0: log P(X > x), x >= 0.
double log_chi_squared_upper(double x, double degrees);
double chi_squared_upper_quantile(double probability, double degrees);

// Binomial(n, p): tails at k, 0 <= k <= n, 0 <= p <= 1; k and n may be fractional (the incomplete beta).
LogTails binomial_tails(double k, double n, double p);

// log of the regularised incomplete beta I_x(a, b), a, b > 0; `complement` is 1 - x, given apart because one
// of the two is usually known better.
double log_incomplete_beta(double a, double b, double x, double complement);

// log B(a, b), without the cancellation of three lgammas for large arguments.
double log_beta(double a, double b);

}  // namespace sluice::stats
