#include "api/raw_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace sluice::api {
namespace {

using nlohmann::json;

TEST(RawJson, GivesBackWhatWasPutIn) {
  for (const char* text : {"null", "true", "-3", "0.1", "1e300", R"("a \"b\" \u0001")", "[]", "{}",
                           R"({"b":[1,{"c":null}],"a":"ä"})", "18446744073709551615"}) {
    const json value = json::parse(text);
    EXPECT_EQ(RawJson(value).tree(), value) << text;
    EXPECT_EQ(RawJson(value).tree().type(), value.type()) << text;
  }
}

TEST(RawJson, IsEqualWhenTheValueIs) {
  EXPECT_EQ(RawJson(json::parse(R"({"a": 1, "b": 2})")), RawJson(json::parse(R"({"b":2,"a":1})")));
  EXPECT_NE(RawJson(json::parse("[1,2]")), RawJson(json::parse("[2,1]")));
}

TEST(RawJson, IsNullByDefault) {
  EXPECT_TRUE(RawJson().is_null());
  EXPECT_EQ(RawJson(), RawJson(json()));
  EXPECT_FALSE(RawJson(json::object()).is_null());
}

TEST(RawJson, BrokenUtf8DoesNotThrow) {
  EXPECT_EQ(RawJson(json("x\xFFy")).tree(), "x\xEF\xBF\xBDy");
}

}  // namespace
}  // namespace sluice::api
