#include "loadtest/load_result.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "loads.h"

namespace sluice::loadtest {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json good() {
  return json::parse(R"({"kind":"LoadTestResult","apiVersion":"sluice.dev/v1alpha1","startedAt":1767225600.5,
    "windows":[{"at":0,"seconds":5,"askedRate":50,"users":50,"requests":250,"failures":2,
                "responseTimes":{"13.5":200,"12":3,"100":47}},
               {"at":5,"seconds":5,"askedRate":50,"users":50,"requests":1,"failures":0,"responseTimes":{"9":1}}],
    "errors":[{"what":"HTTP 500","count":2}],
    "generator":{"tool":"locust 2.47.0","workers":2,"lostWorkers":0,"saturated":false,"why":""}})");
}

TEST(ParseLoadResult, ReadsAll) {
  const auto read = parse_load_result("noise\n" + good().dump() + "\n");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->started_at, Time(milliseconds(1'767'225'600'500)));
  ASSERT_EQ(read->windows.size(), 2U);
  const LoadWindow& first = read->windows[0];
  EXPECT_EQ(first.length, seconds(5));
  EXPECT_EQ(first.requests, 250);
  EXPECT_EQ(first.failures, 2);
  EXPECT_THAT(first.response_times,
              testing::ElementsAre(ResponseTimes{0.012, 3}, ResponseTimes{0.0135, 200}, ResponseTimes{0.1, 47}));
  EXPECT_EQ(read->errors, (std::vector<LoadErrorCount>{{"HTTP 500", 2}}));
  EXPECT_EQ(read->generator, (LoadGenerator{"locust 2.47.0", 2, 0, false, ""}));
}

TEST(ParseLoadResult, ASimpleToolWritesLittle) {
  const auto read = parse_load_result(R"({"kind":"LoadTestResult","apiVersion":"sluice.dev/v1alpha1","startedAt":0,)"
                                      R"("windows":[{"at":0,"seconds":60,"requests":10}]})");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->windows[0].failures, 0);
  EXPECT_EQ(read->generator.workers, 1);
}

TEST(ParseLoadResult, TheLastLineThatIsOneCounts) {
  json other = good();
  other["startedAt"] = 7;
  const std::string log = good().dump() + "\n" + other.dump() + "\r\n{\"kind\":\"LoadTestResult\", cut";
  const auto read = parse_load_result(log);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->started_at, Time(seconds(7)));
}

TEST(ParseLoadResult, FormattingGivesTheSameAgain) {
  const LoadResult result = *parse_load_result(good().dump());
  EXPECT_EQ(*parse_load_result(format_load_result(result)), result);
}

struct Broken {
  const char* name;
  std::function<void(json&)> breaking;
  const char* message;
};

class ParseBroken : public testing::TestWithParam<Broken> {};

TEST_P(ParseBroken, SaysWhatIsWrong) {
  json object = good();
  GetParam().breaking(object);
  const auto read = parse_load_result(object.dump());
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, ErrorCode::Invalid);
  EXPECT_THAT(read.error().message, HasSubstr(GetParam().message));
}

const auto edit = [](const char* pointer, json value) {
  return [=](json& object) { object[json::json_pointer(pointer)] = value; };
};

INSTANTIATE_TEST_SUITE_P(
    Table, ParseBroken,
    testing::Values(
        Broken{"version", edit("/apiVersion", "v2"), "apiVersion: is not sluice.dev/v1alpha1"},
        Broken{"start", [](json& o) { o.erase("startedAt"); }, "startedAt: is missing"},
        Broken{"windows", edit("/windows", 3), "windows: is not a list"},
        Broken{"none", edit("/windows", json::array()), "windows: is empty"},
        Broken{"many", [](json& o) { o["windows"] = json(std::vector<json>(241, o["windows"][0])); }, "240"},
        Broken{"window", edit("/windows/1", "x"), "windows[1]: is not an object"},
        Broken{"overlap", edit("/windows/1/at", 3), "windows[1].at: begins before the window ahead of it ends"},
        Broken{"length", edit("/windows/0/seconds", 0), "windows[0].seconds: is out of range: 0"},
        Broken{"negative", edit("/windows/0/requests", -1), "windows[0].requests: is out of range: -1"},
        Broken{"half", edit("/windows/0/requests", 1.5), "windows[0].requests: is not a whole number"},
        Broken{"huge", edit("/windows/0/requests", 1e300), "windows[0].requests: is out of range"},
        Broken{"text", edit("/windows/0/requests", "250"), "windows[0].requests: is not a number"},
        Broken{"failures", edit("/windows/1/failures", 2), "windows[1].failures: 2 of 1 requests"},
        Broken{"times", edit("/windows/0/responseTimes", json::array()),
               "windows[0].responseTimes: is not an object"},
        Broken{"key", edit("/windows/0/responseTimes/12ms", 1), "\"12ms\" is not a number of milliseconds"},
        Broken{"minus", edit("/windows/0/responseTimes/-1", 1), "\"-1\" is not a number of milliseconds"},
        Broken{"nan", edit("/windows/0/responseTimes/nan", 1), "\"nan\" is not a number of milliseconds"},
        Broken{"more", edit("/windows/1/responseTimes/9", 2),
               "windows[1].responseTimes: 2 response times of 1 requests"},
        Broken{"errors", edit("/errors/0", 1), "errors[0]: is not an object"},
        Broken{"generator", edit("/generator", 1), "generator: is not an object"},
        Broken{"saturated", edit("/generator/saturated", "no"), "generator.saturated: is neither true nor false"}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(ParseLoadResult, GarbageIsNoResult) {
  const std::vector<std::string> garbage = {"", "\n\n", "ok", "{}", "[1]", "{\"kind\":1}", std::string(3, '\0'),
                                            std::string(100'000, '['), "{\"kind\":\"\xff\"}"};
  for (const std::string& text : garbage) {
    const auto read = parse_load_result(text);
    ASSERT_FALSE(read.ok());
    EXPECT_THAT(read.error().message, HasSubstr("no line of the log is a LoadTestResult"));
  }
}

TEST(ParseLoadResult, ACutLineIsToldFromNone) {
  const std::string whole = good().dump();
  const auto read = parse_load_result(whole.substr(0, whole.size() - 5));
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(read.error().message, HasSubstr("no whole JSON"));
}

TEST(ParseLoadResult, ATooLongLineIsRefused) {
  json object = good();
  object["padding"] = std::string(kMostResultBytes, 'x');
  const auto read = parse_load_result(object.dump());
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, ErrorCode::TooLarge);
  EXPECT_THAT(read.error().message, HasSubstr("900000"));
}

TEST(ParseLoadResult, TextsAndErrorsAreBounded) {
  json object = good();
  object["errors"] = json(std::vector<json>(500, {{"what", std::string(5000, 'e')}, {"count", 1}}));
  object["errors"].get_ref<json::array_t&>().resize(150);
  const auto read = parse_load_result(object.dump());
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_LE(read->errors.size(), 20U);
  EXPECT_LE(read->errors[0].what.size(), 300U);
}

// Any byte of a good line changed: read or refused, never a crash.
TEST(ParseLoadResult, SurvivesAnyChangedByte) {
  const std::string whole = good().dump();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const char c : {'9', '-', '"', '}', '\0', '\xff'}) {
      std::string changed = whole;
      changed[i] = c;
      const auto read = parse_load_result(changed);
      EXPECT_TRUE(read.ok() || !read.error().message.empty());
    }
  }
}

}  // namespace
}  // namespace sluice::loadtest
