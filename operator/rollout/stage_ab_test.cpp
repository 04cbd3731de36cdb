// Users who stay with one revision. Passed when a goal is better and every guardrail is shown to be not worse.
#include "rollout/stage_kind.h"

namespace sluice::rollout {
namespace {

class AbTest final : public StageKind {
 public:
  Exposure exposure(const api::StageSpec& stage, int, const Exposure&) const override {
    const api::AbTestStage& test = body(stage);
    const bool by_header = std::holds_alternative<api::HeaderAssignment>(test.assignment);
    return {.weight = by_header ? 0 : test.weight,
            .mirror = 0,
            .assigned = by_header ? test.weight : 0,
            .assignment = test.assignment};
  }
  std::string declared(const api::StageSpec&) const override { return "abTest"; }
  int min_looks(const api::StageSpec& stage) const override { return body(stage).min_looks; }
  bool proves(const api::StageSpec&) const override { return true; }
  bool counts_predictions() const override { return true; }
  bool takes_goals(const api::StageSpec&) const override { return true; }

  StepVerdict judge(const api::AnalysisSpec& analysis, const LookSummary& look, const StepState& step) const override {
    const Thresholds limits = thresholds(analysis.false_rollback, analysis.false_promotion, tests_of_harm(analysis));
    return decide_ab_test(look.guardrails, look.goals, limits, superior_threshold(analysis), step);
  }

 private:
  static const api::AbTestStage& body(const api::StageSpec& stage) { return std::get<api::AbTestStage>(stage.body); }
};

}  // namespace

const StageKind& kind_of(const api::AbTestStage&) {
  static const AbTest kind;
  return kind;
}

}  // namespace sluice::rollout
