#include "stats/metric_evidence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "stats/log_space.h"

namespace sluice::stats {
namespace {

constexpr std::array<double, 11> edges = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0};

GuardrailParameters parameters() {
  GuardrailParameters p;
  p.or_below = 0.01;
  return p;
}

// The share of latencies above `edge`: log-normal, sd 0.5.
double share_above(double edge, double median) {
  return 0.5 * std::erfc((std::log(edge) - std::log(median)) / 0.5 / std::sqrt(2.0));
}

std::vector<double> shares(double median) {
  std::vector<double> found;
  for (const double edge : edges) found.push_back(share_above(edge, median));
  return found;
}

class Service {
 public:
  Service(std::uint64_t seed, double median, double slower) : random_(seed), median_(median), slower_(slower) {}

  // A minute of 100 requests a second, a tenth to the candidate.
  std::vector<Block> minute(std::span<const double> at) {
    const std::vector<double> candidate = above(600.0, median_ * slower_, at);
    const std::vector<double> stable = above(5400.0, median_, at);
    std::vector<Block> blocks;
    for (std::size_t k = 0; k < at.size(); ++k) blocks.push_back({candidate[k], stable[k], 600.0, 5400.0});
    return blocks;
  }

 private:
  std::vector<double> above(double requests, double median, std::span<const double> at) {
    std::vector<double> counts;
    double left = requests;
    double before = 1.0;
    for (const double edge : at) {
      const double share = share_above(edge, median);
      std::binomial_distribution<long> draw(static_cast<long>(left), std::min(1.0, share / before));
      left = static_cast<double>(draw(random_));
      before = share;
      counts.push_back(left);
    }
    return counts;
  }

  std::mt19937_64 random_;
  double median_;
  double slower_;
};

struct Outcome {
  double rolled_back = 0.0;
  double proven = 0.0;
  int median_roll_back = 0;  // in looks; 0: fewer than half
};

Outcome simulate(double slower, int runs, int looks) {
  const std::vector<double> at = informative_edges(edges, shares(0.1));
  const std::vector<double> past(at.size(), 1.0);
  std::vector<int> rolled_back;
  int proven = 0;
  for (int run = 0; run < runs; ++run) {
    Service service(static_cast<std::uint64_t>(run), 0.1, slower);
    MetricEvidence evidence(parameters(), past);
    int when = 0;
    for (int look = 1; look <= looks; ++look) {
      evidence.add(service.minute(at));
      if (when == 0 && evidence.sup_log_e_harm() >= std::log(20.0)) when = look;
    }
    if (when > 0) rolled_back.push_back(when);
    if (evidence.sup_log_e_non_inferior() >= std::log(20.0)) ++proven;
  }
  std::sort(rolled_back.begin(), rolled_back.end());
  const auto half = static_cast<std::size_t>(runs / 2);
  return {static_cast<double>(rolled_back.size()) / runs, static_cast<double>(proven) / runs,
          half < rolled_back.size() ? rolled_back[half] : 0};
}

TEST(MetricEvidence, OfOneRateIsThatOfTheRate) {
  const std::array<double, 1> past = {1.4};
  MetricEvidence evidence(parameters(), past);
  GuardrailParameters p = parameters();
  p.past_dispersion = 1.4;
  GuardrailEvidence one(p);
  Service service(3, 0.1, 1.3);
  const std::array<double, 1> at = {0.25};
  for (int look = 0; look < 20; ++look) {
    const std::vector<Block> minute = service.minute(at);
    evidence.add(minute, look % 3 != 0);
    one.add(minute[0], look % 3 != 0);
    EXPECT_EQ(evidence.log_e_harm(), one.log_e_harm());
    EXPECT_EQ(evidence.sup_log_e_harm(), one.sup_log_e_harm());
    EXPECT_EQ(evidence.log_e_non_inferior(), one.log_e_non_inferior());
    EXPECT_EQ(evidence.pack(), one.pack());
    EXPECT_EQ(evidence.detection_power(3.0, 4.0), one.detection_power(3.0, 4.0));
  }
}

TEST(MetricEvidence, HarmIsTheMeanAndTheProofTheLeast) {
  const std::array<double, 3> past = {1.0, 1.0, 1.0};
  MetricEvidence evidence(parameters(), past);
  const std::vector<Block> blocks = {{330, 2700, 600, 5400}, {60, 450, 600, 5400}, {30, 54, 600, 5400}};
  ASSERT_TRUE(evidence.add(blocks));
  std::vector<double> harm;
  double least = 1e9;
  for (std::size_t k = 0; k < 3; ++k) {
    harm.push_back(evidence.part(k).log_e_harm());
    least = std::min(least, evidence.part(k).log_e_non_inferior());
  }
  EXPECT_DOUBLE_EQ(evidence.log_e_harm(), log_sum_exp(harm) - std::log(3.0));
  EXPECT_EQ(evidence.log_e_non_inferior(), least);
  EXPECT_EQ(evidence.leading(), 2u) << "five times as many above the last edge";
  EXPECT_FALSE(evidence.ratio_below(1.5, 0.05));
}

TEST(MetricEvidence, LooksAtSeveralEdgesForTheirPriceInPower) {
  const std::array<double, 3> past = {1.0, 1.0, 1.0};
  MetricEvidence evidence(parameters(), past);
  evidence.add(std::vector<Block>{{300, 2700, 600, 5400}, {60, 540, 600, 5400}, {12, 100, 600, 5400}});
  const double power = evidence.detection_power(1.8, 3.0);
  EXPECT_GT(power, 0.05);
  EXPECT_LT(power, 0.95);
  EXPECT_EQ(power, evidence.part(2).detection_power(1.8, 3.0 + std::log(3.0))) << "the last edge has the fewest events";
}

TEST(EdgeGrids, LieOnTheirSide) {
  for (const double ratio : edge_harm_grid(1.3).ratios) EXPECT_GT(ratio, 1.3);
  for (const double ratio : edge_non_inferior_grid(1.3).ratios) EXPECT_LT(ratio, 1.3);
  for (const RatioGrid& grid : {edge_harm_grid(1.3), edge_non_inferior_grid(1.3)}) {
    EXPECT_NEAR(log_sum_exp(grid.log_weights), 0.0, 1e-12);
  }
}

TEST(MetricEvidence, ABlockThatContradictsItselfIsRefusedWhole) {
  const std::array<double, 2> past = {1.0, 1.0};
  MetricEvidence evidence(parameters(), past);
  EXPECT_FALSE(evidence.add(std::vector<Block>{{1, 1, 10, 10}}));
  EXPECT_FALSE(evidence.add(std::vector<Block>{{1, 1, 10, 10}, {-1, 1, 10, 10}}));
  EXPECT_EQ(evidence.looks(), 0);
  EXPECT_EQ(evidence.part(0).looks(), 0);
}

TEST(MetricEvidence, ARestartAtAnyLookDecidesWithTheSameBits) {
  const std::vector<double> at = informative_edges(edges, shares(0.1));
  ASSERT_EQ(at.size(), MetricEvidence::most_edges);
  const std::array<double, 3> past = {1.0, 1.7, 0.0};
  MetricEvidence lived(parameters(), past);
  MetricEvidence restarted = lived;
  Service service(5, 0.1, 1.1);
  for (int look = 0; look < 30; ++look) {
    const std::vector<Block> minute = service.minute(at);
    lived.add(minute, look % 4 != 0);
    auto read = MetricEvidence::unpack(parameters(), 3, restarted.pack());
    ASSERT_TRUE(read.ok()) << read.error().message;
    restarted = std::move(read).take();
    restarted.add(minute, look % 4 != 0);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(lived.log_e_harm()), std::bit_cast<std::uint64_t>(restarted.log_e_harm()));
    EXPECT_EQ(std::bit_cast<std::uint64_t>(lived.sup_log_e_harm()),
              std::bit_cast<std::uint64_t>(restarted.sup_log_e_harm()));
    EXPECT_EQ(std::bit_cast<std::uint64_t>(lived.sup_log_e_non_inferior()),
              std::bit_cast<std::uint64_t>(restarted.sup_log_e_non_inferior()));
    EXPECT_LE(lived.pack().size(), 2048u);
  }
}

