#include <gtest/gtest.h>

#include "live_route.h"
#include "traffic/provider.h"

namespace sluice::traffic {
namespace {

using nlohmann::json;

TEST(GatewayApi, TheRouteIsWrittenWithAllThatTheServerDefaults) {
  const json made = gateway_api().desired(digits(), kFivePercent);
  const json live = live_route();
  EXPECT_EQ(made["spec"], live["spec"]) << made.dump(2);
  EXPECT_EQ(made["apiVersion"], live["apiVersion"]);
  EXPECT_EQ(made["kind"], live["kind"]);
  for (const char* field : {"name", "namespace", "labels", "ownerReferences"}) {
    EXPECT_EQ(made["metadata"][field], live["metadata"][field]) << field;
  }
  EXPECT_EQ(made["metadata"].size(), 4u) << "no resourceVersion, no managedFields: it is for an apply";
  EXPECT_FALSE(made.contains("status"));
}

TEST(Shares, BecomeWeightsAndAreReadBack) {
  for (const int percent : {1, 50, 99}) {
    const Split split{"twl7sgl8", "2hf642c4", percent};
    const json made = gateway_api().desired(digits(), split);
    const json& backends = made["spec"]["rules"][0]["backendRefs"];
    ASSERT_EQ(backends.size(), 2u);
    EXPECT_EQ(backends[0]["name"], "digits-twl7sgl8");
    EXPECT_EQ(backends[0]["weight"], 100 - percent);
    EXPECT_EQ(backends[1]["name"], "digits-2hf642c4");
    EXPECT_EQ(backends[1]["weight"], percent);
    EXPECT_TRUE(observe(stored(made), split).as_wanted);
    EXPECT_EQ(observe(stored(made), split).live, split);
  }
}

TEST(Shares, StayInTheirBounds) {
  for (const auto& [asked, written] : {std::pair{-5, 0}, std::pair{101, 100}}) {
    const json made = gateway_api().desired(digits(), {"twl7sgl8", "2hf642c4", asked});
    EXPECT_EQ(made, gateway_api().desired(digits(), {"twl7sgl8", "2hf642c4", written}));
    EXPECT_TRUE(observe(stored(made), {"twl7sgl8", "2hf642c4", asked}).as_wanted);
  }
}

TEST(GatewayApi, WithoutACandidateStableGetsEverything) {
  for (const Split& split : {kOnlyStable, Split{"twl7sgl8", "", 30}, Split{"twl7sgl8", "twl7sgl8", 30}}) {
    const json made = gateway_api().desired(digits(), split);
    const json& backends = made["spec"]["rules"][0]["backendRefs"];
    ASSERT_EQ(backends.size(), 2u);
    for (const json& backend : backends) EXPECT_EQ(backend["name"], "digits-twl7sgl8");
    const RouteState state = observe(stored(made), split);
    EXPECT_TRUE(state.as_wanted);
    EXPECT_EQ(state.live, kOnlyStable);
  }
}

// Who gets everything is the same in both: that is what there is to be read.
TEST(GatewayApi, ALiveRouteThatGivesAllToOneRevisionTellsWhoGetsNothing) {
  const Split all{"twl7sgl8", "2hf642c4", 100};
  const json live = stored(gateway_api().desired(digits(), all));
  EXPECT_EQ(observe(live, all).live, all);
  EXPECT_EQ(observe(live, kFivePercent).live, (Split{"2hf642c4", "twl7sgl8", 0}));
}

TEST(GatewayApi, OneSplitIsNotAsWantedWhenAnotherOneIs) {
  const std::vector<Split> splits = {kOnlyStable,
                                     {"2hf642c4", "", 0},
                                     {"twl7sgl8", "2hf642c4", 0},
                                     {"twl7sgl8", "2hf642c4", 5},
                                     {"twl7sgl8", "third", 0},
                                     {"2hf642c4", "twl7sgl8", 5}};
  for (std::size_t live = 0; live < splits.size(); ++live) {
    for (std::size_t wanted = 0; wanted < splits.size(); ++wanted) {
      const RouteState state = observe(stored(gateway_api().desired(digits(), splits[live])), splits[wanted]);
      EXPECT_EQ(state.as_wanted, live == wanted) << live << " " << wanted;
      EXPECT_EQ(state.live, splits[live]);
      EXPECT_EQ(state.foreign_writer, "") << "that we want something new is nobody's doing";
    }
  }
}

struct Defaulted {
  const char* name;
  const char* written;
  const char* stored;
};

class Matches : public testing::TestWithParam<Defaulted> {};

TEST_P(Matches, GetTheDefaultsOfTheCrd) {
  api::Rollout rollout = digits();
  std::get<api::GatewayApiTraffic>(rollout.spec.traffic).matches = json::parse(GetParam().written);
  EXPECT_EQ(gateway_api().desired(rollout, kOnlyStable)["spec"]["rules"][0]["matches"],
            json::parse(GetParam().stored));
}

constexpr const char* kEverything = R"([{"path": {"type": "PathPrefix", "value": "/"}}])";

INSTANTIATE_TEST_SUITE_P(
    , Matches,
    testing::Values(Defaulted{"none", "[]", kEverything}, Defaulted{"null", "null", kEverything},
                    Defaulted{"empty", "[{}]", kEverything},
                    Defaulted{"nullPath", R"([{"path": null}])", kEverything},
                    Defaulted{"type", R"([{"path": {"value": "/v2"}}])",
                              R"([{"path": {"type": "PathPrefix", "value": "/v2"}}])"},
                    Defaulted{"exact", R"([{"path": {"type": "Exact", "value": "/v2"}}])",
                              R"([{"path": {"type": "Exact", "value": "/v2"}}])"},
                    Defaulted{"headers", R"([{"method": "POST", "headers": [{"name": "a", "value": "b"},
                              {"type": "RegularExpression", "name": "c", "value": "d.*"}]}])",
                              R"([{"path": {"type": "PathPrefix", "value": "/"}, "method": "POST",
                       "headers": [{"type": "Exact", "name": "a", "value": "b"},
                                   {"type": "RegularExpression", "name": "c", "value": "d.*"}]}])"},
                    Defaulted{"query", R"([{"queryParams": [{"name": "a", "value": "b"}]}])",
                              R"([{"path": {"type": "PathPrefix", "value": "/"},
                       "queryParams": [{"type": "Exact", "name": "a", "value": "b"}]}])"},
                    Defaulted{"two", R"([{"path": {"value": "/a"}}, {"path": {"value": "/b"}}])",
                              R"([{"path": {"type": "PathPrefix", "value": "/a"}},
                      {"path": {"type": "PathPrefix", "value": "/b"}}])"}),
    [](const auto& test) { return test.param.name; });

