// Time-uniform boundaries of Howard, Ramdas, McAuliffe & Sekhon (2021): how far a sum S with variance process
// V may stray before it is evidence, at all times at once.
//
// A mixture supermartingale M(s, v) is an e-process against "S has no drift": log_e(s, v) is its logarithm,
// and bound(v, alpha) the s at which it reaches 1/alpha. Each is tuned to be tightest at V = v_opt with
// alpha_opt.
//
//   NormalMixture           sub-Gaussian increments; one- or two-sided
//   GammaExponentialMixture sub-exponential (scale c): bounded from above by c
//   GammaPoissonMixture     sub-Poisson (scale c)
//   BetaBinomialMixture     sub-Bernoulli on [-g, h]; V of a Bernoulli(p) sum is n p (1 - p) with g = p, h =
//   1 - p
//
// v_opt, v > 0, 0 < alpha, alpha_opt < 1/2, c, g, h > 0. Pure, no throw, no NaN.
#pragma once

#include "stats/tails.h"

namespace sluice::stats {

class NormalMixture {
 public:
  NormalMixture(double v_opt, double alpha_opt, bool one_sided);
  double log_e(double s, double v) const;
  double bound(double v, double alpha) const;
  double rho() const { return rho_; }

 private:
  double rho_;
  bool one_sided_;
};

class GammaExponentialMixture {
 public:
  GammaExponentialMixture(double v_opt, double alpha_opt, double c);
  double log_e(double s, double v) const;
  double bound(double v, double alpha) const;

 private:
  double rho_;
  double c_;
  double constant_;
};

class GammaPoissonMixture {
 public:
  GammaPoissonMixture(double v_opt, double alpha_opt, double c);
  double log_e(double s, double v) const;
  double bound(double v, double alpha) const;

 private:
  double rho_;
  double c_;
  double constant_;
};

class BetaBinomialMixture {
 public:
  BetaBinomialMixture(double v_opt, double alpha_opt, double g, double h, bool one_sided);
  // Minus infinity never; s is held inside the possible, -v/h..v/g.
  double log_e(double s, double v) const;
  double bound(double v, double alpha) const;

 private:
  double integral(double a, double b) const;

  double r_;
  double g_;
  double h_;
  bool one_sided_;
  double normalizer_;
};

// Polynomial stitching: a closed form with the rate of the iterated logarithm. s > 1, eta > 1, v_min > 0.
double poly_stitching_bound(double v, double alpha, double v_min, double c = 0.0, double s = 1.4,
                            double eta = 2.0);

// Time-uniform bound for the p-quantile of a distribution (double stitching), in units of counts: |rank - p
// t|.
double double_stitching_bound(double p, double t, double alpha, double t_opt, double delta = 0.5,
                              double s = 1.4, double eta = 2.0);

// The confidence sequence of a Bernoulli rate after `successes` of `trials`, tightest at t_opt trials: the
// rates at which the two-sided beta-binomial mixture stays below 1/alpha. trials > 0.
Interval bernoulli_confidence_sequence(double successes, double trials, double alpha, double t_opt,
                                       double alpha_opt = 0.05);

}  // namespace sluice::stats
