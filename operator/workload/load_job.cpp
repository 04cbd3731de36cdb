#include "workload/load_job.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kube/object.h"
#include "loadtest/load_profile.h"
#include "loadtest/load_script.h"
#include "workload/builders.h"
#include "workload/job_parts.h"
#include "workload/pod_template.h"

namespace sluice::workload {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestName = 55;
constexpr const char* kJobLabel = "sluice.dev/job";  // which attempt's master a Service selects
constexpr int kMasterPort = 5557;                    // Locust's own
constexpr int kPatience = 120;                       // seconds in which all workers have to come
constexpr int kUser = 1000;
constexpr Duration kAroundTheLoad = minutes(10);

const api::LoadTestStage& body(const api::StageSpec& stage) { return std::get<api::LoadTestStage>(stage.body); }

enum class Role { Master, Worker };

json arguments(const api::LocustGenerator& locust, Role role, const std::string& master) {
  std::string files = "/sluice/sluice_load.py";
  if (locust.locustfile) files += ",/sluice-user/" + locust.locustfile->key;
  json all = {"-f", files, "--headless", "--only-summary", "--exit-code-on-error", "0", "-H", "$(SLUICE_URL)"};
  const auto add = [&](std::initializer_list<std::string> more) {
    for (const std::string& one : more) all.push_back(one);
  };
  if (role == Role::Worker) {
    add({"--worker", "--master-host", master});
  } else {
    add({"--master", "--expect-workers", std::to_string(locust.workers), "--expect-workers-max-wait",
         std::to_string(kPatience), "--stop-timeout", "30"});
  }
  return all;
}

json config_volume(const char* name, const std::string& config_map, const std::string& key) {
  return {{"name", name},
          {"configMap", {{"name", config_map}, {"items", json::array({{{"key", key}, {"path", key}}})}}}};
}

// What the pods have unless the user's template says otherwise.
json locust_template(const api::LocustGenerator& locust, const std::string& job, Role role, const json& variables) {
  const auto mount = [](const char* name, const char* path) { return json{{"name", name}, {"mountPath", path}}; };
  json volumes = json::array({config_volume("sluice", job, "sluice_load.py"),
                              {{"name", "tmp"}, {"emptyDir", json::object()}}});
  json mounts = json::array({mount("sluice", "/sluice"), mount("tmp", "/tmp")});
  const auto give = [&](const char* name, const char* path, const std::optional<api::ConfigKey>& from) {
    if (!from) return;
    volumes.push_back(config_volume(name, from->name, from->key));
    mounts.push_back(mount(name, path));
  };
  give("sluice-user", "/sluice-user", locust.locustfile);
  give("sluice-payload", "/sluice-payload", locust.payload);
  json container = {
      {"name", api::kLocustContainer},
      {"image", locust.image},
      {"command", json::array({"locust"})},
      {"args", arguments(locust, role, job)},
      {"env", variables},
      {"volumeMounts", std::move(mounts)},
      {"securityContext", {{"allowPrivilegeEscalation", false}, {"capabilities", {{"drop", json::array({"ALL"})}}}}}};
  if (role == Role::Master) {
    container["ports"] = json::array({{{"name", "locust"}, {"containerPort", kMasterPort}}});
  }
  return {{"spec",
           {{"restartPolicy", "Never"},
            {"automountServiceAccountToken", false},
            {"enableServiceLinks", false},
            {"securityContext",
             {{"runAsNonRoot", true},
              {"runAsUser", kUser},
              {"runAsGroup", kUser},
              {"seccompProfile", {{"type", "RuntimeDefault"}}}}},
            {"containers", json::array({std::move(container)})},
            {"volumes", std::move(volumes)}}}};
}

json load_environment(const api::Rollout& rollout, const api::StageSpec& stage, const TestAttempt& attempt) {
  json all = environment(rollout, attempt.revision);
  all.push_back(variable("SLUICE_LOAD_TEST", loadtest::load_config(body(stage))));
  return all;
}

// Any end of a pod but success ends the Job, and its message tells which of the two it was.
json failure_policy() {
  const json disrupted = {{"action", "FailJob"},
                          {"onPodConditions", json::array({{{"type", "DisruptionTarget"}, {"status", "True"}}})}};
  const json failed = {{"action", "FailJob"}, {"onExitCodes", {{"operator", "NotIn"}, {"values", json::array({0})}}}};
  return {{"rules", json::array({disrupted, failed})}};
}

json locust_spec(const api::Rollout& rollout, const api::StageSpec& stage, const TestAttempt& attempt, Role role) {
  const auto& locust = std::get<api::LocustGenerator>(body(stage).generator);
  const std::string job = load_job_name(rollout.key.name, attempt);
  json variables = load_environment(rollout, stage, attempt);
  variables.push_back(variable("HOME", "/tmp"));
  variables.push_back(variable("PYTHONUNBUFFERED", "1"));
  json pod = merged(locust_template(locust, job, role, variables), locust.pod_template.tree());
  json& labels = object_in(object_in(pod, "metadata"), "labels");
  labels[api::kRolloutLabel] = rollout.key.name;
  labels[api::kStageLabel] = attempt.stage;
  if (role == Role::Master) labels[kJobLabel] = job;
  const int pods = role == Role::Master ? 1 : locust.workers;
  return {{"parallelism", pods},
          {"completions", pods},
          {"backoffLimit", 0},
          {"activeDeadlineSeconds", std::chrono::ceil<seconds>(load_deadline(stage)).count()},
          {"podFailurePolicy", failure_policy()},
          {"template", std::move(pod)}};
}

// Owned by the master's Job. Not found by the Rollout's label: that is for what the operator keeps copies of.
json part_metadata(const api::Rollout& rollout, const std::string& job, const std::string& uid,
                   const std::string& name) {
  const json owner = {
      {"apiVersion", "batch/v1"}, {"kind", "Job"}, {"name", job}, {"uid", uid}, {"controller", true}};
  return {{"name", name},
          {"namespace", rollout.key.ns},
          {"labels", {{kJobLabel, job}, {"app.kubernetes.io/managed-by", "sluice"}}},
          {"ownerReferences", json::array({owner})}};
}

}  // namespace

