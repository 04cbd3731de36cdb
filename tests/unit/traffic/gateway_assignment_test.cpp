// Users who are assigned to a revision, by a header of theirs or a cookie of ours: how it is written and read back.
#include <gtest/gtest.h>

#include <regex>

#include "live_route.h"
#include "traffic/gateway_cookie.h"

namespace sluice::traffic {
namespace {

using nlohmann::json;

const Assignment kBucket = HeaderAssignment{"x-user-bucket", {"b"}};
const Assignment kCookie = CookieAssignment{"digits-arm", hours(24)};

Split assigned(const Assignment& assignment, int percent = 0) {
  return {"twl7sgl8", "2hf642c4", percent, 0, assignment};
}

json rules_for(const Split& split, const api::Rollout& rollout = digits()) {
  return gateway_api().desired(rollout, split)["spec"]["rules"];
}

TEST(HeaderAssignments, AreARuleOfTheirOwn) {
  const json rules = rules_for(assigned(HeaderAssignment{"x-user-bucket", {"b", "c"}}));
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[0]["name"], "model");
  EXPECT_EQ(rules[0], rules_for({"twl7sgl8", "2hf642c4", 0})[0]) << "the weighted rule is as without, and first";
  EXPECT_EQ(rules[1]["name"], "candidate");
  EXPECT_EQ(rules[1]["matches"], json::parse(R"([
    {"path": {"type": "PathPrefix", "value": "/v1/digits"},
     "headers": [{"type": "Exact", "name": "x-user-bucket", "value": "b"}]},
    {"path": {"type": "PathPrefix", "value": "/v1/digits"},
     "headers": [{"type": "Exact", "name": "x-user-bucket", "value": "c"}]}])"));
  ASSERT_EQ(rules[1]["backendRefs"].size(), 1u);
  EXPECT_EQ(rules[1]["backendRefs"][0]["name"], "digits-2hf642c4");
  EXPECT_EQ(rules[1]["backendRefs"][0]["weight"], 100);
  EXPECT_EQ(rules[1]["backendRefs"][0]["filters"], rules[0]["backendRefs"][2]["filters"]) << "it names its revision";
}

TEST(CookieAssignments, AreARuleForEachArmAndACookieForNewUsers) {
  const json rules = rules_for(assigned(kCookie, 40));
  ASSERT_EQ(rules.size(), 3u);
  const char* revisions[] = {"twl7sgl8", "2hf642c4"};
  for (std::size_t i = 0; i < 2; ++i) {
    const json& change = rules[0]["backendRefs"][i]["filters"][0]["responseHeaderModifier"];
    EXPECT_EQ(change["set"][0]["value"], revisions[i]);
    EXPECT_EQ(change["add"], (json::array({{{"name", "Set-Cookie"},
                                            {"value", std::string("digits-arm=") + revisions[i] +
                                                          "; Max-Age=86400; Path=/; HttpOnly; SameSite=Lax"}}})));
    const json& rule = rules[2 - i];  // the candidate's comes first
    EXPECT_EQ(rule["name"], i == 0 ? "stable" : "candidate");
    EXPECT_EQ(rule["backendRefs"][0]["name"], std::string("digits-") + revisions[i]);
    EXPECT_EQ(rule["matches"][0]["headers"],
              (json::array({{{"type", "RegularExpression"},
                             {"name", "Cookie"},
                             {"value", cookie_pattern("digits-arm", revisions[i])}}})));
    EXPECT_EQ(rule["backendRefs"][0].dump().find("Set-Cookie"), std::string::npos)
        << "who has one keeps it as long as it was given for";
  }
}

TEST(Assignments, MatchWhatTheUserMatches) {
  api::Rollout rollout = digits();
  auto& traffic = std::get<api::GatewayApiTraffic>(rollout.spec.traffic);
  traffic.matches = json::parse(R"([
    {"path": {"type": "Exact", "value": "/a"}, "method": "POST"},
    {"path": {"value": "/b"}, "headers": [{"name": "X-User-Bucket", "value": "z"}]},
    {"path": {"value": "/c"}, "headers": [{"name": "tenant", "value": "t"}]}])");
  const Split split = assigned(HeaderAssignment{"x-user-bucket", {"b", "c"}});
  const json matches = rules_for(split, rollout)[1]["matches"];
  ASSERT_EQ(matches.size(), 4u) << "a match that asks for the header already cannot ask for another value";
  EXPECT_EQ(matches[0]["method"], "POST");
  EXPECT_EQ(matches[2]["headers"], json::parse(R"([{"type": "Exact", "name": "tenant", "value": "t"},
                                                   {"type": "Exact", "name": "x-user-bucket", "value": "b"}])"));
  const RouteState state = observe(stored(gateway_api().desired(rollout, split)), split, rollout);
  EXPECT_TRUE(state.as_wanted);
  EXPECT_EQ(state.live, split);
}

