#include "workload/builders.h"

#include <gtest/gtest.h>

#include "rollouts.h"

namespace sluice::workload {
namespace {

using nlohmann::json;

const json kOwner = json::parse(R"([{"apiVersion":"sluice.dev/v1alpha1","kind":"Rollout","name":"digits",
  "uid":"6f0c7d0a-3a53-4c54-9c8e-0a8f5a2d1b11","controller":true,"blockOwnerDeletion":true}])");

TEST(Builders, ADeploymentIsComplete) {
  EXPECT_EQ(deployment(digits(), "twl7sgl8", 2), json::parse(R"({
    "apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {
      "name": "digits-twl7sgl8", "namespace": "ml", "ownerReferences": )" +
                                                             kOwner.dump() + R"(,
      "labels": {"app": "digits", "app.kubernetes.io/managed-by": "sluice",
                 "sluice.dev/rollout": "digits", "sluice.dev/revision": "twl7sgl8"}},
    "spec": {
      "replicas": 2, "progressDeadlineSeconds": 600, "revisionHistoryLimit": 0,
      "selector": {"matchLabels": {"sluice.dev/rollout": "digits", "sluice.dev/revision": "twl7sgl8"}},
      "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
      "template": {
        "metadata": {"labels": {"app": "digits", "sluice.dev/rollout": "digits",
                                "sluice.dev/revision": "twl7sgl8"}},
        "spec": {"containers": [{"name": "model", "image": "localhost/digits:1",
                                 "ports": [{"name": "http", "containerPort": 8080}]}]}}}})"));
}

TEST(Builders, LabelsOfTheUserCannotMakePodsBelongElsewhere) {
  api::Rollout rollout = digits();
  json pod_template = digits_template();
  pod_template["metadata"]["labels"] = {{"sluice.dev/rollout", "other"},
                                        {"sluice.dev/revision", "bad"},
                                        {"app.kubernetes.io/managed-by", "Helm"},
                                        {"team", "vision"}};
  rollout.spec.pod_template = pod_template;
  const json made = deployment(rollout, "twl7sgl8", 1);
  const json pod = made["spec"]["template"]["metadata"]["labels"];
  EXPECT_EQ(pod["sluice.dev/rollout"], "digits");
  EXPECT_EQ(pod["sluice.dev/revision"], "twl7sgl8");
  EXPECT_EQ(pod["app.kubernetes.io/managed-by"], "Helm") << "pods are the user's";
  EXPECT_EQ(pod["team"], "vision");
  const json labels = made["metadata"]["labels"];
  EXPECT_EQ(labels["sluice.dev/rollout"], "digits");
  EXPECT_EQ(labels["sluice.dev/revision"], "twl7sgl8");
  EXPECT_EQ(labels["app.kubernetes.io/managed-by"], "sluice") << "the Deployment is ours";
  EXPECT_EQ(labels["team"], "vision");
  for (const auto& [name, value] : made["spec"]["selector"]["matchLabels"].items()) {
    EXPECT_EQ(pod[name], value) << "the selector must match the template";
  }
}

TEST(Builders, ATemplateWithoutMetadataGetsTheLabels) {
  for (const char* metadata : {"null", "{}", R"({"labels":null})"}) {
    api::Rollout rollout = digits();
    json pod_template = digits_template();
    pod_template["metadata"] = json::parse(metadata);
    rollout.spec.pod_template = pod_template;
    const json made = deployment(rollout, "twl7sgl8", 1);
    EXPECT_EQ(made["spec"]["template"]["metadata"]["labels"].size(), 2u) << metadata;
    EXPECT_EQ(made["metadata"]["labels"].size(), 3u) << metadata;
  }
}

TEST(Builders, AnnotationsAndTheRestOfTheTemplateAreAsWritten) {
  api::Rollout rollout = digits();
  json pod_template = digits_template();
  pod_template["metadata"]["annotations"] = {{"prometheus.io/scrape", "true"}};
  pod_template["spec"]["terminationGracePeriodSeconds"] = 5;
  rollout.spec.pod_template = pod_template;
  const json made = deployment(rollout, "twl7sgl8", 1)["spec"]["template"];
  EXPECT_EQ(made["metadata"]["annotations"], json({{"prometheus.io/scrape", "true"}}));
  EXPECT_EQ(made["spec"], pod_template["spec"]);
}

TEST(Builders, TheProgressDeadlineIsWholeSecondsAndAtLeastOne) {
  api::Rollout rollout = digits();
  const auto seconds_for = [&](Duration deadline) {
    rollout.spec.progress_deadline = deadline;
    return deployment(rollout, "r", 1)["spec"]["progressDeadlineSeconds"].get<int>();
  };
  EXPECT_EQ(seconds_for(minutes(10)), 600);
  EXPECT_EQ(seconds_for(milliseconds(1500)), 2);
  EXPECT_EQ(seconds_for(milliseconds(1)), 1);
  EXPECT_EQ(seconds_for(milliseconds(0)), 1);
}

TEST(Builders, ARevisionServiceSelectsItsRevision) {
  EXPECT_EQ(revision_service(digits(), "twl7sgl8"), json::parse(R"({
    "apiVersion": "v1", "kind": "Service",
    "metadata": {
      "name": "digits-twl7sgl8", "namespace": "ml", "ownerReferences": )" +
                                                                kOwner.dump() + R"(,
      "labels": {"app.kubernetes.io/managed-by": "sluice", "sluice.dev/rollout": "digits",
                 "sluice.dev/revision": "twl7sgl8"}},
    "spec": {
      "type": "ClusterIP",
      "selector": {"sluice.dev/rollout": "digits", "sluice.dev/revision": "twl7sgl8"},
      "ports": [{"name": "http", "port": 8080, "targetPort": 8080, "protocol": "TCP"}]}})"));
}

TEST(Builders, TheStableServiceBelongsToNoRevision) {
  const json made = stable_service(digits(), "twl7sgl8");
  EXPECT_EQ(made["metadata"]["name"], "digits");
  EXPECT_FALSE(made["metadata"]["labels"].contains("sluice.dev/revision"));
  EXPECT_EQ(made["spec"]["selector"],
            json({{"sluice.dev/rollout", "digits"}, {"sluice.dev/revision", "twl7sgl8"}}));
  EXPECT_EQ(made["metadata"]["ownerReferences"], kOwner);
}

TEST(Builders, ANamedPortIsExposedByItsNumber) {
  api::Rollout rollout = digits();
  rollout.spec.port = "http";
  EXPECT_EQ(service_port(rollout.spec), 8080);
  EXPECT_EQ(revision_service(rollout, "r")["spec"]["ports"],
            json::parse(R"([{"name":"http","port":8080,"targetPort":"http","protocol":"TCP"}])"));
}

TEST(Builders, ScalingTouchesNothingElse) {
  EXPECT_EQ(scale_patch(0), json::parse(R"({"spec":{"replicas":0}})"));
}

}  // namespace
}  // namespace sluice::workload
