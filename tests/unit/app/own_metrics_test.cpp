// The names and labels that dashboards and alerts are written for.
#include "app/own_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/virtual_clock.h"

namespace sluice::app {
namespace {

using testing::HasSubstr;
using testing::Not;

class OwnMetricsTest : public ::testing::Test {
 protected:
  test::VirtualClock clock_;
  OwnMetrics metrics_{clock_, "https://10.0.0.1:6443"};
};

TEST_F(OwnMetricsTest, WhatAlertsDivideByIsThereFromTheStart) {
  const std::string text = metrics_.text();
  for (const char* line : {
           "controller_runtime_reconcile_total{controller=\"rollout\",result=\"success\"} 0",
           "controller_runtime_reconcile_total{controller=\"rollout\",result=\"requeue_after\"} 0",
           "controller_runtime_reconcile_total{controller=\"rollout\",result=\"error\"} 0",
           "controller_runtime_reconcile_errors_total{controller=\"rollout\"} 0",
           "controller_runtime_terminal_reconcile_errors_total{controller=\"rollout\"} 0",
           "controller_runtime_reconcile_panics_total{controller=\"rollout\"} 0",
           "workqueue_retries_total{name=\"rollout\"} 0",
           "sluice_decision_to_traffic_seconds_count 0",
           "sluice_looks_total{result=\"error\"} 0",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST_F(OwnMetricsTest, TheQueueHasTheNamesOfClientGo) {
  metrics_.queue_depth("rollout", runtime::Priority::Change, 3);
  metrics_.queue_added("rollout");
  metrics_.queue_retried("rollout");
  metrics_.queue_waited("rollout", milliseconds(20));
  metrics_.queue_worked("rollout", milliseconds(30));
  metrics_.queue_unfinished("rollout", seconds(5), seconds(4));
  const std::string text = metrics_.text();
  EXPECT_THAT(text, HasSubstr("workqueue_depth{name=\"rollout\",priority=\"change\"} 3"));
  EXPECT_THAT(text, HasSubstr("workqueue_adds_total{name=\"rollout\"} 1"));
  EXPECT_THAT(text, HasSubstr("workqueue_retries_total{name=\"rollout\"} 1"));
  EXPECT_THAT(text, HasSubstr("workqueue_queue_duration_seconds_count{name=\"rollout\"} 1"));
  EXPECT_THAT(text, HasSubstr("workqueue_work_duration_seconds_sum{name=\"rollout\"} 0.03"));
  EXPECT_THAT(text, HasSubstr("workqueue_unfinished_work_seconds{name=\"rollout\"} 5"));
  EXPECT_THAT(text, HasSubstr("workqueue_longest_running_processor_seconds{name=\"rollout\"} 4"));
}

TEST_F(OwnMetricsTest, TheControllerHasTheNamesOfControllerRuntime) {
  metrics_.reconciled("rollout", runtime::ReconcileResult::Error, milliseconds(2));
  metrics_.terminal_error("rollout");
  metrics_.panicked("rollout");
  metrics_.active_workers("rollout", 1);
  metrics_.max_workers("rollout", 2);
  metrics_.leader("sluice-0-of-2", true);
  const std::string text = metrics_.text();
  EXPECT_THAT(text, HasSubstr("controller_runtime_reconcile_total{controller=\"rollout\",result=\"error\"} 1"));
  EXPECT_THAT(text, HasSubstr("controller_runtime_reconcile_errors_total{controller=\"rollout\"} 1"));
  EXPECT_THAT(text, HasSubstr("controller_runtime_terminal_reconcile_errors_total{controller=\"rollout\"} 1"));
  EXPECT_THAT(text, HasSubstr("controller_runtime_reconcile_panics_total{controller=\"rollout\"} 1"));
  EXPECT_THAT(text, HasSubstr("controller_runtime_reconcile_time_seconds_count{controller=\"rollout\"} 1"));
  EXPECT_THAT(text, HasSubstr("controller_runtime_active_workers{controller=\"rollout\"} 1"));
  EXPECT_THAT(text, HasSubstr("controller_runtime_max_concurrent_reconciles{controller=\"rollout\"} 2"));
  EXPECT_THAT(text, HasSubstr("leader_election_master_status{name=\"sluice-0-of-2\"} 1"));
}

TEST_F(OwnMetricsTest, RequestsTellCodeMethodHostAndResource) {
  metrics_.api_request({.verb = "apply", .method = "PATCH", .resource = "rollouts/status", .status = 200});
  metrics_.api_request({.verb = "watch", .method = "GET", .resource = "pods", .status = 0});
  const std::string text = metrics_.text();
  EXPECT_THAT(text, HasSubstr("rest_client_requests_total{code=\"200\",host=\"10.0.0.1:6443\",method=\"PATCH\","
                              "resource=\"rollouts/status\",verb=\"apply\"} 1"));
  EXPECT_THAT(text, HasSubstr("rest_client_requests_total{code=\"<error>\",host=\"10.0.0.1:6443\",method=\"GET\","
                              "resource=\"pods\",verb=\"watch\"} 1"));
  EXPECT_THAT(text, HasSubstr("rest_client_request_duration_seconds_count{verb=\"apply\"} 1"));
  EXPECT_THAT(text, Not(HasSubstr("rest_client_request_duration_seconds_count{verb=\"watch\"}")));
}

TEST_F(OwnMetricsTest, AWeightIsShownWhileARolloutIsUnderWayAndTheWayToItIsTimed) {
  api::RolloutStatus before;
  before.stable_revision = "old";
  api::RolloutStatus after = before;
  after.candidate_revision = "new";
  after.traffic.stable = 80;
  after.traffic.candidate = 20;
  const kube::Key key{"ml", "digits"};
  metrics_.decided(key, before, after, true);
  clock_.advance(milliseconds(400));
  metrics_.decided(key, after, after, true);
  EXPECT_THAT(metrics_.text(),
              HasSubstr("sluice_rollout_candidate_weight{namespace=\"ml\",rollout=\"digits\"} 20"));
  EXPECT_THAT(metrics_.text(), HasSubstr("sluice_decision_to_traffic_seconds_bucket{le=\"0.25\"} 0"));
  EXPECT_THAT(metrics_.text(), HasSubstr("sluice_decision_to_traffic_seconds_bucket{le=\"0.5\"} 1"));
  metrics_.decided(key, after, before, true);
  EXPECT_THAT(metrics_.text(), Not(HasSubstr("sluice_rollout_candidate_weight{")));
}

}  // namespace
}  // namespace sluice::app