TEST(Assignments, ThatNoMatchLeavesRoomForAreUnsupported) {
  api::Rollout rollout = digits();
  std::get<api::GatewayApiTraffic>(rollout.spec.traffic).matches =
      json::parse(R"([{"headers": [{"name": "cookie", "value": "a=b"}, {"name": "X-USER-BUCKET", "value": "a"}]}])");
  for (const Assignment& assignment : {kBucket, kCookie}) {
    const json made = gateway_api().desired(rollout, assigned(assignment));
    for (const json& match : made["spec"]["rules"][1]["matches"]) {
      EXPECT_EQ(match["headers"].back()["name"], kRevisionHeader) << "nobody, rather than everybody";
    }
    const RouteState state = observe(stored(made), assigned(assignment), rollout);
    EXPECT_EQ(state.acceptance, Acceptance::Rejected);
    EXPECT_EQ(state.reason, "Unsupported");
    EXPECT_NE(state.message.find(assignment == kCookie ? "header Cookie" : "header x-user-bucket"), std::string::npos)
        << state.message;
    EXPECT_TRUE(state.as_wanted);
  }
}

TEST(Assignments, AreReadBack) {
  for (const Assignment& assignment :
       {kBucket, kCookie, Assignment(HeaderAssignment{"h", {"", "a b", "\"x\"", "b"}}),
        Assignment(CookieAssignment{"$a.b*c^d|e+f", seconds(1)})}) {
    for (const int percent : {0, 1, 50, 100}) {
      const Split split = assigned(assignment, percent);
      const RouteState state = observe(stored(gateway_api().desired(digits(), split)), split);
      EXPECT_TRUE(state.as_wanted);
      EXPECT_EQ(state.live, split) << rules_for(split).dump(2);
    }
  }
}

TEST(Assignments, ThatDifferAreNotAsWanted) {
  const std::vector<Split> splits = {{"twl7sgl8", "2hf642c4", 10},
                                     assigned(kBucket, 10),
                                     assigned(HeaderAssignment{"x-user-bucket", {"c"}}, 10),
                                     assigned(HeaderAssignment{"x-user-bucket", {"b", "c"}}, 10),
                                     assigned(HeaderAssignment{"x-bucket", {"b"}}, 10),
                                     assigned(kCookie, 10),
                                     assigned(CookieAssignment{"digits-arm", hours(1)}, 10),
                                     assigned(CookieAssignment{"arm", hours(24)}, 10)};
  for (std::size_t live = 0; live < splits.size(); ++live) {
    for (std::size_t wanted = 0; wanted < splits.size(); ++wanted) {
      const RouteState state = observe(stored(gateway_api().desired(digits(), splits[live])), splits[wanted]);
      EXPECT_EQ(state.as_wanted, live == wanted) << live << " " << wanted;
      EXPECT_EQ(state.live, splits[live]);
    }
  }
}

struct Edit {
  const char* name;
  const char* place;
  const char* value;
};

class EditedAssignment : public testing::TestWithParam<Edit> {};

TEST_P(EditedAssignment, IsSeen) {
  json live = stored(gateway_api().desired(digits(), assigned(kCookie, 40)));
  live[json::json_pointer(GetParam().place)] = json::parse(GetParam().value);
  const RouteState state = observe(live, assigned(kCookie, 40));
  EXPECT_FALSE(state.as_wanted);
  EXPECT_NE(state.live, assigned(kCookie, 40));
}

