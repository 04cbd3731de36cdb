// Synthetic load on the candidate's own Service before any user meets it, judged by bounds and not by exit codes.
//
//   | the Job of the attempt                                         | verdict      | then                           |
//   |----------------------------------------------------------------|--------------|--------------------------------|
//   | is complete, every criterion holds                             | Pass         | on, once nothing is paused     |
//   | is complete, a criterion is broken                             | Fail         | roll back, LoadTestFailed      |
//   | is complete, a criterion is neither                            | Inconclusive | onInconclusive                 |
//   | is complete, the generator could not make the load             | Invalid      | pause; a person lets it try    |
//   | is complete, what it says cannot be read, or a worker was lost | Error        | another attempt, later         |
//   | failed: a container, a worker, its node, its deadline          | Error        | another attempt, later         |
//   | is gone, and was not ended                                     | Error        | another attempt, later         |
//   | the same, and there is no attempt left                         | Error        | Inconclusive                   |
//   | is complete, but Prometheus does not tell the memory           | none yet     | it is asked again              |
//   | is complete, but the report cannot be written                  | none yet     | it is written again            |
//
// A tool that fails says that there was no load, not that the candidate is bad: no exit code rolls back. The report is
// in the cluster before the verdict is saved, so that no crash loses it: it is the same for the same facts.
#include <iomanip>
#include <sstream>

#include "loadtest/load_report.h"
#include "rollout/job_attempts.h"
#include "rollout/load_reading.h"
#include "workload/load_job.h"

namespace sluice::rollout {
namespace {

using api::Verdict;
using workload::JobState;

constexpr Duration kAgain = seconds(10);
constexpr Duration kLogPatience = minutes(2);  // for the log of a Job that is complete
constexpr int kResultLines = 200;              // the result is one of the last lines
constexpr int kResultBytes = 4 << 20;          // of those lines; one may have kMostResultBytes
constexpr int kTailBytes = 64 << 10;

const api::LoadTestStage& body(const api::StageSpec& stage) { return std::get<api::LoadTestStage>(stage.body); }

// The answer to `look`, if it has come.
const metrics::LookResult* answer_to(const std::optional<metrics::Look>& look, const Observation& seen) {
  const bool answered = look && seen.look && seen.look->look == *look && !seen.look->error;
  return answered ? &*seen.look : nullptr;
}

// Why a Job that failed did so; None: the news of its pod is still on its way.
Finding failure_of(const Context& context, const JobSeen& job) {
  const api::JobStatus& known = *context.status().stage->job;
  const Duration deadline = workload::load_deadline(current_stage(context));
  if (job.reason == "DeadlineExceeded") {
    const bool ran = known.running_since || job.pod.started;
    std::string why = ran ? "it did not end" : "its pods did not start";
    why += " within its deadline, " + humane(deadline);
    const std::string problem = job.problem.empty() ? problem_of(job.pod) : job.problem;
    return {Verdict::Error, why + (problem.empty() ? "" : ": " + problem)};
  }
  if (is_disrupted(job)) {
    return {Verdict::Error, "its pod was taken away by the cluster: " + workload::explained(job.reason, job.message)};
  }
  if (job.pod.failed) {
    std::string why = job.pod.exit;
    if (!job.problem.empty()) why += "; its workers: " + job.problem;
    return {Verdict::Error, with_log(why + "; see to what it says", context.seen.log)};
  }
  const bool awaited = !job.pod.key.name.empty() && !job.pod.ended && !job.pod.deleting;
  if (awaited) return {};
  const std::string problem = problem_of(job.pod);
  return {Verdict::Error,
          "its pod could not be run: " + (problem.empty() ? workload::explained(job.reason, job.message) : problem)};
}

Finding running(const JobSeen& job) {
  if (!job.lost_worker.empty()) return {Verdict::Error, "a worker was lost: " + job.lost_worker};
  const std::string problem = problem_of(job.pod);
  if (!problem.empty() || job.problem.empty()) return {Verdict::None, problem};
  return {Verdict::None, "its workers: " + job.problem};
}

void tell(std::ostream& out, const std::optional<double>& number) {
  out << '\n';
  if (number) out << *number;
}

// All that shapes the load, and by which it is judged.
std::string declared_load(const api::LoadTestStage& test) {
  std::ostringstream out;
  out << std::setprecision(17) << '\n' << static_cast<int>(test.profile) << '\n' << test.rate << '\n';
  out << test.duration.count();
  for (const api::LoadStep& step : test.steps) out << '\n' << step.duration.count() << ' ' << step.rate;
  if (const auto* locust = std::get_if<api::LocustGenerator>(&test.generator)) {
    out << '\n' << locust->image << '\n' << locust->workers << '\n' << locust->pod_template.text();
    out << '\n' << static_cast<int>(locust->protocol) << '\n' << locust->path << '\n' << locust->model;
    if (locust->locustfile) out << "\nlocustfile " << locust->locustfile->name << '/' << locust->locustfile->key;
    if (locust->payload) out << "\npayload " << locust->payload->name << '/' << locust->payload->key;
  } else {
    out << '\n' << std::get<api::JobGenerator>(test.generator).job.text();
  }
  for (const api::LoadCriterion& criterion : test.criteria) {
    out << '\n' << static_cast<int>(criterion.metric) << '\n' << criterion.query;
    for (const auto& number : {criterion.quantile, criterion.max, criterion.min, criterion.margin}) tell(out, number);
  }
  return out.str();
}

class LoadTest final : public JobStage {
 public:
  std::string declared(const api::StageSpec& stage) const override {
    return "loadTest" + declared_load(body(stage)) + "\n" + std::to_string(workload::load_deadline(stage).count());
  }
  bool initial(const api::StageSpec& stage) const override { return body(stage).initial; }

