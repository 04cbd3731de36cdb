// What a load test that is complete needs besides the log of its Job, and what is told of its result.
// Private to rollout/.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/types.h"
#include "loadtest/load_judge.h"
#include "metrics/block.h"
#include "rollout/plan.h"

namespace sluice::rollout {

// The memory of the candidate's pods while the Job ran, when a criterion asks for it; nullopt: none does. The same for
// the same status, so that an answer is known by it.
std::optional<metrics::Look> memory_look(const api::StageSpec& stage, const api::Spec& spec, const kube::Key& rollout,
                                         const api::RolloutStatus& status, const JobSeen& job);

// Of the stage under way, once its Job is complete and has no verdict yet.
std::optional<metrics::Look> memory_look(const api::Rollout& rollout, const api::RolloutStatus& status,
                                         const Observation& seen);

// Whether a criterion compares with stable's own run.
bool compares_with_stable(const api::LoadTestStage& stage);

// The numbers of a result as the status has them.
api::LoadTestStatus numbers_of(const loadtest::LoadResult& result);

}  // namespace sluice::rollout