TEST(GatewayApi, ParentsKeepWhatIsWrittenAndGetDefaults) {
  api::Rollout rollout = digits();
  std::get<api::GatewayApiTraffic>(rollout.spec.traffic).parent_refs = json::parse(R"([
    {"name": "public", "namespace": "edge", "sectionName": "https", "port": 443, "group": null},
    {"kind": "Service", "group": "", "name": "mesh"}])");
  EXPECT_EQ(gateway_api().desired(rollout, kOnlyStable)["spec"]["parentRefs"], json::parse(R"([
    {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public", "namespace": "edge",
     "sectionName": "https", "port": 443},
    {"group": "", "kind": "Service", "name": "mesh"}])"));
}

TEST(GatewayApi, SurvivesWhatNobodyShouldWrite) {
  for (const char* text :
       {"null", "7", "\"x\"", "{}", "[7]", "[null]", "[[]]", R"([{"path":7,"headers":[7]}])",
        R"([{"path":[1],"headers":{"a":1},"queryParams":"x"}])"}) {
    api::Rollout rollout = digits();
    auto& traffic = std::get<api::GatewayApiTraffic>(rollout.spec.traffic);
    traffic.matches = json::parse(text);
    traffic.parent_refs = json::parse(text);
    const json made = gateway_api().desired(rollout, kFivePercent);
    EXPECT_TRUE(observe(stored(made), kFivePercent, rollout).as_wanted) << text;
    json live = live_route();
    live["spec"]["rules"] = json::parse(text);
    EXPECT_FALSE(observe(live, kFivePercent).as_wanted) << text;
    live["spec"]["rules"] = json::array({{{"backendRefs", json::parse(text)}}});
    EXPECT_EQ(observe(live, kFivePercent).live, std::nullopt) << text;
  }
}

