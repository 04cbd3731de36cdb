#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "loadtest/load_script.h"
#include "loads.h"

namespace sluice::loadtest {
namespace {

using nlohmann::json;

TEST(LoadConfig, SaysWhatTheScriptNeeds) {
  api::LoadTestStage stage = stage_of(api::LoadProfile::Spike, 50, seconds(20));
  api::LocustGenerator locust;
  locust.model = "digits";
  locust.payload = api::ConfigKey{"images", "images.json"};
  stage.generator = locust;
  EXPECT_EQ(json::parse(load_config(stage)), json::parse(R"({
    "steps": [{"seconds": 8, "rate": 10}, {"seconds": 4, "rate": 50}, {"seconds": 8, "rate": 10}],
    "windowSeconds": 1, "warmUpSeconds": 2, "protocol": "V2", "path": "", "model": "digits",
    "payload": "/sluice-payload/images.json", "locustfile": ""})"));
}

TEST(LoadConfig, NamesTheUsersOwnFile) {
  api::LoadTestStage stage = stage_of(api::LoadProfile::Performance, 50, seconds(20));
  api::LocustGenerator locust;
  locust.locustfile = api::ConfigKey{"mine", "chat.py"};
  stage.generator = locust;
  EXPECT_EQ(json::parse(load_config(stage)).at("locustfile"), "/sluice-user/chat.py");
}

TEST(LoadConfig, OfAJobHasNoUsers) {
  api::LoadTestStage stage = stage_of(api::LoadProfile::Performance, 50, seconds(20));
  stage.generator = api::JobGenerator{};
  const json config = json::parse(load_config(stage));
  EXPECT_EQ(config.at("protocol"), "");
  EXPECT_EQ(config.at("steps").size(), 1U);
}

TEST(LoadConfig, IsOneLineOfJsonWhateverTheNames) {
  api::LoadTestStage stage = stage_of(api::LoadProfile::Performance, 50, seconds(20));
  api::LocustGenerator locust;
  locust.model = "a\"b\n\xff";
  stage.generator = locust;
  const std::string config = load_config(stage);
  EXPECT_EQ(config.find('\n'), std::string::npos);
  EXPECT_TRUE(json::accept(config));
}

TEST(LoadScript, IsTheWholeFile) {
  EXPECT_THAT(std::string(load_script()), testing::StartsWith("\"\"\"Load for one model server"));
  EXPECT_THAT(std::string(load_script()), testing::HasSubstr("@events.quit.add_listener"));
  EXPECT_EQ(load_script().back(), '\n');
}

}  // namespace
}  // namespace sluice::loadtest
