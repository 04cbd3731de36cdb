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
//
// An attempt is saved in the status before its Job is made, and no two attempts share a name: whatever happens in
// between, one attempt has one Job.
#include <limits>

#include "rollout/log_tail.h"
#include "rollout/stage_kind.h"
#include "rollout/stages.h"

namespace sluice::rollout {
namespace {

using api::Verdict;
using workload::JobState;

constexpr Duration kFirstPause = seconds(10);
constexpr Duration kLongestPause = minutes(5);
constexpr Duration kSettling = seconds(5);
constexpr Duration kClockSkew = minutes(1);  // the clock of a pod's node may be ahead: wait no longer for it
constexpr int kLogLines = 10;
constexpr std::size_t kLongestMessage = 1000;  // bytes: it is the note of an event, too

struct Finding {
  Verdict verdict = Verdict::None;
  std::string message;
};

std::string explained(const std::string& reason, const std::string& message) {
  return reason.empty() || message.empty() ? reason + message : reason + ": " + message;
}

// What is wrong with the pod, as far as known.
std::string problem_of(const workload::PodView& pod) {
  return pod.exit.empty() ? explained(pod.reason, pod.message) : pod.exit;
}

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
  if (job.state == JobState::Running) return {};
  if (job.reason == "DeadlineExceeded") return late(job, known, deadline);
  const bool disrupted = job.pod.disrupted || job.message.find("DisruptionTarget") != std::string::npos;
  if (disrupted) return {Verdict::Error, "its pod was taken away by the cluster: " + job.message};
  if (job.pod.failed) return {Verdict::Fail, job.pod.exit};
  if (job.pod.key.name.empty()) {  // nobody is left to ask
    const bool ran = known.running_since || job.reason == "PodFailurePolicy";
    return {ran ? Verdict::Fail : Verdict::Error, explained(job.reason, job.message)};
  }
  if (!job.pod.ended && !job.pod.deleting) return {};  // the news of its pod is still on its way
  const std::string why = problem_of(job.pod);
  return {Verdict::Error, "its pod could not be run: " + (why.empty() ? explained(job.reason, job.message) : why)};
}

// What the test said last, as much as there is room for.
std::string with_log(std::string message, const std::optional<LogTail>& log) {
  if (!log) return message;
  if (!log->error.empty()) return message + "; its log could not be read: " + log->error;
  message += "; its log ends with:\n";
  const std::size_t room = message.size() < kLongestMessage ? kLongestMessage - message.size() : 0;
  return message + log_tail(log->text, kLogLines, room);
}

const JobSeen* seen_job(const Observation& seen, const std::string& name) {
  const auto found = seen.jobs.find(name);
  return found == seen.jobs.end() ? nullptr : &found->second;
}

Duration pause_before(int attempt) {
  Duration pause = kFirstPause;
  for (int i = 2; i < attempt && pause < kLongestPause; ++i) pause *= 2;
  return std::min(pause, kLongestPause);
}

class SystemTest final : public StageKind {
 public:
  Exposure exposure(const api::StageSpec&, int, const Exposure&) const override { return {}; }
  int min_looks(const api::StageSpec&) const override { return std::numeric_limits<int>::max(); }
  bool initial(const api::StageSpec& stage) const override { return body(stage).initial; }

  void follow(Context& context) const override {
    if (!context.status().stage->job || context.status().stage->job->verdict != Verdict::None) return;
    api::JobStatus& known = *context.status().stage->job;
    const JobSeen* job = seen_job(context.seen, known.name);
    const bool replaced = job != nullptr && !known.uid.empty() && job->uid != known.uid;
    const bool going = job != nullptr && job->deleting && job->state == JobState::Running;
    if (job == nullptr || replaced || going) {
      const bool being_made = job == nullptr && known.uid.empty();
      if (!being_made) end(context, {Verdict::Error, "it was deleted before it had ended"});
      return;
    }
    known.uid = job->uid;
    if (!known.running_since && job->pod.started) known.running_since = context.now;
    if (job->state == JobState::Running) {
      known.message = problem_of(job->pod);
    } else {
      end(context, finding_of(*job, known, workload::test_deadline(current_stage(context))));
    }
  }