std::string load_job_name(const std::string& rollout, const TestAttempt& attempt) {
  return attempt_name(rollout, attempt, kLongestName);
}

std::string workers_name(const std::string& load_job) { return load_job + "-workers"; }

json load_job(const api::Rollout& rollout, const api::StageSpec& stage, const TestAttempt& attempt) {
  const std::string name = load_job_name(rollout.key.name, attempt);
  if (const auto* tool = std::get_if<api::JobGenerator>(&body(stage).generator)) {
    return attempt_job(rollout, attempt, name,
                       user_job_spec(tool->job.tree(), rollout, attempt, load_environment(rollout, stage, attempt),
                                     load_deadline(stage)));
  }
  return attempt_job(rollout, attempt, name, locust_spec(rollout, stage, attempt, Role::Master));
}

std::vector<std::pair<kube::Resource, json>> load_parts(const api::Rollout& rollout, const api::StageSpec& stage,
                                                        const TestAttempt& attempt, const std::string& uid) {
  if (!std::holds_alternative<api::LocustGenerator>(body(stage).generator)) return {};
  const std::string job = load_job_name(rollout.key.name, attempt);
  const json script = {{"apiVersion", "v1"},
                       {"kind", "ConfigMap"},
                       {"metadata", part_metadata(rollout, job, uid, job)},
                       {"data", {{"sluice_load.py", loadtest::load_script()}}}};
  const json port = {{"name", "locust"}, {"port", kMasterPort}, {"targetPort", kMasterPort}, {"protocol", "TCP"}};
  const json service = {{"apiVersion", "v1"},
                        {"kind", "Service"},
                        {"metadata", part_metadata(rollout, job, uid, job)},
                        {"spec",
                         {{"clusterIP", "None"},
                          {"publishNotReadyAddresses", true},  // the workers come before the master is ready
                          {"selector", {{kJobLabel, job}}},
                          {"ports", json::array({port})}}}};
  json meta = part_metadata(rollout, job, uid, workers_name(job));
  meta["labels"].update(job_labels(rollout, attempt));
  const json workers = {{"apiVersion", "batch/v1"},
                        {"kind", "Job"},
                        {"metadata", std::move(meta)},
                        {"spec", locust_spec(rollout, stage, attempt, Role::Worker)}};
  return {{kConfigMaps, script}, {kServices, service}, {kJobs, workers}};
}

Duration load_deadline(const api::StageSpec& stage) {
  const api::LoadTestStage& test = body(stage);
  if (test.deadline) return *test.deadline;
  const auto* tool = std::get_if<api::JobGenerator>(&test.generator);
  if (const auto own = tool == nullptr ? std::nullopt : own_deadline(tool->job)) return *own;
  const Duration load = loadtest::load_duration(test) + loadtest::warm_up(test);
  return std::min(load + kAroundTheLoad, stage.max_duration);
}

std::string report_name(const std::string& rollout, const std::string& revision, const std::string& stage) {
  return rollout + "-" + revision + "-" + stage;
}

}  // namespace sluice::workload
