#include "stats/planning.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "stats/ceiling.h"
#include "stats/log_space.h"

namespace sluice::stats {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
const double threshold = std::log(20.0);

// The rounds of the text: 100 requests a second, a tenth to the candidate, a look a minute.
Expectation minute(double rate, double ratio) {
  return {600, 5400, rate, ratio};
}

TEST(Planning, GrowthIsTheFormulaOfTheText) {
  const double share_1 = 600 * 2.0 / (600 * 2.0 + 5400);
  const double share_0 = 0.1;
  const double expected = 12 * std::log(share_1 / share_0) + 54 * std::log((1 - share_1) / (1 - share_0));
  EXPECT_NEAR(growth_per_look(minute(0.01, 2.0), 1.0), expected, 1e-12);
  EXPECT_GT(growth_per_look(minute(0.01, 1.0), 1.5), 0.0);
  EXPECT_NEAR(growth_per_look(minute(0.01, 1.5), 1.5), 0.0, 1e-12);
}

TEST(Planning, PlannedLooksOfTheText) {
  EXPECT_NEAR(planned_looks(minute(0.01, 2.0), 1.0, threshold), 2.5, 0.05);
  EXPECT_NEAR(planned_looks(minute(0.01, 1.5), 1.0, threshold), 8.7, 0.05);
  EXPECT_NEAR(planned_looks(minute(0.01, 1.0), 1.5, threshold), 10.1, 0.05);
  EXPECT_NEAR(planned_looks(minute(0.01, 1.0), 1.25, threshold), 35.0, 0.5);
  EXPECT_NEAR(planned_looks(minute(0.001, 1.0), 1.5, threshold), 101.0, 0.5);
  EXPECT_NEAR(planned_looks(minute(0.01, 2.0), 1.0, threshold, 3.0),
              3.0 * planned_looks(minute(0.01, 2.0), 1.0, threshold), 1e-12);
}

TEST(Planning, NothingToSeeTakesForEver) {
  EXPECT_EQ(planned_looks(minute(0.0, 2.0), 1.0, threshold), infinity);
  EXPECT_EQ(planned_looks(minute(0.01, 1.0), 1.0, threshold), infinity);
  EXPECT_EQ(planned_looks({0, 5400, 0.01, 2.0}, 1.0, threshold), infinity);
  EXPECT_EQ(growth_per_look(minute(0.01, 0.0), 1.0), 0.0);
  const GuardrailEvidence fresh(GuardrailParameters{});
  EXPECT_EQ(fresh.looks_to_harm({0, 0, 600, 5400}, threshold), infinity);
  EXPECT_EQ(fresh.looks_to_harm({-1, 0, 600, 5400}, threshold), infinity);
  EXPECT_EQ(fresh.looks_to_non_inferior({0, 0, 0, 0}, threshold), infinity);
  EXPECT_EQ(fresh.looks_to_non_inferior({0, 0, 1e-5, 1e-4}, threshold), infinity) << "beyond a million looks";
}

GuardrailParameters plain() {
  GuardrailParameters p;
  p.fixed_dispersion = 1.0;
  return p;
}

TEST(Planning, TheExpectedPathIsNearTheSimulatedMedian) {
  const GuardrailEvidence fresh(plain());
  EXPECT_NEAR(fresh.looks_to_harm(minute(0.01, 2.0).block(), threshold), 2.0, 0.6);
  EXPECT_NEAR(fresh.looks_to_harm(minute(0.01, 1.5).block(), threshold), 7.0, 1.5);
  EXPECT_NEAR(fresh.looks_to_non_inferior(minute(0.01, 1.0).block(), threshold), 8.0, 1.5);
  EXPECT_EQ(std::ceil(fresh.looks_to_non_inferior(minute(0.0, 1.0).block(), threshold)), 9.0);
}

TEST(Planning, WhatHasBeenSeenCounts) {
  GuardrailEvidence evidence(plain());
  const Block look = minute(0.01, 1.5).block();
  const double at_first = evidence.looks_to_harm(look, threshold);
  for (int i = 0; i < 4; ++i) evidence.add(look);
  EXPECT_NEAR(evidence.looks_to_harm(look, threshold), at_first - 4.0, 1e-3);
  for (int i = 0; i < 5; ++i) evidence.add(look);
  EXPECT_EQ(evidence.looks_to_harm(look, threshold), 0.0);
  EXPECT_EQ(evidence.looks_to_non_inferior(look, threshold), infinity);
}

// Adding the expected look again and again crosses within the look that was foretold.
TEST(Planning, TheForetoldLookIsTheOneThatCrosses) {
  for (const double floor : {0.0, 0.012}) {
    for (const double or_below : {0.0, 0.001, 0.02}) {
      for (const Expectation& look : {minute(0.01, 2.0), minute(0.01, 0.8), minute(0.03, 1.0), minute(0.0005, 1.0)}) {
        GuardrailParameters p = plain();
        p.harm_floor = floor;
        p.or_below = or_below;
        p.fixed_dispersion = 1.3;
        GuardrailEvidence evidence(p);
        evidence.add({4, 70, 500, 5200});
        evidence.add({9, 51, 700, 5600});
        const double harm = std::ceil(evidence.looks_to_harm(look.block(), threshold));
        const double proof = std::ceil(evidence.looks_to_non_inferior(look.block(), threshold));
        for (int i = 1; i <= 400; ++i) {
          evidence.add(look.block());
          EXPECT_EQ(evidence.log_e_harm() >= threshold, i >= harm) << i << " floor " << floor;
          EXPECT_EQ(evidence.log_e_non_inferior() >= threshold, i >= proof) << i << " or below " << or_below;
        }
      }
    }
  }
}

TEST(Planning, DispersionMakesItLonger) {
  GuardrailParameters p = plain();
  p.fixed_dispersion = 2.0;
  const Block look = minute(0.01, 1.5).block();
  EXPECT_NEAR(GuardrailEvidence(p).looks_to_harm(look, threshold),
              2.0 * GuardrailEvidence(plain()).looks_to_harm(look, threshold), 1e-3);
}

// The share of runs whose evidence is above the threshold at the given exposure, pooled.
double simulated_power(const GuardrailParameters& p, const Expectation& so_far, int runs) {
  std::mt19937_64 random(5);
  std::poisson_distribution<int> candidate(so_far.candidate_exposure * so_far.stable_rate * so_far.ratio);
  std::poisson_distribution<int> stable(so_far.stable_exposure * so_far.stable_rate);
  int found = 0;
  for (int i = 0; i < runs; ++i) {
    GuardrailEvidence evidence(p);
    evidence.add({static_cast<double>(candidate(random)), static_cast<double>(stable(random)),
                  so_far.candidate_exposure, so_far.stable_exposure});
    found += evidence.log_e_harm() >= threshold ? 1 : 0;
  }
  return static_cast<double>(found) / runs;
}

TEST(DetectionPower, AgreesWithSimulation) {
  for (const Expectation& so_far : {Expectation{600, 5400, 0.01, 3.0},
                                    {600, 5400, 0.01, 2.0},
                                    {3000, 27000, 0.01, 1.5},
                                    {6000, 6000, 0.002, 2.0}}) {
    EXPECT_NEAR(detection_power(plain(), so_far, threshold), simulated_power(plain(), so_far, 4000), 0.03);
  }
  GuardrailParameters p = plain();
  p.harm_floor = 0.015;
  const Expectation so_far{1200, 10800, 0.01, 2.0};
  EXPECT_NEAR(detection_power(p, so_far, threshold), simulated_power(p, so_far, 4000), 0.03);
}

// The definition, step by step: count up until the evidence is there, and sum Poisson's probabilities below.
double defined_power(const GuardrailParameters& p, const Expectation& so_far, double phi) {
  constexpr double nodes[] = {-2.856970013872806, -1.355626179974266, 0.0, 1.355626179974266, 2.856970013872806};
  constexpr double weights[] = {0.01125741132772069, 0.2220759220056126, 0.5333333333333333, 0.2220759220056126,
                                0.01125741132772069};
  const RatioGrid grid = default_harm_grid(p.harm_ratio);
  const double share = so_far.candidate_exposure / (so_far.candidate_exposure + so_far.stable_exposure);
  const auto log_e = [&](double candidate, double stable) {
    std::vector<double> terms;
    for (std::size_t k = 0; k < grid.ratios.size(); ++k) {
      const double loss = std::log1p(share * (grid.ratios[k] - 1)) - std::log1p(share * (p.harm_ratio - 1));
      terms.push_back(grid.log_weights[k] +
                      (candidate * std::log(grid.ratios[k] / p.harm_ratio) - (candidate + stable) * loss) / phi);
    }
    const double ratio = log_sum_exp(terms);
    if (p.harm_floor <= 0) return ratio;
    return std::min(ratio, log_e_above(candidate, so_far.candidate_exposure, p.harm_floor, phi));
  };
  const double mean = so_far.candidate_exposure * std::max(so_far.stable_rate, p.or_below) * so_far.ratio / phi;
  const double stable_mean = so_far.stable_exposure * so_far.stable_rate;
  double power = 0.0;
  for (std::size_t i = 0; i < 5; ++i) {
    const double stable = std::max(0.0, stable_mean + nodes[i] * std::sqrt(phi * stable_mean));
    double missed = 0.0;
    double log_probability = -mean;
    for (double k = 0; k < mean + 15 * std::sqrt(mean) + 50 && log_e(k * phi, stable) < threshold; ++k) {
      missed += std::exp(log_probability);
      log_probability += std::log(mean / (k + 1));
    }
    power += weights[i] * (1 - missed);
  }
  return power;
}

TEST(DetectionPower, IsWhatItsDefinitionSays) {
  for (const double floor : {0.0, 0.015}) {
    GuardrailParameters p = plain();
    p.harm_floor = floor;
    for (const double harm : {1.0, 1.2}) {
      p.harm_ratio = harm;
      for (const double exposure : {60.0, 300.0, 600.0, 1500.0, 4000.0, 12000.0}) {
        for (const double rate : {0.0, 0.0003, 0.004, 0.01, 0.07}) {
          for (const double phi : {1.0, 1.37, 3.0}) {
            const Expectation so_far{exposure, exposure * 9, rate, 2.5};
            EXPECT_NEAR(detection_power(p, so_far, threshold, phi), defined_power(p, so_far, phi), 1e-6)
                << "exposure " << exposure << " rate " << rate << " phi " << phi << " floor " << floor;
          }
        }
      }
    }
  }
}

TEST(DetectionPower, GrowsWithTheEffectAndTheExposure) {
  double before = 0.0;
  for (const double ratio : {1.2, 1.5, 2.0, 3.0, 5.0}) {
    const double power = detection_power(plain(), minute(0.005, ratio), threshold);
    EXPECT_GT(power, before);
    EXPECT_LE(power, 1.0);
    before = power;
  }
  EXPECT_LT(detection_power(plain(), minute(0.01, 2.0), threshold),
            detection_power(plain(), {1200, 10800, 0.01, 2.0}, threshold));
  EXPECT_LT(detection_power(plain(), minute(0.01, 2.0), threshold, 3.0),
            detection_power(plain(), minute(0.01, 2.0), threshold));
  EXPECT_LT(detection_power(plain(), minute(0.01, 2.0), threshold + 2.0),
            detection_power(plain(), minute(0.01, 2.0), threshold));
}

TEST(DetectionPower, OnAServiceWithoutErrorsTheToleratedRateCounts) {
  EXPECT_GT(detection_power(plain(), {60000, 540000, 0.0, 3.0}, threshold), 0.99);
  GuardrailParameters p = plain();
  p.or_below = 0.0;
  EXPECT_EQ(detection_power(p, {60000, 540000, 0.0, 3.0}, threshold), 0.0);
  EXPECT_EQ(detection_power(plain(), {0, 5400, 0.01, 3.0}, threshold), 0.0);
  EXPECT_EQ(detection_power(plain(), {600, 0, 0.01, 3.0}, threshold), 0.0);
}

TEST(DetectionPower, OfTheEvidenceUsesItsTotals) {
  GuardrailEvidence evidence(plain());
  EXPECT_EQ(evidence.detection_power(3.0, threshold), 0.0);
  evidence.add({3, 54, 600, 5400});
  EXPECT_NEAR(evidence.detection_power(3.0, threshold),
              detection_power(plain(), minute(0.01, 3.0), threshold), 1e-12);
}

}  // namespace
}  // namespace sluice::stats
