#include "traffic/contained.h"

#include <gtest/gtest.h>

#include "live_route.h"

namespace sluice::traffic {
namespace {

using nlohmann::json;

struct Case {
  const char* name;
  const char* wanted;
  const char* live;
  bool contained;
};

class Contained : public testing::TestWithParam<Case> {};

TEST_P(Contained, IsAsExpected) {
  EXPECT_EQ(contained(json::parse(GetParam().wanted), json::parse(GetParam().live)), GetParam().contained);
}

INSTANTIATE_TEST_SUITE_P(
    , Contained,
    testing::Values(Case{"equal", R"({"a":[1,{"b":"c"}]})", R"({"a":[1,{"b":"c"}]})", true},
                    Case{"defaulted", R"({"a":1})", R"({"a":1,"b":2})", true},
                    Case{"defaultedInsideAList", R"({"a":[{"b":1}]})", R"({"a":[{"b":1,"c":2}]})", true},
                    Case{"missing", R"({"a":1,"b":2})", R"({"a":1})", false},
                    Case{"changed", R"({"a":1})", R"({"a":2})", false},
                    Case{"otherType", R"({"a":1})", R"({"a":"1"})", false},
                    Case{"listGrew", "[1,2]", "[1,2,3]", false}, Case{"listShrank", "[1,2]", "[1]", false},
                    Case{"listReordered", "[1,2]", "[2,1]", false}, Case{"emptyList", "[]", "[]", true},
                    Case{"emptyListDropped", R"({"a":[]})", "{}", true},
                    Case{"emptyListFilled", R"({"a":[]})", R"({"a":["x"]})", false},
                    Case{"emptyObjectDropped", R"({"a":{}})", R"({"a":null})", true},
                    Case{"nullWanted", R"({"a":null})", R"({"b":1})", true},
                    Case{"nullFilled", R"({"a":null})", R"({"a":1})", false},
                    Case{"falseIsSomething", R"({"a":false})", "{}", false},
                    Case{"zeroIsSomething", R"({"a":0})", "{}", false},
                    Case{"emptyTextIsSomething", R"({"a":""})", "{}", false},
                    Case{"objectForList", R"({"a":{"b":1}})", R"({"a":[1]})", false},
                    Case{"wholeNumbers", R"({"a":5})", R"({"a":5.0})", true}),
    [](const auto& test) { return test.param.name; });

// Every place in a document, as JSON pointers.
void places(const json& value, const json::json_pointer& at, std::vector<json::json_pointer>& out) {
  out.push_back(at);
  if (value.is_object()) {
    for (const auto& [name, entry] : value.items()) places(entry, at / name, out);
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) places(value[i], at / i, out);
  }
}

class Everywhere : public testing::Test {
 protected:
  void SetUp() override { places(wanted_, json::json_pointer(), places_); }

  const json wanted_ = gateway_api().desired(digits(), kFivePercent)["spec"];
  std::vector<json::json_pointer> places_;
};

TEST_F(Everywhere, AMemberThatTheServerAddsIsTolerated) {
  json all = wanted_;
  for (const auto& place : places_) {
    if (!wanted_[place].is_object()) continue;
    json live = wanted_;
    live[place]["addedByANewerCrd"] = {{"type", "Default"}};
    all[place]["addedByANewerCrd"] = {{"type", "Default"}};
    EXPECT_TRUE(contained(wanted_, live)) << place;
  }
  EXPECT_TRUE(contained(wanted_, all));
}

TEST_F(Everywhere, AnythingOfOursThatIsChangedIsSeen) {
  int leaves = 0;
  for (const auto& place : places_) {
    if (wanted_[place].is_structured()) continue;
    ++leaves;
    json live = wanted_;
    live[place] = "changed";
    EXPECT_FALSE(contained(wanted_, live)) << place;
  }
  EXPECT_GT(leaves, 20);
}

TEST_F(Everywhere, AnythingOfOursThatIsRemovedIsSeen) {
  for (const auto& place : places_) {
    if (place.empty() || (wanted_[place].is_structured() && wanted_[place].empty())) continue;
    json live = wanted_;
    json& parent = live[place.parent_pointer()];
    if (parent.is_object()) {
      parent.erase(place.back());
    } else {
      parent.erase(std::stoul(place.back()));
    }
    EXPECT_FALSE(contained(wanted_, live)) << place;
  }
}

TEST_F(Everywhere, AListThatGrewIsSeen) {
  for (const auto& place : places_) {
    if (!wanted_[place].is_array()) continue;
    json live = wanted_;
    live[place].push_back(live[place].empty() ? json("x") : live[place][0]);
    EXPECT_FALSE(contained(wanted_, live)) << place;
  }
}

}  // namespace
}  // namespace sluice::traffic
