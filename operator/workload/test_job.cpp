#include "workload/test_job.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "workload/job_parts.h"

namespace sluice::workload {
namespace {

constexpr Duration kDefaultDeadline = minutes(10);
constexpr std::size_t kLongestName = 63;

}  // namespace

std::string test_job_name(const std::string& rollout, const TestAttempt& attempt) {
  return attempt_name(rollout, attempt, kLongestName);
}

nlohmann::json test_job(const api::Rollout& rollout, const api::StageSpec& stage, const TestAttempt& attempt) {
  const auto& test = std::get<api::SystemTestStage>(stage.body);
  return attempt_job(rollout, attempt, test_job_name(rollout.key.name, attempt),
                     user_job_spec(test.job.tree(), rollout, attempt, environment(rollout, attempt.revision),
                                   test_deadline(stage)));
}

Duration test_deadline(const api::StageSpec& stage) {
  const auto& test = std::get<api::SystemTestStage>(stage.body);
  if (test.deadline) return *test.deadline;
  return own_deadline(test.job).value_or(std::min(kDefaultDeadline, stage.max_duration));
}

}  // namespace sluice::workload
