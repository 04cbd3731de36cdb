#include "workload/views.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace sluice::workload {
namespace {

using nlohmann::json;

// As an API server 1.35 returns it, shortened where nothing is read.
json live_deployment() {
  return json::parse(R"({
    "apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {
      "name": "digits-twl7sgl8", "namespace": "ml", "uid": "d-1", "resourceVersion": "4711", "generation": 3,
      "creationTimestamp": "2026-03-01T10:00:00Z", "annotations": {"deployment.kubernetes.io/revision": "1"},
      "labels": {"app": "digits", "sluice.dev/rollout": "digits", "sluice.dev/revision": "twl7sgl8"},
      "ownerReferences": [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "not-the-controller"},
        {"apiVersion": "sluice.dev/v1alpha1", "kind": "Rollout", "name": "digits", "uid": "r-1",
         "controller": true, "blockOwnerDeletion": true}]},
    "spec": {
      "replicas": 4, "progressDeadlineSeconds": 300,
      "template": {"spec": {
        "initContainers": [{"name": "fetch", "image": "fetch:1"}],
        "containers": [{"name": "model", "image": "localhost/digits:1", "imagePullPolicy": "IfNotPresent"}]}}},
    "status": {
      "observedGeneration": 2, "replicas": 4, "updatedReplicas": 3, "readyReplicas": 2, "availableReplicas": 1,
      "unavailableReplicas": 3,
      "conditions": [
        {"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable", "message": "..."},
        {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated", "message": "..."}]}})");
}

TEST(DeploymentViews, HoldWhatIsRead) {
  const auto view = project_deployment(live_deployment());
  ASSERT_TRUE(view);
  EXPECT_EQ(view->key, (kube::Key{"ml", "digits-twl7sgl8"}));
  EXPECT_EQ(view->rollout_key(), (kube::Key{"ml", "digits"}));
  EXPECT_EQ(view->uid, "d-1");
  EXPECT_EQ(view->resource_version, "4711");
  EXPECT_EQ(view->revision, "twl7sgl8");
  EXPECT_EQ(view->owner_uid, "r-1");
  EXPECT_EQ(view->created, *parse_time("2026-03-01T10:00:00Z"));
  EXPECT_FALSE(view->deleting);
  EXPECT_EQ(view->generation, 3);
  EXPECT_EQ(view->observed_generation, 2);
  EXPECT_EQ(view->desired, 4);
  EXPECT_EQ(view->replicas, 4);
  EXPECT_EQ(view->updated, 3);
  EXPECT_EQ(view->ready, 2);
  EXPECT_EQ(view->available, 1);
  EXPECT_EQ(view->progress_deadline_seconds, 300);
  EXPECT_EQ(view->images,
            (std::map<std::string, std::string>{{"fetch", "fetch:1"}, {"model", "localhost/digits:1"}}));
  EXPECT_EQ(view->failure, "");
}

TEST(DeploymentViews, SayWhyItFails) {
  json object = live_deployment();
  json& conditions = object["status"]["conditions"];
  conditions[1] = {{"type", "Progressing"},
                   {"status", "False"},
                   {"reason", "ProgressDeadlineExceeded"},
                   {"message", "ReplicaSet \"digits-twl7sgl8-7c9\" has timed out progressing."}};
  EXPECT_EQ(project_deployment(object)->failure,
            "ProgressDeadlineExceeded: ReplicaSet \"digits-twl7sgl8-7c9\" has timed out progressing.");
  conditions.push_back({{"type", "ReplicaFailure"},
                        {"status", "True"},
                        {"reason", "FailedCreate"},
                        {"message", "pods \"x\" is forbidden: exceeded quota: gpus"}});
  EXPECT_EQ(project_deployment(object)->failure,
            "FailedCreate: pods \"x\" is forbidden: exceeded quota: gpus");
  conditions[2]["status"] = "False";
  EXPECT_EQ(project_deployment(object)->failure.substr(0, 24), "ProgressDeadlineExceeded");
}

TEST(DeploymentViews, AFreshOneHasCountsOfZero) {
  json object = live_deployment();
  object.erase("status");
  object["metadata"]["deletionTimestamp"] = "2026-03-01T11:00:00Z";
  const auto view = project_deployment(object);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->ready, 0);
  EXPECT_EQ(view->observed_generation, 0);
  EXPECT_TRUE(view->deleting);
}

TEST(Views, AnObjectOfSomebodyElseIsNotProjected) {
  json object = live_deployment();
  object["metadata"]["labels"].erase("sluice.dev/rollout");
  EXPECT_FALSE(project_deployment(object));
  EXPECT_FALSE(project_service(object));
  EXPECT_FALSE(project_pod(object));
}

TEST(Views, NothingThrowsWhateverTheServerSays) {
  for (const char* text : {"null", "[]", "\"x\"", "{}", R"({"metadata":null})", R"({"metadata":{"name":7}})",
                           R"({"metadata":{"name":"a","labels":[]}})"}) {
    const json object = json::parse(text);
    EXPECT_FALSE(project_deployment(object)) << text;
    EXPECT_FALSE(project_service(object)) << text;
    EXPECT_FALSE(project_endpoints(object)) << text;
    EXPECT_FALSE(project_pod(object)) << text;
  }
  for (const char* part : {"null", "[]", "7", "\"x\"", "[null]", "[7]", R"({"containers":7})"}) {
    json object = {
        {"metadata",
         {{"name", "a"}, {"labels", {{"sluice.dev/rollout", "r"}, {"kubernetes.io/service-name", "s"}}}}}};
    for (const char* field : {"spec", "status", "ports", "endpoints"}) object[field] = json::parse(part);
    EXPECT_TRUE(project_deployment(object)) << part;
    EXPECT_TRUE(project_service(object)) << part;
    EXPECT_TRUE(project_endpoints(object)) << part;
    EXPECT_TRUE(project_pod(object)) << part;
    object["spec"] = {{"ports", json::parse(part)}, {"selector", json::parse(part)}};
    object["status"] = {{"conditions", json::parse(part)}, {"containerStatuses", json::parse(part)}};
    EXPECT_TRUE(project_deployment(object)) << part;
    EXPECT_TRUE(project_service(object)) << part;
    EXPECT_TRUE(project_pod(object)) << part;
  }
}

TEST(ServiceViews, HoldSelectorAndPorts) {
  const auto view = project_service(json::parse(R"({
    "metadata": {"name": "digits", "namespace": "ml", "labels": {"sluice.dev/rollout": "digits"}},
    "spec": {"clusterIP": "10.96.3.4", "type": "ClusterIP", "sessionAffinity": "None",
             "selector": {"sluice.dev/rollout": "digits", "sluice.dev/revision": "twl7sgl8"},
             "ports": [{"name": "http", "port": 8080, "targetPort": "http", "protocol": "TCP"},
                       {"name": "metrics", "port": 8082, "targetPort": 8082, "protocol": "TCP"},
                       {"name": "plain", "port": 9000, "protocol": "TCP"}]}})"));
  ASSERT_TRUE(view);
  EXPECT_EQ(view->revision, "");
  EXPECT_EQ(view->selected_revision(), "twl7sgl8");
  EXPECT_EQ(view->ports, (std::vector<ServicePortView>{
                             {"http", 8080, "http"}, {"metrics", 8082, "8082"}, {"plain", 9000, "9000"}}));
}

json slice(const char* endpoints, const char* ports = R"([{"name":"http","port":8080,"protocol":"TCP"}])") {
  return json::parse(R"({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
    "metadata": {"name": "digits-twl7sgl8-abcde", "namespace": "ml",
      "labels": {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                 "kubernetes.io/service-name": "digits-twl7sgl8", "sluice.dev/rollout": "digits",
                 "sluice.dev/revision": "twl7sgl8"},
      "ownerReferences": [{"kind": "Service", "name": "digits-twl7sgl8", "uid": "s-1", "controller": true}]},
    "endpoints": )" + std::string(endpoints) +
                     R"(, "ports": )" + ports + "}");
}