TEST(GatewayApi, ALiveRouteAsWeWroteItIsAsWanted) {
  const RouteState state = observe(live_route(), kFivePercent);
  EXPECT_TRUE(state.exists);
  EXPECT_TRUE(state.as_wanted);
  EXPECT_EQ(state.live, kFivePercent);
  EXPECT_EQ(state.acceptance, Acceptance::Accepted);
  EXPECT_EQ(state.foreign_writer, "");
  EXPECT_FALSE(state.owned_by_other);
}

TEST(GatewayApi, AMissingRouteIsNotAsWanted) {
  const RouteState state = gateway_api().observe(digits(), nullptr, kFivePercent);
  EXPECT_FALSE(state.exists);
  EXPECT_FALSE(state.as_wanted);
  EXPECT_EQ(state.live, std::nullopt);
  EXPECT_EQ(state.acceptance, Acceptance::Unknown);
  EXPECT_EQ(state.reason, "Missing");
  EXPECT_EQ(state.message, "HTTPRoute ml/digits does not exist yet");
}

TEST(GatewayApi, ARouteThatIsBeingDeletedIsNotAsWanted) {
  json live = live_route();
  live["metadata"]["deletionTimestamp"] = "2026-03-01T11:00:00Z";
  EXPECT_FALSE(observe(live, kFivePercent).as_wanted);
}

TEST(GatewayApi, HostnamesAreOursAlsoWhenThereAreNone) {
  api::Rollout rollout = digits();
  std::get<api::GatewayApiTraffic>(rollout.spec.traffic).hostnames.clear();
  const json made = gateway_api().desired(rollout, kFivePercent);
  EXPECT_EQ(made["spec"]["hostnames"], json::array());
  json live = live_route();
  live["spec"].erase("hostnames");
  EXPECT_TRUE(observe(live, kFivePercent, rollout).as_wanted) << "a client that drops empty lists";
  live["spec"]["hostnames"] = {"narrowed.example.com"};
  EXPECT_FALSE(observe(live, kFivePercent, rollout).as_wanted);
}

// --- Somebody else's changes

json changed_by(const char* manager, const char* field, json live = live_route()) {
  json& entries = live["metadata"]["managedFields"];
  entries[0]["fieldsV1"]["f:spec"].erase("f:" + std::string(field));
  entries.push_back({{"manager", manager},
                     {"operation", "Update"},
                     {"time", "2026-03-01T10:06:00Z"},
                     {"fieldsV1", {{"f:spec", {{"f:" + std::string(field), json::object()}}}}}});
  return live;
}

TEST(ForeignChanges, AreNamed) {
  json live = changed_by("kubectl-edit", "rules");
  live["spec"]["rules"][0]["backendRefs"][0]["weight"] = 50;
  live["spec"]["rules"][0]["backendRefs"][1]["weight"] = 50;
  const RouteState state = observe(live, kFivePercent);
  EXPECT_FALSE(state.as_wanted);
  EXPECT_EQ(state.foreign_writer, "kubectl-edit");
  EXPECT_EQ(state.live, (Split{"twl7sgl8", "2hf642c4", 50}));
  EXPECT_FALSE(state.owned_by_other);
}

