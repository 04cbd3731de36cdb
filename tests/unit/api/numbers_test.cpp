#include "api/numbers.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

namespace sluice::api {
namespace {

using nlohmann::json;

TEST(Percent, IsTheSameDoubleAsTheLiteral) {
  const std::vector<std::pair<json, double>> cases{
      {"5%", 0.05},  {5, 0.05},      {"0.5%", 0.005}, {"0.1%", 0.001},  {"100%", 1.0},
      {100, 1.0},    {"0%", 0.0},    {0, 0.0},        {"12.5%", 0.125}, {"0.07%", 0.0007},
      {"29%", 0.29}, {"057%", 0.57}, {5U, 0.05},      {"1.10%", 0.011}, {"0.000001%", 0.00000001}};
  for (const auto& [value, expected] : cases) {
    const auto percent = parse_percent(value);
    ASSERT_TRUE(percent) << value << ": " << percent.error().message;
    EXPECT_EQ(*percent, expected) << value;
  }
}

TEST(Percent, RefusesEverythingElseAndSaysWhatToWrite) {
  for (const json& value : {json("abc"),
                            json("5"),
                            json("%"),
                            json("-1%"),
                            json("101%"),
                            json("100.1%"),
                            json(-1),
                            json(101),
                            json(0.5),
                            json("1e1%"),
                            json(" 5%"),
                            json("5 %"),
                            json("5%%"),
                            json(".5%"),
                            json("5.%"),
                            json("0x5%"),
                            json("nan%"),
                            json(true),
                            json(nullptr),
                            json::array(),
                            json::object(),
                            json("\xff%"),
                            json(std::string(100, '1') + "%")}) {
    const auto percent = parse_percent(value);
    ASSERT_FALSE(percent) << *percent;
    EXPECT_EQ(percent.error().code, ErrorCode::Invalid);
    EXPECT_NE(percent.error().message.find("is not a percentage: write"), std::string::npos);
  }
  EXPECT_EQ(parse_percent("abc").error().message,
            "\"abc\" is not a percentage: write \"0.5%\", \"5%\" or 5, from 0% to 100%");
}

TEST(Ratio, ReadsDecimalStringsAndIntegers) {
  const std::vector<std::pair<json, double>> cases{
      {"1.5", 1.5}, {"1", 1.0}, {3, 3.0}, {"0.1", 0.1}, {"1000000", 1000000.0}, {"0", 0.0}, {"1.05", 1.05}};
  for (const auto& [value, expected] : cases) {
    const auto ratio = parse_ratio(value);
    ASSERT_TRUE(ratio) << value;
    EXPECT_EQ(*ratio, expected) << value;
  }
}

TEST(Ratio, RefusesEverythingElse) {
  for (const json& value :
       {json("abc"), json("1,5"), json("-1"), json(-1), json(1.5), json("1e3"), json("inf"), json("nan"),
        json(""), json("1000001"), json(nullptr), json("1.5x"), json("+1")}) {
    EXPECT_FALSE(parse_ratio(value)) << value;
  }
  EXPECT_EQ(parse_ratio("abc").error().message,
            "\"abc\" is not a number: write a decimal string such as \"1.5\"");
}

TEST(Readable, HasThreeSignificantDigits) {
  EXPECT_EQ(percent_text(61.0 / 60211.0), "0.101%");
  EXPECT_EQ(percent_text(0.248), "24.8%");
  EXPECT_EQ(percent_text(0.25), "25%");
  EXPECT_EQ(percent_text(0.0), "0%");
  EXPECT_EQ(percent_text(1.0), "100%");
  EXPECT_EQ(ratio_text(1.0807), "1.08");
  EXPECT_EQ(ratio_text(999.7), "1000");
  EXPECT_EQ(ratio_text(123456.7), "123457");
  EXPECT_EQ(ratio_text(1.25e9), "1.25e+09");
  EXPECT_EQ(ratio_text(std::numeric_limits<double>::infinity()), "inf");
}

TEST(Readable, EvaluesOfAnySize) {
  EXPECT_EQ(e_value_text(std::log(60.0)), "60");
  EXPECT_EQ(e_value_text(std::log(0.4)), "0.4");
  EXPECT_EQ(e_value_text(0.0), "1");
  EXPECT_EQ(e_value_text(1000.0), "1.97e+434");
  EXPECT_EQ(e_value_text(-1000.0), "5.08e-435");
  EXPECT_EQ(e_value_text(700.0 * std::log(10.0)), "1e+700");
  EXPECT_EQ(e_value_text(-std::numeric_limits<double>::infinity()), "0");
  EXPECT_EQ(e_value_text(std::numeric_limits<double>::infinity()), "inf");
}

TEST(Exact, GivesTheSameBitsAgain) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 10'000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (std::isnan(value)) continue;
    const auto again = read_exact(exact_text(value));
    ASSERT_TRUE(again);
    ASSERT_EQ(std::bit_cast<std::uint64_t>(*again), std::bit_cast<std::uint64_t>(value));
  }
  for (const char* bad : {"", "abc", "1 ", " 1", "1x", "--1"}) EXPECT_FALSE(read_exact(bad)) << bad;
}

TEST(Exact, ListsKeepTheirGapsAndTheirLength) {
  const std::vector<std::optional<double>> values{1.0 / 3.0, std::nullopt,
                                                  -std::numeric_limits<double>::infinity(), 0.0};
  const std::string text = pack_exact(values);
  EXPECT_EQ(text, "0.3333333333333333 - -inf 0");
  EXPECT_EQ(unpack_exact(text, 4), values);
  for (const char* bad :
       {"", "1", "1 2 3", "1 2 3 4 5", "1 2 3 x", "1 2 3 nan", "1 2 3 4 ", "1  3 4", " 1 2 3 4"}) {
    EXPECT_FALSE(unpack_exact(bad, 4)) << bad;
  }
}

}  // namespace
}  // namespace sluice::api
