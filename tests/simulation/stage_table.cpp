// Each kind of stage with each thing that can happen to it. Traffic is exact and every cell has the same seed as the
// story of its stage in which nothing happens, so that what does not change the end must lead to the same one.
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "api/conditions.h"
#include "episodes.h"
#include "harness.h"
#include "kube/object.h"
#include "people.h"
#include "rollout/stage_kind.h"
#include "table_stages.h"
#include "traffic/route_view.h"
#include "workload/views.h"

namespace sluice::simulation {
namespace {

constexpr const char* kCandidate = "model:good-1";  // it passes every stage
constexpr const char* kNext = "model:good-2";

enum class Happening {
  Pause, Resume, Abort, Promote, Retry, Supersede, Crash, PrometheusAway, ApiServerAway, Edited, AnotherKind, Removed
};
constexpr std::array kHappenings = {
    Happening::Pause,     Happening::Resume, Happening::Abort,          Happening::Promote,
    Happening::Retry,     Happening::Supersede, Happening::Crash,       Happening::PrometheusAway,
    Happening::ApiServerAway, Happening::Edited, Happening::AnotherKind, Happening::Removed};

const char* title(Happening happening) {
  switch (happening) {
    case Happening::Pause: return "pause";
    case Happening::Resume: return "resume";
    case Happening::Abort: return "abort";
    case Happening::Promote: return "promote";
    case Happening::Retry: return "retry";
    case Happening::Supersede: return "supersede";
    case Happening::Crash: return "crash";
    case Happening::PrometheusAway: return "Prometheus away";
    case Happening::ApiServerAway: return "API server away";
    case Happening::Edited: return "edited";
    case Happening::AnotherKind: return "another kind";
    case Happening::Removed: return "removed";
  }
  return "";
}

// One Rollout whose candidate is in the stage, and what becomes of it.
class Cell {
 public:
  Cell(Kind kind, Counters& counters)
      : kind_(kind), harness_(Random(5), true, counters), people_(harness_, Random(6)), key_{"ml", "model"} {
    harness_.on_operator_write = [this](const test::Call& call) { wrote(call); };
    harness_.create(choose(kind));
    harness_.settle(hours(1));
    act([&] { people_.change_image(key_, kCandidate); });
    if (!until([&] { return in_stage(); })) fail("the stage was not reached (" + status().message + ")");
    candidate_ = status().candidate_revision;
    harness_.tell("the stage is under way");
  }

  void happen(Happening happening, const std::string& straight) {
    switch (happening) {
      case Happening::Pause: return pause();
      case Happening::Resume:
        pause();
        act([&] { people_.pause(key_, false); });
        return expect_end(straight);
      case Happening::Abort: return abort();
      case Happening::Promote: return promote();
      case Happening::Retry: return retry();
      case Happening::Supersede: return supersede();
      case Happening::Crash:
        harness_.restart();
        return expect_end(straight);
      case Happening::PrometheusAway: return prometheus_away(straight);
      case Happening::ApiServerAway: return api_server_away(straight);
      case Happening::Edited: return edit(edited(kind_));
      case Happening::AnotherKind: return edit(as_another_kind(kind_));
      case Happening::Removed: return edit(without(kind_));
    }
  }

  // Everything that is due is done, by people too.
  std::string end() {
    for (int approvals = 0; approvals < 3; ++approvals) {
      harness_.settle(hours(3));
      const api::RolloutStatus now = status();
      if (!now.stage || now.stage->name != about(Kind::Approval).stage) break;
      act([&] { people_.verb(key_, api::kApproveAnnotation, now.candidate_revision + "/" + now.stage->name); });
    }
    harness_.run(minutes(5));
    harness_.invariants.check_rest(key_);
    const auto rollout = harness_.invariants.rollout(key_);
    return rollout ? ending_of(*rollout) : "it is gone";
  }

  const std::vector<std::string>& broken() const { return harness_.invariants.broken(); }
  const std::deque<std::string>& account() const { return harness_.account(); }

 private:
  void fail(const std::string& what) { harness_.invariants.fail(what); }
  void expect(bool holds, const std::string& what) {
    if (!holds) fail(what + " (" + status().message + ")");
  }
  void expect_end(const std::string& expected) {
    const std::string now = end();
    if (now != expected) fail("the end is \"" + now + "\" and not \"" + expected + "\"");
  }
  template <class Act>
  void act(Act what) {
    harness_.happenings += 60;
    what();
  }

  api::RolloutStatus status() const {
    const auto rollout = harness_.invariants.rollout(key_);
    return rollout ? rollout->status : api::RolloutStatus{};
  }

  template <class Predicate>
  bool until(Predicate holds) {
    const Time limit = harness_.world.clock.now() + hours(2);
    while (harness_.world.clock.now() < limit) {
      if (holds()) return true;
      if (!harness_.work()) harness_.advance(seconds(1));
    }
    return false;
  }

  bool has_job() const { return kind_ == Kind::SystemTest || kind_ == Kind::LoadTest; }
  bool judged() const { return !has_job() && kind_ != Kind::Approval; }

