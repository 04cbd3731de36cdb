// From one split to another without a request that no backend is left for.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <vector>

#include "live_route.h"

namespace sluice::traffic {
namespace {

using nlohmann::json;

// A gateway that accepts a generation when it is told to, and what it was given on the way.
class Gateway {
 public:
  Gateway() { route_["status"]["parents"][0]["conditions"] = json::array(); }

  // Writes until nothing is left to be written, answering after each write. Returns the weights of every write.
  std::vector<std::map<std::string, int>> move_to(const Split& split) {
    std::vector<std::map<std::string, int>> steps;
    for (int i = 0; i < 10; ++i) {
      const auto object = provider().next_write(digits(), view().get(), split);
      if (!object) {
        EXPECT_TRUE(provider().observe(digits(), view().get(), split).as_wanted);
        return steps;
      }
      write(*object);
      steps.push_back(weights());
      if (!provider().observe(digits(), view().get(), split).as_wanted) {
        EXPECT_FALSE(provider().next_write(digits(), view().get(), split).has_value())
            << "the second step waits for the gateway's answer to the first";
      }
      answer();
    }
    ADD_FAILURE() << "it never ends";
    return steps;
  }

  // The place of the backend that gets traffic from each revision.
  int place_of(const std::string& revision) const {
    const json& refs = route_["spec"]["rules"][0]["backendRefs"];
    for (std::size_t i = 0; i < refs.size(); ++i) {
      if (refs[i]["name"] == "digits-" + revision && refs[i]["weight"] > 0) return static_cast<int>(i);
    }
    return -1;
  }

  std::map<std::string, int> weights() const {
    std::map<std::string, int> out;
    for (const json& ref : route_["spec"]["rules"][0]["backendRefs"]) {
      out[ref["name"].get<std::string>().substr(7)] += ref["weight"].get<int>();
    }
    return out;
  }

 private:
  static const Provider& provider() { return gateway_api(); }
  std::unique_ptr<RouteView> view() const {
    auto projected = project_route(route_);
    return projected ? std::make_unique<RouteView>(*projected) : nullptr;
  }
  void write(const json& object) {
    route_["spec"] = object["spec"];
    route_["metadata"]["generation"] = route_["metadata"]["generation"].get<int>() + 1;
  }
  void answer() {
    json conditions = json::array();
    for (const char* type : {"Accepted", "ResolvedRefs"}) {
      conditions.push_back({{"type", type},
                            {"status", "True"},
                            {"reason", type},
                            {"message", ""},
                            {"observedGeneration", route_["metadata"]["generation"]}});
    }
    route_["status"]["parents"][0]["conditions"] = conditions;
  }

  json route_ = live_route();  // 95 % twl7sgl8, 5 % 2hf642c4
};

using Steps = std::vector<std::map<std::string, int>>;

TEST(Parting, ARollBackLeavesOneInAMillionFirst) {
  Gateway gateway;
  EXPECT_EQ(gateway.move_to({"twl7sgl8", "", 0}),
            (Steps{{{"twl7sgl8", 999'999}, {"2hf642c4", 1}}, {{"twl7sgl8", 100}}}));
}

TEST(Parting, APromotionLeavesOneInAMillionFirst) {
  Gateway gateway;
  EXPECT_EQ(gateway.move_to({"twl7sgl8", "2hf642c4", 100}),
            (Steps{{{"twl7sgl8", 1}, {"2hf642c4", 999'999}}, {{"twl7sgl8", 0}, {"2hf642c4", 100}}}));
}

TEST(Parting, ThePromotedRevisionKeepsItsPlace) {
  Gateway gateway;
  gateway.move_to({"twl7sgl8", "2hf642c4", 100});
  EXPECT_EQ(gateway.place_of("2hf642c4"), 1);
  EXPECT_EQ(gateway.move_to({"2hf642c4", "", 0}), (Steps{{{"2hf642c4", 100}}}));
  EXPECT_EQ(gateway.place_of("2hf642c4"), 1);
  gateway.move_to({"2hf642c4", "next", 10});
  EXPECT_EQ(gateway.place_of("2hf642c4"), 1);
  EXPECT_EQ(gateway.place_of("next"), 0);
}

TEST(Parting, AStepOfWeightsIsOneWrite) {
  Gateway gateway;
  EXPECT_EQ(gateway.move_to({"twl7sgl8", "2hf642c4", 25}), (Steps{{{"twl7sgl8", 75}, {"2hf642c4", 25}}}));
  EXPECT_TRUE(gateway.move_to({"twl7sgl8", "2hf642c4", 25}).empty());
}

TEST(Parting, TheOldCandidatePartsBeforeTheNextOneComes) {
  Gateway gateway;
  const Steps steps = gateway.move_to({"twl7sgl8", "next", 0});
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].at("2hf642c4"), 1);
  EXPECT_EQ(steps[1], (std::map<std::string, int>{{"twl7sgl8", 100}, {"next", 0}}));
}

// Whatever happens one after the other: no write takes a backend away, or moves it, while it gets real traffic.
TEST(Parting, NoWriteTakesAwayABackendThatGetsTraffic) {
  std::mt19937 random(7);
  for (int run = 0; run < 200; ++run) {
    Gateway gateway;
    std::string stable = "twl7sgl8";
    std::string candidate = "2hf642c4";
    int made = 0;
    for (int step = 0; step < 12; ++step) {
      std::map<std::string, int> before = gateway.weights();
      std::map<std::string, int> places;
      for (const auto& [revision, weight] : before) places[revision] = gateway.place_of(revision);
      Split split{stable, candidate, 0};
      switch (random() % 4) {
        case 0: split.candidate_percent = static_cast<int>(1 + random() % 99); break;
        case 1: split.candidate_percent = 100; break;
        case 2: split.candidate.clear(); break;
        case 3:
          split.candidate = candidate = "n" + std::to_string(++made);
          break;
      }
      for (const auto& after : gateway.move_to(split)) {
        for (const auto& [revision, weight] : before) {
          if (weight <= 1) continue;
          ASSERT_TRUE(after.contains(revision) && after.at(revision) > 0)
              << revision << " had weight " << weight << " and lost it in one write";
        }
        before = after;
      }
      for (const auto& [revision, weight] : gateway.weights()) {
        if (weight > 0 && places.contains(revision) && places[revision] >= 0) {
          ASSERT_EQ(gateway.place_of(revision), places[revision]) << revision;
        }
      }
      if (split.candidate_percent == 100) std::swap(stable, candidate);
    }
  }
}

}  // namespace
}  // namespace sluice::traffic
