// A route names Services that another folder creates: the two must agree on names and ports.
#include <gtest/gtest.h>

#include "live_route.h"
#include "workload/builders.h"

namespace sluice::traffic {
namespace {

using nlohmann::json;

TEST(BackendContract, ARouteNamesTheServicesThatExist) {
  api::Rollout rollout = digits();
  rollout.spec.pod_template =
      json::parse(R"({"spec":{"containers":[{"name":"m","ports":[{"name":"rest","containerPort":9000}]}]}})");
  for (const api::Port& port : {api::Port(8080), api::Port("rest")}) {
    rollout.spec.port = port;
    const json route = gateway_api().desired(rollout, kFivePercent);
    const json& backends = route["spec"]["rules"][0]["backendRefs"];
    ASSERT_EQ(backends.size(), 2u);
    const std::vector<std::string> revisions = {kFivePercent.stable, kFivePercent.candidate};
    for (std::size_t i = 0; i < 2; ++i) {
      const json service = workload::revision_service(rollout, revisions[i]);
      EXPECT_EQ(backends[i]["name"], service["metadata"]["name"]);
      EXPECT_EQ(backends[i]["port"], service["spec"]["ports"][0]["port"]);
      EXPECT_EQ(backends[i]["kind"], service["kind"]);
      EXPECT_EQ(route["metadata"]["namespace"], service["metadata"]["namespace"]);
    }
  }
}

TEST(BackendContract, RouteAndWorkloadHaveTheSameOwner) {
  const json route = gateway_api().desired(digits(), kOnlyStable);
  const json service = workload::stable_service(digits(), kOnlyStable.stable);
  EXPECT_EQ(route["metadata"]["ownerReferences"], service["metadata"]["ownerReferences"]);
  EXPECT_EQ(route["metadata"]["labels"], service["metadata"]["labels"]);
}

}  // namespace
}  // namespace sluice::traffic
