// Random splits one after the other, with mirrors and assignments: what holds of every object on the way.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "live_route.h"

namespace sluice::traffic {
namespace {

using nlohmann::json;

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

// Whether the gateway still has a backend for what it sends to `place`. The places of the weighted rule always have one.
bool is_kept(const json& object, const Place& place, const std::string& name) {
  const json& rules = object["spec"]["rules"];
  if (place.first == 0) return true;
  if (place.first >= rules.size()) return false;
  const json& backends = rules[place.first]["backendRefs"];
  return place.second < backends.size() && backends[place.second]["name"] == name &&
         backends[place.second]["weight"] > 0;
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
    const json object = gateway_api().desired(digits(), split);
    ASSERT_NO_FATAL_FAILURE(expect_sound(object, split));
    const RouteState state = observe(stored(object), split);
    ASSERT_TRUE(state.as_wanted) << object.dump(2);
    ASSERT_EQ(state.live, split) << object.dump(2);
  }
}

// A gateway that answers when it likes. Between a write and its answer requests may still go by what was written
// before.
class Gateway {
 public:
  explicit Gateway(const Split& first) { write(gateway_api().desired(digits(), first)); }

  // One write towards `split`, if there is one to be made. False: it waits, or has arrived.
  bool step(const Split& split) {
    const auto view = project_route(route_);
    const auto object = gateway_api().next_write(digits(), &*view, split);
    if (!object) return false;
    expect_sound(*object, split);
    for (const auto& [place, name] : in_use_) {
      EXPECT_TRUE(is_kept(*object, place, name))
          << name << " gets requests at rule " << place.first << " backend " << place.second << "\nfrom "
          << route_["spec"]["rules"].dump(1) << "\nto " << object->dump(1);
    }
    for (const auto& [place, name] : reached(route_)) {
      for (const auto& [next, its_name] : reached(*object)) {
        const bool same = place.first == 0 && next.first == 0 && name == its_name;
        EXPECT_TRUE(!same || place == next) << name << " moves";
      }
    }
    write(*object);
    return true;
  }

  void answer() {
    in_use_ = reached(route_);
    json conditions = json::array();
    for (const char* type : {"Accepted", "ResolvedRefs"}) {
      conditions.push_back({{"type", type}, {"status", "True"}, {"reason", type}, {"message", ""},
                            {"observedGeneration", route_["metadata"]["generation"]}});
    }
    route_["status"] = {{"parents", json::array({{{"parentRef", {{"name", "public"}}},
                                                  {"controllerName", "c"},
                                                  {"conditions", conditions}}})}};
  }

  RouteState state(const Split& split) const { return observe(route_, split); }
  const json& route() const { return route_; }

 private:
  void write(const json& object) {
    json next = stored(object);
    next["metadata"]["generation"] = ++generation_;
    if (route_.contains("status")) next["status"] = route_["status"];
    route_ = std::move(next);
    in_use_.merge(reached(route_));
  }

  json route_ = json::object();
  int generation_ = 0;
  std::map<Place, std::string> in_use_;
};

TEST(Journeys, NeverTakeAwayOrMoveWhatGetsRequests) {
  for (unsigned run = 0; run < 300; ++run) {
    Dice dice(run);
    std::string stable = "v0";
    std::string candidate = "v1";
    int made = 1;
    Gateway gateway({stable});
    for (int turn = 0; turn < 15; ++turn) {
      const Split split = dice.split(stable, candidate);
      // Minds are changed while the gateway has not answered yet.
      bool arrived = false;
      for (int i = 0; i < 12 && !arrived; ++i) {
        gateway.step(split);
        if (dice.one_in(3)) gateway.answer();
        arrived = gateway.state(split).as_wanted;
        if (!arrived && dice.one_in(6)) break;
      }
      ASSERT_FALSE(HasFailure()) << "run " << run << " turn " << turn;
      if (!arrived) continue;
      ASSERT_EQ(gateway.state(split).live, split) << gateway.route().dump(2);
      gateway.answer();
      if (split.candidate_percent == 100 && !split.assignment && dice.one_in(2)) {
        stable = candidate;  // promoted
        candidate = "v" + std::to_string(++made);
      } else if (dice.one_in(5)) {
        candidate = "v" + std::to_string(++made);  // superseded
      }
    }
  }
}

TEST(Journeys, ArriveWithinThreeWritesOnceTheGatewayAnswers) {
  for (unsigned run = 0; run < 300; ++run) {
    Dice dice(run);
    const Split from = dice.split("v0", "v1");
    const Split to = dice.split("v0", dice.one_in(3) ? "v2" : "v1");
    Gateway gateway(from);
    gateway.answer();
    int writes = 0;
    while (gateway.step(to)) {
      ++writes;
      gateway.answer();
      ASSERT_LE(writes, 3);
    }
    EXPECT_TRUE(gateway.state(to).as_wanted);
    EXPECT_EQ(gateway.state(to).live, to);
    EXPECT_EQ(writes == 0, from == to);
  }
}

TEST(Journeys, TheRuleOfAnArmMatchesNobodyBeforeItGoes) {
  const Split ab{"v0", "v1", 50, 0, CookieAssignment{"arm", hours(1)}};
  const Split promoted{"v0", "v1", 100};
  Gateway gateway(ab);
  gateway.answer();
  ASSERT_TRUE(gateway.step(promoted));
  ASSERT_EQ(gateway.route()["spec"]["rules"].size(), 3u);
  EXPECT_TRUE(matches_nobody(gateway.route()["spec"]["rules"][1]));
  EXPECT_TRUE(matches_nobody(gateway.route()["spec"]["rules"][2]));
  EXPECT_EQ(gateway.route()["spec"]["rules"][0]["backendRefs"][1]["weight"], 999'999) << "in the same write";
  EXPECT_FALSE(gateway.step(promoted)) << "until the gateway has answered";
  gateway.answer();
  ASSERT_TRUE(gateway.step(promoted));
  EXPECT_EQ(gateway.route()["spec"]["rules"].size(), 1u);
  EXPECT_TRUE(gateway.state(promoted).as_wanted);
}

TEST(Journeys, AnotherCandidateGetsTheRuleAfterTheOldOneHasParted) {
  const Assignment bucket = HeaderAssignment{"x-user-bucket", {"b"}};
  Gateway gateway({"v0", "v1", 0, 0, bucket});
  gateway.answer();
  const Split next{"v0", "v2", 0, 0, bucket};
  ASSERT_TRUE(gateway.step(next));
  EXPECT_EQ(gateway.route()["spec"]["rules"][1]["backendRefs"][0]["name"], "digits-v1");
  EXPECT_TRUE(matches_nobody(gateway.route()["spec"]["rules"][1]));
  gateway.answer();
  ASSERT_TRUE(gateway.step(next));
  EXPECT_EQ(gateway.route()["spec"]["rules"][1]["backendRefs"][0]["name"], "digits-v2");
  EXPECT_EQ(gateway.state(next).live, next);
}

TEST(Journeys, NewValuesAreOneWrite) {
  const Split from{"v0", "v1", 0, 0, HeaderAssignment{"x-user-bucket", {"b"}}};
  const Split to{"v0", "v1", 0, 20, HeaderAssignment{"x-user-bucket", {"b", "c"}}};
  Gateway gateway(from);
  ASSERT_TRUE(gateway.step(to));
  EXPECT_TRUE(gateway.state(to).as_wanted);
}

}  // namespace
}  // namespace sluice::traffic
