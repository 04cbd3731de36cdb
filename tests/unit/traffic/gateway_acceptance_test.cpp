// Whether the gateways have accepted the route as it is now.
#include <gtest/gtest.h>

#include "live_route.h"

namespace sluice::traffic {
namespace {

using nlohmann::json;

json condition(const char* type, const char* status, int generation, const char* reason = "R",
               const char* message = "M") {
  return {{"type", type},     {"status", status},   {"observedGeneration", generation},
          {"reason", reason}, {"message", message}, {"lastTransitionTime", "2026-03-01T10:00:00Z"}};
}

json answer(json parent, const char* controller, std::vector<json> conditions) {
  return {{"parentRef", std::move(parent)},
          {"controllerName", controller},
          {"conditions", std::move(conditions)}};
}

json accepted(json parent, const char* controller = "example.com/gateway", int generation = 4) {
  return answer(std::move(parent), controller,
                {condition("Accepted", "True", generation), condition("ResolvedRefs", "True", generation)});
}

const json kPublic = {{"name", "public"}};

// The live route is at generation 4 and attached to the Gateway ml/public.
RouteState with(json parents) {
  json live = live_route();
  live["status"]["parents"] = std::move(parents);
  return observe(live, kFivePercent);
}

struct Case {
  const char* name;
  std::vector<json> conditions;
  Acceptance acceptance;
  const char* reason;
};

class OneController : public testing::TestWithParam<Case> {};

TEST_P(OneController, Answers) {
  const RouteState state = with(json::array({answer(kPublic, "c", GetParam().conditions)}));
  EXPECT_EQ(state.acceptance, GetParam().acceptance) << state.message;
  EXPECT_EQ(state.reason, GetParam().reason);
  EXPECT_NE(state.message.find("Gateway ml/public"), std::string::npos) << state.message;
  EXPECT_TRUE(state.as_wanted) << "another matter";
}

INSTANTIATE_TEST_SUITE_P(
    , OneController,
    testing::Values(Case{"both",
                         {condition("Accepted", "True", 4), condition("ResolvedRefs", "True", 4)},
                         Acceptance::Accepted,
                         "Accepted"},
                    Case{"ofALaterGeneration",
                         {condition("Accepted", "True", 5), condition("ResolvedRefs", "True", 5)},
                         Acceptance::Accepted,
                         "Accepted"},
                    Case{"andOthers",
                         {condition("Accepted", "True", 4), condition("ResolvedRefs", "True", 4),
                          condition("BackendsAvailable", "False", 4)},
                         Acceptance::Accepted,
                         "Accepted"},
                    Case{"stale",
                         {condition("Accepted", "True", 3), condition("ResolvedRefs", "True", 3)},
                         Acceptance::Unknown,
                         "Pending"},
                    Case{"halfStale",
                         {condition("Accepted", "True", 4), condition("ResolvedRefs", "True", 3)},
                         Acceptance::Unknown,
                         "Pending"},
                    Case{"staleRefusal",
                         {condition("Accepted", "False", 3), condition("ResolvedRefs", "True", 4)},
                         Acceptance::Unknown,
                         "Pending"},
                    Case{"half", {condition("Accepted", "True", 4)}, Acceptance::Unknown, "Pending"},
                    Case{"nothing", {}, Acceptance::Unknown, "Pending"},
                    Case{"undecided",
                         {condition("Accepted", "Unknown", 4), condition("ResolvedRefs", "True", 4)},
                         Acceptance::Unknown,
                         "Pending"},
                    Case{"refused",
                         {condition("Accepted", "False", 4, "NotAllowedByListeners"),
                          condition("ResolvedRefs", "True", 4)},
                         Acceptance::Rejected,
                         "NotAllowedByListeners"},
                    Case{"unresolved",
                         {condition("Accepted", "True", 4),
                          condition("ResolvedRefs", "False", 4, "BackendNotFound")},
                         Acceptance::Rejected,
                         "BackendNotFound"},
                    Case{"refusedWithoutAReason",
                         {condition("Accepted", "False", 4, "")},
                         Acceptance::Rejected,
                         "NotAccepted"}),
    [](const auto& test) { return test.param.name; });

TEST(Acceptance, ARefusalSaysWhoRefusedAndWhy) {
  const RouteState state = with(json::array(
      {answer(kPublic, "example.com/gateway",
              {condition("Accepted", "True", 4), condition("ResolvedRefs", "False", 4, "BackendNotFound",
                                                           "service ml/digits-2hf642c4 not found")})}));
  EXPECT_EQ(
      state.message,
      "Gateway ml/public, controller example.com/gateway: ResolvedRefs is False, BackendNotFound: service "
      "ml/digits-2hf642c4 not found");
}

TEST(Acceptance, SilenceNamesTheGateway) {
  for (const json& parents : {json::array(), json(nullptr), json::array({accepted({{"name", "private"}})})}) {
    const RouteState state = with(parents);
    EXPECT_EQ(state.acceptance, Acceptance::Unknown);
    EXPECT_EQ(state.reason, "NoAnswer");
    EXPECT_EQ(
        state.message,
        "no controller has answered for Gateway ml/public: does it exist, and does it allow routes from "
        "namespace ml?");
  }
}

TEST(Acceptance, OfOneControllerSuffices) {
  const json refusal = answer(kPublic, "a", {condition("Accepted", "False", 4, "NoMatchingParent")});
  EXPECT_EQ(with(json::array({refusal, accepted(kPublic, "b")})).acceptance, Acceptance::Accepted);
  EXPECT_EQ(with(json::array({accepted(kPublic, "b"), refusal})).acceptance, Acceptance::Accepted);
  EXPECT_EQ(with(json::array({refusal, accepted(kPublic, "b", 3)})).acceptance, Acceptance::Rejected);
}

TEST(Acceptance, AParentMayBeWrittenWithItsDefaults) {
  for (const char* parent : {R"({"name":"public"})", R"({"name":"public","namespace":"ml"})",
                             R"({"group":"gateway.networking.k8s.io","kind":"Gateway","name":"public"})"}) {
    EXPECT_EQ(with(json::array({accepted(json::parse(parent))})).acceptance, Acceptance::Accepted) << parent;
  }
  for (const char* parent :
       {R"({"name":"public","namespace":"edge"})", R"({"name":"public","kind":"Service"})",
        R"({"name":"public","sectionName":"https"})", R"({"name":"public","port":443})",
        R"({"name":"public","group":""})"}) {
    EXPECT_EQ(with(json::array({accepted(json::parse(parent))})).acceptance, Acceptance::Unknown) << parent;
  }
}

class TwoParents : public testing::Test {
 protected:
  RouteState with(json parents) const {
    api::Rollout rollout = digits();
    std::get<api::GatewayApiTraffic>(rollout.spec.traffic).parent_refs = json::array({kHttps, kInner});
    json live = stored(gateway_api().desired(rollout, kFivePercent));
    live["metadata"]["generation"] = 4;
    live["status"] = {{"parents", std::move(parents)}};
    return observe(live, kFivePercent, rollout);
  }

