// A mirror: a copy of a share of the requests. How it is written, read back, and missed when a server drops it.
#include <gtest/gtest.h>

#include "live_route.h"

namespace sluice::traffic {
namespace {

using nlohmann::json;

Split mirrored(int percent, int candidate_percent = 0) {
  return {"twl7sgl8", "2hf642c4", candidate_percent, percent};
}

json applied(const Split& split) { return stored(gateway_api().desired(digits(), split)); }

TEST(Mirror, IsAFilterOfTheWeightedRuleWithAPercent) {
  const json made = gateway_api().desired(digits(), mirrored(30));
  ASSERT_EQ(made["spec"]["rules"].size(), 1u);
  EXPECT_EQ(made["spec"]["rules"][0]["filters"], json::parse(R"([{"type": "RequestMirror", "requestMirror": {
    "backendRef": {"group": "", "kind": "Service", "name": "digits-2hf642c4", "port": 8080}, "percent": 30}}])"));
  EXPECT_EQ(made["metadata"]["annotations"], (json{{kMirrorAnnotation, "2hf642c4 30"}}));
}

TEST(Mirror, IsNotAWeight) {
  for (const int percent : {1, 50, 100}) {
    for (const int weight : {0, 20, 100}) {
      const auto backends = [&](int mirror) {
        return gateway_api().desired(digits(), mirrored(mirror, weight))["spec"]["rules"][0]["backendRefs"];
      };
      EXPECT_EQ(backends(percent), backends(0));
    }
  }
}

TEST(Mirror, OfEverythingIsWrittenAsSuch) {
  const json made = gateway_api().desired(digits(), mirrored(100));
  EXPECT_EQ(made["spec"]["rules"][0]["filters"][0]["requestMirror"]["percent"], 100);
  EXPECT_EQ(gateway_api().desired(digits(), mirrored(250)), made);
}

TEST(Mirror, LeavesNothingBehindWhenItIsNotWanted) {
  for (const Split& split : {mirrored(0), mirrored(-1), Split{"twl7sgl8", "", 0, 30},
                             Split{"twl7sgl8", "twl7sgl8", 0, 30}}) {
    const json made = gateway_api().desired(digits(), split);
    EXPECT_FALSE(made["spec"]["rules"][0].contains("filters"));
    EXPECT_FALSE(made["metadata"].contains("annotations"));
  }
}

TEST(Mirror, ThatIsLiveAndNotWantedIsTakenAwayInOneWrite) {
  const json live = applied(mirrored(30));
  for (const Split& split : {mirrored(0), kOnlyStable, mirrored(0, 50)}) {
    EXPECT_FALSE(observe(live, split).as_wanted);
    const auto view = project_route(live);
    const auto object = gateway_api().next_write(digits(), &*view, split);
    ASSERT_TRUE(object);
    EXPECT_EQ(object->dump().find("Mirror"), std::string::npos) << object->dump(2);
    EXPECT_TRUE(observe(stored(*object), split).as_wanted);
  }
}

TEST(Mirror, IsReadBack) {
  const RouteState state = observe(applied(mirrored(30)), mirrored(30));
  EXPECT_TRUE(state.as_wanted);
  EXPECT_EQ(state.live, mirrored(30));
  EXPECT_FALSE(observe(applied(mirrored(30)), mirrored(31)).as_wanted);
  EXPECT_EQ(observe(applied(mirrored(30)), mirrored(31)).live, mirrored(30));
}

TEST(Mirror, OfAFractionIsReadAsAShare) {
  json live = applied(mirrored(30));
  json& mirror = live["spec"]["rules"][0]["filters"][0]["requestMirror"];
  mirror.erase("percent");
  mirror["fraction"] = {{"numerator", 1}, {"denominator", 5}};
  EXPECT_EQ(observe(live, mirrored(30)).live, mirrored(20));
  mirror["fraction"] = {{"numerator", 7}};
  EXPECT_EQ(observe(live, mirrored(30)).live, mirrored(7)) << "of a hundred, by default";
  mirror["percent"] = 30;
  EXPECT_FALSE(observe(live, mirrored(30)).as_wanted) << "the API server would refuse both";
}