TEST(MetricEvidence, ReadsNoTextOfAnotherKind) {
  const std::array<double, 3> three = {1.0, 1.0, 1.0};
  const std::array<double, 2> two = {1.0, 1.0};
  const std::array<double, 1> one = {1.0};
  const std::string text = MetricEvidence(parameters(), three).pack();
  EXPECT_TRUE(MetricEvidence::unpack(parameters(), 3, text).ok());
  EXPECT_FALSE(MetricEvidence::unpack(parameters(), 2, text).ok());
  EXPECT_FALSE(MetricEvidence::unpack(parameters(), 1, text).ok());
  EXPECT_FALSE(MetricEvidence::unpack(parameters(), 3, MetricEvidence(parameters(), two).pack()).ok());
  EXPECT_FALSE(MetricEvidence::unpack(parameters(), 3, MetricEvidence(parameters(), one).pack()).ok());
  GuardrailParameters other = parameters();
  other.margin_ratio = 1.4;
  EXPECT_FALSE(MetricEvidence::unpack(other, 3, text).ok());
}

// The guarantee and the speed of STATISTICS for a histogram: equal models at 0.5 %, 5 % slower within 11 looks, 10 %
// within 3, twice as slow at once.
TEST(MetricEvidence, FindsALatencyThatHasShifted) {
  const Outcome equal = simulate(1.0, 1000, 100);
  EXPECT_LE(equal.rolled_back, 0.03);
  EXPECT_GE(equal.proven, 0.99);
  EXPECT_LE(simulate(1.05, 200, 60).median_roll_back, 11);
  const Outcome tenth = simulate(1.1, 200, 40);
  EXPECT_LE(tenth.median_roll_back, 3);
  EXPECT_LE(tenth.proven, 0.1);
  EXPECT_EQ(simulate(2.0, 100, 5).median_roll_back, 1);
}

TEST(InformativeEdges, AreTheMiddleAndTheTail) {
  EXPECT_EQ(informative_edges(edges, shares(0.1)), (std::vector<double>{0.1, 0.25, 0.5}));
  EXPECT_EQ(informative_edges(edges, shares(0.02)), (std::vector<double>{0.025, 0.05, 0.1}));
}

TEST(InformativeEdges, LeaveOutWhatTellsNothing) {
  const std::array<double, 4> at = {1, 2, 3, 4};
  EXPECT_EQ(informative_edges(at, std::array{0.99, 0.9, 0.3, 0.0}), (std::vector<double>{3}));
  EXPECT_EQ(informative_edges(at, std::array{0.5, 0.4, 0.3, 0.2}), (std::vector<double>{1, 3, 4}));
  EXPECT_EQ(informative_edges(at, std::array{0.99, 0.9, 0.0, 0.0}), (std::vector<double>{3})) << "what is new would show";
  EXPECT_EQ(informative_edges(at, std::array{0.0, 0.0, 0.0, 0.0}), (std::vector<double>{1}));
  EXPECT_EQ(informative_edges(at, std::array{1.0, 1.0, 1.0, 1.0}), (std::vector<double>{4}));
  EXPECT_TRUE(informative_edges({}, {}).empty());
}

}  // namespace
}  // namespace sluice::stats