TEST(EndpointsViews, CountWhatMayBeSentTo) {
  const auto view = project_endpoints(slice(R"([
    {"addresses": ["10.244.0.5"], "conditions": {"ready": true, "serving": true, "terminating": false}},
    {"addresses": ["10.244.0.6"], "conditions": {"ready": false, "serving": true, "terminating": true}},
    {"addresses": ["10.244.0.7"], "conditions": {"ready": false, "serving": false, "terminating": false}},
    {"addresses": ["10.244.0.8"], "conditions": {}},
    {"addresses": ["10.244.0.9"]}])"));
  ASSERT_TRUE(view);
  EXPECT_EQ(view->service, "digits-twl7sgl8");
  EXPECT_EQ(view->revision, "twl7sgl8");
  EXPECT_EQ(view->rollout, "digits");
  EXPECT_EQ(view->ready, 3);
}

TEST(EndpointsViews, ASliceWithoutEndpointsOrPortsHasNone) {
  EXPECT_EQ(project_endpoints(slice("null"))->ready, 0);
  EXPECT_EQ(project_endpoints(slice("[]"))->ready, 0);
  EXPECT_EQ(
      project_endpoints(slice(R"([{"addresses":["10.244.0.5"],"conditions":{"ready":true}}])", "[]"))->ready,
      0);
  EXPECT_EQ(project_endpoints(slice(R"([{"addresses":["10.244.0.5"],"conditions":{"ready":true}}])", "null"))
                ->ready,
            0);
}

TEST(EndpointsViews, ManySlicesAddUpAndFamiliesDoNot) {
  const auto of = [](const char* type, int ready) {
    EndpointsView view;
    view.address_type = type;
    view.ready = ready;
    return view;
  };
  EXPECT_EQ(ready_endpoints({}), 0);
  EXPECT_EQ(ready_endpoints({of("IPv4", 100), of("IPv4", 20)}), 120);
  EXPECT_EQ(ready_endpoints({of("IPv4", 3), of("IPv6", 3)}), 3);
  EXPECT_EQ(ready_endpoints({of("IPv4", 2), of("IPv6", 1), of("IPv6", 2)}), 3);
}

}  // namespace
}  // namespace sluice::workload
