#include "rollout/cluster_cache.h"

#include <nlohmann/json.hpp>
#include <tuple>

#include "api/json.h"
#include "workload/load_job.h"
#include "workload/revision.h"

namespace sluice::rollout {
std::optional<KnownRollout> read_rollout(const nlohmann::json& object) {
  api::RolloutReading reading = api::read_rollout(object);
  if (reading.rollout.key.name.empty()) return std::nullopt;
  KnownRollout known{std::move(reading.rollout), std::move(reading.problems), {}};
  for (api::FieldError& error : api::validate(known.rollout)) known.invalid.push_back(std::move(error));
  const nlohmann::json pod_template = known.rollout.spec.pod_template.tree();
  if (pod_template.is_object()) {
    known.wanted_revision = workload::revision_of(pod_template, known.rollout.status.collision_count);
  }
  return known;
}

namespace {

// Slices of a Rollout that was deleted and made anew under the same name may be seen for longer than its Services.
bool belongs_to(const workload::EndpointsView& slice, const workload::ServiceView* service,
                const api::Rollout& rollout) {
  if (service == nullptr || workload::ownership(*service, rollout) == workload::Ownership::Foreign) return false;
  return slice.owner_uid.empty() || slice.owner_uid == service->uid;
}

// By its status nothing is under way, and the spec has not been changed since.
bool is_idle(const api::Rollout& rollout) {
  const api::RolloutStatus& status = rollout.status;
  return !rollout.deleting && rollout.generation == status.observed_generation && status.candidate_revision.empty() &&
         !status.stage && status.phase != api::Phase::Progressing;
}

}  // namespace

runtime::ReflectorOptions watch_options(const kube::Resource& resource, const Scope& scope) {
  runtime::ReflectorOptions options;
  options.ns = scope.ns;
  if (resource.kind == api::kRollouts.kind) {
    // Its status is the memory of the process before this one. From an older one that a cache of the API server
    // still held, decisions would be repeated that were made and carried out already.
    options.latest = true;
    options.selector.labels = scope.selector;
  } else {
    options.selector.labels = api::kRolloutLabel;
  }
  // They tell who wrote a route last, and who approved a stage. Of Rollouts nothing else of them is kept.
  options.keep_managed_fields = resource == traffic::kHttpRoutes || resource == api::kRollouts;
  return options;
}

ClusterCache::ClusterCache(Scope scope)
    : scope_(std::move(scope)),
      rollouts_("rollouts", read_rollout),
      deployments_("deployments", workload::project_deployment),
      services_("services", workload::project_service),
      endpoints_("endpointslices", workload::project_endpoints),
      pods_("pods", workload::project_pod),
      jobs_("jobs", workload::project_job),
      routes_("httproutes", traffic::project_route) {
  const auto by_rollout = [](const kube::Key&, const auto& view) {
    return std::vector<kube::Key>{view.rollout_key()};
  };
  deployments_of_ = deployments_.add_index(by_rollout);
  endpoints_of_ = endpoints_.add_index(by_rollout);
  pods_of_ = pods_.add_index(by_rollout);
  jobs_of_ = jobs_.add_index(by_rollout);
  if (scope_.shard.count <= 1) return;
  rollouts_.only([shard = scope_.shard](const nlohmann::json& object) { return shard.owns(kube::key_of(object)); });
  const auto of_shard = [shard = scope_.shard](const nlohmann::json& object) {
    return shard.owns({kube::namespace_of(object), kube::label_of(object, api::kRolloutLabel)});
  };
  deployments_.only(of_shard);
  services_.only(of_shard);
  endpoints_.only(of_shard);
  pods_.only(of_shard);
  routes_.only(of_shard);
  jobs_.only(of_shard);
}

std::vector<std::pair<kube::Resource, runtime::ReflectorSink*>> ClusterCache::sinks() {
  std::vector<std::pair<kube::Resource, runtime::ReflectorSink*>> all{{api::kRollouts, &rollouts_},
                                                                      {workload::kDeployments, &deployments_},
                                                                      {workload::kServices, &services_},
                                                                      {workload::kEndpointSlices, &endpoints_},
                                                                      {workload::kPods, &pods_},
                                                                      {workload::kJobs, &jobs_},
                                                                      {traffic::kHttpRoutes, &routes_}};
  return all;
}

void ClusterCache::watch(kube::Client& client, const Clock& clock, runtime::Observer& observer) {
  for (const auto& [resource, sink] : sinks()) {
    reflectors_.push_back(std::make_unique<runtime::Reflector>(client, resource, *sink, clock,
                                                               watch_options(resource, scope_), observer));
  }
}

void ClusterCache::on_change(const std::function<void(const kube::Key&)>& changed) {
  rollouts_.on_change([changed](const kube::Key& key, const auto&, const auto&) { changed(key); });
  const auto of_rollout = [this, changed](const kube::Key&, const auto& before, const auto& after) {
    const auto tell = [&](const kube::Key& key) {
      if (rollouts_.get(key)) changed(key);
    };
    // Labelled anew, it was of another one before: that one misses it.
    if (before && !(after && after->rollout_key() == before->rollout_key())) tell(before->rollout_key());
    if (after) tell(after->rollout_key());
  };
  deployments_.on_change(of_rollout);
  services_.on_change(of_rollout);
  endpoints_.on_change(of_rollout);
  pods_.on_change(of_rollout);
  jobs_.on_change(of_rollout);
  routes_.on_change(of_rollout);
}

std::vector<std::pair<kube::Key, runtime::Priority>> ClusterCache::first_visits() const {
  std::vector<std::pair<kube::Key, runtime::Priority>> visits;
  for (const auto& [key, known] : rollouts_.list()) {
    visits.emplace_back(key, is_idle(known->rollout) ? runtime::Priority::Resync : runtime::Priority::Change);
  }
  return visits;
}

void ClusterCache::start() {
  for (auto& reflector : reflectors_) reflector->start();
}

bool ClusterCache::wait_synced(Duration timeout) {
  return wait_for_all(timeout, &runtime::Reflector::wait_synced);
}

void ClusterCache::refresh() {
  for (auto& reflector : reflectors_) reflector->refresh();
}

void ClusterCache::retry_now() {
  for (auto& reflector : reflectors_) reflector->retry_now();
}

bool ClusterCache::wait_fresh(Duration timeout) {
  return wait_for_all(timeout, &runtime::Reflector::wait_fresh);
}

bool ClusterCache::wait_for_all(Duration timeout, bool (runtime::Reflector::*wait)(Duration)) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (auto& reflector : reflectors_) {
    const auto left = std::chrono::duration_cast<Duration>(deadline - std::chrono::steady_clock::now());
    if (!(*reflector.*wait)(std::max(left, Duration(0)))) return false;
  }
  return true;
}