INSTANTIATE_TEST_SUITE_P(
    , EditedAssignment,
    testing::Values(Edit{"otherRevision", "/spec/rules/1/backendRefs/0/name", "\"digits-third\""},
                    Edit{"swapped", "/spec/rules/2/backendRefs/0/name", "\"digits-2hf642c4\""},
                    Edit{"stranger", "/spec/rules/1/backendRefs/0/name", "\"other\""},
                    Edit{"twoBackends", "/spec/rules/1/backendRefs/1", R"({"name": "digits-twl7sgl8"})"},
                    Edit{"pattern", "/spec/rules/1/matches/0/headers/0/value", "\".*\""},
                    Edit{"renamed", "/spec/rules/1/name", "\"canary\""},
                    Edit{"oneMoreRule", "/spec/rules/3", R"({"backendRefs": [{"name": "other"}]})"},
                    Edit{"noMatches", "/spec/rules/2/matches", "[]"},
                    Edit{"matchEverybody", "/spec/rules/1/matches/0/headers", "[]"},
                    Edit{"rubbish", "/spec/rules/1/matches/0/headers", "[7]"}),
    [](const auto& test) { return test.param.name; });

TEST(CookieAssignments, ThatNoAnswerGivesAnyMoreAreSeen) {
  json live = stored(gateway_api().desired(digits(), assigned(kCookie, 40)));
  for (json& backend : live["spec"]["rules"][0]["backendRefs"]) {
    backend["filters"][0]["responseHeaderModifier"].erase("add");
  }
  EXPECT_FALSE(observe(live, assigned(kCookie, 40)).as_wanted);
  EXPECT_EQ(observe(live, assigned(kCookie, 40)).live, std::nullopt);
}

TEST(CookieAssignments, ThatAreStillGivenWithoutBeingWantedAreSeen) {
  json live = live_route();
  live["spec"]["rules"][0]["backendRefs"] = rules_for(assigned(kCookie, 5))[0]["backendRefs"];
  EXPECT_FALSE(observe(live, kFivePercent).as_wanted);
}

// --- The cookie

bool meets(const std::string& header, const std::string& cookie, const std::string& revision) {
  return std::regex_match(header, std::regex(cookie_pattern(cookie, revision)));
}

TEST(CookiePattern, FindsTheCookieAmongOthersAndNothingElse) {
  for (const char* header : {"arm=r1", "arm=r1; a=b", "a=b; arm=r1", "a=b; arm=r1; c=d", "a=b;arm=r1", "arm=r1;"}) {
    EXPECT_TRUE(meets(header, "arm", "r1")) << header;
  }
  for (const char* header : {"", "arm=r2", "arm=r11", "arm=xr1", "alarm=r1", "a=b; alarm=r1", "a=arm=r1", "arm =r1",
                             "arm=r1 x", "ARM=r1"}) {
    EXPECT_FALSE(meets(header, "arm", "r1")) << header;
  }
}

TEST(CookiePattern, TakesTheNameLiterally) {
  EXPECT_TRUE(meets("a.b*|$^+c=r", "a.b*|$^+c", "r"));
  EXPECT_FALSE(meets("axb=r", "a.b", "r"));
  EXPECT_FALSE(meets("a=r", "a|b", "r"));
  for (const char* name : {"a.b*|$^+c", "plain", "__Host-x"}) {
    EXPECT_EQ(cookie_in_pattern(cookie_pattern(name, "r1"), "r1"), name);
    EXPECT_EQ(cookie_in_pattern(cookie_pattern(name, "r1"), "r2"), std::nullopt);
  }
  for (const char* pattern :
       {"", ".*", R"(^(.*;\s*)?=r1(;.*)?$)", R"(^(.*;\s*)?a.b=r1(;.*)?$)", R"(arm=r1(;.*)?$)"}) {
    EXPECT_EQ(cookie_in_pattern(pattern, "r1"), std::nullopt) << pattern;
  }
}

TEST(CookieValue, TellsItsLifetime) {
  EXPECT_EQ(ttl_in(set_cookie({"a", minutes(5)}, "r")), minutes(5));
  for (const char* value : {"", "a=r", "a=r; Max-Age=", "a=r; Max-Age=x", "a=r; Max-Age=99999999999999999999"}) {
    EXPECT_EQ(ttl_in(value), std::nullopt) << value;
  }
}

}  // namespace
}  // namespace sluice::traffic
