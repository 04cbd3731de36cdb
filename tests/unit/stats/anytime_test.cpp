// Sequential tests other than the counts': the t e-process, asymptotic sequences, time-uniform boundaries.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "stats/asymptotic_sequence.h"
#include "stats/mean_evidence.h"
#include "stats/time_uniform.h"

namespace sluice::stats {
namespace {

MeanEvidence evidence_of(const std::vector<double>& values, double tau = 1.0) {
  MeanEvidence evidence(tau);
  for (const double value : values) evidence.add(value);
  return evidence;
}

TEST(MeanEvidence, TheFormulaByHand) {
  const MeanEvidence evidence = evidence_of({1, 2, 3});  // mean 2, sd 1, t = 2 sqrt 3
  EXPECT_NEAR(evidence.t(), 2.0 * std::sqrt(3.0), 1e-14);
  EXPECT_NEAR(evidence.log_e(), -0.5 * std::log(4.0) + 1.5 * (std::log(7.0) - std::log(1.0 + 12.0 / 8.0)),
              1e-13);
  EXPECT_NEAR(evidence_of({1, 2, 3}, 0.5).log_e(),
              -0.5 * std::log(1.75) + 1.5 * (std::log(7.0) - std::log(1.0 + 6.0 / 1.75)), 1e-13);
}

TEST(MeanEvidence, TheSignGuards) {
  const std::vector<double> up = {5.0, 5.2, 4.9, 5.1};
  EXPECT_GT(evidence_of(up).log_e_positive(), 2.0);
  EXPECT_EQ(evidence_of(up).log_e_negative(), 0.0);
  std::vector<double> down = up;
  for (double& value : down) value = -value;
  EXPECT_EQ(evidence_of(down).log_e_negative(), evidence_of(up).log_e_positive());
  EXPECT_EQ(evidence_of(down).log_e_positive(), 0.0);
}

TEST(MeanEvidence, TooLittleOrConstantSaysNothing) {
  EXPECT_EQ(evidence_of({}).log_e(), 0.0);
  EXPECT_EQ(evidence_of({5, 9}).log_e(), 0.0);
  EXPECT_NE(evidence_of({5, 9, 7}).log_e(), 0.0);
  EXPECT_EQ(evidence_of({3, 3, 3, 3}).log_e(), 0.0);
  MeanEvidence evidence = evidence_of({1, 2, 3});
  evidence.add(std::nan(""));
  evidence.add(INFINITY);
  EXPECT_EQ(evidence.size(), 3.0);
}

TEST(MeanEvidence, SeldomCrossesWithoutAnEffect) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> noise;
  int crossed = 0;
  constexpr int runs = 2000;
  for (int run = 0; run < runs; ++run) {
    MeanEvidence evidence;
    bool found = false;
    for (int i = 0; i < 100; ++i) {
      evidence.add(noise(random));
      found = found || evidence.log_e() >= std::log(20.0);
    }
    crossed += found ? 1 : 0;
  }
  EXPECT_LE(crossed, runs * 5 / 100);
  EXPECT_GT(crossed, 0);
}

TEST(MeanEvidence, BatchesOfTheText) {
  EXPECT_EQ(batch_length(0.0), 5);
  EXPECT_EQ(batch_length(-0.9), 5);
  EXPECT_EQ(batch_length(0.6), 8);
  EXPECT_EQ(batch_length(0.9), 38);
  EXPECT_LE(batch_length(1.0), 398);
}

TEST(MeanEvidence, Autocorrelation) {
  std::mt19937_64 random(9);
  std::normal_distribution<double> noise;
  std::vector<double> series;
  double value = 0.0;
  for (int i = 0; i < 5000; ++i) series.push_back(value = 0.6 * value + noise(random));
  EXPECT_NEAR(lag_one_autocorrelation(series), 0.6, 0.04);
  EXPECT_EQ(lag_one_autocorrelation(std::vector<double>{1, 2}), 0.0);
  EXPECT_EQ(lag_one_autocorrelation(std::vector<double>{4, 4, 4, 4}), 0.0);
}

TEST(AsymptoticSequence, TheIntervalIsWhereTheEvidenceIsBelowItsThreshold) {
  const double rho = tuned_rho(0.05, 5000.0);
  AsymptoticSequence sequence{0.0, 0.25, 3000.0};
  sequence.mean = sequence.half_width(rho, 0.05);
  EXPECT_NEAR(sequence.log_e(rho), std::log(20.0), 1e-10);
  EXPECT_LT(sequence.half_width_one_sided(tuned_rho(0.1, 5000.0), 0.05), sequence.half_width(rho, 0.05));
  EXPECT_EQ((AsymptoticSequence{1.0, 0.0, 10.0}).log_e(rho), 0.0);
}

TEST(AsymptoticSequence, TheExactRhoIsBest) {
  const double best = std::sqrt(tuned_rho_squared_exact(0.05, 3000.0));
  const AsymptoticSequence sequence{0.0, 1.0, 3000.0};
  EXPECT_LT(sequence.half_width(best, 0.05), sequence.half_width(best * 1.1, 0.05));
  EXPECT_LT(sequence.half_width(best, 0.05), sequence.half_width(best / 1.1, 0.05));
}

TEST(MixtureSprt, EqualsTheSequenceReparametrised) {
  // tau^2 = rho^2 s^2 with V = s^2/n.
  const double rho = 0.02;
  const AsymptoticSequence sequence{0.01, 0.3, 2000.0};
  EXPECT_NEAR(log_msprt(0.01, 0.3 / 2000.0, rho * std::sqrt(0.3)), sequence.log_e(rho), 1e-12);
  EXPECT_NEAR(log_msprt_one_sided(0.0, 1e-4, 0.01), log_msprt(0.0, 1e-4, 0.01), 1e-14);
  EXPECT_NEAR(log_msprt_one_sided(0.2, 1e-4, 0.01), log_msprt(0.2, 1e-4, 0.01) + std::log(2.0), 1e-12);
  EXPECT_LT(log_msprt_one_sided(-0.2, 1e-4, 0.01), 0.0);
  EXPECT_EQ(log_msprt(0.1, 0.0, 0.01), 0.0);
  EXPECT_NEAR(difference_variance({10, 100}, {20, 100}), 0.0009 + 0.0016, 1e-16);
}

template <class Mixture>
void expect_bound_is_the_threshold(const Mixture& mixture) {
  for (const double v : {5.0, 100.0, 3000.0}) {
    EXPECT_NEAR(mixture.log_e(mixture.bound(v, 0.05), v), std::log(20.0), 1e-8);
    EXPECT_GT(mixture.bound(v, 0.01), mixture.bound(v, 0.05));
  }
}

TEST(TimeUniform, BoundsInvertTheMixtures) {
  expect_bound_is_the_threshold(NormalMixture(100.0, 0.05, false));
  expect_bound_is_the_threshold(NormalMixture(100.0, 0.05, true));
  expect_bound_is_the_threshold(GammaExponentialMixture(100.0, 0.05, 1.0));
  expect_bound_is_the_threshold(GammaPoissonMixture(100.0, 0.05, 1.0));
  expect_bound_is_the_threshold(BetaBinomialMixture(100.0, 0.05, 0.1, 0.9, false));
  expect_bound_is_the_threshold(BetaBinomialMixture(100.0, 0.05, 0.1, 0.9, true));
}

TEST(TimeUniform, MixturesStartAtNothing) {
  EXPECT_NEAR(NormalMixture(100.0, 0.05, false).log_e(0.0, 0.0), 0.0, 1e-12);
  EXPECT_NEAR(NormalMixture(100.0, 0.05, true).log_e(0.0, 0.0), 0.0, 1e-12);
  EXPECT_NEAR(GammaExponentialMixture(100.0, 0.05, 1.0).log_e(0.0, 0.0), 0.0, 1e-9);
  EXPECT_NEAR(GammaPoissonMixture(100.0, 0.05, 1.0).log_e(0.0, 0.0), 0.0, 1e-9);
  EXPECT_NEAR(BetaBinomialMixture(100.0, 0.05, 0.1, 0.9, true).log_e(0.0, 0.0), 0.0, 1e-9);
}

TEST(TimeUniform, StitchingGrowsALittleFasterThanTheRoot) {
  const double small = poly_stitching_bound(1e2, 0.05, 1.0);
  const double large = poly_stitching_bound(1e6, 0.05, 1.0);
  EXPECT_GT(large, 100.0 * small);
  EXPECT_LT(large, 150.0 * small);
  EXPECT_EQ(poly_stitching_bound(0.5, 0.05, 1.0), poly_stitching_bound(1.0, 0.05, 1.0));
  EXPECT_GT(poly_stitching_bound(1e2, 0.05, 1.0, 1.0), small);
  EXPECT_GT(double_stitching_bound(0.5, 1000, 0.05, 100), 0.5 * std::sqrt(1000.0) * 1.96);
  EXPECT_LT(double_stitching_bound(0.99, 1000, 0.05, 100), double_stitching_bound(0.5, 1000, 0.05, 100));
}

TEST(TimeUniform, BernoulliSequenceHoldsTheRate) {
  const Interval interval = bernoulli_confidence_sequence(30, 1000, 0.05, 1000);
  EXPECT_LT(interval.lower, 0.03);
  EXPECT_GT(interval.lower, 0.01);
  EXPECT_GT(interval.upper, 0.03);
  EXPECT_LT(interval.upper, 0.06);
  const Interval mirrored = bernoulli_confidence_sequence(970, 1000, 0.05, 1000);
  EXPECT_NEAR(mirrored.lower, 1.0 - interval.upper, 1e-9);
  EXPECT_EQ(bernoulli_confidence_sequence(0, 100, 0.05, 1000).lower, 0.0);
  EXPECT_EQ(bernoulli_confidence_sequence(100, 100, 0.05, 1000).upper, 1.0);
}

}  // namespace
}  // namespace sluice::stats
