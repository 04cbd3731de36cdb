// What stages have in common that run a Job: its attempts.
//
// An attempt is saved in the status before its Job is made, and no two attempts share a name: whatever happens in
// between, one attempt has one Job. It begins once the candidate's pods can be reached and no user is sent to them.
// An attempt that could not be run (Error) is followed by another one, later each time, as often in a row as the stage
// says; then the stage is inconclusive. What a person resumed is not held against it. Private to rollout/.
#pragma once

#include <limits>
#include <string>

#include "rollout/stage_kind.h"
#include "rollout/stages.h"

namespace sluice::rollout {

struct Finding {
  api::Verdict verdict = api::Verdict::None;  // None: there is none yet, and `message` says what is waited for
  std::string message;
};

class JobStage : public StageKind {
 public:
  Exposure exposure(const api::StageSpec&, int, const Exposure&) const final { return {}; }
  int min_looks(const api::StageSpec&) const final { return std::numeric_limits<int>::max(); }
  void follow(Context& context) const final;
  void visit(Context& context) const final;

 protected:
  struct About {
    std::string name;  // "SystemTest": what reasons and events begin with
    std::string noun;  // "the test"
    std::string verb;  // "tests"
    int retries = 0;
  };
  virtual About about(const api::StageSpec& stage) const = 0;
  virtual std::string job_name(const std::string& rollout, const workload::TestAttempt& attempt) const = 0;
  // Of a Job that has ended, or is about to: what came of it.
  virtual Finding finding(Context& context, const JobSeen& job) const = 0;
  // A verdict was found and is in the status: tells of it, and may roll back.
  virtual void conclude(Context& context, const Finding& finding) const = 0;

  void begin(Context& context, int attempt) const;
  void try_again(Context& context) const;
  void end(Context& context, const Finding& finding) const;
};

// nullptr: the cluster has none of this name.
const JobSeen* seen_job(const Observation& seen, const std::string& name);

// What is wrong with the pod, as far as known.
std::string problem_of(const workload::PodView& pod);

// Its pod was drained, evicted or preempted.
bool is_disrupted(const JobSeen& job);

// `message` and what the Job said last, as much as there is room for; without a log the message alone.
std::string with_log(std::string message, const std::optional<LogTail>& log);

// A person is asked whether to try again: the numbers cannot be trusted.
bool is_invalid(const api::RolloutStatus& status);
inline constexpr const char* kLoadTestInvalid = "LoadTestInvalid";

}  // namespace sluice::rollout