  const json kHttps = {{"name", "public"}, {"namespace", "edge"}, {"sectionName", "https"}};
  const json kInner = {{"name", "inner"}};
};

TEST_F(TwoParents, MustBothAccept) {
  EXPECT_EQ(with(json::array({accepted(kHttps), accepted(kInner)})).acceptance, Acceptance::Accepted);
  const RouteState half = with(json::array({accepted(kHttps)}));
  EXPECT_EQ(half.acceptance, Acceptance::Unknown);
  EXPECT_NE(half.message.find("Gateway ml/inner"), std::string::npos) << half.message;
  EXPECT_NE(with(json::array({accepted(kInner)})).message.find("Gateway edge/public (listener https)"),
            std::string::npos);
}

TEST_F(TwoParents, ARefusalOutweighsSilence) {
  const json refusal = answer(kInner, "c", {condition("Accepted", "False", 4, "NoMatchingParent")});
  EXPECT_EQ(with(json::array({refusal})).reason, "NoMatchingParent");
  EXPECT_EQ(with(json::array({refusal, accepted(kHttps)})).acceptance, Acceptance::Rejected);
}

TEST(Acceptance, OfARouteWithoutParentsIsUnknown) {
  json live = live_route();
  live["spec"].erase("parentRefs");
  EXPECT_EQ(observe(live, kFivePercent).reason, "NoParent");
}

}  // namespace
}  // namespace sluice::traffic
