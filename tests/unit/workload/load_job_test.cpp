#include "workload/load_job.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kube/object.h"
#include "loadtest/load_script.h"
#include "rollouts.h"
#include "workload/pod_template.h"

namespace sluice::workload {
namespace {

using nlohmann::json;

const TestAttempt kAttempt{"twl7sgl8", "load", 1, Time{seconds(1'700'000'000)}, 2};

api::StageSpec stage(const json& pod_template = nullptr) {
  api::LoadTestStage test;
  test.rate = 50;
  test.duration = minutes(2);
  test.generator = api::LocustGenerator{.image = "locust:2",
                                        .workers = 3,
                                        .pod_template = pod_template,
                                        .locustfile = api::ConfigKey{"scripts", "mine.py"},
                                        .payload = api::ConfigKey{"images", "images.json"}};
  return {.name = "load", .body = std::move(test), .min_duration = {}, .max_duration = hours(2)};
}

json container_of(const json& job) { return job["spec"]["template"]["spec"]["containers"][0]; }

std::string variable_of(const json& job, const std::string& name) {
  const json variables = container_of(job)["env"];
  for (const json& one : variables) {
    if (one["name"] == name) return one["value"];
  }
  return "";
}

std::string joined(const json& list) {
  std::string text;
  for (const json& one : list) text += one.get<std::string>() + " ";
  return text;
}

TEST(LoadJob, OfAMasterIsTheRolloutsOwn) {
  const json job = load_job(digits(), stage(), kAttempt);
  EXPECT_EQ(kube::controller_of(job)->uid, digits().uid);
  EXPECT_EQ(job["metadata"]["name"], load_job_name("digits", kAttempt));
  EXPECT_EQ(job["metadata"]["labels"]["sluice.dev/attempt"], "2");
  EXPECT_EQ(job["spec"]["activeDeadlineSeconds"], 726) << "the load, its warm-up and ten minutes";
  EXPECT_EQ(job["spec"]["backoffLimit"], 0);
  EXPECT_EQ(job["spec"]["parallelism"], 1);
  EXPECT_EQ(joined(container_of(job)["args"]),
            "-f /sluice/sluice_load.py,/sluice-user/mine.py --headless --only-summary --exit-code-on-error 0 "
            "-H $(SLUICE_URL) --master --expect-workers 3 --expect-workers-max-wait 120 --stop-timeout 30 ");
  EXPECT_EQ(variable_of(job, "SLUICE_URL"), "http://digits-twl7sgl8.ml.svc:8080");
  EXPECT_EQ(json::parse(variable_of(job, "SLUICE_LOAD_TEST"))["steps"][0]["rate"], 50);
  EXPECT_FALSE(job["spec"]["template"]["metadata"]["labels"].contains("sluice.dev/revision"))
      << "the revision's Service selects by it";
}

TEST(LoadJob, AnyEndOfAPodButSuccessEndsIt) {
  const json rules = load_job(digits(), stage(), kAttempt)["spec"]["podFailurePolicy"]["rules"];
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[0]["action"], "FailJob");
  EXPECT_EQ(rules[0]["onPodConditions"][0]["type"], "DisruptionTarget") << "so that the message tells of it";
  EXPECT_EQ(rules[1]["action"], "FailJob");
}

TEST(LoadJob, PodsKeepTheRestrictedStandard) {
  const json pod = load_job(digits(), stage(), kAttempt)["spec"]["template"]["spec"];
  EXPECT_EQ(pod["securityContext"]["runAsNonRoot"], true);
  EXPECT_EQ(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
  EXPECT_EQ(pod["containers"][0]["securityContext"],
            json::parse(R"({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}})"));
  EXPECT_EQ(pod["automountServiceAccountToken"], false);
  EXPECT_EQ(pod["restartPolicy"], "Never");
}

TEST(LoadJob, PodsWaitForTheScriptAndHaveTheUsersFiles) {
  const json job = load_job(digits(), stage(), kAttempt);
  const json volumes = job["spec"]["template"]["spec"]["volumes"];
  ASSERT_EQ(volumes.size(), 4u);
  EXPECT_EQ(volumes[0]["configMap"]["name"], load_job_name("digits", kAttempt));
  EXPECT_EQ(volumes[2]["configMap"],
            json::parse(R"({"name": "scripts", "items": [{"key": "mine.py", "path": "mine.py"}]})"));
  EXPECT_EQ(volumes[3]["configMap"]["name"], "images");
  EXPECT_EQ(container_of(job)["volumeMounts"].size(), 4u);
  EXPECT_EQ(variable_of(job, "HOME"), "/tmp");
}

TEST(LoadJob, TheUsersTemplateIsMergedOverIt) {
  const json job = load_job(digits(), stage(json::parse(R"({
    "metadata": {"labels": {"team": "a", "sluice.dev/stage": "other"}},
    "spec": {"nodeSelector": {"pool": "tests"}, "securityContext": {"runAsUser": null, "fsGroup": 5},
             "containers": [{"name": "locust", "resources": {"limits": {"cpu": "1"}},
                             "env": [{"name": "HOME", "value": "/home"}]}]}})")),
                            kAttempt);
  const json pod = job["spec"]["template"];
  EXPECT_EQ(pod["metadata"]["labels"]["team"], "a");
  EXPECT_EQ(pod["metadata"]["labels"]["sluice.dev/stage"], "load");
  EXPECT_EQ(pod["spec"]["nodeSelector"]["pool"], "tests");
  EXPECT_FALSE(pod["spec"]["securityContext"].contains("runAsUser"));
  EXPECT_EQ(pod["spec"]["securityContext"]["fsGroup"], 5);
  ASSERT_EQ(pod["spec"]["containers"].size(), 1u);
  EXPECT_EQ(container_of(job)["resources"]["limits"]["cpu"], "1");
  EXPECT_EQ(container_of(job)["image"], "locust:2");
  EXPECT_EQ(variable_of(job, "HOME"), "/home");
}

TEST(LoadJob, WhatBelongsToTheMasterGoesWithIt) {
  const auto parts = load_parts(digits(), stage(), kAttempt, "uid-of-master");
  const std::string name = load_job_name("digits", kAttempt);
  ASSERT_EQ(parts.size(), 3u);
  for (const auto& [resource, part] : parts) {
    EXPECT_EQ(part["kind"], resource.kind);
    EXPECT_EQ(kube::controller_of(part)->uid, "uid-of-master");
    EXPECT_EQ(part["metadata"]["namespace"], "ml");
  }
  EXPECT_EQ(parts[0].second["data"]["sluice_load.py"], loadtest::load_script());
  const json master = load_job(digits(), stage(), kAttempt)["spec"]["template"]["metadata"]["labels"];
  const json selector = parts[1].second["spec"]["selector"];
  EXPECT_EQ(parts[1].second["spec"]["clusterIP"], "None");
  for (const auto& [label, value] : selector.items()) EXPECT_EQ(master[label], value);
  const json& workers = parts[2].second;
  EXPECT_EQ(workers["metadata"]["name"], workers_name(name));
  EXPECT_EQ(workers["spec"]["parallelism"], 3);
  EXPECT_EQ(workers["spec"]["completions"], 3);
  EXPECT_EQ(workers["metadata"]["labels"]["sluice.dev/rollout"], "digits") << "it is seen";
  EXPECT_NE(joined(container_of(workers)["args"]).find("--worker --master-host " + name), std::string::npos);
  const json pods = workers["spec"]["template"]["metadata"]["labels"];
  EXPECT_FALSE(pods.contains(selector.items().begin().key())) << "the Service leads to the master alone";
}

TEST(LoadJob, OfAnotherToolIsTheUsersWithWhatItHasToKnow) {
  api::StageSpec tool = stage();
  auto& body = std::get<api::LoadTestStage>(tool.body);
  body.generator = api::JobGenerator{json::parse(R"({"template": {"spec": {"containers": [{"name": "k6"}]}}})")};
  const json job = load_job(digits(), tool, kAttempt);
  EXPECT_EQ(container_of(job)["name"], "k6");
  EXPECT_NE(variable_of(job, "SLUICE_LOAD_TEST"), "");
  EXPECT_NE(variable_of(job, "SLUICE_URL"), "");
  EXPECT_TRUE(load_parts(digits(), tool, kAttempt, "uid").empty());
  body.generator = api::JobGenerator{json::parse(R"({"activeDeadlineSeconds": 42, "template": {}})")};
  EXPECT_EQ(load_deadline(tool), seconds(42));
}

TEST(LoadJob, NamesFitALabelWithTheWorkers) {
  TestAttempt attempt = kAttempt;
  attempt.stage = std::string(40, 's');
  attempt.attempt = 10;
  const std::string name = load_job_name(std::string(52, 'r'), attempt);
  EXPECT_EQ(name.size(), 55u);
  EXPECT_EQ(workers_name(name).size(), 63u);
}

TEST(MergedTemplate, FollowsNamesAndTakesNullsAway) {
  const json base = json::parse(R"({"a": {"b": 1, "c": 2}, "list": [{"name": "x", "v": 1}], "plain": [1]})");
  const json over = json::parse(R"({"a": {"b": null, "d": 3}, "list": [{"name": "y"}, {"name": "x", "w": 2}],
                                    "plain": [2]})");
  EXPECT_EQ(merged(base, over), json::parse(R"({"a": {"c": 2, "d": 3}, "plain": [2],
                                                "list": [{"name": "x", "v": 1, "w": 2}, {"name": "y"}]})"));
  EXPECT_EQ(merged(base, nullptr), base);
  EXPECT_EQ(merged(base, json::array()), base);
}

}  // namespace
}  // namespace sluice::workload
