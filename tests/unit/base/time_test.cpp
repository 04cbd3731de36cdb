#include "base/time.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(ParseDuration, ReadsWhatKubernetesWrites) {
  EXPECT_EQ(*parse_duration("30s"), seconds(30));
  EXPECT_EQ(*parse_duration("1h30m"), minutes(90));
  EXPECT_EQ(*parse_duration("250ms"), milliseconds(250));
  EXPECT_EQ(*parse_duration("1.5s"), milliseconds(1500));
  EXPECT_EQ(*parse_duration("0s"), milliseconds(0));
}

TEST(ParseDuration, RefusesWhatIsNoDuration) {
  for (const char* text : {"", "30", "s", "-1s", "1d", "1 s", "nan", "infs", "1e3s", "99999999999h", "5mm"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(FormatDuration, IsReadBackAsTheSame) {
  for (const Duration d : {Duration(0), Duration(250), Duration(30'000), Duration(5'400'000), Duration(90'061'001)}) {
    EXPECT_EQ(*parse_duration(format_duration(d)), d);
  }
  EXPECT_EQ(format_duration(minutes(90)), "1h30m");
}

TEST(Humane, UsesAtMostTwoUnits) {
  EXPECT_EQ(humane(seconds(45)), "45s");
  EXPECT_EQ(humane(seconds(125)), "2m 5s");
  EXPECT_EQ(humane(hours(50)), "2d 2h");
  EXPECT_EQ(humane(milliseconds(400)), "0.4s");
}

TEST(ParseTime, ReadsOffsetsAndFractions) {
  const Time t = *parse_time("2026-01-02T03:04:05Z");
  EXPECT_EQ(format_time(t), "2026-01-02T03:04:05Z");
  EXPECT_EQ(*parse_time("2026-01-02T05:04:05+02:00"), t);
  EXPECT_EQ(*parse_time("2026-01-02T03:04:05.250Z"), t + milliseconds(250));
  EXPECT_EQ(*parse_time("2026-01-02T03:04:05.250999Z"), t + milliseconds(250));
  EXPECT_EQ(format_micro_time(t + milliseconds(250)), "2026-01-02T03:04:05.250000Z");
  for (const char* text : {"", "yesterday", "2026-13-02T03:04:05Z", "2026-01-02T03:04:05", "2026-01-02"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

}  // namespace
}  // namespace sluice