std::string ClusterCache::unsynced() const {
  if (reflectors_.empty()) return api::kRollouts.plural;
  for (const auto& reflector : reflectors_) {
    if (!reflector->synced()) return reflector->name();
  }
  return "";
}

void ClusterCache::stop() {
  for (auto& reflector : reflectors_) reflector->stop();
}

void ClusterCache::add_job(const workload::JobView& job, const api::Rollout& rollout, Observation& seen) const {
  if (job.owner_uid != rollout.uid) return;
  JobSeen out{.uid = job.uid,
              .revision = job.revision,
              .state = job.state,
              .reason = job.reason,
              .message = job.message,
              .deleting = job.deleting,
              .created = job.created,
              .ended = job.ended};
  const auto workers = jobs_.get({job.key.ns, workload::workers_name(job.key.name)});
  out.has_workers = workers && workers->owner_uid == job.uid;
  if (out.has_workers && workers->state == workload::JobState::Failed) {
    out.lost_worker = workload::explained(workers->reason, workers->message);
  }
  std::vector<workload::PodView> of_workers;
  for (const auto& item : pods_.indexed(pods_of_, rollout.key)) {
    const workload::PodView& pod = *item.object;
    if (out.has_workers && pod.owner_uid == workers->uid) of_workers.push_back(pod);
    if (pod.job != job.key.name || pod.owner_uid != job.uid) continue;
    const bool complete = job.state == workload::JobState::Complete;  // by one that did not fail
    const auto rank = [&](const workload::PodView& one) {
      return std::tuple(one.failed != complete, one.created, one.key.name);
    };
    if (out.pod.key.name.empty() || rank(out.pod) < rank(pod)) out.pod = pod;
  }
  out.problem = workload::why_not_ready(nullptr, of_workers);
  seen.jobs.insert_or_assign(job.key.name, std::move(out));
}

Observation ClusterCache::observe(const KnownRollout& known, const api::RolloutStatus& status) const {
  const api::Rollout& rollout = known.rollout;
  Observation seen;
  seen.wanted_revision = known.wanted_revision;
  seen.invalid = known.invalid;

  std::map<std::string, std::vector<workload::EndpointsView>> slices;  // by Service
  for (const auto& item : endpoints_.indexed(endpoints_of_, rollout.key)) {
    const workload::EndpointsView& slice = *item.object;
    if (belongs_to(slice, services_.get({rollout.key.ns, slice.service}).get(), rollout)) {
      slices[slice.service].push_back(slice);
    }
  }
  std::map<std::string, std::vector<workload::PodView>> pods;  // by revision, without those of Jobs
  for (const auto& item : pods_.indexed(pods_of_, rollout.key)) {
    if (item.object->job.empty()) pods[item.object->revision].push_back(*item.object);
  }

  for (const auto& item : deployments_.indexed(deployments_of_, rollout.key)) {
    const workload::DeploymentView& view = *item.object;
    if (view.deleting || view.revision.empty()) continue;
    RevisionSeen& revision = seen.revisions[view.revision];
    revision.foreign = workload::ownership(view, rollout) == workload::Ownership::Foreign;
    revision.exists = !revision.foreign;
    revision.desired = view.desired;
    revision.created = view.created;
    revision.endpoints =
        workload::ready_endpoints(slices[workload::revision_service_name(rollout.key.name, view.revision)]);
    for (const workload::PodView& pod : pods[view.revision]) revision.restarts += pod.restarts;
    revision.ready_since = workload::ready_since(pods[view.revision]);
    revision.problem = workload::why_not_ready(&view, pods[view.revision]);
  }

  for (const auto& item : jobs_.indexed(jobs_of_, rollout.key)) add_job(*item.object, rollout, seen);

  if (const auto split = split_of(status)) {
    const auto live = routes_.get(rollout.key);
    seen.route = traffic::provider_for(rollout.spec.traffic).observe(rollout, live.get(), *split);
  }
  return seen;
}

}  // namespace sluice::rollout
