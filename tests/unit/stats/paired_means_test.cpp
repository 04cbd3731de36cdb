// Means of both arms look by look: error rates, power, the interval, and a restart.
#include "stats/paired_means.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace sluice::stats {
namespace {

const double kThreshold = std::log(20.0);

// One look of 200 and 600 scores around 3, whose means wander together (`drift`) and each for itself (`rho`).
class Scores {
 public:
  Scores(unsigned seed, double lift, double rho) : random_(seed), lift_(lift), rho_(rho) {}

  MeanBlock next() {
    std::normal_distribution<double> normal;
    drift_ = 0.9 * drift_ + 0.1 * normal(random_);
    own_ = rho_ * own_ + std::sqrt(1 - rho_ * rho_) * normal(random_);
    const double candidate = 3 + drift_ + lift_ + 0.05 * own_;
    const double stable = 3 + drift_;
    return {200 * candidate, 600 * stable, 200, 600};
  }

 private:
  std::mt19937_64 random_;
  double lift_;
  double rho_;
  double drift_ = 0;
  double own_ = 0;
};

TEST(PairedMeans, SayNothingBeforeTheBatchIsKnown) {
  PairedMeans means;
  Scores scores(1, 1.0, 0);
  for (int i = 0; i + 1 < PairedMeans::kFirst; ++i) {
    means.add(scores.next());
    EXPECT_EQ(means.log_e_larger(), 0);
    EXPECT_EQ(means.batch(), 0);
    EXPECT_TRUE(std::isinf(means.half_width(0.05)));
  }
  means.add(scores.next());
  EXPECT_GE(means.batch(), 5);
  EXPECT_GT(means.log_e_larger(), 0);
}

TEST(PairedMeans, FalseAlarmsStayBelowAlphaThoughLooksHangTogether) {
  for (const double rho : {0.0, 0.6}) {
    int larger = 0;
    int smaller = 0;
    constexpr int runs = 1000;
    for (unsigned run = 0; run < runs; ++run) {
      PairedMeans means;
      Scores scores(run, 0.0, rho);
      for (int look = 0; look < 300; ++look) means.add(scores.next());
      if (means.sup_log_e_larger() >= kThreshold) ++larger;
      if (means.sup_log_e_smaller() >= kThreshold) ++smaller;
    }
    EXPECT_LE(larger, runs * 0.05) << "rho " << rho;
    EXPECT_LE(smaller, runs * 0.05) << "rho " << rho;
  }
}

TEST(PairedMeans, FindALiftAndItsDirection) {
  for (const double lift : {0.1, -0.1}) {
    PairedMeans means;
    Scores scores(5, lift, 0.3);
    for (int look = 0; look < 200; ++look) means.add(scores.next());
    const bool up = lift > 0;
    EXPECT_GE(up ? means.sup_log_e_larger() : means.sup_log_e_smaller(), kThreshold);
    EXPECT_LT(up ? means.sup_log_e_smaller() : means.sup_log_e_larger(), kThreshold);
    EXPECT_NEAR(means.difference(), lift, 0.02);
    EXPECT_LT(means.half_width(0.05), 0.05);
  }
}

TEST(PairedMeans, TheIntervalIsWhereTheEvidenceCrosses) {
  for (const int looks : {35, 100, 400}) {
    MeanEvidence around_zero;
    std::mt19937_64 random(3);
    std::normal_distribution<double> normal(0.2, 1.0);
    std::vector<double> values;
    for (int i = 0; i < looks; ++i) values.push_back(normal(random));
    for (const double value : values) around_zero.add(value);
    const double edge = around_zero.mean() + around_zero.half_width(0.05);
    MeanEvidence at_edge;
    for (const double value : values) at_edge.add(value - edge);
    EXPECT_NEAR(at_edge.log_e(), kThreshold, 1e-6);
  }
}

TEST(PairedMeans, ALookInWhichOneArmSawNothingSaysNothing) {
  PairedMeans means;
  EXPECT_TRUE(means.add({0, 30, 0, 10}));
  EXPECT_EQ(means.looks(), 1);
  EXPECT_EQ(means.differences(), 0);
  EXPECT_FALSE(means.add({5, 30, 0, 10})) << "a sum of nothing";
  EXPECT_FALSE(means.add({-5, 30, 5, 10}));
  EXPECT_FALSE(means.add({std::nan(""), 30, 5, 10}));
  EXPECT_EQ(means.looks(), 1);
}

TEST(PairedMeans, ARestartChangesNothing) {
  PairedMeans lived;
  PairedMeans restarted;
  Scores scores(9, 0.02, 0.5);
  std::size_t longest = 0;
  for (int look = 0; look < 80; ++look) {
    const MeanBlock block = scores.next();
    lived.add(block);
    restarted.add(block);
    const std::string text = restarted.pack();
    longest = std::max(longest, text.size());
    auto read = PairedMeans::unpack(text);
    ASSERT_TRUE(read);
    restarted = std::move(read).take();
    EXPECT_EQ(restarted.pack(), lived.pack());
    EXPECT_EQ(restarted.log_e_larger(), lived.log_e_larger());
  }
  EXPECT_LT(longest, 600u);
  EXPECT_FALSE(PairedMeans::unpack("m1."));
  EXPECT_FALSE(PairedMeans::unpack("m0" + lived.pack().substr(2)));
}

}  // namespace
}  // namespace sluice::stats
