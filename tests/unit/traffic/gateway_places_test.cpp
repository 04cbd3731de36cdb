// From one split to another in one write, with the two places of the weighted rule never empty.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "live_route.h"

namespace sluice::traffic {
namespace {

using nlohmann::json;

using Places = std::vector<std::pair<std::string, int>>;

constexpr int kAllButOne = 999'999;

// A route that takes each write at once. It begins with 95 % for twl7sgl8, 5 % for 2hf642c4.
class Route {
 public:
  Places move_to(const Split& split) {
    const auto before = project_route(route_);
    const auto object = gateway_api().next_write(digits(), &*before, split);
    EXPECT_TRUE(object.has_value());
    if (!object) return {};
    route_["spec"] = (*object)["spec"];
    EXPECT_EQ(observe(route_, split).live, split);
    const auto after = project_route(route_);
    EXPECT_FALSE(gateway_api().next_write(digits(), &*after, split).has_value()) << "one write is enough";
    Places places;
    for (const json& backend : route_["spec"]["rules"][0]["backendRefs"]) {
      places.emplace_back(backend["name"].get<std::string>().substr(7), backend["weight"].get<int>());
    }
    return places;
  }

 private:
  json route_ = live_route();
};

TEST(Places, AStepOfWeightsChangesOnlyWeights) {
  EXPECT_EQ(Route().move_to({"twl7sgl8", "2hf642c4", 25}), (Places{{"twl7sgl8", 75}, {"2hf642c4", 25}}));
}

TEST(Places, ThatNobodyNeedsAreHeldByStable) {
  EXPECT_EQ(Route().move_to({"twl7sgl8"}), (Places{{"twl7sgl8", kAllButOne}, {"twl7sgl8", 1}}));
}

TEST(Places, ARevisionThatGetsNothingIsListedBehindThem) {
  EXPECT_EQ(Route().move_to({"twl7sgl8", "2hf642c4", 0}),
            (Places{{"twl7sgl8", kAllButOne}, {"twl7sgl8", 1}, {"2hf642c4", 0}}));
  EXPECT_EQ(Route().move_to({"twl7sgl8", "2hf642c4", 100}),
            (Places{{"2hf642c4", 1}, {"2hf642c4", kAllButOne}, {"twl7sgl8", 0}}));
}

TEST(Places, ThePromotedRevisionKeepsItsOwn) {
  Route route;
  route.move_to({"twl7sgl8", "2hf642c4", 100});
  EXPECT_EQ(route.move_to({"2hf642c4"}), (Places{{"2hf642c4", 1}, {"2hf642c4", kAllButOne}}));
  EXPECT_EQ(route.move_to({"2hf642c4", "next", 0}),
            (Places{{"2hf642c4", 1}, {"2hf642c4", kAllButOne}, {"next", 0}}));
  EXPECT_EQ(route.move_to({"2hf642c4", "next", 10}), (Places{{"next", 10}, {"2hf642c4", 90}}));
  EXPECT_EQ(route.move_to({"2hf642c4"}), (Places{{"2hf642c4", 1}, {"2hf642c4", kAllButOne}}));
}

TEST(Places, OfTheOldCandidateAreFreeForTheNextOne) {
  EXPECT_EQ(Route().move_to({"twl7sgl8", "next", 30}), (Places{{"twl7sgl8", 70}, {"next", 30}}));
  EXPECT_EQ(Route().move_to({"other", "2hf642c4", 30}), (Places{{"other", 70}, {"2hf642c4", 30}}));
}

TEST(Places, OfStrangersAreTakenFromTheFirstOn) {
  EXPECT_EQ(Route().move_to({"x", "y", 30}), (Places{{"x", 70}, {"y", 30}}));
  EXPECT_EQ(Route().move_to({"x"}), (Places{{"x", kAllButOne}, {"x", 1}}));
}

}  // namespace
}  // namespace sluice::traffic