  void visit(Context& context) const override {
    api::StageStatus& stage = *context.status().stage;
    if (!stage.passed.empty() || context.status().verdict == "Inconclusive") return;
    if (!stage.job) {
      begin(context, 1);
    } else if (stage.job->verdict == Verdict::Error) {
      try_again(context);
    } else if (stage.job->verdict == Verdict::Pass) {
      stage.passed = "SystemTestPassed";
    } else {
      context.hold = "Job " + stage.job->name + (stage.job->running_since ? " runs" : " starts");
      if (!stage.job->message.empty()) context.hold += ": " + stage.job->message;
    }
  }

 private:
  static const api::SystemTestStage& body(const api::StageSpec& stage) {
    return std::get<api::SystemTestStage>(stage.body);
  }

  // A node learns of a ready pod some moments after everybody else, and refuses connections to the Service until then.
  static bool reachable(Context& context) {
    if (!pods_ready(context, 1)) return false;
    const Time since = context.revision(context.status().candidate_revision).ready_since;
    const api::StageStatus& stage = *context.status().stage;
    const Time asked = stage.job ? stage.job->retry_at.value_or(context.now) : stage.started_at;
    const Time due = std::min(since + kSettling, asked + kClockSkew);
    if (context.now >= due) return true;
    context.hold = "waits until all nodes know of the candidate's pods";
    context.wake_at(due);
    return false;
  }

  static void begin(Context& context, int attempt) {
    if (!reachable(context)) return;
    if (!context.is_first() && !context.seen.route.as_wanted) {
      context.hold = "waits until no user is sent to the candidate";
      return;
    }
    api::RolloutStatus& status = context.status();
    api::JobStatus job;
    job.attempt = attempt;
    job.name = workload::test_job_name(context.rollout.key.name, attempt_of(status, attempt));
    context.event(Event::Type::Normal, "SystemTestStarted",
                  "Job " + job.name + " tests revision " + status.candidate_revision +
                      (attempt > 1 ? ", attempt " + std::to_string(attempt) : ""));
    status.stage->job = std::move(job);
    context.hold = "Job " + status.stage->job->name + " starts";
  }

  static void try_again(Context& context) {
    const api::JobStatus& job = *context.status().stage->job;
    const std::string what = "the test could not be run: Job " + job.name + ": " + job.message;
    if (job.attempt > body(current_stage(context)).retries) {
      be_inconclusive(context, what);
      return;
    }
    const Time due = job.retry_at.value_or(context.now);
    if (context.now >= due) return begin(context, job.attempt + 1);
    context.hold = what + "; it is tried again";
    context.wake_at(due);
  }

  // The attempt has come to an end.
  static void end(Context& context, const Finding& finding) {
    if (finding.verdict == Verdict::None) return;
    api::JobStatus& job = *context.status().stage->job;
    job.verdict = finding.verdict;
    job.message = finding.message;
    const std::string what = "Job " + job.name + ": " + finding.message;
    switch (finding.verdict) {
      case Verdict::Pass: return context.event(Event::Type::Normal, "SystemTestPassed", what);
      case Verdict::Fail: return fail(context, with_log("the test failed: " + what, context.seen.log));
      default: break;
    }
    job.retry_at = context.now + pause_before(job.attempt + 1);
    context.event(Event::Type::Warning, "SystemTestError", "the test could not be run: " + what);
  }

  static void fail(Context& context, const std::string& message) {
    context.event(Event::Type::Warning, "SystemTestFailed", message);
    roll_back(context, "SystemTestFailed", message);
  }
};

}  // namespace

const StageKind& kind_of(const api::SystemTestStage&) {
  static const SystemTest kind;
  return kind;
}

workload::TestAttempt attempt_of(const api::RolloutStatus& status, int attempt) {
  return {status.candidate_revision, status.stage->name, status.attempt, status.started_at.value_or(Time{}), attempt};
}

std::optional<LogOf> wanted_log(const api::RolloutStatus& status, const Observation& seen) {
  if (!status.stage || !status.stage->job || status.stage->job->verdict != Verdict::None) return std::nullopt;
  const api::JobStatus& known = *status.stage->job;
  const JobSeen* job = seen_job(seen, known.name);
  if (job == nullptr || job->pod.key.name.empty()) return std::nullopt;
  if (finding_of(*job, known, Duration(0)).verdict != Verdict::Fail) return std::nullopt;
  return LogOf{job->pod.key.name, job->pod.container};
}

}  // namespace sluice::rollout