// What they add is not distinguishable from a default by the spec alone: who has written it is.
TEST(ForeignChanges, AreSeenWhenTheyOnlyAdd) {
  json live = changed_by("argocd-controller", "rules");
  live["spec"]["rules"][0]["filters"] = json::parse(R"([{"type":"RequestMirror","requestMirror":{}}])");
  const RouteState state = observe(live, kFivePercent);
  EXPECT_FALSE(state.as_wanted);
  EXPECT_EQ(state.foreign_writer, "argocd-controller");
}

TEST(ForeignChanges, OfFieldsThatWeDoNotWriteAreNoneOfOurBusiness) {
  json live = changed_by("kubectl-edit", "useDefaultGateways");
  live["spec"]["useDefaultGateways"] = "None";
  const RouteState state = observe(live, kFivePercent);
  EXPECT_TRUE(state.as_wanted);
  EXPECT_EQ(state.foreign_writer, "");
}

TEST(ForeignChanges, OfTheSameValueLeaveUsAsACoOwner) {
  json live = changed_by("argocd-controller", "rules");
  live["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:rules"] = json::object();
  EXPECT_TRUE(observe(live, kFivePercent).as_wanted);
  EXPECT_EQ(observe(live, kFivePercent).foreign_writer, "");
}

TEST(ForeignChanges, TheLatestWriterIsNamed) {
  json live = changed_by("later", "parentRefs", changed_by("earlier", "rules"));
  live["metadata"]["managedFields"][2]["time"] = "2026-03-01T10:05:30Z";
  EXPECT_EQ(observe(live, kFivePercent).foreign_writer, "later");
}

TEST(ForeignChanges, AreSeenInTheSpecWhenNobodyKeptBooks) {
  json live = live_route();
  live["metadata"].erase("managedFields");
  EXPECT_TRUE(observe(live, kFivePercent).as_wanted);
  live["spec"]["rules"][0]["backendRefs"][1]["weight"] = 6;
  EXPECT_FALSE(observe(live, kFivePercent).as_wanted);
}

struct Edit {
  const char* name;
  const char* place;
  const char* value;
};

class Edits : public testing::TestWithParam<Edit> {};

TEST_P(Edits, OfWhatIsOursAreSeen) {
  json live = live_route();
  live[json::json_pointer(GetParam().place)] = json::parse(GetParam().value);
  EXPECT_FALSE(observe(live, kFivePercent).as_wanted);
}

INSTANTIATE_TEST_SUITE_P(
    , Edits,
    testing::Values(Edit{"weight", "/spec/rules/0/backendRefs/0/weight", "94"},
                    Edit{"backend", "/spec/rules/0/backendRefs/1/name", "\"digits-old\""},
                    Edit{"port", "/spec/rules/0/backendRefs/1/port", "8081"},
                    Edit{"header", "/spec/rules/0/backendRefs/1/filters/0/responseHeaderModifier/set/0/value",
                         "\"x\""},
                    Edit{"oneMoreRule", "/spec/rules/1", R"({"backendRefs":[{"name":"other","port":80}]})"},
                    Edit{"match", "/spec/rules/0/matches/0/path/value", "\"/\""},
                    Edit{"oneMoreMatch", "/spec/rules/0/matches/1", R"({"path":{"value":"/"}})"},
                    Edit{"hostname", "/spec/hostnames/0", "\"other.example.com\""},
                    Edit{"parent", "/spec/parentRefs/0/name", "\"private\""},
                    Edit{"ruleName", "/spec/rules/0/name", "\"renamed\""},
                    Edit{"label", "/metadata/labels/sluice.dev~1rollout", "\"other\""},
                    Edit{"noOwner", "/metadata/ownerReferences", "[]"}),
    [](const auto& test) { return test.param.name; });

struct Unreadable {
  const char* name;
  const char* backends;
};

