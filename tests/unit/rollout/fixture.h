// A small world for plan(): a Rollout, what is seen of it, and a clock; each test changes what it is about.
//
// step() calls plan() once, keeps its status, and lets the cluster follow: Deployments get their pods, the route
// is written and accepted, Jobs are made and run until the test ends them. Tests switch the parts of that off.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "rollout/plan.h"
#include "workload/load_job.h"

namespace sluice::rollout::testing {

struct Rates {
  double stable = 0.01;
  double candidate = 0.01;
  double goal_stable = 0.10;     // of a goal: a share, or a mean
  double goal_candidate = 0.10;
  double arriving = 1.0;         // of the candidate's requests those that are counted
  double by_header = 0.3;        // of all requests, those of users with the header
};
inline constexpr Rates kEqual{0.01, 0.01};
inline constexpr Rates kBad{0.01, 0.10};

class World {
 public:
  World() {
    rollout.key = {"ml", "digits"};
    rollout.uid = "u1";
    rollout.generation = 1;
    api::Spec& spec = rollout.spec;
    spec.replicas = 4;
    spec.traffic = api::ManualTraffic{};
    spec.stages = {{.name = "canary",
                    .body = api::CanaryStage{.weights = {10, 25, 50}, .min_looks = 2},
                    .min_duration = {},
                    .max_duration = hours(1)}};
    spec.analysis.prometheus_address = "http://prometheus:9090";
    spec.analysis.interval = seconds(30);
    spec.analysis.warmup = seconds(0);
    spec.analysis.metrics = {{.name = "errors",
                              .role = api::MetricRole::Guardrail,
                              .source = api::CounterSource{"e{pod=~\"$(pods)\"}", "t{pod=~\"$(pods)\"}"},
                              .margin = {},
                              .harm = {},
                              .ceiling = {}}};
    seen.wanted_revision = "v1";
  }

  // One call of plan(), carried out.
  Decision step() {
    if (route_follows) follow_route();
    Decision decision = plan(rollout, seen, now);
    seen.look.reset();
    rollout.status = decision.status;
    last = decision;
    for (const Event& event : decision.events) events.push_back(event);
    if (pods_follow) follow_pods(decision.wanted);
    if (jobs_follow) follow_jobs(decision.wanted);
    return decision;
  }

  // Steps until nothing changes any more (bounded).
  void settle() {
    for (int i = 0; i < 20; ++i) {
      const api::RolloutStatus before = rollout.status;
      const auto wanted = last.wanted;
      step();
      if (before == rollout.status && wanted == last.wanted) return;
    }
    ADD_FAILURE() << "the plan does not settle";
  }

  // Makes v1 stable.
  void start_stable() {
    settle();
    ASSERT_EQ(rollout.status.stable_revision, "v1");
  }

  void change_template(const std::string& revision) {
    seen.wanted_revision = revision;
    ++rollout.generation;
  }

  // Answers the look that is wanted: 6000 requests a minute, split as asked, at the given rates.
  void answer(const Rates& rates) {
    ASSERT_TRUE(last.look.has_value()) << "no look is wanted: " << rollout.status.message;
    const metrics::Look& look = last.look->look;
    now = std::max(now, last.look->due);
    metrics::LookResult result;
    result.look = look;
    const double requests = 100.0 * static_cast<double>((look.to - look.from).count()) / 1000;
    for (const auto& query : look.metrics) {
      metrics::MetricReading reading;
      reading.name = query.name;
      if (look.past > 0) {
        for (int i = 0; i < look.past; ++i) reading.past.push_back({100 * rates.stable, 100});
        reading.pods = past_pods;
      } else {
        const api::TrafficStatus& traffic = rollout.status.traffic;
        const double copies = requests * traffic.mirror / 100;
        const double moved = traffic.assigned > 0 ? requests * rates.by_header : requests * traffic.candidate / 100;
        const double counted = (moved + copies) * rates.arriving;
        const bool goal = is_goal(query.name);
        // Means do not come out the same each time.
        const double wobble = goal && is_mean(query.name) ? 0.02 * (static_cast<double>(answers * 7 % 11) - 5) : 0;
        reading.candidate = {counted * ((goal ? rates.goal_candidate : rates.candidate) + wobble), counted};
        reading.stable = {(requests - moved) * (goal ? rates.goal_stable : rates.stable), requests - moved};
      }
      if (answer_with) answer_with(query, reading);
      result.metrics.push_back(reading);
    }
    ++answers;
    seen.look = result;
    step();
    settle();
  }

