// The invariants of a Rollout's status, from one write to the next.
#include <algorithm>
#include <set>

#include "api/conditions.h"
#include "invariants.h"
#include "rollout/stage_kind.h"

namespace sluice::simulation {
namespace {

constexpr std::size_t kPackedLimit = 2048;  // bytes of evidence a metric

const std::set<std::string>& reasons_by_evidence() {
  static const std::set<std::string> kReasons = {"HarmDetected", "CeilingExceeded", "NonInferior",
                                                "NoHarmShown",  "Superior",        "GoalWorse"};
  return kReasons;
}

bool tests(const api::StageSpec& stage) {
  return std::holds_alternative<api::SystemTestStage>(stage.body) ||
         std::holds_alternative<api::LoadTestStage>(stage.body);
}

bool tests_the_first(const api::StageSpec& stage) { return tests(stage) && rollout::kind_of(stage).initial(stage); }

}  // namespace

void Invariants::check_status(const kube::Key& key) {
  const auto now = rollout(key);
  const auto found = known_.find(key);
  if (!now || found == known_.end() || found->second.rollout.uid != now->uid) return;
  Known& known = found->second;
  if (known.rollout.status == now->status) return;
  check_weights(*now);
  check_tested(*now);
  check_history(key, known, *now);
  check_conditions(*now);
  for (const auto& [metric, packed] : now->status.evidence.packed) {
    if (packed.size() > kPackedLimit) fail("the evidence of " + metric + " takes " + std::to_string(packed.size()));
  }
  if (now->status.observed_generation < known.rollout.status.observed_generation) {
    fail("observedGeneration went back");
  }
  known.rollout = *now;
}

void Invariants::check_weights(const api::Rollout& now) {
  const api::RolloutStatus& status = now.status;
  const int weight = status.traffic.candidate;
  if (status.traffic.stable + weight != 100 || weight < 0) {
    fail("the weights of the status are " + std::to_string(status.traffic.stable) + " and " + std::to_string(weight));
  }
  if (weight == 0 && status.traffic.mirror == 0 && !status.traffic.assignment) return;
  if (status.candidate_revision.empty()) return fail("a weight without a candidate");
  if (status.promoting_since) return;
  if (!status.stage) return fail("a weight without a stage");
  const rollout::Exposure asked = rollout::exposure_at(now.spec, status.stage->index, status.stage->step);
  int allowed = asked.weight;
  int copies = asked.mirror;
  const api::TrafficStatus& traffic = status.traffic;
  const bool not_yet = asked != rollout::Exposure{weight, traffic.mirror, traffic.assigned, traffic.assignment};
  if (not_yet && status.stage->index > 0 && status.stage->step == 0) {
    const int before = status.stage->index - 1;
    const api::StageSpec& stage = now.spec.stages[static_cast<std::size_t>(before)];
    const int last = rollout::kind_of(stage).steps(stage) - 1;
    allowed = std::max(allowed, rollout::exposure_at(now.spec, before, last).weight);
    copies = std::max(copies, rollout::exposure_at(now.spec, before, last).mirror);
  }
  if (weight > allowed) {
    fail("a weight of " + std::to_string(weight) + " where the step allows " + std::to_string(allowed));
  }
  if (traffic.mirror > copies) {
    fail("copies of " + std::to_string(traffic.mirror) + " % where the step allows " + std::to_string(copies) + " %");
  }
}

// Of the stages before the one under way, those that test must have been passed by this candidate in this attempt.
void Invariants::check_tested(const api::Rollout& now) {
  const api::RolloutStatus& status = now.status;
  if (!status.stage || !status.started_at) return;
  const auto& stages = now.spec.stages;
  const auto current = stages.begin() + status.stage->index;
  for (auto stage = stages.begin(); stage != current; ++stage) {
    const bool asked = status.stable_revision.empty() ? tests_the_first(*stage) : tests(*stage);
    if (asked && !world_.jobs.passed_since(now.key, status.candidate_revision, stage->name, *status.started_at)) {
      fail("stage " + status.stage->name + " was reached without " + stage->name + " passed");
    }
  }
  const bool exposed = status.traffic.candidate > 0 || status.traffic.mirror > 0;
  if (tests(*current) && exposed && !status.promoting_since) fail("users were sent to what is being tested");
}

void Invariants::check_history(const kube::Key& key, Known& known, const api::Rollout& now) {
  const api::RolloutStatus& before = known.rollout.status;
  const api::RolloutStatus& after = now.status;
  for (auto at = after.history.rbegin(); at != after.history.rend(); ++at) {  // the oldest first
    const api::HistoryEntry& entry = *at;
    if (std::find(before.history.begin(), before.history.end(), entry) != before.history.end()) continue;
    if (!known.ended.insert({entry.revision, entry.started_at}).second) {
      fail("the history has a second entry for one attempt of revision " + entry.revision);
    }
    ++counters_.rollouts;
    ++counters_.endings[entry.reason];
    check_window(known, now.spec, before.stable_revision, entry);
    check_entry(key, before.stable_revision, entry);
  }
  if (after.stable_revision != before.stable_revision) {
    const bool promoted = !after.history.empty() && after.history.front().outcome == api::Outcome::Promoted &&
                          after.history.front().revision == after.stable_revision;
    if (!promoted) fail("stable became " + after.stable_revision + " without a promotion");
  }
  if (before.candidate_revision.empty() || before.stable_revision.empty() || !before.started_at) return;
  const bool same = after.candidate_revision == before.candidate_revision && after.started_at == before.started_at;
  if (!same && !known.ended.contains({before.candidate_revision, *before.started_at})) {
    fail("an attempt of revision " + before.candidate_revision + " ended without an entry in the history");
  }
}

// Stages are skipped for what was stable before and is within the window, and for nothing else.
void Invariants::check_window(Known& known, const api::Spec& spec, const std::string& stable,
                              const api::HistoryEntry& entry) {
  auto& former = known.were_stable;
  const auto place = std::find(former.begin(), former.end(), entry.revision);
  if (entry.reason == "RollbackWindow" && place - former.begin() >= spec.rollback_window.value_or(0)) {
    fail("revision " + entry.revision + " skipped the stages, which is not one of the last stable ones");
  }
  if (entry.outcome == api::Outcome::Superseded) return;
  std::erase(former, entry.revision);
  if (entry.outcome == api::Outcome::Promoted && !stable.empty()) former.insert(former.begin(), stable);
}

void Invariants::check_entry(const kube::Key& key, const std::string& stable, const api::HistoryEntry& entry) {
  const auto& stages = known_[key].rollout.spec.stages;
  const bool without_stages = entry.reason == "PromotedByUser" || entry.reason == "RollbackWindow";
  for (const api::StageSpec& stage : stages) {
    const bool must_pass = stable.empty() ? tests_the_first(stage) : tests(stage);
    const bool passed = world_.jobs.passed_since(key, entry.revision, stage.name, entry.started_at);
    if (must_pass && entry.outcome == api::Outcome::Promoted && !without_stages && !passed) {
      fail("revision " + entry.revision + " was promoted without " + stage.name + " passed");
    }
    const bool failed = entry.reason == "SystemTestFailed" || entry.reason == "LoadTestFailed";
    if (failed && entry.stage == stage.name && passed) {
      fail("revision " + entry.revision + " failed " + stage.name + " after it had passed it");
    }
  }
  if (stable.empty() || !reasons_by_evidence().contains(entry.reason)) return;
  if (entry.looks < 1) fail("revision " + entry.revision + ": " + entry.reason + " without a look");
  const double ratio = rate_of(key, entry.revision) / rate_of(key, stable);
  const bool promoted = entry.outcome == api::Outcome::Promoted;
  if (promoted && ratio > 10) {
    fail("a revision " + std::to_string(ratio) + " times as bad was promoted: " + entry.message);
  }
  if (!promoted && ratio < 0.5) fail("a revision that is better was rolled back: " + entry.message);
  if (ratio != 1) return;
  ++equals_decided_;
  if (!promoted) ++equals_rolled_back_;
}

void Invariants::check_conditions(const api::Rollout& now) {
  const auto& conditions = now.status.conditions;
  std::set<std::string> types;
  for (const api::Condition& condition : conditions) {
    if (!types.insert(condition.type).second) fail("the condition " + condition.type + " is there twice");
    if (condition.reason.empty()) fail("the condition " + condition.type + " has no reason");
    if (condition.observed_generation > now.generation) fail(condition.type + " is of a generation to come");
  }
  const bool reconciling = types.contains(api::kReconciling);
  const bool stalled = types.contains(api::kStalled);
  if (reconciling && stalled) fail("Reconciling and Stalled at once");
  const bool healthy = now.status.phase == api::Phase::Healthy;
  if (healthy && (reconciling || stalled)) fail("Healthy, and yet Reconciling or Stalled");
  if (healthy != api::has_status(conditions, api::kReady, api::ConditionStatus::True)) {
    fail("Ready does not fit the phase");
  }
}

}  // namespace sluice::simulation