class ForeignSplits : public testing::TestWithParam<Unreadable> {};

TEST_P(ForeignSplits, AreNotMistakenForOurs) {
  json live = live_route();
  live["spec"]["rules"][0]["backendRefs"] = json::parse(GetParam().backends);
  EXPECT_EQ(observe(live, kFivePercent).live, std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(
    , ForeignSplits,
    testing::Values(Unreadable{"none", "[]"},
                    Unreadable{"strangersService", R"([{"name":"other","port":80}])"},
                    Unreadable{"stableService", R"([{"name":"digits","port":80}])"},
                    Unreadable{"prefixOnly", R"([{"name":"digits-","port":80}])"},
                    Unreadable{"otherKind", R"([{"kind":"InferencePool","name":"digits-twl7sgl8"}])"},
                    Unreadable{"otherGroup", R"([{"group":"x.io","name":"digits-twl7sgl8"}])"},
                    Unreadable{"otherNamespace", R"([{"name":"digits-twl7sgl8","namespace":"x","port":80}])"},
                    Unreadable{"three", R"([{"name":"digits-a"},{"name":"digits-b"},{"name":"digits-c"}])"},
                    Unreadable{"allZero",
                               R"([{"name":"digits-a","weight":0},{"name":"digits-b","weight":0}])"}),
    [](const auto& test) { return test.param.name; });

TEST(ForeignWeights, OfOurRevisionsAreReadAsShares) {
  json live = live_route();
  json& backends = live["spec"]["rules"][0]["backendRefs"];
  backends = json::parse(R"([{"name":"digits-a","weight":30},{"name":"digits-b","weight":10}])");
  EXPECT_EQ(observe(live, kFivePercent).live, (Split{"a", "b", 25}));
  backends = json::parse(R"([{"name":"digits-a"},{"name":"digits-b"}])");
  EXPECT_EQ(observe(live, kFivePercent).live, (Split{"a", "b", 50})) << "the default weight is 1";
}

// --- Whose it is

TEST(Ownership, ARouteOfAnotherOwnerIsLeftAlone) {
  json live = live_route();
  live["metadata"]["ownerReferences"][0].update(
      {{"uid", "another"}, {"kind", "Canary"}, {"name", "digits-canary"}});
  const RouteState state = observe(live, kFivePercent);
  EXPECT_TRUE(state.owned_by_other);
  EXPECT_FALSE(state.as_wanted);
  EXPECT_EQ(state.acceptance, Acceptance::Rejected);
  EXPECT_EQ(state.reason, "RouteConflict");
  EXPECT_NE(state.message.find("Canary digits-canary"), std::string::npos) << state.message;
}

TEST(Ownership, ARouteThatWasThereBeforeIsLeftAlone) {
  json live = live_route();
  live["metadata"].erase("ownerReferences");
  live["metadata"].erase("labels");
  const RouteState state = observe(live, kFivePercent);
  EXPECT_TRUE(state.owned_by_other);
  EXPECT_EQ(state.reason, "RouteConflict");
}

TEST(Ownership, AnOrphanWithOurLabelIsTakenUpAgain) {
  json live = live_route();
  live["metadata"].erase("ownerReferences");
  const RouteState state = observe(live, kFivePercent);
  EXPECT_FALSE(state.owned_by_other);
  EXPECT_FALSE(state.as_wanted) << "its owner must be written";
}

TEST(GatewayApi, SaysWhatItCanDo) {
  EXPECT_EQ(gateway_api().resource(), kHttpRoutes);
  EXPECT_TRUE(gateway_api().capabilities().shifts_traffic);
  EXPECT_TRUE(gateway_api().capabilities().marks_responses);
  EXPECT_TRUE(gateway_api().capabilities().mirrors);
  EXPECT_TRUE(gateway_api().capabilities().assigns);
}

}  // namespace
}  // namespace sluice::traffic
