// What one kind of stage does. Each kind is one file, stage_<kind>.cpp; stages.cpp runs them all.
//
// A kind says three things: what the candidate may be exposed to at a step, what a finished look means, and what else
// happens at a visit. It changes nothing but through stages.h.
//
// A new kind: a body in api::StageBody, one file here that defines kind_of() for it, and one line at the end of this
// header. Private to rollout/.
#pragma once

#include <algorithm>
#include <optional>

#include "api/types.h"
#include "rollout/context.h"
#include "rollout/evidence.h"
#include "rollout/verdict.h"

namespace sluice::rollout {

// What users, or copies of their requests, reach the candidate.
struct Exposure {
  int weight = 0;    // percent of the requests, or of the users who have no cookie yet
  int mirror = 0;    // percent of the requests that are copied
  int assigned = 0;  // percent of the requests that users assigned by header are expected to make
  std::optional<api::Assignment> assignment;
  bool operator==(const Exposure&) const = default;

  bool any() const { return weight > 0 || mirror > 0 || assignment; }
  bool users() const { return weight > 0 || assignment; }             // not only copies of their requests
  int share() const { return std::max({weight, mirror, assigned}); }  // that the candidate's pods must be able to take
};

class StageKind {
 public:
  virtual ~StageKind() = default;

  // Precondition for all: `stage` has this kind's body, 0 <= step < steps(stage). `before` is what the stage before
  // left, nothing for the first one.
  virtual Exposure exposure(const api::StageSpec& stage, int step, const Exposure& before) const = 0;
  virtual int steps(const api::StageSpec&) const { return 1; }

  // The kind, and what it runs or does besides the exposure, as a text that is the same in every release. When another
  // one is declared the stage starts over. What applies from now on when it is edited, such as limits, is not in it.
  virtual std::string declared(const api::StageSpec& stage) const = 0;

  virtual int min_looks(const api::StageSpec& stage) const = 0;

  // Its users see the candidate, so that its blocks count for the proof that promotes.
  virtual bool proves(const api::StageSpec&) const { return false; }

  // Copies have to prove that the candidate is not better either.
  virtual bool both_sides(const api::StageSpec&) const { return false; }

  // Its blocks count for the goals.
  virtual bool takes_goals(const api::StageSpec&) const { return false; }

  // What the candidate predicts in it is compared with what stable does.
  virtual bool counts_predictions() const { return false; }

  // What a look that saw every guardrail means for the step under way. Here: the decision table of verdict.h.
  virtual StepVerdict judge(const api::AnalysisSpec& analysis, const LookSummary& look, const StepState& step) const;

  // Whether the first revision, which nothing can be compared with, goes through it too.
  virtual bool initial(const api::StageSpec&) const { return false; }

  // How many pods of the candidate it needs, whatever its exposure; 0: as many as that asks for.
  virtual int pods(const api::Spec&) const { return 0; }

  // The log that plan() needs of `job`, the one of the attempt under way; nullopt: none.
  virtual std::optional<LogOf> wanted_log(const api::StageSpec&, const api::Rollout&, const Observation&,
                                          const JobSeen&) const {
    return std::nullopt;
  }

  // Takes in what is seen of the stage's own objects: at each visit, also while it is paused. May roll back.
  virtual void follow(Context&) const {}

  // At each visit while the exposure is as asked and nothing is paused: what the stage does next.
  virtual void visit(Context&) const {}
};

const StageKind& kind_of(const api::StageSpec& stage);

// Every kind, each defined in a file of its own.
const StageKind& kind_of(const api::CanaryStage&);    // stage_canary.cpp
const StageKind& kind_of(const api::ShadowStage&);    // stage_shadow.cpp
const StageKind& kind_of(const api::AbTestStage&);    // stage_ab_test.cpp
const StageKind& kind_of(const api::ApprovalStage&);  // stage_approval.cpp
const StageKind& kind_of(const api::SystemTestStage&);  // stage_system_test.cpp
const StageKind& kind_of(const api::LoadTestStage&);    // stage_load_test.cpp

// The exposure of a step of a stage of the spec. Precondition: both exist.
Exposure exposure_at(const api::Spec& spec, int stage, int step);

// The largest share() of that step and those before it since users were sent to the candidate. A pod that is taken away
// while they are may be sent a request that it does not answer any more. Precondition as above.
int largest_share(const api::Spec& spec, int stage, int step);

}  // namespace sluice::rollout
