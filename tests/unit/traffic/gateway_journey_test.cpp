// Random splits one after the other, with mirrors and assignments: what holds of every object on the way.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <utility>

#include "live_route.h"

namespace sluice::traffic {
namespace {

using nlohmann::json;

// A Rollout with a stage that assigns users by cookie, so that its route has both rules for them at any time.
api::Rollout tested() {
  api::Rollout rollout = digits();
  const api::AbTestStage test{.weight = 50, .assignment = CookieAssignment{"arm", hours(24)}};
  rollout.spec.stages = {{.name = "experiment", .body = test, .min_duration = {}, .max_duration = hours(24)}};
  return rollout;
}

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  int to(int most) { return std::uniform_int_distribution(0, most)(engine_); }
  bool one_in(int n) { return to(n - 1) == 0; }

  std::optional<Assignment> assignment() {
    switch (to(3)) {
      case 0: return HeaderAssignment{"x-user-bucket", {"b"}};
      case 1: return HeaderAssignment{one_in(2) ? "x-user-bucket" : "x-tenant", {"c", "d", "e"}};
      case 2: return CookieAssignment{one_in(2) ? "arm" : "digits.arm", minutes(1 + to(100))};
      default: return std::nullopt;
    }
  }

  Split split(const std::string& stable, const std::string& candidate) {
    if (one_in(4)) return {stable};
    return {stable, candidate, one_in(5) ? 100 : to(99), one_in(2) ? 0 : to(100), assignment()};
  }

 private:
  std::mt19937 engine_;
};

// A backend in its place, as the gateway knows it: rule and backend by number.
using Place = std::pair<std::size_t, std::size_t>;

bool matches_nobody(const json& rule) {
  for (const json& match : rule["matches"]) {
    if (!match.contains("headers") || match["headers"].back()["name"] != kRevisionHeader) return false;
  }
  return true;
}

// What gets requests by an object, each with the name of its backend. One in a million is no request.
std::map<Place, std::string> reached(const json& object) {
  std::map<Place, std::string> found;
  const json& rules = object["spec"]["rules"];
  for (std::size_t rule = 0; rule < rules.size(); ++rule) {
    if (matches_nobody(rules[rule])) continue;
    const json& backends = rules[rule]["backendRefs"];
    int sum = 0;
    for (const json& backend : backends) sum += backend["weight"].get<int>();
    for (std::size_t i = 0; i < backends.size(); ++i) {
      const int weight = backends[i]["weight"];
      if (weight > 0 && !(weight == 1 && sum == 1'000'000)) found[{rule, i}] = backends[i]["name"];
    }
  }
  return found;
}

// Everything that must hold of whatever is written.
void expect_sound(const json& object, const Split& asked) {
  std::set<std::string> names;
  for (const json& rule : object["spec"]["rules"]) {
    ASSERT_TRUE(names.insert(rule["name"]).second) << "each rule has a name of its own";
    ASSERT_FALSE(rule["matches"].empty()) << "no matches would be everything";
    int sum = 0;
    for (const json& backend : rule["backendRefs"]) sum += backend["weight"].get<int>();
    ASSERT_TRUE(sum == 100 || sum == 1'000'000) << object.dump(2);
  }
  const json& rules = object["spec"]["rules"];
  ASSERT_EQ(rules.size(), 3u);
  for (const std::size_t place : {0u, 1u}) ASSERT_GT(rules[0]["backendRefs"].at(place)["weight"], 0) << "each has a cluster";
  ASSERT_EQ(rules[0]["name"], "model");
  for (std::size_t i = 1; i < rules.size(); ++i) ASSERT_FALSE(rules[i].contains("filters"));
  const bool mirrored = !asked.candidate.empty() && asked.mirror_percent > 0;
  ASSERT_EQ(rules[0].contains("filters"), mirrored);
  if (mirrored) {
    const json& mirror = rules[0]["filters"][0]["requestMirror"];
    ASSERT_EQ(mirror["percent"], asked.mirror_percent);
    ASSERT_EQ(mirror["backendRef"]["name"], "digits-" + asked.candidate);
    ASSERT_FALSE(mirror.contains("weight"));
  }
}

TEST(Splits, AreReadBackAsTheyWereWritten) {
  Dice dice(3);
  for (int i = 0; i < 3000; ++i) {
    const Split split = dice.split("a", "b");
    const json object = gateway_api().desired(tested(), split);
    ASSERT_NO_FATAL_FAILURE(expect_sound(object, split));
    const RouteState state = observe(stored(object), split, tested());
    ASSERT_TRUE(state.as_wanted) << object.dump(2);
    ASSERT_EQ(state.live, split) << object.dump(2);
  }
}

// A route that takes each write at once.
class Route {
 public:
  explicit Route(const Split& first, api::Rollout rollout = tested()) : rollout_(std::move(rollout)) {
    route_ = stored(gateway_api().desired(rollout_, first));
  }

  // One write towards `split`, if there is one to be made.
  bool step(const Split& split) {
    const auto view = project_route(route_);
    const auto object = gateway_api().next_write(rollout_, &*view, split);
    if (!object) return false;
    for (const auto& [place, name] : reached(route_)) {
      for (const auto& [next, its_name] : reached(*object)) {
        const bool same = place.first == 0 && next.first == 0 && name == its_name;
        EXPECT_TRUE(!same || place == next) << name << " moves";
      }
    }
    route_ = stored(*object);
    return true;
  }