TEST(Mirror, ToSomebodyElseIsNoSplitOfOurs) {
  json live = applied(mirrored(30));
  json& filters = live["spec"]["rules"][0]["filters"];
  filters[0]["requestMirror"]["backendRef"]["name"] = "recorder";
  EXPECT_EQ(observe(live, mirrored(30)).live, std::nullopt);
  filters[0]["requestMirror"]["backendRef"]["name"] = "digits-third";
  EXPECT_EQ(observe(live, mirrored(30)).live, std::nullopt);
  filters = applied(mirrored(30))["spec"]["rules"][0]["filters"];
  filters.push_back(filters[0]);
  EXPECT_EQ(observe(live, mirrored(30)).live, std::nullopt) << "twice";
}

// The mirror tells which of the two is the candidate, also where stable has the second place.
TEST(Mirror, TellsTheCandidate) {
  json live = applied(mirrored(30, 20));
  json& backends = live["spec"]["rules"][0]["backendRefs"];
  std::swap(backends[0], backends[1]);
  const RouteState state = observe(live, mirrored(30, 20));
  EXPECT_EQ(state.live, mirrored(30, 20));
  EXPECT_TRUE(state.as_wanted) << "a revision keeps its place";
}

// --- A server that does not know the percent

void expect_unsupported(const RouteState& state) {
  EXPECT_EQ(state.acceptance, Acceptance::Rejected);
  EXPECT_EQ(state.reason, "Unsupported");
  EXPECT_NE(state.message.find("Gateway API v1.3"), std::string::npos) << state.message;
  EXPECT_NE(state.message.find("30 %"), std::string::npos) << state.message;
}

struct Pruning {
  const char* name;
  const char* what;
};

class PrunedMirror : public testing::TestWithParam<Pruning> {
 protected:
  json pruned(json object) const {
    json live = stored(std::move(object));
    const json::json_pointer place(GetParam().what);
    if (live.contains(place)) live[place.parent_pointer()].erase(place.back());
    return live;
  }
};

