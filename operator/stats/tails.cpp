#include "stats/tails.h"

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <numbers>

#include "stats/log_space.h"
#include "stats/policy.h"

namespace sluice::stats {
namespace {

// Below this a value is near the end of the doubles and its logarithm is computed without it.
constexpr double small = 1e-280;
constexpr double log_sqrt_two_pi = 0.918938533204672742;

// Lentz's method for b_0 + a_1/(b_1 + a_2/(b_2 + ...)); `term(i, a, b)` gives the i-th pair, i >= 1.
template <class Term>
double continued_fraction(double first, const Term& term) {
  constexpr double tiny = 1e-300;
  constexpr int most_terms = 20000;
  double f = first != 0.0 ? first : tiny;
  double c = f;
  double d = 0.0;
  for (int i = 1; i < most_terms; ++i) {
    double a = 0.0;
    double b = 0.0;
    term(i, a, b);
    d = b + a * d;
    c = b + a / c;
    if (d == 0.0) d = tiny;
    if (c == 0.0) c = tiny;
    d = 1.0 / d;
    const double change = c * d;
    f *= change;
    if (std::abs(change - 1.0) < 1e-15) break;
  }
  return f;
}

// What Stirling's formula leaves out of log gamma(x), x >= 10.
double stirling_rest(double x) {
  const double y = 1.0 / (x * x);
  return (1.0 / 12 - y * (1.0 / 360 - y * (1.0 / 1260 - y * (1.0 / 1680 - y / 1188)))) / x;
}

}  // namespace

PValue p_value_from_log(double log_p) {
  const double bounded = std::min(log_p, 0.0);
  return {std::exp(bounded), bounded / log_of_ten};
}

PValue p_value(const LogTails& tails, Alternative alternative) {
  switch (alternative) {
    case Alternative::Less:
      return p_value_from_log(tails.lower);
    case Alternative::Greater:
      return p_value_from_log(tails.upper);
    case Alternative::TwoSided:
      break;
  }
  return p_value_from_log(std::numbers::ln2 + std::min(tails.lower, tails.upper));
}

double log_normal_upper(double z) {
  if (z < -1.0) return std::log1p(-0.5 * std::erfc(-z / std::numbers::sqrt2));
  if (z < 37.0) return std::log(0.5 * std::erfc(z / std::numbers::sqrt2));
  const double inverse = 1.0 / (z * z);
  return -0.5 * z * z - std::log(z) - log_sqrt_two_pi +
         std::log1p(inverse *
                    (-1.0 + inverse * (3.0 - inverse * (15.0 - inverse * (105.0 - 945.0 * inverse)))));
}

LogTails normal_tails(double z) {
  return {log_normal_upper(-z), log_normal_upper(z)};
}

double normal_upper_quantile(double probability) {
  const boost::math::normal_distribution<double, Policy> normal;
  return boost::math::quantile(boost::math::complement(normal, probability));
}

double two_sided_normal_quantile(double level) {
  return normal_upper_quantile(0.5 * (1.0 - level));
}

LogTails student_tails(double t, double degrees) {
  if (t < 0.0) {
    const LogTails mirrored = student_tails(-t, degrees);
    return {mirrored.upper, mirrored.lower};
  }
  const double square = t * t;
  const double x = degrees / (degrees + square);
  const double log_upper =
      log_incomplete_beta(0.5 * degrees, 0.5, x, square / (degrees + square)) - std::numbers::ln2;
  return {log_one_minus_exp(log_upper), log_upper};
}

double student_upper_quantile(double probability, double degrees) {
  const boost::math::students_t_distribution<double, Policy> student(degrees);
  return boost::math::quantile(boost::math::complement(student, probability));
}

double log_chi_squared_upper(double x, double degrees) {
  if (x <= 0.0) return 0.0;
  const double shape = 0.5 * degrees;
  const double half = 0.5 * x;
  const double direct = boost::math::gamma_q(shape, half, Policy());
  if (direct > small) {
    return direct < 0.5 ? std::log(direct) : std::log1p(-boost::math::gamma_p(shape, half, Policy()));
  }
  const double fraction = continued_fraction(half + 1.0 - shape, [&](int i, double& a, double& b) {
    a = -i * (i - shape);
    b = half + 2.0 * i + 1.0 - shape;
  });
  return shape * std::log(half) - half - boost::math::lgamma(shape, Policy()) - std::log(fraction);
}

double chi_squared_upper_quantile(double probability, double degrees) {
  const boost::math::chi_squared_distribution<double, Policy> chi_squared(degrees);
  return boost::math::quantile(boost::math::complement(chi_squared, probability));
}

LogTails binomial_tails(double k, double n, double p) {
  if (p <= 0.0) return {0.0, k > 0.0 ? log_zero : 0.0};
  if (p >= 1.0) return {k < n ? log_zero : 0.0, 0.0};
  return {k >= n ? 0.0 : log_incomplete_beta(n - k, k + 1.0, 1.0 - p, p),
          k <= 0.0 ? 0.0 : log_incomplete_beta(k, n - k + 1.0, p, 1.0 - p)};
}

double log_beta(double a, double b) {
  const double p = std::min(a, b);
  const double q = std::max(a, b);
  constexpr double large = 10.0;
  if (q < large) {
    return boost::math::lgamma(p, Policy()) + boost::math::lgamma(q, Policy()) -
           boost::math::lgamma(p + q, Policy());
  }
  const double rest = stirling_rest(q) - stirling_rest(p + q);
  if (p < large) {
    return boost::math::lgamma(p, Policy()) + rest + p - p * std::log(p + q) +
           (q - 0.5) * std::log1p(-p / (p + q));
  }
  return log_sqrt_two_pi - 0.5 * std::log(q) + stirling_rest(p) + rest + (p - 0.5) * std::log(p / (p + q)) +
         q * std::log1p(-p / (p + q));
}

double log_incomplete_beta(double a, double b, double x, double complement) {
  if (x <= 0.0) return log_zero;
  if (complement <= 0.0) return 0.0;
  // Boost is given the smaller of x and 1 - x, which is the one without rounding.
  const bool lower = x <= complement;
  const double direct =
      lower ? boost::math::ibeta(a, b, x, Policy()) : boost::math::ibetac(b, a, complement, Policy());
  if (direct > small) {
    if (direct < 0.5) return std::log(direct);
    return std::log1p(lower ? -boost::math::ibetac(a, b, x, Policy())
                            : -boost::math::ibeta(b, a, complement, Policy()));
  }
  // So small a value lies in the tail, where the continued fraction converges (DLMF 8.17.22).
  const double fraction = continued_fraction(1.0, [&](int i, double& numerator, double& denominator) {
    const double m = i / 2;
    numerator = i % 2 == 0 ? m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
                           : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    denominator = 1.0;
  });
  const double log_x = lower ? std::log(x) : std::log1p(-complement);
  const double log_complement = lower ? std::log1p(-x) : std::log(complement);
  return a * log_x + b * log_complement - std::log(a) - log_beta(a, b) - std::log(fraction);
}

}  // namespace sluice::stats
