#include "traffic/route_view.h"

#include <gtest/gtest.h>

#include "live_route.h"

namespace sluice::traffic {
namespace {

using nlohmann::json;

TEST(RouteViews, HoldWhatIsRead) {
  const auto view = project_route(live_route());
  ASSERT_TRUE(view);
  EXPECT_EQ(view->key, (kube::Key{"ml", "digits"}));
  EXPECT_EQ(view->rollout_key(), (kube::Key{"ml", "digits"}));
  EXPECT_EQ(view->uid, "0c1f7c1e-57c5-4b4e-8c9f-8b9a3f6b7a10");
  EXPECT_EQ(view->resource_version, "98231");
  EXPECT_EQ(view->generation, 4);
  EXPECT_EQ(view->owner_uid, digits().uid);
  EXPECT_EQ(view->owner, "Rollout digits");
  EXPECT_FALSE(view->deleting);
  EXPECT_EQ(view->mirror, "");
  EXPECT_EQ(json::parse(view->spec), live_route()["spec"]);
  EXPECT_EQ(view->spec.find('\n'), std::string::npos);
  ASSERT_EQ(view->parents.size(), 1u);
  EXPECT_EQ(view->parents[0].parent.str(), "Gateway ml/public");
  EXPECT_EQ(view->parents[0].controller, "gateway.envoyproxy.io/gatewayclass-controller");
  ASSERT_EQ(view->parents[0].conditions.size(), 2u);
  EXPECT_EQ(view->parents[0].conditions[0].type, "Accepted");
  EXPECT_EQ(view->parents[0].conditions[0].observed_generation, 4);
  EXPECT_TRUE(view->foreign_writers.empty()) << "the gateway writes the status, not the spec";
}

TEST(RouteViews, TellWhichMirrorWasAskedFor) {
  json live = live_route();
  live["metadata"]["annotations"] = {{kMirrorAnnotation, "2hf642c4 30"}};
  EXPECT_EQ(project_route(live)->mirror, "2hf642c4 30");
}

TEST(RouteViews, OtherWritersOfTheSpecComeLatestFirst) {
  json live = live_route();
  json& entries = live["metadata"]["managedFields"];
  entries[0]["fieldsV1"]["f:spec"].erase("f:rules");
  const auto entry = [](const char* manager, const char* time, json spec) {
    return json{
        {"manager", manager}, {"operation", "Update"}, {"time", time}, {"fieldsV1", {{"f:spec", spec}}}};
  };
  entries.push_back(
      entry("helm", "2026-03-01T10:06:00Z", {{"f:rules", json::object()}, {"f:hostnames", json::object()}}));
  entries.push_back(entry("kubectl-edit", "2026-03-01T10:07:00Z", {{"f:rules", json::object()}}));
  entries.push_back(entry("labeler", "2026-03-01T10:08:00Z", json::object()));
  // We have written twice, by an update and by an apply: both are ours.
  entries.push_back(entry("sluice", "2026-03-01T10:00:00Z", {{"f:parentRefs", json::object()}}));
  const auto view = project_route(live);
  ASSERT_EQ(view->foreign_writers.size(), 2u);
  EXPECT_EQ(view->foreign_writers[0].manager, "kubectl-edit");
  EXPECT_EQ(view->foreign_writers[0].time, *parse_time("2026-03-01T10:07:00Z"));
  EXPECT_EQ(view->foreign_writers[1].manager, "helm");
  EXPECT_EQ(view->foreign_writers[1].fields, std::vector<std::string>{"rules"})
      << "hostnames are shared with us";
}

TEST(RouteViews, ARouteThatIsNotOursIsProjectedToo) {
  const auto view =
      project_route(json::parse(R"({"metadata":{"name":"digits","namespace":"ml"},"spec":{}})"));
  ASSERT_TRUE(view);
  EXPECT_EQ(view->rollout, "");
  EXPECT_EQ(view->owner_uid, "");
}

TEST(RouteViews, NothingThrowsWhateverTheServerSays) {
  for (const char* text : {"null", "[]", "7", "{}", R"({"metadata":[]})", R"({"metadata":{"name":7}})"}) {
    EXPECT_FALSE(project_route(json::parse(text))) << text;
  }
  for (const char* part : {"null", "[]", "7", "\"x\"", "[null]", "[7]", "[[]]", R"([{"parentRef":7}])",
                           R"([{"conditions":[7,null]}])", R"([{"fieldsV1":{"f:spec":7}}])"}) {
    const json value = json::parse(part);
    const json object = {{"metadata", {{"name", "a"}, {"managedFields", value}, {"ownerReferences", value}}},
                         {"spec", value},
                         {"status", {{"parents", value}}}};
    const auto view = project_route(object);
    ASSERT_TRUE(view) << part;
    const RouteState state = gateway_api().observe(digits(), &*view, kFivePercent);
    EXPECT_FALSE(state.as_wanted) << part;
  }
}

TEST(RouteViews, ParentsAreNamedForPeople) {
  EXPECT_EQ(parse_parent_ref(json::parse(R"({"name":"a"})"), "ml").str(), "Gateway ml/a");
  EXPECT_EQ(
      parse_parent_ref(json::parse(R"({"name":"a","namespace":"edge","sectionName":"s","port":80})"), "ml")
          .str(),
      "Gateway edge/a (listener s) (port 80)");
  EXPECT_EQ(parse_parent_ref(json::parse(R"({"group":"","kind":"Service","name":"a"})"), "ml").str(),
            "Service ml/a");
}

}  // namespace
}  // namespace sluice::traffic
