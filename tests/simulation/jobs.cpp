#include "jobs.h"

#include <nlohmann/json.hpp>

#include "api/json.h"
#include "api/types.h"
#include "kube/object.h"
#include "loadtest/load_result.h"
#include "workload/views.h"

namespace sluice::simulation {
namespace {

using nlohmann::json;

json condition(const char* type, const char* reason) {
  return {{"type", type}, {"status", "True"}, {"reason", reason}, {"message", "as played"}};
}

json ended(const char* phase, int code) {
  const json terminated = {{"terminated", {{"exitCode", code}}}};
  const json container = {{"name", "test"}, {"ready", false}, {"restartCount", 0}, {"state", terminated}};
  return {{"phase", phase}, {"containerStatuses", json::array({container})}};
}

kube::Key pod_of(const kube::Key& job) { return {job.ns, job.name + "-pod"}; }

std::string tested(const kube::Key& rollout, const std::string& revision, const std::string& stage) {
  return rollout.ns + "/" + rollout.name + "/" + revision + "/" + stage;
}

// A minute at 50 requests a second, each answered after so many seconds.
loadtest::LoadResult load_result(Time now, double seconds_each) {
  loadtest::LoadResult result;
  result.started_at = now - minutes(1);
  for (int i = 0; i < 12; ++i) {
    loadtest::LoadWindow window;
    window.at = seconds(5) * i;
    window.length = seconds(5);
    window.asked_rate = window.users = 50;
    window.requests = 250;
    window.response_times = {{seconds_each, 250}};
    result.windows.push_back(window);
  }
  result.generator.tool = "played";
  return result;
}

}  // namespace

Jobs::Jobs(test::MemoryApiServer& server, const Kubelet& kubelet, const Clock& clock, Random random)
    : server_(server), kubelet_(kubelet), clock_(clock), random_(random) {}

Jobs::End Jobs::end_of(const std::string& image, const std::string& attempt) const {
  Random draw = random_.fork(mixed(std::hash<std::string>()(image + "/" + attempt)));
  const double chance = draw.uniform();
  if (chance < 0.1) return End::Disrupted;
  if (chance < 0.15) return End::NeverStarts;
  return image.find(":flawed") != std::string::npos ? End::Fail : End::Pass;
}

bool Jobs::is_known(const kube::Key& key, const std::string& rollout) const {
  const auto live = server_.get(api::kRollouts, {key.ns, rollout});
  if (!live) return false;
  const api::RolloutStatus status = api::read_rollout(*live).rollout.status;
  return status.stage && status.stage->job && status.stage->job->name == key.name && !status.stage->job->uid.empty();
}

void Jobs::notice(const kube::Key& key) {
  const auto live = server_.get(workload::kJobs, key);
  if (!live) {
    running_.erase(key);
    return;
  }
  if (key.name.ends_with("-workers")) return;  // they do what the master says
  const std::string uid = kube::uid_of(*live);
  const auto known = made_.find(key);
  if (known != made_.end() && known->second == uid) return;
  // A first one that somebody deleted before the operator had seen it may be made again.
  const bool unseen = deleted_by_others_.contains(key) && !is_known(key, kube::label_of(*live, api::kRolloutLabel));
  if (known != made_.end() && !unseen) {
    broken_.push_back("Job " + key.name + " was made a second time");
  }
  made_[key] = uid;
  Running job;
  job.uid = uid;
  job.rollout = kube::label_of(*live, api::kRolloutLabel);
  job.revision = kube::label_of(*live, api::kRevisionLabel);
  job.stage = kube::label_of(*live, api::kStageLabel);
  const Workload* workload = kubelet_.find(key.ns, job.rollout, job.revision);
  const std::string image = workload == nullptr ? std::string() : workload->image;
  job.end = end_of(image, kube::label_of(*live, api::kAttemptLabel));
  job.due = clock_.now() + random_.between(seconds(1), seconds(15));
  running_[key] = job;
}

void Jobs::notice_all_gone(const kube::Key& rollout) {
  std::erase_if(running_, [&](const auto& job) {
    return job.first.ns == rollout.ns && job.second.rollout == rollout.name;
  });
}

void Jobs::start(const kube::Key& key, Running& job) {
  job.started = true;
  const bool starts = job.end != End::NeverStarts;
  job.due = clock_.now() + (starts ? random_.between(seconds(2), seconds(90)) : Duration(minutes(10)));
  const json owner = {
      {"apiVersion", "batch/v1"}, {"kind", "Job"}, {"name", key.name}, {"uid", job.uid}, {"controller", true}};
  const json pod = {{"metadata",
                     {{"name", pod_of(key).name},
                      {"namespace", key.ns},
                      {"labels", {{api::kRolloutLabel, job.rollout}}},
                      {"ownerReferences", json::array({owner})}}},
                    {"spec", {{"containers", json::array({{{"name", "test"}}})}}}};
  (void)server_.create(workload::kPods, pod);
  const json waiting = {{"waiting", {{"reason", "ImagePullBackOff"}, {"message", "no such image"}}}};
  const json state = starts ? json{{"running", json::object()}} : waiting;
  const json container = {{"name", "test"}, {"ready", starts}, {"restartCount", 0}, {"state", state}};
  const json status = {{"phase", starts ? "Running" : "Pending"}, {"containerStatuses", json::array({container})}};
  (void)server_.patch(workload::kPods, pod_of(key), {{"status", status}}, {.subresource = "status"});
}

// A load is judged by what was printed, whatever that is.
void Jobs::finish_load(const kube::Key& key, const Running& job) {
  const double time = job.end == End::Fail ? 0.9 : 0.05;
  server_.write_log(pod_of(key), "played\n" + loadtest::format_load_result(load_result(clock_.now(), time)) + "\n");
}

// The pod first, then what the Job controller makes of it; watches may show it the other way round.
void Jobs::finish(const kube::Key& key, const Running& job) {
  json pod = ended("Succeeded", 0);
  json verdict = condition("Complete", "CompletionsReached");
  const bool load = job.stage == "load";
  if (load) finish_load(key, job);
  switch (job.end) {
    case End::Pass: break;
    case End::Fail:
      if (load) break;
      pod = ended("Failed", 1);
      verdict = condition("Failed", "PodFailurePolicy");
      server_.write_log(pod_of(key), "expected 7, got 3\n");
      break;
    case End::Disrupted:
      pod = ended("Failed", 143);
      pod["conditions"] = json::array({condition("DisruptionTarget", "EvictionByEvictionAPI")});
      verdict = condition("Failed", "BackoffLimitExceeded");
      break;
    case End::NeverStarts: verdict = condition("Failed", "DeadlineExceeded"); break;
  }
  if (job.end == End::NeverStarts) {
    (void)server_.remove(workload::kPods, pod_of(key));
  } else {
    (void)server_.patch(workload::kPods, pod_of(key), {{"status", pod}}, {.subresource = "status"});
  }
  json status = {{"conditions", json::array({verdict})}};
  if (verdict["type"] == "Complete") status["completionTime"] = format_time(clock_.now());
  (void)server_.patch(workload::kJobs, key, {{"status", status}}, {.subresource = "status"});
  if (job.end == End::Pass) passed_[tested({key.ns, job.rollout}, job.revision, job.stage)] = clock_.now();
}

void Jobs::act() {
  for (auto at = running_.begin(); at != running_.end();) {
    auto& [key, job] = *at;
    const bool due = job.due <= clock_.now();
    if (due && job.started) {
      finish(key, job);
      at = running_.erase(at);
      continue;
    }
    if (due) start(key, job);
    ++at;
  }
}

std::optional<Time> Jobs::next_due() const {
  std::optional<Time> first;
  for (const auto& [key, job] : running_) {
    if (!first || job.due < *first) first = job.due;
  }
  return first;
}

bool Jobs::delete_one() {
  if (running_.empty()) return false;
  const int which = random_.between(0, static_cast<int>(running_.size()) - 1);
  const kube::Key key = std::next(running_.begin(), which)->first;
  deleted_by_others_.insert(key);
  (void)server_.remove(workload::kJobs, key);
  running_.erase(key);
  return true;
}

bool Jobs::passed_since(const kube::Key& rollout, const std::string& revision, const std::string& stage,
                        Time since) const {
  const auto found = passed_.find(tested(rollout, revision, stage));
  return found != passed_.end() && found->second >= since;
}

}  // namespace sluice::simulation
