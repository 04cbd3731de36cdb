#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "workload/views.h"

namespace sluice::workload {
namespace {

using nlohmann::json;

json pod(const char* status) {
  return {{"metadata",
           {{"name", "digits-twl7sgl8-7c9-abcde"},
            {"namespace", "ml"},
            {"labels", {{"sluice.dev/rollout", "digits"}, {"sluice.dev/revision", "twl7sgl8"}}}}},
          {"status", json::parse(status)}};
}

struct Case {
  const char* name;
  const char* status;
  bool ready;
  const char* reason;
  const char* message;
  int restarts;
};

class Pods : public testing::TestWithParam<Case> {};

TEST_P(Pods, SayWhyTheyAreNotReady) {
  const auto view = project_pod(pod(GetParam().status));
  ASSERT_TRUE(view);
  EXPECT_EQ(view->revision, "twl7sgl8");
  EXPECT_EQ(view->ready, GetParam().ready);
  EXPECT_EQ(view->reason, GetParam().reason);
  EXPECT_EQ(view->message, GetParam().message);
  EXPECT_EQ(view->restarts, GetParam().restarts);
}

INSTANTIATE_TEST_SUITE_P(
    , Pods,
    testing::Values(
        Case{"ready",
             R"({"phase":"Running","conditions":[{"type":"Ready","status":"True"}],"containerStatuses":[
               {"name":"model","ready":true,"started":true,"restartCount":2,"state":{"running":{}},
                "lastState":{"terminated":{"exitCode":1,"reason":"Error"}}}]})",
             true, "", "", 2},
        Case{"justScheduled", R"({"phase":"Pending","conditions":[{"type":"PodScheduled","status":"True"}]})",
             false, "", "", 0},
        Case{"starting",
             R"({"phase":"Pending","containerStatuses":[{"name":"model","ready":false,"restartCount":0,
               "state":{"waiting":{"reason":"ContainerCreating"}}}]})",
             false, "", "", 0},
        Case{
            "unschedulable",
            R"({"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable",
               "message":"0/1 nodes are available: 1 Insufficient nvidia.com/gpu."}]})",
            false, "Unschedulable", "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.", 0},
        Case{
            "noImage",
            R"({"phase":"Pending","conditions":[{"type":"PodScheduled","status":"True"}],"containerStatuses":[
               {"name":"model","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff",
                "message":"Back-off pulling image \"localhost/digits:9\""}}}]})",
            false, "ImagePullBackOff", "Back-off pulling image \"localhost/digits:9\"", 0},
        Case{"crashLoop",
             R"({"phase":"Running","containerStatuses":[{"name":"model","ready":false,"restartCount":4,
               "state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off 40s restarting failed container"}},
               "lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled"}}}]})",
             false, "CrashLoopBackOff", "container model exited with 137 (OOMKilled)", 4},
        Case{"exited",
             R"({"phase":"Running","containerStatuses":[{"name":"model","ready":false,"restartCount":1,
               "state":{"terminated":{"exitCode":1,"reason":"Error","message":"no such model"}}}]})",
             false, "ContainerExited", "container model exited with 1: no such model", 1},
        Case{"initContainerFirst",
             R"({"phase":"Pending","initContainerStatuses":[{"name":"fetch","restartCount":3,
               "state":{"waiting":{"reason":"CrashLoopBackOff"}},
               "lastState":{"terminated":{"exitCode":2,"reason":"Error"}}}],
               "containerStatuses":[{"name":"model","restartCount":0,
               "state":{"waiting":{"reason":"PodInitializing"}}}]})",
             false, "CrashLoopBackOff", "container fetch exited with 2", 3},
        Case{"initContainerDone",
             R"({"phase":"Running","initContainerStatuses":[{"name":"fetch","ready":true,"restartCount":0,
               "state":{"terminated":{"exitCode":0,"reason":"Completed"}}}],
               "containerStatuses":[{"name":"model","ready":false,"started":true,"restartCount":0,
               "state":{"running":{"startedAt":"2026-03-01T10:00:00Z"}}}]})",
             false, "NotReady", "container model runs, but its readiness probe does not pass", 0},
        Case{"startupProbe",
             R"({"phase":"Running","containerStatuses":[{"name":"model","ready":false,"started":false,
               "restartCount":0,"state":{"running":{}}}]})",
             false, "NotReady", "container model runs, but its startup probe does not pass", 0},
        Case{"evicted",
             R"({"phase":"Failed","reason":"Evicted","message":"The node was low on resource: memory."})",
             false, "Evicted", "The node was low on resource: memory.", 0},
        Case{"failed", R"({"phase":"Failed"})", false, "PodFailed", "", 0}),
    [](const auto& test) { return test.param.name; });

