// A person decides. The exposure stays what it was, and harm still rolls back.
#include <limits>

#include "rollout/stage_kind.h"
#include "rollout/stages.h"

namespace sluice::rollout {
namespace {

class Approval final : public StageKind {
 public:
  Exposure exposure(const api::StageSpec&, int, const Exposure& before) const override {
    Exposure kept = before;
    kept.mirror = 0;  // mirrors end with their stage
    return kept;
  }
  int min_looks(const api::StageSpec&) const override { return std::numeric_limits<int>::max(); }
  bool initial(const api::StageSpec& stage) const override {
    return std::get<api::ApprovalStage>(stage.body).initial;
  }

  void visit(Context& context) const override {
    const api::RolloutStatus& status = context.status();
    const std::string wanted = status.candidate_revision + "/" + status.stage->name;
    if (asked(context, api::kApproveAnnotation, wanted)) {
      pass_stage(context, "Approved");
      return;
    }
    context.stalled_reason = "AwaitingApproval";
    context.hold = std::string("waits for approval: annotate it with ") + api::kApproveAnnotation + "=" + wanted;
  }
};

}  // namespace

const StageKind& kind_of(const api::ApprovalStage&) {
  static const Approval kind;
  return kind;
}

}  // namespace sluice::rollout