TEST_P(PrunedMirror, IsLeftOutAndReported) {
  json live = pruned(gateway_api().desired(digits(), mirrored(30)));
  const RouteState dropped = observe(live, mirrored(30));
  expect_unsupported(dropped);
  EXPECT_FALSE(dropped.as_wanted) << "everything may be mirrored: this is not left as it is";

  auto view = project_route(live);
  const auto object = gateway_api().next_write(digits(), &*view, mirrored(30));
  ASSERT_TRUE(object);
  EXPECT_EQ(object->dump().find("RequestMirror"), std::string::npos);
  live = pruned(*object);
  const RouteState settled = observe(live, mirrored(30));
  expect_unsupported(settled);
  EXPECT_TRUE(settled.as_wanted) << "there is nothing to be written any more";
  EXPECT_EQ(settled.live, mirrored(0));
  view = project_route(live);
  EXPECT_EQ(gateway_api().next_write(digits(), &*view, mirrored(30)), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(, PrunedMirror,
                         testing::Values(Pruning{"percent", "/spec/rules/0/filters/0/requestMirror/percent"},
                                         Pruning{"filter", "/spec/rules/0/filters"}),
                         [](const auto& test) { return test.param.name; });

TEST(PrunedMirrors, AreTriedAgainWithTheNextCandidateOrAfterNone) {
  json live = applied(mirrored(30));
  live["metadata"]["annotations"][kMirrorAnnotation] = "2hf642c4 unsupported";
  live["spec"]["rules"][0].erase("filters");
  expect_unsupported(observe(live, mirrored(30)));
  EXPECT_FALSE(observe(live, mirrored(0)).as_wanted) << "the note must go too";
  EXPECT_NE(observe(live, mirrored(0)).reason, "Unsupported");

  const auto view = project_route(live);
  const Split next{"twl7sgl8", "next", 0, 30};
  const auto object = gateway_api().next_write(digits(), &*view, next);
  ASSERT_TRUE(object);
  EXPECT_EQ((*object)["spec"]["rules"][0]["filters"][0]["requestMirror"]["percent"], 30);
}

// Not written yet is not dropped.
TEST(PrunedMirrors, AreNotSeenWhereNoneWasWritten) {
  EXPECT_NE(observe(live_route(), mirrored(30)).reason, "Unsupported");
  EXPECT_NE(observe(applied({"twl7sgl8", "old", 0, 30}), mirrored(30)).reason, "Unsupported");
}

TEST(PrunedMirrors, OfSomebodyElsesWriteAreSetBack) {
  json live = applied(mirrored(30));
  live["spec"]["rules"][0]["filters"][0]["requestMirror"].erase("percent");
  json& entries = live["metadata"]["managedFields"];
  entries[0]["fieldsV1"]["f:spec"].erase("f:rules");
  entries.push_back({{"manager", "old-tool"}, {"fieldsV1", {{"f:spec", {{"f:rules", json::object()}}}}}});
  const RouteState state = observe(live, mirrored(30));
  EXPECT_EQ(state.foreign_writer, "old-tool");
  EXPECT_NE(state.reason, "Unsupported");
  EXPECT_EQ(state.live, mirrored(100)) << "without a percent everything is mirrored";
  const auto view = project_route(live);
  const auto object = gateway_api().next_write(digits(), &*view, mirrored(30));
  ASSERT_TRUE(object);
  EXPECT_EQ((*object)["spec"]["rules"][0]["filters"][0]["requestMirror"]["percent"], 30);
}

// --- A server that refuses it

Error refusal(const char* message) { return {ErrorCode::Invalid, message, {}}; }

constexpr const char* kUndeclared =
    "failed to create typed patch object (ml/digits; gateway.networking.k8s.io/v1, Kind=HTTPRoute): "
    ".spec.rules[0].filters[0].requestMirror.percent: field not declared in schema";

TEST(RefusedMirror, IsLeftOutAndReported) {
  for (const char* message :
       {kUndeclared, R"(strict decoding error: unknown field "spec.rules[0].filters[0].requestMirror.percent")"}) {
    for (const bool exists : {false, true}) {
      const auto view = exists ? project_route(applied(mirrored(0))) : std::nullopt;
      const auto object = gateway_api().instead_of_refused(digits(), view ? &*view : nullptr, mirrored(30),
                                                           refusal(message));
      ASSERT_TRUE(object) << message;
      EXPECT_EQ(object->dump().find("RequestMirror"), std::string::npos);
      const RouteState state = observe(stored(*object), mirrored(30));
      expect_unsupported(state);
      EXPECT_TRUE(state.as_wanted);
    }
  }
}

TEST(RefusedMirror, ElseNothingHelps) {
  const auto view = project_route(applied(mirrored(0)));
  const Provider& provider = gateway_api();
  EXPECT_EQ(provider.instead_of_refused(digits(), &*view, mirrored(30), refusal("spec.parentRefs: too many")),
            std::nullopt);
  const Error other = refusal(".spec.foo: field not declared in schema");
  EXPECT_EQ(provider.instead_of_refused(digits(), &*view, mirrored(30), other), std::nullopt);
  EXPECT_EQ(provider.instead_of_refused(digits(), &*view, mirrored(0), refusal(kUndeclared)), std::nullopt);
  json live = applied(mirrored(0));
  live["metadata"]["annotations"][kMirrorAnnotation] = "2hf642c4 unsupported";
  const auto marked = project_route(live);
  EXPECT_EQ(provider.instead_of_refused(digits(), &*marked, mirrored(30), refusal(kUndeclared)), std::nullopt)
      << "it was left out and refused all the same";
}

TEST(RefusedMirror, IsNoReasonToWriteSomebodyElsesRoute) {
  json live = applied(mirrored(0));
  live["metadata"]["ownerReferences"][0]["uid"] = "another";
  const auto view = project_route(live);
  EXPECT_EQ(gateway_api().instead_of_refused(digits(), &*view, mirrored(30), refusal(kUndeclared)), std::nullopt);
}

}  // namespace
}  // namespace sluice::traffic