TEST(PodViews, APodThatIsGoingAwayIsNoProblem) {
  json object = pod(
      R"({"phase":"Running","containerStatuses":[{"name":"model","ready":false,"state":{"running":{}}}]})");
  object["metadata"]["deletionTimestamp"] = "2026-03-01T10:00:00Z";
  EXPECT_EQ(project_pod(object)->reason, "");
}

TEST(PodViews, LongMessagesAreCutBetweenCharacters) {
  json object = pod(R"({"phase":"Failed","reason":"Evicted"})");
  object["status"]["message"] = std::string(299, 'x') + "\u00fc" + std::string(500, 'y');
  EXPECT_EQ(project_pod(object)->message, std::string(299, 'x') + "...");
  object["status"]["message"] = std::string(300, 'x');
  EXPECT_EQ(project_pod(object)->message, std::string(300, 'x'));
}

PodView with(const char* reason, const char* message = "") {
  PodView view;
  view.reason = reason;
  view.message = message;
  return view;
}

TEST(ReadySince, IsThatOfTheFirstOfThoseThatAreReadyNow) {
  const auto at = [](const char* status, const char* when) {
    const nlohmann::json condition = {{"type", "Ready"}, {"status", status}, {"lastTransitionTime", when}};
    return *project_pod(pod(nlohmann::json{{"phase", "Running"}, {"conditions", {condition}}}.dump().c_str()));
  };
  const workload::PodView earlier = at("False", "2026-03-01T09:00:00Z");
  const workload::PodView first = at("True", "2026-03-01T10:00:00Z");
  const workload::PodView second = at("True", "2026-03-01T10:00:05Z");
  EXPECT_EQ(ready_since({earlier, second, first}), *parse_time("2026-03-01T10:00:00Z"));
  EXPECT_EQ(ready_since({earlier}), std::nullopt);
  EXPECT_EQ(ready_since({}), std::nullopt);
  PodView silent;
  silent.ready = true;
  EXPECT_EQ(ready_since({silent, earlier}), Time{});
  EXPECT_EQ(ready_since({silent, second}), second.ready_since);
  EXPECT_EQ(ready_since({second, silent}), second.ready_since);
}

TEST(WhyNotReady, NamesWhatIsWrongWithMostPods) {
  EXPECT_EQ(why_not_ready(nullptr, {with("ImagePullBackOff", "no such image")}),
            "1 of 1 pod: ImagePullBackOff: no such image");
  EXPECT_EQ(why_not_ready(nullptr, {with("Unschedulable", "no gpu"), with("NotReady"), with("NotReady")}),
            "2 of 3 pods: NotReady");
  PodView leaving = with("");
  leaving.deleting = true;
  EXPECT_EQ(why_not_ready(nullptr, {leaving, with(""), with("NotReady", "x")}), "1 of 2 pods: NotReady: x");
}

TEST(WhyNotReady, FallsBackToTheDeployment) {
  DeploymentView deployment;
  EXPECT_EQ(why_not_ready(nullptr, {}), "");
  EXPECT_EQ(why_not_ready(&deployment, {with("")}), "");
  deployment.failure = "FailedCreate: exceeded quota";
  EXPECT_EQ(why_not_ready(&deployment, {}), "FailedCreate: exceeded quota");
  EXPECT_EQ(why_not_ready(&deployment, {with("NotReady")}), "1 of 1 pod: NotReady");
}

}  // namespace
}  // namespace sluice::workload
