#include "rollout/job_attempts.h"

#include <algorithm>

#include "rollout/log_tail.h"

namespace sluice::rollout {
namespace {

using api::Verdict;
using workload::JobState;

constexpr Duration kFirstPause = seconds(10);
constexpr Duration kLongestPause = minutes(5);
constexpr Duration kSettling = seconds(5);  // until nodes send what the Job asks to the candidate's pods
constexpr int kLogLines = 10;
constexpr std::size_t kLongestMessage = 1000;  // bytes: it is the note of an event, too

Duration pause_after(int errors) {
  Duration pause = kFirstPause;
  for (int i = 1; i < errors && pause < kLongestPause; ++i) pause *= 2;
  return std::min(pause, kLongestPause);
}

bool reachable(Context& context) {
  const int needed = std::max(1, kind_of(current_stage(context)).pods(context.spec()));
  return pods_settled(context, needed, kSettling);
}

void hold_for_person(Context& context) {
  const api::JobStatus& job = *context.status().stage->job;
  const std::string& revision = context.status().candidate_revision;
  context.stalled_reason = kLoadTestInvalid;
  context.hold = "Job " + job.name + " says nothing about the candidate: " + job.message +
                 "; once that is repaired, annotate it with " + api::kResumeAnnotation + "=" + revision +
                 " to load it again, or with " + api::kRetryAnnotation + ", " + api::kPromoteAnnotation + " or " +
                 api::kAbortAnnotation;
}

void hold_for_job(Context& context) {
  const api::JobStatus& job = *context.status().stage->job;
  const JobSeen* seen = seen_job(context.seen, job.name);
  const bool complete = seen != nullptr && seen->state == JobState::Complete;
  context.hold = "Job " + job.name + (complete ? " is complete" : job.running_since ? " runs" : " starts");
  if (!job.message.empty()) context.hold += ": " + job.message;
}

}  // namespace

std::string problem_of(const workload::PodView& pod) {
  return pod.exit.empty() ? workload::explained(pod.reason, pod.message) : pod.exit;
}

bool is_disrupted(const JobSeen& job) {
  return job.pod.disrupted || job.message.find("DisruptionTarget") != std::string::npos;
}

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

bool is_invalid(const api::RolloutStatus& status) {
  return status.stage && status.stage->job && status.stage->job->verdict == Verdict::Invalid &&
         !status.stage->job->retry_at;
}

void JobStage::follow(Context& context) const {
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
  end(context, finding(context, *job));
}

void JobStage::visit(Context& context) const {
  api::StageStatus& stage = *context.status().stage;
  if (!stage.passed.empty() || context.status().verdict == "Inconclusive") return;
  if (!stage.job) return begin(context, 1);
  switch (stage.job->verdict) {
    case Verdict::Pass: stage.passed = about(current_stage(context)).name + "Passed"; return;
    case Verdict::Error: return try_again(context);
    case Verdict::Inconclusive:
      return be_inconclusive(context, "Job " + stage.job->name + ": " + stage.job->message);
    case Verdict::Invalid:
      return stage.job->retry_at ? begin(context, stage.job->attempt + 1) : hold_for_person(context);
    case Verdict::None:
    case Verdict::Fail: return hold_for_job(context);
  }
}

void JobStage::begin(Context& context, int attempt) const {
  if (!reachable(context)) return;
  api::RolloutStatus& status = context.status();
  // What is seen of the route is about the split that was saved.
  const bool withdrawn = exposure_of(context.rollout.status.traffic) == exposure_of(status.traffic);
  if (!context.is_first() && (!context.seen.route.as_wanted || !withdrawn)) {
    context.hold = "waits until no user is sent to the candidate";
    return;
  }
  const auto running = std::find_if(context.seen.jobs.begin(), context.seen.jobs.end(), [](const auto& job) {
    return job.second.state == JobState::Running && !job.second.deleting;
  });
  if (running != context.seen.jobs.end()) {  // of the stage before it was edited: the two would meet
    context.hold = "waits until Job " + running->first + " is deleted";
    return;
  }
  const About what = about(current_stage(context));
  api::JobStatus job;
  job.attempt = attempt;
  if (status.stage->job) job.errors = status.stage->job->errors;
  job.name = job_name(context.rollout.key.name, attempt_of(status, attempt));
  job.restarts = context.revision(status.candidate_revision).restarts;
  context.event(Event::Type::Normal, what.name + "Started",
                "Job " + job.name + " " + what.verb + " revision " + status.candidate_revision +
                    (attempt > 1 ? ", attempt " + std::to_string(attempt) : ""));
  status.stage->job = std::move(job);
  context.hold = "Job " + status.stage->job->name + " starts";
}

void JobStage::try_again(Context& context) const {
  const api::JobStatus& job = *context.status().stage->job;
  const About what = about(current_stage(context));
  const std::string failed = what.noun + " could not be run: Job " + job.name + ": " + job.message;
  if (job.errors > what.retries) {
    be_inconclusive(context, failed);
    return;
  }
  const Time due = job.retry_at.value_or(context.now);
  if (context.now >= due) return begin(context, job.attempt + 1);
  context.hold = failed + "; it is tried again";
  context.wake_at(due);
}

// The attempt has come to an end, or the finding says what is waited for.
void JobStage::end(Context& context, const Finding& finding) const {
  api::JobStatus& job = *context.status().stage->job;
  job.verdict = finding.verdict;
  job.message = finding.message;
  if (finding.verdict == Verdict::None) return;
  job.errors = finding.verdict == Verdict::Error ? job.errors + 1 : 0;
  if (finding.verdict != Verdict::Error) return conclude(context, finding);
  const About what = about(current_stage(context));
  job.retry_at = context.now + pause_after(job.errors);
  context.event(Event::Type::Warning, what.name + "Error",
                what.noun + " could not be run: Job " + job.name + ": " + finding.message);
}

workload::TestAttempt attempt_of(const api::RolloutStatus& status, int attempt) {
  return {status.candidate_revision, status.stage->name, status.attempt, status.started_at.value_or(Time{}), attempt,
          status.stage->edits};
}

std::optional<LogOf> wanted_log(const api::Rollout& rollout, const Observation& seen) {
  const auto& stage = rollout.status.stage;
  if (!stage || !stage->job || stage->job->verdict != Verdict::None) return std::nullopt;
  const JobSeen* job = seen_job(seen, stage->job->name);
  if (job == nullptr || job->pod.key.name.empty()) return std::nullopt;
  const auto& stages = rollout.spec.stages;
  const auto spec = std::find_if(stages.begin(), stages.end(), [&](const auto& s) { return s.name == stage->name; });
  if (spec == stages.end()) return std::nullopt;
  return kind_of(*spec).wanted_log(*spec, rollout, seen, *job);
}

}  // namespace sluice::rollout
