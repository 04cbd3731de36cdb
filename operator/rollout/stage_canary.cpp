// A part of the users, in steps. The last step that proves must show every guardrail to be not worse.
#include "rollout/stage_kind.h"

namespace sluice::rollout {
namespace {

class Canary final : public StageKind {
 public:
  Exposure exposure(const api::StageSpec& stage, int step, const Exposure&) const override {
    return {.weight = body(stage).weights[static_cast<std::size_t>(step)], .mirror = 0};
  }
  int steps(const api::StageSpec& stage) const override { return static_cast<int>(body(stage).weights.size()); }
  std::string declared(const api::StageSpec&) const override { return "canary"; }
  int min_looks(const api::StageSpec& stage) const override { return body(stage).min_looks; }
  bool proves(const api::StageSpec&) const override { return true; }
  bool counts_predictions() const override { return true; }

 private:
  static const api::CanaryStage& body(const api::StageSpec& stage) { return std::get<api::CanaryStage>(stage.body); }
};

}  // namespace

const StageKind& kind_of(const api::CanaryStage&) {
  static const Canary kind;
  return kind;
}

}  // namespace sluice::rollout
