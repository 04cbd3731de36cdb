#include "cli/flags.h"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

bool accepts(const CLI::Validator& validator, std::string text) { return validator(text).empty(); }

TEST(Flags, PercentagesAreThoseOfAManifest) {
  for (const char* good : {"0.5%", "5%", "0", "5", "100%", "0%"}) EXPECT_TRUE(accepts(percentage(), good)) << good;
  for (const char* bad : {"", "%", "0.01", "101%", "101", "-1%", "5 %", "five"}) {
    EXPECT_FALSE(accepts(percentage(), bad)) << bad;
  }
  EXPECT_DOUBLE_EQ(value_of_percentage("0.5%"), 0.005);
  EXPECT_DOUBLE_EQ(value_of_percentage("5"), 0.05);
}

TEST(Flags, SeveralPercentages) {
  EXPECT_EQ(value_of_percentages("1,5,12.5%"), (std::vector<double>{0.01, 0.05, 0.125}));
  for (const char* bad : {"", "1,", ",1", "1;5", "1,x"}) EXPECT_FALSE(accepts(percentages(), bad)) << bad;
}

TEST(Flags, ANameMayComeFirst) {
  EXPECT_TRUE(accepts(named_percentage(), "errors=1%"));
  EXPECT_TRUE(accepts(named_percentage(), "1%"));
  EXPECT_FALSE(accepts(named_percentage(), "errors="));
  EXPECT_FALSE(accepts(named_decimal(), "errors=1%"));
  EXPECT_EQ(split_name("errors=1%").name, "errors");
  EXPECT_EQ(split_name("errors=1%").value, "1%");
  EXPECT_EQ(split_name("2").name, "");
}

TEST(Flags, DecimalsAndDurations) {
  EXPECT_TRUE(accepts(decimal(), "1.5"));
  EXPECT_FALSE(accepts(decimal(), "1e9"));
  EXPECT_TRUE(accepts(duration(), "1m30s"));
  EXPECT_FALSE(accepts(duration(), "90"));
  EXPECT_EQ(value_of_duration("1m30s"), seconds(90));
}

}  // namespace
}  // namespace sluice::cli
