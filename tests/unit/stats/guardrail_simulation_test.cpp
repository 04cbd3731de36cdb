// Error rates and speed of the shipped evidence, from fixed seeds. The limits leave room for the simulation's
// own error at these sizes; the full tables are re-run by the simulator of the product.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include "stats/guardrail.h"

namespace sluice::stats {
namespace {

const double threshold = std::log(20.0);
constexpr int runs = 2000;
constexpr int looks = 100;
constexpr double never = 1e9;

// One arm's events in one look: Poisson, or with dispersion above 1 in clumps of the same mean (negative
// binomial).
double draw(std::mt19937_64& random, double mean, double dispersion) {
  if (mean <= 0.0) return 0.0;
  if (dispersion > 1.0) {
    const double scale = dispersion - 1.0;
    mean = std::gamma_distribution<double>(mean / scale, scale)(random);
    if (mean <= 0.0) return 0.0;
  }
  return static_cast<double>(std::poisson_distribution<long>(mean)(random));
}

struct World {
  double stable_rate = 0.01;
  double candidate_rate = 0.01;
  double dispersion = 1.0;
  int history = 30;  // looks of stable's past
};

struct Outcome {
  std::vector<double> harm;  // the look at which the evidence first crossed, or never
  std::vector<double> promoted;
  double share(const std::vector<double>& at) const {
    return static_cast<double>(std::count_if(at.begin(), at.end(), [](double l) { return l < never; })) /
           runs;
  }
};

using Schedule = std::function<Block(int look, std::mt19937_64& random)>;

Outcome simulate(const GuardrailParameters& base, const World& world, const Schedule& next) {
  Outcome outcome;
  std::mt19937_64 random(7);
  for (int run = 0; run < runs; ++run) {
    GuardrailParameters p = base;
    if (world.history > 0 && p.fixed_dispersion == 0.0) {
      std::vector<double> events;
      for (int i = 0; i < world.history; ++i) {
        events.push_back(draw(random, 6000 * world.stable_rate, world.dispersion));
      }
      const PastDispersion past = past_dispersion(events, std::vector<double>(events.size(), 6000.0));
      p.past_dispersion = std::max(1.0, past.phi);
    }
    GuardrailEvidence evidence(p);
    double harm = never;
    double promoted = never;
    for (int look = 1; look <= looks; ++look) {
      evidence.add(next(look, random));
      if (harm == never && evidence.log_e_harm() >= threshold) harm = look;
      if (promoted == never && evidence.log_e_non_inferior() >= threshold) promoted = look;
    }
    outcome.harm.push_back(harm);
    outcome.promoted.push_back(promoted);
  }
  std::sort(outcome.harm.begin(), outcome.harm.end());
  std::sort(outcome.promoted.begin(), outcome.promoted.end());
  return outcome;
}

Outcome simulate(const GuardrailParameters& p, const World& world) {
  return simulate(p, world, [&](int, std::mt19937_64& random) {
    return Block{draw(random, 600 * world.candidate_rate, world.dispersion),
                 draw(random, 5400 * world.stable_rate, world.dispersion), 600, 5400};
  });
}

double median(const std::vector<double>& sorted) {
  return sorted[sorted.size() / 2];
}
double p90(const std::vector<double>& sorted) {
  return sorted[sorted.size() * 9 / 10];
}

TEST(GuardrailSimulation, AnEqualCandidateIsPromotedAndSeldomBlamed) {
  const Outcome outcome = simulate({}, {});
  EXPECT_LE(outcome.share(outcome.harm), 0.02);
  EXPECT_LE(median(outcome.promoted), 9);
}

TEST(GuardrailSimulation, HarmIsFoundFast) {
  World world;
  world.candidate_rate = 0.02;
  Outcome outcome = simulate({}, world);
  EXPECT_LE(median(outcome.harm), 3);
  EXPECT_LE(p90(outcome.harm), 6);
  world.candidate_rate = 0.05;
  outcome = simulate({}, world);
  EXPECT_EQ(median(outcome.harm), 1);
}

TEST(GuardrailSimulation, AtTheMarginFewArePromoted) {
  World world;
  world.candidate_rate = 0.015;
  const Outcome outcome = simulate({}, world);
  EXPECT_LE(outcome.share(outcome.promoted), 0.05);
  EXPECT_LE(median(outcome.harm), 8);
}

TEST(GuardrailSimulation, AtTheCeilingWithASilentStableFewArePromoted) {
  World world;
  world.candidate_rate = 0.001;
  world.stable_rate = 0.0;
  const Outcome outcome = simulate({}, world);
  EXPECT_LE(outcome.share(outcome.promoted), 0.05);
}

TEST(GuardrailSimulation, BurstsDoNotBreakItOncePastIsKnown) {
  World world;
  world.dispersion = 3.0;
  const Outcome seeded = simulate({}, world);
  EXPECT_LE(seeded.share(seeded.harm), 0.055);
  world.history = 0;
  const Outcome unseeded = simulate({}, world);
  EXPECT_LE(unseeded.share(unseeded.harm), 0.09);
  GuardrailParameters ignored;
  ignored.fixed_dispersion = 1.0;
  const Outcome plain = simulate(ignored, world);
  EXPECT_GE(plain.share(plain.harm), 0.12) << "the bursts of this test are none";
}

// Without a past and with uniform weights, when nothing is decided before the dispersion can be told from blocks.
TEST(GuardrailSimulation, TheEstimatedDispersionAloneTamesBursts) {
  std::mt19937_64 random(7);
  int blamed = 0;
  int blamed_unadjusted = 0;
  for (int run = 0; run < runs; ++run) {
    RateRatioEvidence evidence(1.0, uniform_harm_grid(1.0));
    ConditionalDispersion dispersion;
    bool crossed = false;
    bool crossed_unadjusted = false;
    for (int look = 1; look <= looks; ++look) {
      const Block block{draw(random, 6, 3.0), draw(random, 54, 3.0), 600, 5400};
      evidence.add(block);
      dispersion.add(block);
      const double log_e = evidence.log_e();
      crossed_unadjusted = crossed_unadjusted || log_e >= threshold;
      if (dispersion.blocks() < 5 || log_e < threshold) continue;  // dividing by phi >= 1 cannot lift it there
      crossed = crossed || evidence.log_e(dispersion.phi()) >= threshold;
    }
    blamed += crossed ? 1 : 0;
    blamed_unadjusted += crossed_unadjusted ? 1 : 0;
  }
  EXPECT_LT(blamed, 0.02 * runs);
  EXPECT_GT(blamed_unadjusted, 0.12 * runs) << "the bursts of this test are none";
}

TEST(GuardrailSimulation, ARampWithADriftingBaseRateFoolsNobody) {
  // Simpson's trap: weight 1, 5, 10, 25, 50 % while errors rise from 0.5 to 2 %. Pooled totals roll back
  // every time.
  const double ramp[] = {0.01, 0.05, 0.10, 0.25, 0.50};
  const Outcome outcome = simulate({}, {}, [&](int look, std::mt19937_64& random) {
    const double weight = ramp[(look - 1) / 20];
    const double rate = 0.005 + 0.015 * look / looks;
    return Block{draw(random, 6000 * weight * rate, 1.0), draw(random, 6000 * (1 - weight) * rate, 1.0),
                 6000 * weight, 6000 * (1 - weight)};
  });
  EXPECT_LE(outcome.share(outcome.harm), 0.04);
}

TEST(GuardrailSimulation, TheIntervalHoldsTheTruthAtAllLooks) {
  std::mt19937_64 random(55);
  int missed = 0;
  constexpr int few = 200;
  GuardrailParameters p;
  p.fixed_dispersion = 1.0;
  for (int run = 0; run < few; ++run) {
    GuardrailEvidence evidence(p);
    bool outside = false;
    for (int look = 0; look < 50; ++look) {
      evidence.add({draw(random, 6 * 1.3, 1.0), draw(random, 54, 1.0), 600, 5400});
      const RatioInterval interval = evidence.ratio(0.05);
      outside = outside || interval.lower > 1.3 || interval.upper < 1.3;
    }
    missed += outside ? 1 : 0;
  }
  EXPECT_LE(missed, few / 20);
}

}  // namespace
}  // namespace sluice::stats
