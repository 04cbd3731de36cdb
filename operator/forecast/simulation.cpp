#include "forecast/simulation.h"

#include "forecast/parallel.h"
#include "forecast/trial.h"

namespace sluice::forecast {
namespace {

constexpr std::uint64_t kScheduled = 1;  // purposes of the trials of one run
constexpr std::uint64_t kProduct = 2;

// The way of one candidate through the steps, as the product goes it.
class Journey {
 public:
  explicit Journey(const Scenario& scenario) : scenario_(&scenario) {}

  bool ended() const { return ended_; }
  const Step& step() const { return scenario_->steps[step_]; }

  // After each look of the trial.
  void follow(Trial& trial, RunResult& result) {
    const std::vector<Step>& steps = scenario_->steps;
    ++looks_at_step_;
    ++looks_in_stage_;
    rollout::StepState state;
    state.looks = looks_at_step_;
    state.min_looks = steps[step_].min_looks;
    state.last_step = step_ + 1 == steps.size();
    state.promote_when = scenario_->analysis.promote_when;
    result.stage = steps[step_].stage;
    result.looks_in_stage = looks_in_stage_;
    const StageTime& time = scenario_->stages[static_cast<std::size_t>(result.stage)];
    const rollout::Action action = trial.decide(state, steps[step_].ab_test).action;
    if (action == rollout::Action::RollBack) return end(Ending::RolledBack, trial, result);
    if (action != rollout::Action::Hold) passed_ = true;  // an abTest stage by Promote, whatever comes after it
    if (passed_ && (!ends_stage() || looks_in_stage_ >= time.least)) {
      if (state.last_step) return end(Ending::Promoted, trial, result);
      advance();
    }
    if (looks_in_stage_ >= time.most) end(Ending::Inconclusive, trial, result);
  }

 private:
  bool ends_stage() const {
    const std::vector<Step>& steps = scenario_->steps;
    return step_ + 1 == steps.size() || steps[step_ + 1].stage != steps[step_].stage;
  }

  void advance() {
    const int before = scenario_->steps[step_].stage;
    ++step_;
    passed_ = false;
    looks_at_step_ = 0;
    if (scenario_->steps[step_].stage != before) looks_in_stage_ = 0;
  }

  void end(Ending ending, const Trial& trial, RunResult& result) {
    ended_ = true;
    result.ending = ending;
    result.ended = trial.looks();
  }

  const Scenario* scenario_;
  std::size_t step_ = 0;
  int looks_at_step_ = 0;
  int looks_in_stage_ = 0;
  bool passed_ = false;  // this step
  bool ended_ = false;
};

// Is there harm for Wald's test to find, or a proof for it to give?
bool any_harmed(const Scenario& scenario) {
  for (std::size_t i = 0; i < scenario.truths.size(); ++i) {
    if (scenario.truths[i].ratio > scenario.analysis.metrics[i].harm.ratio) return true;
  }
  return false;
}

bool all_within_margin(const Scenario& scenario) {
  for (std::size_t i = 0; i < scenario.truths.size(); ++i) {
    if (scenario.truths[i].ratio >= scenario.analysis.metrics[i].margin.ratio) return false;
  }
  return true;
}

// The first crossings that were asked for and have not been seen yet.
class Crossings {
 public:
  explicit Crossings(const Scenario& scenario)
      : open_(scenario.questions),
        oracle_harm_(open_.oracle && any_harmed(scenario)),
        oracle_proof_(open_.oracle && all_within_margin(scenario)) {}

  bool open() const { return open_.roll_back || open_.promotion || oracle_harm_ || oracle_proof_; }

  void note(Trial& trial, RunResult& result) {
    if (open_.roll_back && trial.decide(dwelling_).action == rollout::Action::RollBack) {
      result.rolled_back = trial.looks();
      open_.roll_back = false;
    }
    if (open_.promotion && trial.proven_non_inferior()) {
      result.promoted = trial.looks();
      result.by_ceiling = trial.ceiling_carries();
      open_.promotion = false;
    }
    if (oracle_harm_ && trial.oracle_rolls_back()) {
      result.oracle_rolls_back = trial.looks();
      oracle_harm_ = false;
    }
    if (oracle_proof_ && trial.oracle_promotes()) {
      result.oracle_promotes = trial.looks();
      oracle_proof_ = false;
    }
  }

 private:
  Questions open_;
  bool oracle_harm_;
  bool oracle_proof_;
  // A step that has not dwelt long enough: nothing but a roll-back can come of it.
  static constexpr rollout::StepState dwelling_{.looks = 0, .min_looks = 1};
};

}  // namespace

RunResult run_once(const Scenario& scenario, std::uint64_t run) {
  RunResult result;
  Journey journey(scenario);
  Crossings crossings(scenario);
  // With one weight the product sees what the schedule shows; with several it goes on when it has seen enough,
  // so that it needs a trial of its own.
  const bool together = scenario.steps.size() == 1;
  const bool product = scenario.questions.outcome;
  const auto steps = static_cast<std::int64_t>(scenario.steps.size());
  Trial scheduled(scenario, run, kScheduled);
  for (int look = 0; look < scenario.looks; ++look) {
    if (!crossings.open() && !(together && product && !journey.ended())) break;
    const std::int64_t step = look * steps / scenario.looks;
    const Step& at = scenario.steps[static_cast<std::size_t>(step)];
    scheduled.look(at.weight, at.ab_test);
    if (crossings.open()) crossings.note(scheduled, result);
    if (together && product && !journey.ended()) journey.follow(scheduled, result);
  }
  if (!together && product) {
    Trial own(scenario, run, kProduct);
    while (own.looks() < scenario.looks && !journey.ended()) {
      own.look(journey.step().weight, journey.step().ab_test);
      journey.follow(own, result);
    }
  }
  return result;
}

std::vector<RunResult> simulate(const Scenario& scenario, unsigned threads, const Progress& progress) {
  std::vector<RunResult> results(static_cast<std::size_t>(scenario.runs));
  parallel_for(
      results.size(), threads, [&](std::size_t run) { results[run] = run_once(scenario, run); }, progress);
  return results;
}

}  // namespace sluice::forecast
