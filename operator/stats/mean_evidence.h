// Evidence that a gauge differs between the arms: the t e-process on batch means of paired differences.
//
// d_i = x_c(t_i) - x_s(t_i) at the same timestamps (log ratios when positive), averaged into batches of m so
// that autocorrelation is gone; with n batch means, nu = n - 1 and t = sqrt(n) mean/sd
//
//   log E = -log(1 + n tau^2)/2 + (nu + 1)/2 [ log1p(t^2/nu) - log1p(t^2/(nu (1 + n tau^2))) ]
//
// the right-Haar mixture over effects normal(0, tau^2): a test martingale in the scale-invariant filtration
// (Wang & Ramdas, arXiv:2310.03722). To test against a margin, subtract it from d. Pure values, no throw, no
// NaN.
#pragma once

#include <span>

namespace sluice::stats {

class MeanEvidence {
 public:
  // tau: the size of effect, in standard deviations, that is looked for.
  explicit MeanEvidence(double tau = 1.0) : tau_(tau) {}

  // One batch mean. What is not finite is passed over.
  void add(double difference);

  double size() const { return size_; }
  double mean() const { return mean_; }
  double variance() const;
  // 0 with fewer than two values or no variance.
  double t() const;
  // Two-sided. 0, "nothing known", with fewer than three values or no variance.
  double log_e() const;
  // The same as evidence for a positive (negative) mean: 0 at most while the sign is the other one.
  // Conservative.
  double log_e_positive() const;
  double log_e_negative() const;
  // Half the width of the confidence sequence of the mean at level 1 - alpha, in which log_e() of every value is below
  // log(1/alpha). Infinity while it is unbounded. Precondition: 0 < alpha < 1.
  double half_width(double alpha) const;

  struct State {
    double size, mean, squares;
  };
  State state() const { return {size_, mean_, squares_}; }
  void restore(const State& state);

 private:
  double tau_;
  double size_ = 0.0;
  double mean_ = 0.0;
  double squares_ = 0.0;  // sum of squared deviations (Welford)
};

// Lag-one autocorrelation, in [-1, 1]; 0 with fewer than three values or no variance.
double lag_one_autocorrelation(std::span<const double> values);

// m = max(5, ceil(2 (1 + rho)/(1 - rho))): samples per batch. rho is held below 0.99.
int batch_length(double autocorrelation);

}  // namespace sluice::stats
