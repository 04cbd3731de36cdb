#include "workload/up_to_date.h"

#include <gtest/gtest.h>

#include "rollouts.h"
#include "workload/builders.h"

namespace sluice::workload {
namespace {

using nlohmann::json;

// What a server makes of an object: it fills in defaults and keeps books.
json stored(json object) {
  object["metadata"].update({{"uid", "u"},
                             {"resourceVersion", "7"},
                             {"generation", 1},
                             {"creationTimestamp", "2026-03-01T10:00:00Z"}});
  object["status"] = {{"observedGeneration", 1}};
  return object;
}

json stored_deployment() {
  json object = stored(deployment(digits(), "twl7sgl8", 3));
  object["metadata"]["annotations"] = {{"deployment.kubernetes.io/revision", "1"}};
  json& container = object["spec"]["template"]["spec"]["containers"][0];
  container["imagePullPolicy"] = "IfNotPresent";
  container["ports"][0]["protocol"] = "TCP";
  object["spec"]["template"]["metadata"]["creationTimestamp"] = nullptr;
  object["spec"]["template"]["spec"]["restartPolicy"] = "Always";
  return object;
}

json stored_service() {
  json object = stored(stable_service(digits(), "twl7sgl8"));
  object["spec"].update({{"clusterIP", "10.96.1.2"}, {"ipFamilies", {"IPv4"}}, {"sessionAffinity", "None"}});
  return object;
}

TEST(UpToDate, WhatWasJustWrittenIs) {
  EXPECT_TRUE(up_to_date(*project_deployment(stored_deployment()), deployment(digits(), "twl7sgl8", 3)));
  EXPECT_TRUE(up_to_date(*project_service(stored_service()), stable_service(digits(), "twl7sgl8")));
  EXPECT_TRUE(up_to_date(*project_service(stored(revision_service(digits(), "twl7sgl8"))),
                         revision_service(digits(), "twl7sgl8")));
}

TEST(UpToDate, ADeploymentIsNotWhenSomethingOfOursDiffers) {
  const json wanted = deployment(digits(), "twl7sgl8", 3);
  const auto after = [&](const char* pointer, json value) {
    json object = stored_deployment();
    object[json::json_pointer(pointer)] = std::move(value);
    return up_to_date(*project_deployment(object), wanted);
  };
  EXPECT_FALSE(after("/spec/replicas", 2));
  EXPECT_FALSE(after("/spec/progressDeadlineSeconds", 601));
  EXPECT_FALSE(after("/spec/template/spec/containers/0/image", "localhost/digits:evil"));
  EXPECT_FALSE(after("/metadata/ownerReferences/0/uid", "another"));
  EXPECT_FALSE(after("/metadata/ownerReferences/0/controller", false));
  EXPECT_FALSE(after("/metadata/labels/sluice.dev~1revision", "another"));
  EXPECT_TRUE(after("/metadata/labels/team", "vision"));
  EXPECT_TRUE(
      after("/spec/template/metadata/annotations", json({{"kubectl.kubernetes.io/restartedAt", "now"}})));
}

TEST(UpToDate, AServiceIsNotWhenSomethingOfOursDiffers) {
  const json wanted = stable_service(digits(), "twl7sgl8");
  const auto after = [&](const char* pointer, json value) {
    json object = stored_service();
    object[json::json_pointer(pointer)] = std::move(value);
    return up_to_date(*project_service(object), wanted);
  };
  EXPECT_FALSE(after("/spec/selector/sluice.dev~1revision", "2hf642c4"));
  EXPECT_FALSE(after("/spec/selector/app", "digits")) << "one more label narrows the selection";
  EXPECT_FALSE(after("/spec/ports/0/port", 80));
  EXPECT_FALSE(after("/spec/ports/0/targetPort", "metrics"));
  EXPECT_FALSE(after("/metadata/ownerReferences/0/uid", "another"));
  EXPECT_TRUE(after("/spec/ports/0/appProtocol", "kubernetes.io/h2c"));
  EXPECT_TRUE(after("/spec/ports/1", json({{"name", "metrics"}, {"port", 8082}})));
  EXPECT_TRUE(after("/spec/sessionAffinity", "ClientIP"));
}

TEST(UpToDate, AStableServiceIsNotOneOfARevision) {
  json object = stored_service();
  object["metadata"]["labels"]["sluice.dev/revision"] = "twl7sgl8";
  EXPECT_FALSE(up_to_date(*project_service(object), stable_service(digits(), "twl7sgl8")));
}

TEST(Ownership, TellsOursFromOrphansAndOthers) {
  ServiceView live = *project_service(stored_service());
  EXPECT_EQ(ownership(live, digits()), Ownership::Ours);
  live.owner_uid = "another";
  EXPECT_EQ(ownership(live, digits()), Ownership::Foreign);
  live.owner_uid = "";
  EXPECT_EQ(ownership(live, digits()), Ownership::Orphan);
  live.rollout = "other";
  EXPECT_EQ(ownership(live, digits()), Ownership::Foreign);
}

}  // namespace
}  // namespace sluice::workload
