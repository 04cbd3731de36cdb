// A copy of the users' requests, whose answers nobody sees. Passed when the copies alone show every guardrail to be
// not worse, or when asked for neither worse nor better; that proof is the stage's own and promotes nothing.
#include "rollout/stage_kind.h"

namespace sluice::rollout {
namespace {

class Shadow final : public StageKind {
 public:
  Exposure exposure(const api::StageSpec& stage, int, const Exposure&) const override {
    return {.weight = 0, .mirror = body(stage).percent};
  }
  std::string declared(const api::StageSpec&) const override { return "shadow"; }
  int min_looks(const api::StageSpec& stage) const override { return body(stage).min_looks; }
  bool both_sides(const api::StageSpec& stage) const override {
    return body(stage).require == api::ShadowProof::Equivalence;
  }
  bool counts_predictions() const override { return true; }

  StepVerdict judge(const api::AnalysisSpec& analysis, const LookSummary& look, const StepState& step) const override {
    StepState alone = step;
    alone.last_step = true;  // its own proof is asked for, whatever comes later
    return StageKind::judge(analysis, look, alone);
  }

 private:
  static const api::ShadowStage& body(const api::StageSpec& stage) { return std::get<api::ShadowStage>(stage.body); }
};

}  // namespace

const StageKind& kind_of(const api::ShadowStage&) {
  static const Shadow kind;
  return kind;
}

}  // namespace sluice::rollout
