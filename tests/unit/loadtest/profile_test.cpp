#include "loadtest/load_profile.h"

#include <gmock/gmock.h>

#include "loads.h"

namespace sluice::loadtest {
namespace {

using api::LoadMetric;
using api::LoadProfile;

struct ShapeCase {
  LoadProfile profile;
  std::vector<api::LoadStep> steps;
};

class Shape : public testing::TestWithParam<ShapeCase> {};

TEST_P(Shape, OfAProfileAtItsRate) {
  EXPECT_EQ(load_steps(stage_of(GetParam().profile, 100, seconds(60))), GetParam().steps);
}

INSTANTIATE_TEST_SUITE_P(
    All, Shape,
    testing::Values(
        ShapeCase{LoadProfile::Performance, {{seconds(60), 100}}},
        ShapeCase{LoadProfile::Endurance, {{seconds(60), 100}}},
        ShapeCase{LoadProfile::Volume, {{seconds(60), 100}}},
        ShapeCase{LoadProfile::Stress,
                  {{seconds(10), 20}, {seconds(10), 40}, {seconds(10), 60}, {seconds(10), 80}, {seconds(10), 100},
                   {seconds(10), 20}}},
        ShapeCase{LoadProfile::Scalability,
                  {{seconds(15), 25}, {seconds(15), 50}, {seconds(15), 75}, {seconds(15), 100}}},
        ShapeCase{LoadProfile::Spike, {{seconds(24), 20}, {seconds(12), 100}, {seconds(24), 20}}}));

TEST(LoadSteps, GivenOnesAreTaken) {
  api::LoadTestStage stage = stage_of(LoadProfile::Stress, 0, Duration(0));
  stage.steps = {{seconds(3), 7}, {seconds(4), 9}};
  EXPECT_EQ(load_steps(stage), stage.steps);
  EXPECT_EQ(load_duration(stage), seconds(7));
  EXPECT_EQ(highest_rate(stage), 9);
}

TEST(LoadSteps, NoneWithoutARate) {
  const api::LoadTestStage stage = stage_of(LoadProfile::Performance, 0, seconds(60));
  EXPECT_TRUE(load_steps(stage).empty());
  EXPECT_EQ(load_duration(stage), Duration(0));
  EXPECT_EQ(window_length(stage), seconds(1));
}

TEST(LoadSteps, AddUpToTheDurationWhateverItIs) {
  for (const int milliseconds : {1000, 1001, 59'999, 100'003}) {
    for (const LoadProfile profile : {LoadProfile::Stress, LoadProfile::Spike, LoadProfile::Scalability}) {
      EXPECT_EQ(load_duration(stage_of(profile, 10, Duration(milliseconds))), Duration(milliseconds));
    }
  }
}

TEST(LoadSteps, EachProfileHasAUsualDuration) {
  EXPECT_EQ(load_duration(stage_of(LoadProfile::Performance, 10, Duration(0))), minutes(5));
  EXPECT_EQ(load_duration(stage_of(LoadProfile::Endurance, 10, Duration(0))), hours(1));
  EXPECT_EQ(load_duration(stage_of(LoadProfile::Stress, 10, Duration(0))), minutes(6));
}

TEST(LoadCriteria, GivenOnesAreTaken) {
  api::LoadTestStage stage = stage_of(LoadProfile::Stress, 10, Duration(0));
  stage.criteria = {at_most(LoadMetric::Restarts, 0)};
  EXPECT_EQ(load_criteria(stage), stage.criteria);
}

TEST(LoadCriteria, OfEachProfileAreWhatItIsFor) {
  const auto metrics = [](LoadProfile profile) {
    std::vector<LoadMetric> out;
    for (const api::LoadCriterion& criterion : load_criteria(stage_of(profile, 50, Duration(0)))) {
      out.push_back(criterion.metric);
    }
    return out;
  };
  using testing::Contains;
  EXPECT_THAT(metrics(LoadProfile::Performance), Contains(LoadMetric::ResponseTime));
  EXPECT_THAT(metrics(LoadProfile::Stress), testing::IsSupersetOf({LoadMetric::Knee, LoadMetric::Recovery}));
  EXPECT_THAT(metrics(LoadProfile::Endurance),
              testing::IsSupersetOf({LoadMetric::ResponseTimeGrowth, LoadMetric::MemoryGrowth, LoadMetric::Restarts}));
  EXPECT_THAT(metrics(LoadProfile::Volume), Contains(LoadMetric::Failures));
  EXPECT_THAT(metrics(LoadProfile::Scalability), Contains(LoadMetric::Knee));
  EXPECT_THAT(metrics(LoadProfile::Spike), Contains(LoadMetric::Recovery));
}

TEST(LoadCriteria, TheKneeGoesByTheHighestRate) {
  for (const api::LoadCriterion& criterion : load_criteria(stage_of(LoadProfile::Stress, 50, Duration(0)))) {
    if (criterion.metric == LoadMetric::Knee) {
      EXPECT_DOUBLE_EQ(*criterion.min, 40.0);
    }
  }
  for (const api::LoadCriterion& criterion : load_criteria(stage_of(LoadProfile::Scalability, 50, Duration(0)))) {
    if (criterion.metric == LoadMetric::Knee) {
      EXPECT_DOUBLE_EQ(*criterion.min, 50.0);
    }
  }
}

// The script divides each step into equal windows of about this length.
std::int64_t windows_of(const api::LoadTestStage& stage) {
  std::int64_t count = 0;
  for (const api::LoadStep& step : load_steps(stage)) {
    const auto length = static_cast<double>(window_length(stage).count());
    count += std::max<std::int64_t>(1, std::llround(static_cast<double>(step.duration.count()) / length));
  }
  return count;
}

TEST(WindowLength, NeverGivesMoreThan240Windows) {
  for (const int whole : {1, 5, 59, 60, 119, 121, 300, 301, 3600, 86'400, 864'000}) {
    for (const LoadProfile profile : {LoadProfile::Performance, LoadProfile::Stress, LoadProfile::Spike}) {
      const auto stage = stage_of(profile, 10, seconds(whole));
      EXPECT_LE(windows_of(stage), 240) << whole;
      EXPECT_GE(window_length(stage), seconds(1));
    }
  }
  api::LoadTestStage many = stage_of(LoadProfile::Stress, 0, Duration(0));
  for (int i = 0; i < 100; ++i) many.steps.push_back({milliseconds(2500 + 1000 * (i % 7)), 10.0 + i});
  EXPECT_LE(windows_of(many), 240);
}

TEST(WindowLength, GivesAbout120Windows) {
  EXPECT_EQ(window_length(stage_of(LoadProfile::Performance, 10, minutes(5))), seconds(3));
  EXPECT_EQ(window_length(stage_of(LoadProfile::Endurance, 10, hours(1))), seconds(30));
}

TEST(WarmUp, IsATwentiethWithinLimits) {
  EXPECT_EQ(warm_up(stage_of(LoadProfile::Performance, 10, seconds(20))), seconds(2));
  EXPECT_EQ(warm_up(stage_of(LoadProfile::Performance, 10, minutes(5))), seconds(15));
  EXPECT_EQ(warm_up(stage_of(LoadProfile::Performance, 10, hours(1))), seconds(30));
}

}  // namespace
}  // namespace sluice::loadtest