  // The load is that of all users: a part of the pods could not take it.
  int pods(const api::Spec& spec) const override { return std::max(1, spec.replicas); }

  std::optional<LogOf> wanted_log(const api::StageSpec& stage, const api::Rollout& rollout, const Observation& seen,
                                  const JobSeen& job) const override {
    if (job.state == JobState::Failed && job.pod.failed) {
      return LogOf{job.pod.key.name, job.pod.container, 10, kTailBytes, false};
    }
    if (job.state != JobState::Complete) return std::nullopt;
    const auto memory = memory_look(stage, rollout.spec, rollout.key, rollout.status, job);
    if (memory && answer_to(memory, seen) == nullptr) return std::nullopt;
    return LogOf{job.pod.key.name, job.pod.container, kResultLines, kResultBytes, compares_with_stable(body(stage))};
  }

 protected:
  About about(const api::StageSpec& stage) const override {
    return {"LoadTest", "the load test", "loads", body(stage).retries};
  }
  std::string job_name(const std::string& rollout, const workload::TestAttempt& attempt) const override {
    return workload::load_job_name(rollout, attempt);
  }

  Finding finding(Context& context, const JobSeen& job) const override {
    switch (job.state) {
      case JobState::Running: return running(job);
      case JobState::Failed: return failure_of(context, job);
      case JobState::Complete: break;
    }
    if (!context.seen.report_error.empty()) {
      context.wake_at(context.now + kAgain);
      return {Verdict::None, "its report could not be written: " + context.seen.report_error};
    }
    const auto memory = memory_look(context.rollout, context.status(), context.seen);
    const metrics::LookResult* remembered = answer_to(memory, context.seen);
    if (memory && remembered == nullptr) {
      return {Verdict::None, "the memory of the pods is read from " + memory->prometheus_address};
    }
    if (!context.seen.log || !context.seen.log->error.empty()) return without_log(context, job);
    return read(context, remembered);
  }

  void conclude(Context& context, const Finding& finding) const override {
    const std::string what = "Job " + context.status().stage->job->name + ": " + finding.message;
    switch (finding.verdict) {
      case Verdict::Pass: return context.event(Event::Type::Normal, "LoadTestPassed", what);
      case Verdict::Invalid: return context.event(Event::Type::Warning, kLoadTestInvalid, what);
      case Verdict::Inconclusive: return context.event(Event::Type::Warning, "LoadTestInconclusive", what);
      default: break;
    }
    const std::string message = "the load test failed: " + what;
    context.event(Event::Type::Warning, "LoadTestFailed", message);
    roll_back(context, "LoadTestFailed", message);
  }

 private:
  // Kubernetes keeps it as long as the pod; a node that is away for a while may give it later.
  static Finding without_log(Context& context, const JobSeen& job) {
    const Time limit = std::max(job.ended, job.created) + kLogPatience;
    const bool gone = job.pod.key.name.empty();
    const std::string why = gone ? "its pod is gone, and its result with it"
                                 : "its log could not be read" +
                                       (context.seen.log ? ": " + context.seen.log->error : std::string());
    if (context.now >= limit && (gone || context.seen.log)) return {Verdict::Error, why};
    context.wake_at(std::max(limit, context.now + kAgain));
    if (context.seen.log) context.wake_at(context.now + kAgain);
    return {Verdict::None, "its result is being read" + (gone || !context.seen.log ? std::string() : "; " + why)};
  }

  static Finding read(Context& context, const metrics::LookResult* remembered) {
    const auto result = loadtest::parse_load_result(context.seen.log->text);
    if (!result) {
      const std::string why = "it printed no result: " + result.error().message + "; see docs/load-tests.md";
      return {Verdict::Error, with_log(why, context.seen.log)};
    }
    if (result->generator.lost_workers > 0) {
      return {Verdict::Error, std::to_string(result->generator.lost_workers) + " of " +
                                  std::to_string(result->generator.workers) + " workers were lost under load"};
    }
    loadtest::LoadObservation seen;
    seen.result = *result;
    if (remembered != nullptr) {
      for (const metrics::Sample& sample : remembered->series) seen.memory.push_back({sample.at, sample.value});
    }
    const RevisionSeen& candidate = context.revision(context.status().candidate_revision);
    seen.restarts = std::max(0, candidate.restarts - context.status().stage->job->restarts);
    seen.replicas = std::max(1, candidate.endpoints);
    seen.stable = context.seen.stable_load;
    return judged(context, seen);
  }

  static Finding judged(Context& context, const loadtest::LoadObservation& seen) {
    api::RolloutStatus& status = context.status();
    const api::StageSpec& stage = current_stage(context);
    const loadtest::LoadVerdict verdict = loadtest::judge_load(body(stage), seen);
    api::LoadTestStatus told = numbers_of(seen.result);
    told.stage = stage.name;
    told.attempt = status.stage->job->attempt;
    told.verdict = verdict.verdict;
    told.report = workload::report_name(context.rollout.key.name, status.candidate_revision, stage.name);
    told.message = verdict.message;
    context.decision.report = LoadReport{told.report, status.candidate_revision, stage.name,
                                         loadtest::load_report(body(stage), seen, verdict)};
    auto& all = status.load_tests;
    std::erase_if(all, [&](const api::LoadTestStatus& one) { return one.stage == stage.name; });
    all.push_back(std::move(told));
    return {verdict.verdict, verdict.message};
  }
};

}  // namespace

const StageKind& kind_of(const api::LoadTestStage&) {
  static const LoadTest kind;
  return kind;
}

}  // namespace sluice::rollout
