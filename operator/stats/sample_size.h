// How many observations a fixed-horizon test needs. Not rounded: the caller rounds up.
//
// 0 < alpha, power < 1; `ratio` = n_2/n_1 > 0. `sides` 1 or 2; a two-sided test ignores the far tail, as R's
// power functions do unless strict. Where nothing is to be found (equal rates, effect 0) the answer is
// infinite. Pure, no throw, no NaN.
#pragma once

#include "stats/proportions.h"

namespace sluice::stats {

struct SampleSize {
  double first;
  double second;
};

struct TestPlan {
  double alpha = 0.05;
  double power = 0.8;
  int sides = 1;
  double ratio = 1.0;  // n_2 / n_1
};

// n_1 = (z_a sqrt(pq (1 + 1/k)) + z_b sqrt(p_1 q_1 + p_2 q_2/k))^2 / (p_1 - p_2)^2, pq of the pooled rate
// (p_1 + k p_2)/(1 + k); unpooled (z_a + z_b)^2 (p_1 q_1 + p_2 q_2/k)/(p_1 - p_2)^2.
SampleSize sample_size_proportions(double p1, double p2, Variance null_variance, const TestPlan& plan);

// Both arms at rate p, absolute margin: (z_a + z_b)^2 p q (1 + 1/k) / margin^2.
SampleSize sample_size_non_inferiority(double p, double margin, const TestPlan& plan);

// Standardised effect d = difference/sd: by the normal, and by the noncentral t with n_1 + n_2 - 2 degrees.
SampleSize sample_size_means_normal(double effect, const TestPlan& plan);
SampleSize sample_size_means(double effect, const TestPlan& plan);

}  // namespace sluice::stats
