// The Job of one attempt of a system test, as JSON ready to be created.
//
// It is the user's JobSpec with what Sluice adds: where the candidate answers as environment variables, labels, an
// owner, and defaults for what a test should not have to say. A Job is never changed: another attempt is another Job.
//
// Its pods carry sluice.dev/rollout, so that they are seen, and not sluice.dev/revision, or the revision's Service
// would send them requests. All functions are pure and thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "api/types.h"
#include "base/time.h"

namespace sluice::workload {

// One attempt. Two attempts are never alike: each trial of a revision has a number and a time at which it began.
struct TestAttempt {
  std::string revision;
  std::string stage;
  std::int64_t trial = 1;  // status.attempt
  Time trial_started_at{};
  int attempt = 1;
  int edits = 0;  // status.stage.edits: its attempts are counted anew after each
  bool operator==(const TestAttempt&) const = default;
};

// "<rollout>-<stage>-<hash>-<attempt>", at most 63 characters, the same for the same attempt. It does not begin like
// the names of the revision's pods, by which metrics are selected.
std::string test_job_name(const std::string& rollout, const TestAttempt& attempt);

// Precondition: `stage` is a systemTest, and api::validate() finds nothing wrong with `rollout`.
nlohmann::json test_job(const api::Rollout& rollout, const api::StageSpec& stage, const TestAttempt& attempt);

// How long one attempt may take. Precondition: `stage` is a systemTest.
Duration test_deadline(const api::StageSpec& stage);

}  // namespace sluice::workload