  const api::MetricSpec* metric(const std::string& name) const {
    for (const auto& m : rollout.spec.analysis.metrics) {
      if (m.name == name) return &m;
    }
    return nullptr;
  }
  bool is_goal(const std::string& name) const {
    const auto* m = metric(name);
    return m != nullptr && m->role == api::MetricRole::Goal;
  }
  bool is_mean(const std::string& name) const {
    const auto* m = metric(name);
    return m != nullptr && std::holds_alternative<api::MeanSource>(m->source);
  }
  const api::MetricStatus* numbers(const std::string& name) const {
    for (const auto& m : rollout.status.metrics) {
      if (m.name == name) return &m;
    }
    return nullptr;
  }

  void fail_look(const std::string& message) {
    ASSERT_TRUE(last.look.has_value());
    now = std::max(now, last.look->due);
    seen.look = metrics::LookResult{last.look->look, {}, Error{ErrorCode::Unavailable, message, {}}};
    step();
  }

  const api::Condition* condition(const std::string& type) const {
    for (const auto& c : rollout.status.conditions) {
      if (c.type == type) return &c;
    }
    return nullptr;
  }
  std::string reason(const std::string& type) const {
    const auto* c = condition(type);
    return c == nullptr ? "" : c->reason;
  }
  bool had_event(const std::string& reason) const {
    for (const Event& event : events) {
      if (event.reason == reason) return true;
    }
    return false;
  }
  // The notes of all events of that reason.
  std::vector<std::string> notes_of(const std::string& reason) const {
    std::vector<std::string> notes;
    for (const Event& event : events) {
      if (event.reason == reason) notes.push_back(event.note);
    }
    return notes;
  }
  int replicas_wanted(const std::string& revision) const {
    for (const auto& r : last.wanted.revisions) {
      if (r.revision == revision) return r.replicas;
    }
    return -1;
  }

  api::Rollout rollout;
  Observation seen;
  Time now{hours(24 * 365 * 56)};
  Decision last;
  std::vector<Event> events;
  std::vector<metrics::Counts> past_pods;  // what stable's past says by pod
  // Changes what is answered to a query.
  std::function<void(const metrics::MetricQuery& query, metrics::MetricReading& reading)> answer_with;
  int answers = 0;
  bool pods_follow = true;
  bool route_follows = true;
  bool jobs_follow = true;
  std::vector<std::string> jobs_made;  // their names, in order

 private:
  void follow_route() {
    seen.route = {};
    const auto split = split_of(rollout.status);
    if (!split) return;
    seen.route.exists = true;
    seen.route.as_wanted = true;
    seen.route.live = split;
    seen.route.acceptance = traffic::Acceptance::Accepted;
  }
  void follow_pods(const Wanted& wanted) {
    for (const auto& r : wanted.revisions) {
      RevisionSeen& revision = seen.revisions[r.revision];
      if (!revision.exists) revision.created = now;
      revision.exists = true;
      revision.desired = revision.endpoints = r.replicas;
      if (r.replicas > 0) revision.ready_since = Time{};
    }
    for (const auto& name : wanted.deleted) seen.revisions.erase(name);
  }
  void follow_jobs(const Wanted& wanted) {
    for (const auto& name : wanted.deleted_jobs) seen.jobs.erase(name);
    if (!wanted.job) return;
    const auto is_wanted = [&](const api::StageSpec& stage) { return stage.name == wanted.job->stage; };
    const auto stage = std::find_if(rollout.spec.stages.begin(), rollout.spec.stages.end(), is_wanted);
    const bool load = std::holds_alternative<api::LoadTestStage>(stage->body);
    const std::string name = load ? workload::load_job_name(rollout.key.name, wanted.job->attempt)
                                  : workload::test_job_name(rollout.key.name, wanted.job->attempt);
    if (seen.jobs.contains(name)) {
      seen.jobs[name].has_workers = true;
      return;
    }
    const bool again = std::find(jobs_made.begin(), jobs_made.end(), name) != jobs_made.end();
    EXPECT_FALSE(again) << name << " is made twice";
    jobs_made.push_back(name);
    JobSeen& job = seen.jobs[name];
    job.uid = "uid of " + name;
    job.revision = wanted.job->attempt.revision;
    job.created = now;
  }
};

}  // namespace sluice::rollout::testing
