#include "rollout/load_reading.h"

#include <algorithm>
#include <map>

#include "api/numbers.h"
#include "loadtest/load_profile.h"
#include "rollout/job_attempts.h"
#include "rollout/queries.h"

namespace sluice::rollout {
namespace {

constexpr const char* kMemory =
    "sum(container_memory_working_set_bytes{namespace=\"$(namespace)\",pod=~\"$(pods)\"})";
constexpr int kSamples = 240;
constexpr Duration kShortestStep = seconds(1);

// The query of the criterion that asks for memory; nullptr: none does.
const api::LoadCriterion* memory_criterion(const std::vector<api::LoadCriterion>& criteria) {
  const auto found = std::find_if(criteria.begin(), criteria.end(), [](const api::LoadCriterion& one) {
    return one.metric == api::LoadMetric::MemoryGrowth;
  });
  return found == criteria.end() ? nullptr : &*found;
}

// Above which so many of all requests were answered: the smallest time that has at least this share at or below it.
std::string quantile_text(const std::map<double, std::int64_t>& times, std::int64_t total, double share) {
  const double needed = share * static_cast<double>(total);
  std::int64_t below = 0;
  for (const auto& [time, count] : times) {
    below += count;
    if (static_cast<double>(below) < needed) continue;
    return api::ratio_text(time * 1000) + "ms";
  }
  return "";
}

}  // namespace

std::optional<metrics::Look> memory_look(const api::StageSpec& stage, const api::Spec& spec, const kube::Key& rollout,
                                         const api::RolloutStatus& status, const JobSeen& job) {
  const auto& test = std::get<api::LoadTestStage>(stage.body);
  const auto criteria = loadtest::load_criteria(test);
  const api::LoadCriterion* memory = memory_criterion(criteria);
  if (memory == nullptr || spec.analysis.prometheus_address.empty()) return std::nullopt;
  metrics::Look look;
  look.prometheus_address = spec.analysis.prometheus_address;
  look.from = status.stage->job->running_since.value_or(job.created);
  look.to = job.ended != Time{} ? job.ended : look.from + loadtest::load_duration(test);
  if (look.to <= look.from) look.to = look.from + seconds(1);
  const auto step = std::chrono::ceil<seconds>((look.to - look.from) / kSamples);
  look.series = metrics::SeriesQuery{
      filled(memory->query.empty() ? kMemory : memory->query, placeholders(rollout, status.candidate_revision)),
      std::max<Duration>(kShortestStep, step)};
  return look;
}

std::optional<metrics::Look> memory_look(const api::Rollout& rollout, const api::RolloutStatus& status,
                                         const Observation& seen) {
  if (!status.stage || !status.stage->job || status.stage->job->verdict != api::Verdict::None) return std::nullopt;
  const auto index = static_cast<std::size_t>(status.stage->index);
  if (index >= rollout.spec.stages.size()) return std::nullopt;
  const api::StageSpec& stage = rollout.spec.stages[index];
  const JobSeen* job = seen_job(seen, status.stage->job->name);
  const bool complete = job != nullptr && job->state == workload::JobState::Complete;
  if (!complete || stage.name != status.stage->name || !std::holds_alternative<api::LoadTestStage>(stage.body)) {
    return std::nullopt;
  }
  return memory_look(stage, rollout.spec, rollout.key, status, *job);
}

bool compares_with_stable(const api::LoadTestStage& stage) {
  const auto criteria = loadtest::load_criteria(stage);
  return std::any_of(criteria.begin(), criteria.end(), [](const auto& one) { return one.margin.has_value(); });
}

api::LoadTestStatus numbers_of(const loadtest::LoadResult& result) {
  api::LoadTestStatus out;
  std::map<double, std::int64_t> times;
  std::int64_t answered = 0;
  Duration length{};
  for (const loadtest::LoadWindow& window : result.windows) {
    out.requests += window.requests;
    out.failures += window.failures;
    length += window.length;
    for (const loadtest::ResponseTimes& one : window.response_times) {
      times[one.seconds] += one.count;
      answered += one.count;
    }
  }
  const double took = std::chrono::duration<double>(length).count();
  if (took > 0) out.rate = api::ratio_text(static_cast<double>(out.requests) / took) + "/s";
  if (answered == 0) return out;
  out.p50 = quantile_text(times, answered, 0.50);
  out.p95 = quantile_text(times, answered, 0.95);
  out.p99 = quantile_text(times, answered, 0.99);
  return out;
}

}  // namespace sluice::rollout
