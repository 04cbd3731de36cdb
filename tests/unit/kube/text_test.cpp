#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kube/json_text.h"
#include "kube/user_agent.h"
#include "kube/warning_log.h"
#include "kube/yaml_reader.h"

namespace sluice::kube {
namespace {

using nlohmann::json;

TEST(JsonText, BrokenUtf8DoesNotThrow) {
  EXPECT_EQ(to_text(json{{"a", "x\xFFy"}}), "{\"a\":\"x\xEF\xBF\xBDy\"}");
}

TEST(JsonText, ForYamlOnlyWhatYamlCannotReadIsEscaped) {
  const std::string plain = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80";  // a, umlaut, euro, a face
  EXPECT_EQ(to_yaml_text(plain), "\"" + plain + "\"");
  EXPECT_EQ(to_yaml_text("\x7F"), R"("\u007f")");
  EXPECT_EQ(to_yaml_text("\xC2\x80\xC2\x85\xC2\x9F\xC2\xA0"), "\"\\u0080\\u0085\\u009f\xC2\xA0\"");
  EXPECT_EQ(to_yaml_text("\xE2\x80\xA8\xE2\x80\xA9\xEF\xBB\xBF"), R"("\u2028\u2029\ufeff")");
  EXPECT_EQ(to_yaml_text("\n\"\\/"), R"("\n\"\\/")");
  // Still JSON, with the same meaning.
  const json value = {{"k", "\x7F\xC2\x85\xE2\x80\xA8" + plain}};
  EXPECT_EQ(json::parse(to_yaml_text(value)), value);
}

TEST(Warnings, OneHeaderMayHoldSeveral) {
  EXPECT_EQ(parse_warnings(R"(299 - "a")"), (std::vector<std::string>{"a"}));
  EXPECT_EQ(parse_warnings(R"(299 - "a, b", 299 agent "say \"c\"" "date")"),
            (std::vector<std::string>{"a, b", "say \"c\"", "date"}));
  EXPECT_TRUE(parse_warnings("").empty());
  EXPECT_TRUE(parse_warnings("299 - unquoted").empty());
  EXPECT_TRUE(parse_warnings(R"(299 - "unfinished)").empty());
}

TEST(UserAgent, NamesProgramAndPlatform) {
  EXPECT_TRUE(user_agent().starts_with("sluice/")) << user_agent();
  EXPECT_NE(user_agent().find(" (linux/"), std::string::npos) << user_agent();
  EXPECT_EQ(user_agent("lease"), user_agent() + " lease");
}

TEST(Yaml, BecomesJson) {
  const auto parsed =
      parse_yaml("a: 1\nb: [true, 'true', null, ~, 1.5, \"2\", x]\nc:\n  d: |\n    text\ne:\n");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed,
            json::parse(R"({"a":1,"b":[true,"true",null,null,1.5,"2","x"],"c":{"d":"text\n"},"e":null})"));
  EXPECT_EQ(*parse_yaml(R"({"json": ["is", "yaml", 3]})"), json::parse(R"({"json": ["is", "yaml", 3]})"));
  EXPECT_EQ(*parse_yaml(""), json());
}

TEST(Yaml, ErrorsNameTheLine) {
  const auto parsed = parse_yaml("a: 1\nb: [\n");
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().message.find("line "), std::string::npos) << parsed.error().message;
  EXPECT_FALSE(parse_yaml(std::string(1000, '[') + std::string(1000, ']')));
}

}  // namespace
}  // namespace sluice::kube
