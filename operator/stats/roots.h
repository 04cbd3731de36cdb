// Two root finders for monotone functions of one variable, for the .cpp files of this folder.
//
// Both want a bracket whose ends have function values of different sign (zero counts as either); neither
// throws.
#pragma once

#include <cmath>
#include <limits>

namespace sluice::stats {

// Bisection down to neighbouring doubles or `steps` halvings: slow, and exact for any monotone function,
// steps included.
template <class Function>
double bisect(const Function& function, double low, double high, int steps = 200) {
  const bool positive_at_low = function(low) > 0.0;
  for (int i = 0; i < steps; ++i) {
    const double middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) break;
    ((function(middle) > 0.0) == positive_at_low ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

// Brent's method to an absolute tolerance (Algorithms for Minimization without Derivatives, 1973, ch. 4), the
// variant of Netlib's zeroin. On a step function, as a rank statistic is one, where it stops depends on the
// way it takes; results that must agree with other programs on such functions need this very way.
template <class Function>
double brent(const Function& function, double first, double second, double tolerance, int steps = 1000) {
  double a = first;
  double b = second;
  double fa = function(a);
  double fb = function(b);
  if (fa == 0.0) return a;
  if (fb == 0.0) return b;
  double c = a;
  double fc = fa;
  for (int i = 0; i <= steps; ++i) {
    const double previous = b - a;
    if (std::abs(fc) < std::abs(fb)) {
      a = b;
      b = c;
      c = a;
      fa = fb;
      fb = fc;
      fc = fa;
    }
    const double enough = 2.0 * std::numeric_limits<double>::epsilon() * std::abs(b) + 0.5 * tolerance;
    double step = 0.5 * (c - b);
    if (std::abs(step) <= enough || fb == 0.0) return b;
    if (std::abs(previous) >= enough && std::abs(fa) > std::abs(fb)) {
      const double width = c - b;
      double p = 0.0;
      double q = 0.0;
      if (a == c) {
        const double t = fb / fa;
        p = width * t;
        q = 1.0 - t;
      } else {
        const double ratio = fa / fc;
        const double t = fb / fc;
        const double u = fb / fa;
        p = u * (width * ratio * (ratio - t) - (b - a) * (t - 1.0));
        q = (ratio - 1.0) * (t - 1.0) * (u - 1.0);
      }
      if (p > 0.0) {
        q = -q;
      } else {
        p = -p;
      }
      if (p < 0.75 * width * q - 0.5 * std::abs(enough * q) && p < std::abs(0.5 * previous * q)) step = p / q;
    }
    if (std::abs(step) < enough) step = step > 0.0 ? enough : -enough;
    a = b;
    fa = fb;
    b += step;
    fb = function(b);
    if ((fb > 0.0) == (fc > 0.0) && fb != 0.0 && fc != 0.0) {
      c = a;
      fc = fa;
    }
  }
  return b;
}

}  // namespace sluice::stats
