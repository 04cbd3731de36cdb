// A Job that calls the candidate's own Service before any user meets it.
//
//   | the Job of the attempt                                      | verdict | then                              |
//   |-------------------------------------------------------------|---------|-----------------------------------|
//   | is complete                                                 | Pass    | on, once nothing is paused        |
//   | a container of it ended with another code than 0            | Fail    | roll back, SystemTestFailed       |
//   | did not end in time, though its test ran                    | Fail    | roll back, SystemTestFailed       |
//   | its pod was drained, evicted, or could not be started       | Error   | another attempt, later each time  |
//   | is gone, and was not ended                                  | Error   | another attempt, later each time  |
//   | the same, and there is no attempt left                      | Error   | Inconclusive                      |
#include "rollout/job_attempts.h"

namespace sluice::rollout {
namespace {

using api::Verdict;
using workload::JobState;

Finding late(const JobSeen& job, const api::JobStatus& known, Duration deadline) {
  if (known.running_since || job.pod.started) {
    return {Verdict::Fail, "it did not end within its deadline, " + humane(deadline)};
  }
  std::string why = problem_of(job.pod);
  if (why.empty()) why = known.message;
  return {Verdict::Error, "its pod did not start within " + humane(deadline) + (why.empty() ? "" : ": " + why)};
}

Finding finding_of(const JobSeen& job, const api::JobStatus& known, Duration deadline) {
  if (job.state == JobState::Complete) return {Verdict::Pass, "it is complete"};
  if (job.state == JobState::Running) return {Verdict::None, problem_of(job.pod)};
  if (job.reason == "DeadlineExceeded") return late(job, known, deadline);
  if (is_disrupted(job)) return {Verdict::Error, "its pod was taken away by the cluster: " + job.message};
  if (job.pod.failed) return {Verdict::Fail, job.pod.exit};
  if (job.pod.key.name.empty()) {  // nobody is left to ask
    const bool ran = known.running_since || job.reason == "PodFailurePolicy";
    return {ran ? Verdict::Fail : Verdict::Error, workload::explained(job.reason, job.message)};
  }
  if (!job.pod.ended && !job.pod.deleting) return {};  // the news of its pod is still on its way
  const std::string why = problem_of(job.pod);
  return {Verdict::Error, "its pod could not be run: " + (why.empty() ? workload::explained(job.reason, job.message) : why)};
}

class SystemTest final : public JobStage {
 public:
  std::string declared(const api::StageSpec& stage) const override {
    return "systemTest\n" + std::to_string(workload::test_deadline(stage).count()) + "\n" + body(stage).job.text();
  }
  bool initial(const api::StageSpec& stage) const override { return body(stage).initial; }

  std::optional<LogOf> wanted_log(const api::StageSpec&, const api::Rollout& rollout, const Observation&,
                                  const JobSeen& job) const override {
    const Finding found = finding_of(job, *rollout.status.stage->job, Duration(0));
    if (found.verdict != Verdict::Fail) return std::nullopt;
    return LogOf{job.pod.key.name, job.pod.container};
  }

 protected:
  About about(const api::StageSpec& stage) const override {
    return {"SystemTest", "the test", "tests", body(stage).retries};
  }
  std::string job_name(const std::string& rollout, const workload::TestAttempt& attempt) const override {
    return workload::test_job_name(rollout, attempt);
  }
  Finding finding(Context& context, const JobSeen& job) const override {
    return finding_of(job, *context.status().stage->job, workload::test_deadline(current_stage(context)));
  }

  void conclude(Context& context, const Finding& finding) const override {
    const std::string what = "Job " + context.status().stage->job->name + ": " + finding.message;
    if (finding.verdict == Verdict::Pass) return context.event(Event::Type::Normal, "SystemTestPassed", what);
    const std::string message = with_log("the test failed: " + what, context.seen.log);
    context.event(Event::Type::Warning, "SystemTestFailed", message);
    roll_back(context, "SystemTestFailed", message);
  }

 private:
  static const api::SystemTestStage& body(const api::StageSpec& stage) {
    return std::get<api::SystemTestStage>(stage.body);
  }
};

}  // namespace

const StageKind& kind_of(const api::SystemTestStage&) {
  static const SystemTest kind;
  return kind;
}

}  // namespace sluice::rollout
