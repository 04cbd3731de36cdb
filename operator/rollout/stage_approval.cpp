// A person decides. The exposure stays what it was, and harm still rolls back.
#include <algorithm>
#include <limits>
#include <utility>
#include "rollout/stage_kind.h"
#include "rollout/stages.h"

namespace sluice::rollout {
namespace {

constexpr const char* kAwaitingApproval = "AwaitingApproval";

class Approval final : public StageKind {
 public:
  Exposure exposure(const api::StageSpec&, int, const Exposure& before) const override {
    Exposure kept = before;
    kept.mirror = 0;  // mirrors end with their stage
    return kept;
  }
  std::string declared(const api::StageSpec&) const override { return "approval"; }
  int min_looks(const api::StageSpec&) const override { return std::numeric_limits<int>::max(); }
  bool initial(const api::StageSpec& stage) const override {
    return std::get<api::ApprovalStage>(stage.body).initial;
  }

  void visit(Context& context) const override {
    api::RolloutStatus& status = context.status();
    const std::string wanted = status.candidate_revision + "/" + status.stage->name;
    if (asked(context, api::kApproveAnnotation, wanted)) {
      const std::string& by = context.rollout.approver;
      status.approvals.push_back({status.stage->name, by, context.now});
      pass_stage(context, "Approved", by.empty() ? "approved" : "approved by " + by);
      return;
    }
    context.stalled_reason = kAwaitingApproval;
    context.hold = std::string("waits for approval: annotate it with ") + api::kApproveAnnotation + "=" + wanted;
  }
};

// Why this value approves nothing; empty: its stage is under way, or still to come.
std::string why_ignored(const Context& context, const std::string& given) {
  const api::RolloutStatus& status = context.status();
  const auto slash = std::min(given.find('/'), given.size());
  const std::string revision = given.substr(0, slash);
  const std::string rest = given.substr(std::min(slash + 1, given.size()));
  const std::string name = rest.substr(0, rest.find('/'));
  if (revision.empty() || name.empty()) return "write <revision>/<stage>";
  if (status.candidate_revision.empty()) return "no revision is under way";
  if (revision != status.candidate_revision) return "the revision under way is " + status.candidate_revision;
  const auto& stages = context.spec().stages;
  const auto stage = std::find_if(stages.begin(), stages.end(), [&](const auto& s) { return s.name == name; });
  if (stage == stages.end()) return "there is no stage " + name;
  if (!std::holds_alternative<api::ApprovalStage>(stage->body)) return "stage " + name + " is not an approval";
  if (context.is_first() && !kind_of(*stage).initial(*stage)) return "the first revision does not go through " + name;
  const bool behind = status.promoting_since || (status.stage && stage - stages.begin() < status.stage->index);
  return behind ? "stage " + name + " was passed or skipped already" : "";
}

}  // namespace

void tell_ignored_approval(Context& context) {
  auto& ignored = context.status().ignored;
  const auto value_in = [](const std::map<std::string, std::string>& values) {
    const auto found = values.find(api::kApproveAnnotation);
    return found == values.end() ? std::string() : found->second;
  };
  const std::string given = value_in(context.rollout.annotations);
  const bool handled = given == value_in(context.status().handled);
  const std::string why = given.empty() || handled ? "" : why_ignored(context, given);
  if (why.empty()) {
    ignored.erase(api::kApproveAnnotation);
    return;
  }
  const std::string told = std::string(api::kApproveAnnotation) + "=" + given + " approves nothing: " + why;
  if (context.stalled_reason == kAwaitingApproval) context.hold += "; " + told;
  if (std::exchange(ignored[api::kApproveAnnotation], given) == given) return;
  context.event(Event::Type::Warning, "ApprovalIgnored", told);
}

const StageKind& kind_of(const api::ApprovalStage&) {
  static const Approval kind;
  return kind;
}

}  // namespace sluice::rollout
