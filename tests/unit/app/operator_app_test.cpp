#include "app/operator_app.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sluice::app {
namespace {

TEST(LeaseName, EachScopeHasItsOwn) {
  OperatorOptions options;
  EXPECT_EQ(lease_name(options), "sluice");
  options.scope.shard = {.index = 1, .count = 3};
  EXPECT_EQ(lease_name(options), "sluice-1-of-3");
  options.scope.selector = "team=a";
  const std::string of_team = lease_name(options);
  options.scope.selector = "team=b";
  EXPECT_NE(lease_name(options), of_team);
  options.scope = {.ns = "ml", .selector = "", .shard = {}};
  EXPECT_EQ(lease_name(options), "sluice.ml");  // else the operator for "web" would stand by for ever
  options.lease_name = "mine";
  EXPECT_EQ(lease_name(options), "mine");
}

TEST(Health, AReconcileThatRunsForMinutesHangs) {
  EXPECT_TRUE(health({}).well);
  EXPECT_TRUE(health(minutes(5)).well);
  const CheckResult hanging = health(minutes(6));
  EXPECT_FALSE(hanging.well);
  EXPECT_EQ(hanging.text, "a reconcile hangs: it has been running for 6m");
}

TEST(Readiness, TellsWhoLeads) {
  EXPECT_FALSE(readiness("pods", true).well);
  EXPECT_EQ(readiness("pods", true).text, "the cache of pods is not complete yet");
  EXPECT_TRUE(readiness("", true).well);
  EXPECT_EQ(readiness("", true).text, "ok: leads");
  EXPECT_TRUE(readiness("", false).well);
  EXPECT_EQ(readiness("", false).text, "ok: stands by");
}

TEST(OperatorOptions, WhatCannotBeUsedIsNamedByItsFlag) {
  OperatorOptions options;
  EXPECT_EQ(problem_of(options), "");
  for (const double qps : {0.0, 1.0, 50.5}) {
    options.requests_per_second = qps;
    EXPECT_EQ(problem_of(options), "");
  }
  for (const double qps : {-1.0, 0.5, std::nan(""), std::numeric_limits<double>::infinity()}) {
    options.requests_per_second = qps;
    EXPECT_TRUE(problem_of(options).starts_with("--kube-api-qps must be 0")) << problem_of(options);
  }
  options.requests_per_second = 0;
  options.burst = 0;
  EXPECT_EQ(problem_of(options), "--kube-api-burst must be at least 1");
  options.burst = 1;
  options.scope.selector = "team is a";
  EXPECT_TRUE(problem_of(options).starts_with("--selector: \"team is a\" is no requirement")) << problem_of(options);
  options.scope.selector = "team=a";
  options.leader_elect = true;
  EXPECT_EQ(problem_of(options), "");
  options.retry_period = options.renew_deadline;
  EXPECT_TRUE(problem_of(options).starts_with("--retry-period must be above 0s")) << problem_of(options);
  options.retry_period = milliseconds(10);
  options.renew_deadline = milliseconds(100);
  options.lease_duration = milliseconds(900);
  EXPECT_TRUE(problem_of(options).starts_with("--lease-duration must be at least 1s")) << problem_of(options);
}

}  // namespace
}  // namespace sluice::app
