#include "stats/time_uniform.h"

#include <algorithm>
#include <boost/math/special_functions/gamma.hpp>
#include <boost/math/special_functions/zeta.hpp>
#include <cmath>
#include <numbers>

#include "stats/policy.h"
#include "stats/roots.h"

namespace sluice::stats {
namespace {

// The rho at which the two-sided normal mixture is tightest at v, nearly.
double best_rho(double v, double alpha) {
  const double log_inverse = -std::log(alpha);
  return v / (2.0 * log_inverse + std::log1p(2.0 * log_inverse));
}

// The mixtures rise in s; the bound is where they reach log(1/alpha), or `most` if they never do.
template <class LogE>
double rising_root(const LogE& log_e, double alpha, double most) {
  const double threshold = -std::log(alpha);
  if (log_e(most) < threshold) return most;
  return bisect([&](double s) { return log_e(s) - threshold; }, 0.0, most);
}

template <class LogE>
double unbounded_root(const LogE& log_e, double v, double alpha) {
  double most = std::max(v, 1.0);
  for (int i = 0; i < 100 && log_e(most) < -std::log(alpha); ++i) most *= 2.0;
  return rising_root(log_e, alpha, most);
}

// log of the lower regularised incomplete gamma P(a, x), exact also where it is near 1 or tiny.
double log_gamma_p(double a, double x) {
  const double p = boost::math::gamma_p(a, x, Policy());
  return p > 0.5 ? std::log1p(-boost::math::gamma_q(a, x, Policy())) : std::log(std::max(p, 1e-300));
}

double log_gamma(double x) {
  return boost::math::lgamma(x, Policy());
}

// The constants of stitching: Howard et al. (2021), theorem 1.
double stitching_k1(double eta) {
  return (std::pow(eta, 0.25) + std::pow(eta, -0.25)) / std::numbers::sqrt2;
}
double stitching_k2(double eta) {
  return 0.5 * (std::sqrt(eta) + 1.0);
}

}  // namespace

NormalMixture::NormalMixture(double v_opt, double alpha_opt, bool one_sided)
    : rho_(best_rho(v_opt, one_sided ? 2.0 * alpha_opt : alpha_opt)), one_sided_(one_sided) {}

double NormalMixture::log_e(double s, double v) const {
  const double both = 0.5 * std::log(rho_ / (v + rho_)) + s * s / (2.0 * (v + rho_));
  if (!one_sided_) return both;
  return both + std::numbers::ln2 + log_normal_upper(-s / std::sqrt(v + rho_));
}

double NormalMixture::bound(double v, double alpha) const {
  if (!one_sided_) return std::sqrt((v + rho_) * (std::log1p(v / rho_) - 2.0 * std::log(alpha)));
  return unbounded_root([&](double s) { return log_e(s, v); }, v, alpha);
}

GammaExponentialMixture::GammaExponentialMixture(double v_opt, double alpha_opt, double c)
    : rho_(best_rho(v_opt, 2.0 * alpha_opt)), c_(c) {
  const double scaled = rho_ / (c * c);
  constant_ = scaled * std::log(scaled) - log_gamma(scaled) - log_gamma_p(scaled, scaled);
}

double GammaExponentialMixture::log_e(double s, double v) const {
  const double moved = (c_ * s + v) / (c_ * c_);
  const double shape = (v + rho_) / (c_ * c_);
  const double at = moved + rho_ / (c_ * c_);
  return constant_ + log_gamma(shape) + log_gamma_p(shape, at) - shape * std::log(at) + moved;
}

double GammaExponentialMixture::bound(double v, double alpha) const {
  return unbounded_root([&](double s) { return log_e(s, v); }, v, alpha);
}

GammaPoissonMixture::GammaPoissonMixture(double v_opt, double alpha_opt, double c)
    : rho_(best_rho(v_opt, 2.0 * alpha_opt)), c_(c) {
  const double scaled = rho_ / (c * c);
  constant_ =
      scaled * std::log(scaled) - log_gamma(scaled) - log_chi_squared_upper(2.0 * scaled, 2.0 * scaled);
}

double GammaPoissonMixture::log_e(double s, double v) const {
  const double at = (v + rho_) / (c_ * c_);
  const double shape = s / c_ + at;
  return constant_ + log_gamma(shape) + log_chi_squared_upper(2.0 * at, 2.0 * shape) - shape * std::log(at) +
         v / (c_ * c_);
}

double GammaPoissonMixture::bound(double v, double alpha) const {
  return unbounded_root([&](double s) { return log_e(s, v); }, v, alpha);
}

BetaBinomialMixture::BetaBinomialMixture(double v_opt, double alpha_opt, double g, double h, bool one_sided)
    : g_(g), h_(h), one_sided_(one_sided) {
  const double rho = best_rho(v_opt, one_sided ? 2.0 * alpha_opt : alpha_opt);
  r_ = std::max(rho - g * h, 1e-3 * g * h);
  normalizer_ = integral(r_ / (g * (g + h)), r_ / (h * (g + h)));
}

// log of the beta integral from 0 to 1, or to the share below which the drift is positive.
double BetaBinomialMixture::integral(double a, double b) const {
  if (!one_sided_) return log_beta(a, b);
  return log_incomplete_beta(a, b, h_ / (g_ + h_), g_ / (g_ + h_)) + log_beta(a, b);
}

double BetaBinomialMixture::log_e(double s, double v) const {
  const double width = g_ + h_;
  const double low = std::max(0.0, v - g_ * s);
  const double high = std::max(0.0, v + h_ * s);
  return v / (g_ * h_) * std::log(width) - high / (h_ * width) * std::log(g_) -
         low / (g_ * width) * std::log(h_) + integral((r_ + low) / (g_ * width), (r_ + high) / (h_ * width)) -
         normalizer_;
}

double BetaBinomialMixture::bound(double v, double alpha) const {
  return rising_root([&](double s) { return log_e(s, v); }, alpha, v / g_);
}

double poly_stitching_bound(double v, double alpha, double v_min, double c, double s, double eta) {
  const double used = std::max(v, v_min);
  const double ell = s * std::log(std::log(eta * used / v_min)) +
                     std::log(boost::math::zeta(s, Policy()) / (alpha * std::pow(std::log(eta), s)));
  const double linear = stitching_k2(eta) * c * ell;
  const double k1 = stitching_k1(eta);
  return std::sqrt(k1 * k1 * used * ell + linear * linear) + linear;
}

double double_stitching_bound(double p, double t, double alpha, double t_opt, double delta, double s,
                              double eta) {
  const double used = std::max(t, t_opt);
  const double logit = std::log(p / (1.0 - p));
  double r = p;
  if (p < 0.5) {
    r = std::min(0.5, 1.0 / (1.0 + std::exp(-(logit + 2.0 * delta * std::sqrt(t_opt * eta / used)))));
  }
  const double variance = r * (1.0 - r);
  const double j = std::sqrt(used / t_opt) * std::abs(logit) / (2.0 * delta) + 1.0;
  const double zeta = boost::math::zeta(s, Policy());
  const double ell = s * std::log(std::log(eta * used / t_opt)) + s * std::log(j) +
                     std::log(2.0 * zeta * (2.0 * zeta + 1.0) / (alpha * std::pow(std::log(eta), s)));
  const double linear = stitching_k2(eta) * (1.0 - 2.0 * p) / 3.0 * ell;
  const double k1 = stitching_k1(eta);
  return delta * std::sqrt(eta * used * variance / t_opt) +
         std::sqrt(k1 * k1 * variance * used * ell + linear * linear) + linear;
}

Interval bernoulli_confidence_sequence(double successes, double trials, double alpha, double t_opt,
                                       double alpha_opt) {
  const double rate = successes / trials;
  const double threshold = -std::log(alpha);
  const auto excess = [&](double p) {
    const double spread = p * (1.0 - p);
    const BetaBinomialMixture mixture(spread * t_opt, alpha_opt, p, 1.0 - p, false);
    return mixture.log_e((rate - p) * trials, spread * trials) - threshold;
  };
  // Rates that cannot be told from 0 or 1 are.
  constexpr double least = 1e-15;
  Interval interval{0.0, 1.0};
  if (rate > least && excess(least) > 0.0) interval.lower = bisect(excess, least, rate);
  if (rate < 1.0 - least && excess(1.0 - least) > 0.0) interval.upper = bisect(excess, rate, 1.0 - least);
  return interval;
}

}  // namespace sluice::stats