  void edit(api::Rollout rollout) { rollout_ = std::move(rollout); }
  RouteState state(const Split& split) const { return observe(route_, split, rollout_); }
  const json& rules() const { return route_["spec"]["rules"]; }

 private:
  api::Rollout rollout_;
  json route_;
};

TEST(Journeys, AreOneWriteThatKeepsEveryRuleAndMovesNobody) {
  for (unsigned run = 0; run < 300; ++run) {
    Dice dice(run);
    std::string stable = "v0";
    std::string candidate = "v1";
    int made = 1;
    Split before{stable};
    Route route(before);
    for (int turn = 0; turn < 15; ++turn) {
      const Split split = dice.split(stable, candidate);
      ASSERT_EQ(route.step(split), !(split == before)) << "run " << run << " turn " << turn;
      ASSERT_NO_FATAL_FAILURE(expect_sound({{"spec", {{"rules", route.rules()}}}}, split));
      ASSERT_TRUE(route.state(split).as_wanted);
      ASSERT_EQ(route.state(split).live, split) << route.rules().dump(2);
      ASSERT_FALSE(route.step(split)) << "one write is enough";
      ASSERT_FALSE(HasFailure()) << "run " << run << " turn " << turn;
      before = split;
      if (split.candidate_percent == 100 && !split.assignment && dice.one_in(2)) {
        stable = candidate;  // promoted
        candidate = "v" + std::to_string(++made);
      } else if (dice.one_in(5)) {
        candidate = "v" + std::to_string(++made);  // superseded
      }
    }
  }
}

const Assignment kBucket = HeaderAssignment{"x-user-bucket", {"b"}};

TEST(Journeys, OutsideOfItsStageTheRuleOfAnArmLeadsToStableAndMatchesNobody) {
  const Split ab{"v0", "v1", 50, 0, CookieAssignment{"arm", hours(1)}};
  const Split promoted{"v0", "v1", 100};
  Route route({"v0", "v1", 0});
  for (const std::size_t rule : {1u, 2u}) {
    EXPECT_EQ(route.rules()[rule]["backendRefs"][0]["name"], "digits-v0");
    EXPECT_TRUE(matches_nobody(route.rules()[rule]));
  }
  ASSERT_TRUE(route.step(ab));
  EXPECT_EQ(route.rules()[1]["backendRefs"][0]["name"], "digits-v1");
  EXPECT_EQ(route.rules()[2]["backendRefs"][0]["name"], "digits-v0");
  EXPECT_FALSE(matches_nobody(route.rules()[1]) || matches_nobody(route.rules()[2]));
  ASSERT_TRUE(route.step(promoted));
  ASSERT_EQ(route.rules().size(), 3u);
  EXPECT_TRUE(matches_nobody(route.rules()[1]) && matches_nobody(route.rules()[2]));
  EXPECT_EQ(route.rules()[0]["backendRefs"][1]["weight"], 999'999) << "in the same write";
}

TEST(Journeys, AStageByHeaderKeepsOneRule) {
  api::Rollout rollout = tested();
  std::get<api::AbTestStage>(rollout.spec.stages[0].body).assignment = kBucket;
  Route route({"v0"}, rollout);
  ASSERT_EQ(route.rules().size(), 2u);
  EXPECT_TRUE(matches_nobody(route.rules()[1]));
  ASSERT_TRUE(route.step({"v0", "v1", 0, 0, kBucket}));
  EXPECT_EQ(route.rules().size(), 2u);
  EXPECT_EQ(route.rules()[1]["backendRefs"][0]["name"], "digits-v1");
}

TEST(Journeys, AStageThatIsAddedBringsItsRulesBeforeAnybodyIsAssigned) {
  Route route({"v0", "v1", 5}, digits());
  ASSERT_EQ(route.rules().size(), 1u);
  route.edit(tested());
  ASSERT_TRUE(route.step({"v0", "v1", 5}));
  EXPECT_EQ(route.rules().size(), 3u);
  EXPECT_EQ(route.state({"v0", "v1", 5}).live, (Split{"v0", "v1", 5}));
}

TEST(Journeys, ARuleThatIsAskedForNoMorePartsBeforeItGoes) {
  Route route({"v0", "v1", 0, 0, kBucket});
  route.edit(digits());
  const Split without{"v0", "v1", 5};
  ASSERT_TRUE(route.step(without));
  ASSERT_EQ(route.rules().size(), 2u) << "one was parted before";
  EXPECT_TRUE(matches_nobody(route.rules()[1]));
  EXPECT_FALSE(route.state(without).as_wanted);
  ASSERT_TRUE(route.step(without));
  EXPECT_EQ(route.rules().size(), 1u);
  EXPECT_TRUE(route.state(without).as_wanted);
}

TEST(Journeys, NewValuesAreOneWrite) {
  const Split from{"v0", "v1", 0, 0, kBucket};
  const Split to{"v0", "v1", 0, 20, HeaderAssignment{"x-user-bucket", {"b", "c"}}};
  Route route(from);
  ASSERT_TRUE(route.step(to));
  EXPECT_TRUE(route.state(to).as_wanted);
}

}  // namespace
}  // namespace sluice::traffic