  // The exposure is what the stage asks for, and evidence of it has arrived; the Job runs; the person is waited for.
  bool in_stage() const {
    const auto rollout = harness_.invariants.rollout(key_);
    if (!rollout || !rollout->status.stage) return false;
    const api::RolloutStatus& now = rollout->status;
    if (now.stage->name != about(kind_).stage || now.promoting_since) return false;
    const rollout::Exposure asked = rollout::exposure_at(rollout->spec, now.stage->index, now.stage->step);
    const api::TrafficStatus& traffic = now.traffic;
    const rollout::Exposure given{traffic.candidate, traffic.mirror, traffic.assigned, traffic.assignment};
    if (asked != given || (asked.any() && !traffic.accepted)) return false;
    if (has_job()) return now.stage->job && now.stage->job->running_since;
    if (kind_ == Kind::Approval) return api::has_status(now.conditions, api::kStalled, api::ConditionStatus::True);
    return now.stage->looks > 0;
  }

  // Nothing has moved since.
  void expect_held(const api::RolloutStatus& before, const std::string& while_what) {
    const api::RolloutStatus now = status();
    const bool same_stage = now.stage && now.stage->name == before.stage->name;
    expect(same_stage && now.stage->step == before.stage->step && !now.promoting_since,
           "another stage or step " + while_what);
    expect(now.candidate_revision == before.candidate_revision && now.history == before.history,
           "an end " + while_what);
    expect(now.traffic.candidate == before.traffic.candidate && now.traffic.mirror == before.traffic.mirror &&
               now.traffic.assignment == before.traffic.assignment,
           "another exposure " + while_what);
  }

  void pause() {
    const api::RolloutStatus before = status();
    act([&] { people_.pause(key_, true); });
    harness_.run(seconds(1));
    if (kind_ == Kind::Approval) {  // it counts once it is resumed
      act([&] { people_.verb(key_, api::kApproveAnnotation, candidate_ + "/" + about(kind_).stage); });
    }
    harness_.run(minutes(20));
    expect_held(before, "while it was paused");
    expect(status().phase == api::Phase::Paused, "it does not say that it is paused");
  }

  void abort() {
    act([&] { people_.verb(key_, api::kAbortAnnotation, candidate_); });
    end();
    const api::RolloutStatus now = status();
    expect(now.phase == api::Phase::RolledBack && now.rejected_revision == candidate_, "it was not rolled back");
    expect(now.history.front().reason == "Aborted", "the history does not say that it was aborted");
    expect(withdrawn_, "the candidate kept its requests");
  }

  void promote() {
    act([&] { people_.verb(key_, api::kPromoteAnnotation, candidate_); });
    end();
    const api::RolloutStatus now = status();
    expect(now.phase == api::Phase::Healthy && now.stable_revision == candidate_, "it was not promoted");
    expect(now.history.front().reason == "PromotedByUser", "the history does not say who promoted it");
  }

  // There is nothing to be tried again while it is under way, nor later by the same word.
  void retry() {
    act([&] { people_.verb(key_, api::kRetryAnnotation, candidate_); });
    harness_.run(seconds(1));
    expect(status().candidate_revision == candidate_ && status().attempt == 1, "it started over");
    abort();
    withdrawn_ = false;
    act([&] { people_.verb(key_, api::kRetryAnnotation, candidate_); });
    expect(until([&] { return in_stage(); }), "the stage was not reached again");
    expect(status().attempt == 2, "it is not the second attempt");
    end();
    expect(status().stable_revision == candidate_, "the second attempt was not promoted");
    expect(status().history.front().attempt == 2, "the history does not say that it was the second attempt");
  }

  void supersede() {
    act([&] { people_.change_image(key_, kNext); });
    end();
    const api::RolloutStatus now = status();
    expect(now.phase == api::Phase::Healthy && now.stable_revision != candidate_, "the new one was not promoted");
    expect(now.history.size() >= 2 && now.history[1].revision == candidate_ &&
               now.history[1].outcome == api::Outcome::Superseded,
           "the history does not say that it was superseded");
    expect(withdrawn_, "the candidate kept its requests");
  }

  void prometheus_away(const std::string& straight) {
    const api::RolloutStatus before = status();
    harness_.faults.prometheus_away_until(harness_.world.clock.now() + minutes(20));
    harness_.run(minutes(19));
    if (kind_ != Kind::SystemTest) expect_held(before, "while Prometheus was away");  // a Job needs no evidence
    if (kind_ == Kind::LoadTest) {
      expect(status().stage && status().stage->job && status().stage->job->verdict == api::Verdict::None,
             "a load was judged without the memory that a criterion asks for");
    }
    if (judged()) {
      expect(status().stage && status().stage->looks == before.stage->looks, "a look without an answer was counted");
      expect(api::has_status(status().conditions, api::kMetricsAvailable, api::ConditionStatus::False),
             "it does not say that evidence is missing");
    }
    expect_end(straight);
  }

