// What docs/ and examples/ show of the result is what the reader takes.
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "loads.h"

namespace sluice::loadtest {
namespace {

using nlohmann::json;

std::string text_of(const std::string& path) {
  std::ifstream file(std::string(SLUICE_SOURCE_DIR) + "/" + path);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::set<std::string> keys_of(const json& object) {
  std::set<std::string> out;
  for (const auto& [key, value] : object.items()) out.insert(key);
  return out;
}

TEST(Schema, NamesWhatIsWritten) {
  const json schema = json::parse(text_of("docs/load-test-result.schema.json"));
  LoadResult result = load_of({{seconds(10), 20}}, 5, [](double, double) { return Behaviour{}; });
  result.errors = {{"HTTP 500", 1}};
  const json written = json::parse(format_load_result(result));
  const json& members = schema.at("properties");
  EXPECT_EQ(keys_of(members), keys_of(written));
  EXPECT_EQ(keys_of(members.at("windows").at("items").at("properties")), keys_of(written.at("windows")[0]));
  EXPECT_EQ(keys_of(members.at("errors").at("items").at("properties")), keys_of(written.at("errors")[0]));
  EXPECT_EQ(keys_of(members.at("generator").at("properties")), keys_of(written.at("generator")));
}

// Without any of what the schema calls required, a result is refused; with only that, it is read.
TEST(Schema, RequiresWhatTheReaderRequires) {
  const json schema = json::parse(text_of("docs/load-test-result.schema.json"));
  json least = {{"kind", "LoadTestResult"}, {"apiVersion", "sluice.dev/v1alpha1"}, {"startedAt", 1}};
  least["windows"] = json::array({{{"at", 0}, {"seconds", 1}, {"requests", 1}}});
  EXPECT_TRUE(parse_load_result(least.dump()).ok());
  for (const json& name : schema.at("required")) {
    json without = least;
    without.erase(name.get<std::string>());
    EXPECT_FALSE(parse_load_result(without.dump()).ok()) << name;
  }
  for (const json& name : schema.at("properties").at("windows").at("items").at("required")) {
    json without = least;
    without["windows"][0].erase(name.get<std::string>());
    EXPECT_FALSE(parse_load_result(without.dump()).ok()) << name;
  }
}

class ToolResult : public testing::TestWithParam<const char*> {};

TEST_P(ToolResult, IsReadAndJudged) {
  const auto result = parse_load_result("some\nnoise\n" + text_of(std::string("examples/load/") + GetParam()));
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(result->windows.at(0).requests, 3000);
  api::LoadTestStage stage = stage_of(api::LoadProfile::Performance, 50, seconds(60));
  stage.generator = api::JobGenerator{};
  stage.criteria = {at_most(api::LoadMetric::ResponseTime, 0.060, 0.95), at_most(api::LoadMetric::Failures, 0.01),
                    at_least(api::LoadMetric::Rate, 0.95)};
  LoadObservation seen;
  seen.result = *result;
  EXPECT_EQ(judge_load(stage, seen).verdict, api::Verdict::Pass) << judge_load(stage, seen).message;
  stage.criteria[0].max = 0.020;
  EXPECT_EQ(judge_load(stage, seen).verdict, api::Verdict::Fail) << judge_load(stage, seen).message;
}

INSTANTIATE_TEST_SUITE_P(Examples, ToolResult, testing::Values("k6-result.log", "oha-result.log"));

}  // namespace
}  // namespace sluice::loadtest
