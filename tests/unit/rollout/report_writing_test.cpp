// The report of a load test, and what belongs to its Job, against an API server in memory.
#include "rollout/report_writing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/json.h"
#include "kube/object.h"
#include "rollout/actuator.h"
#include "support/memory_api_server.h"
#include "support/virtual_clock.h"
#include "workload/load_job.h"

namespace sluice::rollout {
namespace {

using ::testing::HasSubstr;
using nlohmann::json;

class LoadTestObjects : public ::testing::Test {
 protected:
  LoadTestObjects() {
    const json manifest = json::parse(R"({
      "metadata": {"name": "digits", "namespace": "ml"},
      "spec": {
        "port": 8080, "traffic": {"manual": {}}, "template": {"spec": {"containers": [{"name": "model"}]}},
        "stages": [{"name": "load", "loadTest": {"rate": 5, "locust": {"image": "locust", "model": "m"}}}]
      }})");
    rollout = api::read_rollout(*server.create(api::kRollouts, manifest)).rollout;
    report = {"digits-v2-load", "v2", "load", {{"report.json", "{}"}, {"errors.svg", "<svg/>"}}};
  }
  Outcome make(const std::string& uid = "") {
    Wanted wanted;
    wanted.job = WantedJob{"load", {"v2", "load", 1, Time{}, 1}, uid};
    return actuate(server, cache, rollout, wanted, "v2", false);
  }
  json live(const std::string& name) { return *server.get(workload::kConfigMaps, {"ml", name}); }

  test::VirtualClock clock;
  test::MemoryApiServer server{clock};
  ClusterCache cache;
  api::Rollout rollout;
  LoadReport report;
};

TEST_F(LoadTestObjects, TheReportGoesWithTheRevision) {
  json deployment = *server.create(
      workload::kDeployments,
      {{"metadata",
        {{"name", "digits-v2"},
         {"namespace", "ml"},
         {"labels", {{"sluice.dev/rollout", "digits"}, {"sluice.dev/revision", "v2"}}}}}});
  for (const auto& [resource, sink] : cache.sinks()) {
    if (resource == workload::kDeployments) sink->applied(deployment);
  }
  ASSERT_TRUE(write_report(server, cache, rollout, report).ok());
  const json written = live("digits-v2-load");
  EXPECT_EQ(written["data"], json(report.data));
  EXPECT_EQ(written["metadata"]["ownerReferences"][0]["uid"], kube::uid_of(deployment));
  EXPECT_EQ(kube::label_of(written, "sluice.dev/rollout"), "digits");
  EXPECT_EQ(kube::label_of(written, "sluice.dev/revision"), "v2");
  EXPECT_EQ(kube::label_of(written, "sluice.dev/stage"), "load");
}

TEST_F(LoadTestObjects, AReportIsWrittenTwiceWithoutHarmAndALaterOneReplacesIt) {
  ASSERT_TRUE(write_report(server, cache, rollout, report).ok());
  const json first = live("digits-v2-load");
  ASSERT_TRUE(write_report(server, cache, rollout, report).ok());
  EXPECT_EQ(live("digits-v2-load"), first);
  report.data = {{"report.json", "{1}"}};
  ASSERT_TRUE(write_report(server, cache, rollout, report).ok());
  EXPECT_EQ(live("digits-v2-load")["data"], (json{{"report.json", "{1}"}}));
}

TEST_F(LoadTestObjects, AConfigMapOfThatNameThatIsSomebodyElsesIsLeftAlone) {
  const json theirs = {{"metadata", {{"name", "digits-v2-load"}, {"namespace", "ml"}}}, {"data", {{"a", "b"}}}};
  ASSERT_TRUE(server.create(workload::kConfigMaps, theirs).ok());
  const auto done = write_report(server, cache, rollout, report);
  ASSERT_FALSE(done.ok());
  EXPECT_THAT(done.error().message, HasSubstr("digits-v2-load exists and belongs to somebody else"));
  EXPECT_EQ(live("digits-v2-load")["data"], (json{{"a", "b"}}));
}

TEST_F(LoadTestObjects, TheMasterComesFirstAndOwnsTheRest) {
  ASSERT_TRUE(make().ok());
  EXPECT_EQ(server.size(workload::kJobs), 2u);
  EXPECT_EQ(server.size(workload::kConfigMaps), 1u);
  EXPECT_EQ(server.size(workload::kServices), 1u);
  const std::string name = workload::load_job_name("digits", {"v2", "load", 1, Time{}, 1});
  const json master = *server.get(workload::kJobs, {"ml", name});
  for (const json& part : {live(name), *server.get(workload::kServices, {"ml", name}),
                           *server.get(workload::kJobs, {"ml", workload::workers_name(name)})}) {
    EXPECT_EQ(kube::controller_of(part)->uid, kube::uid_of(master));
  }
}

// The process may end between any two of them.
TEST_F(LoadTestObjects, WhatIsMissingIsMadeLaterAndNothingTwice) {
  ASSERT_TRUE(make().ok());
  const std::string name = workload::load_job_name("digits", {"v2", "load", 1, Time{}, 1});
  const std::string uid = kube::uid_of(*server.get(workload::kJobs, {"ml", name}));
  ASSERT_TRUE(server.remove(workload::kServices, {"ml", name}).ok());
  ASSERT_TRUE(server.remove(workload::kJobs, {"ml", workload::workers_name(name)}).ok());
  const json script = live(name);
  ASSERT_TRUE(make(uid).ok());
  EXPECT_EQ(live(name), script);
  EXPECT_EQ(server.size(workload::kServices), 1u);
  EXPECT_EQ(server.size(workload::kJobs), 2u);
  EXPECT_EQ(kube::controller_of(*server.get(workload::kJobs, {"ml", workload::workers_name(name)}))->uid, uid);
}

}  // namespace
}  // namespace sluice::rollout