  void api_server_away(const std::string& straight) {
    const api::RolloutStatus before = status();
    harness_.faults.set({.refused = 1, .lost = 0, .twice = 0, .slow = 0, .crash = 0, .prometheus = 0});
    harness_.run(minutes(10));
    expect_held(before, "while the API server was away");
    harness_.faults.set({});
    expect_end(straight);
  }

  // The stage starts over, and gives the candidate nothing that it does not allow from the first write on.
  void edit(const nlohmann::json& spec) {
    harness_.run(seconds(1));  // for another time than that of the begin
    const api::RolloutStatus before = status();
    act([&] { people_.edit_spec(key_, spec); });
    const auto begun = [&] { return status().stage && status().stage->edits == before.stage->edits + 1; };
    expect(until(begun), "the edited stage did not start over");
    const api::RolloutStatus now = status();
    const auto rollout = harness_.invariants.rollout(key_);
    if (!now.stage || !rollout) return;
    const rollout::Exposure asked = rollout::exposure_at(rollout->spec, now.stage->index, 0);
    expect(now.stage->step == 0 && now.stage->started_at > before.stage->started_at, "it did not start at its begin");
    expect(now.traffic.candidate <= asked.weight && now.traffic.mirror <= asked.mirror,
           "the candidate keeps what the edited stage does not allow");
    expect(!now.traffic.assignment || now.traffic.assignment == asked.assignment, "users stay assigned as before");
    expect(now.stage->job == std::nullopt, "a Job was begun before the users were withdrawn");
    expect(now.metrics == before.metrics, "what was seen of the candidate was not kept");
    end();
    expect(status().stable_revision == candidate_, "it was not promoted");
  }

  // Once it is over for the candidate, the first thing that is written to the route takes its requests from it, and
  // its pods stay until the gateway has done so.
  void wrote(const test::Call& call) {
    const api::RolloutStatus now = status();
    if (candidate_.empty() || now.candidate_revision == candidate_ || now.stable_revision == candidate_) return;
    const std::string service = key_.name + "-" + candidate_;
    if (call.resource == traffic::kHttpRoutes && call.key == key_) {
      const auto live = harness_.world.server.get(traffic::kHttpRoutes, key_);
      const bool served = !live || share(all_backends_of(*live), service) > kLastDrop;
      if (!withdrawn_ && (served || mirror_of(*live).service == service)) {
        fail("the first write of the route leaves requests to the candidate that is out");
      }
      withdrawn_ = true;
    }
    if (call.resource != workload::kDeployments || call.key.name != service) return;
    const auto live = harness_.world.server.get(workload::kDeployments, call.key);
    const bool runs = live && kube::int_at(*live, {"spec", "replicas"}) > 0;
    const bool routed = share(harness_.world.gateway.routed(key_), service) > kLastDrop;
    if (!runs && routed) fail("the pods of the candidate went while it still got requests");
  }

  static double share(const std::vector<Backend>& backends, const std::string& service) {
    double all = 0;
    double of_service = 0;
    for (const Backend& backend : backends) {
      all += backend.weight;
      if (backend.service == service) of_service += backend.weight;
    }
    return all > 0 ? of_service / all : 0;
  }

  Kind kind_;
  Harness harness_;
  People people_;
  kube::Key key_;
  std::string candidate_;
  bool withdrawn_ = false;
};

std::vector<std::string> play(Kind kind, Happening happening, const std::string& straight, Counters& counters) {
  Cell cell(kind, counters);
  if (cell.broken().empty()) cell.happen(happening, straight);
  std::vector<std::string> told = cell.broken();
  if (!told.empty()) told.insert(told.begin(), cell.account().begin(), cell.account().end());
  return told;
}

}  // namespace

int stage_table(Counters& counters) {
  constexpr int kFirst = 12;
  std::string account;
  int broken = 0;
  std::printf("%-*s", kFirst, "stage");
  for (const Happening happening : kHappenings) std::printf("  %s", title(happening));
  std::printf("\n");
  for (const Kind kind : kKinds) {
    Cell undisturbed(kind, counters);
    const std::string straight = undisturbed.end();
    std::printf("%-*s", kFirst, about(kind).title);
    for (const std::string& what : undisturbed.broken()) account += "  undisturbed: " + what + "\n";
    broken += undisturbed.broken().empty() ? 0 : 1;
    for (const Happening happening : kHappenings) {
      const std::vector<std::string> told = play(kind, happening, straight, counters);
      const int width = static_cast<int>(std::string(title(happening)).size());
      std::printf("  %s%*s", told.empty() ? "✓" : "✗", width - 1, "");
      if (told.empty()) continue;
      ++broken;
      account += std::string("BROKEN in stage ") + about(kind).title + ", " + title(happening) + ":\n";
      for (const std::string& line : told) account += "  " + line + "\n";
    }
    std::printf("\n%-*s  undisturbed: %s\n", kFirst, "", straight.c_str());
  }
  std::printf("%s%d cells broken\n", account.c_str(), broken);
  return broken;
}

}  // namespace sluice::simulation
