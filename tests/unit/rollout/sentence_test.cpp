#include "rollout/sentence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sluice::rollout {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

TEST(Number, HasThreeDigitsAndNoExponentWhereItCan) {
  const std::vector<std::pair<double, std::string>> cases = {
      {0, "0"},          {1, "1"},           {1.0793, "1.08"},  {12.34, "12.3"},   {123.4, "123"},
      {1234.4, "1234"},  {99999.7, "100000"}, {1e6, "1e+06"},    {2.44e12, "2.4e+12"}, {0.01234, "0.0123"},
      {0.0001, "0.0001"}, {9.9e-5, "9.9e-05"}, {-1.0793, "-1.08"}, {0.9996, "1"},      {1e300, "1e+300"}};
  for (const auto& [value, text] : cases) EXPECT_EQ(number(value), text);
  EXPECT_EQ(number(kInfinite), "infinite");
  EXPECT_EQ(number(-kInfinite), "-infinite");
  EXPECT_EQ(number(std::nan("")), "-");
}

TEST(Number, SharesArePercentages) {
  EXPECT_EQ(percent(0.00101), "0.101%");
  EXPECT_EQ(percent(0.04), "4%");
  EXPECT_EQ(percent(0), "0%");
}

TEST(Number, EValuesReachBeyondADouble) {
  EXPECT_EQ(e_value(std::log(60.0)), "60");
  EXPECT_EQ(e_value(0), "1");
  EXPECT_EQ(e_value(-kInfinite), "0");
  EXPECT_EQ(e_value(1000), "1e+434");
  EXPECT_EQ(e_value(-1000), "1e-434");
}

TEST(Sentence, TellsTheCountsAndTheRatio) {
  api::MetricStatus metric;
  metric.candidate = {47, 1204};
  metric.stable = {2, 10876};
  metric.effect = 212.3;
  metric.lower = 31.49;
  metric.upper = 980.4;
  EXPECT_EQ(sentence(metric, GuardrailState::Harmed),
            "worse: 3.9% (47 of 1204) against 0.0184% (2 of 10876) of stable, ratio 212 (31.5 to 980)");
  metric.upper.reset();
  EXPECT_EQ(sentence(metric, GuardrailState::Unproven),
            "undecided: 3.9% (47 of 1204) against 0.0184% (2 of 10876) of stable, ratio 212 (31.5 to any)");
  metric.effect.reset();
  metric.candidate = {};
  EXPECT_EQ(sentence(metric, GuardrailState::NonInferior),
            "not worse: no requests against 0.0184% (2 of 10876) of stable");
}

TEST(Sentence, SaysWhatFewPodsCannotTell) {
  EXPECT_EQ(few_pods_sentence(1, 0.05),
            "with 1 pod of the candidate, a difference between pods (5% in stable's past) cannot be told from one "
            "between revisions");
  EXPECT_EQ(few_pods_sentence(2, 0.0),
            "with 2 pods of the candidate, a difference between pods (none seen in stable's past) cannot be told from "
            "one between revisions");
  EXPECT_NE(few_pods_sentence(2, std::nullopt).find("stable's past does not tell"), std::string::npos);
}

}  // namespace
}  // namespace sluice::rollout
