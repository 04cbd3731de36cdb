#include "rollout/actuator.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "kube/object.h"
#include "workload/builders.h"
#include "workload/load_job.h"
#include "workload/revision.h"
#include "workload/test_job.h"
#include "workload/up_to_date.h"

namespace sluice::rollout {
namespace {

using workload::Ownership;

Error foreign(const kube::Resource& resource, const kube::Key& key) {
  return Error{ErrorCode::Conflict,
               resource.kind + " " + key.str() + " exists and belongs to somebody else: delete or rename it", {}};
}

kube::PatchOptions apply_options() {
  kube::PatchOptions options;
  options.type = kube::PatchType::Apply;
  options.field_manager = kFieldManager;
  options.force = true;
  return options;
}

class Actuator {
 public:
  Actuator(kube::Client& client, const ClusterCache& cache, const api::Rollout& rollout, const Wanted& wanted,
           const std::string& template_revision, bool just_saved)
      : client_(client),
        cache_(cache),
        rollout_(rollout),
        wanted_(wanted),
        template_revision_(template_revision),
        owner_is_there_(just_saved) {}

  Outcome run() {
    for (const WantedRevision& revision : wanted_.revisions) {
      if (live_replicas(revision.revision) > revision.replicas) continue;
      if (auto done = ensure_revision(revision); !done) return done;
    }
    if (auto done = ensure_stable_service(); !done) return done;
    if (auto done = ensure_route(); !done) return done;
    for (const WantedRevision& revision : wanted_.revisions) {
      if (live_replicas(revision.revision) <= revision.replicas) continue;
      if (auto done = shrink_revision(revision); !done) return done;
    }
    for (const std::string& revision : wanted_.deleted) {
      if (auto done = remove_revision(revision); !done) return done;
    }
    for (const std::string& job : wanted_.deleted_jobs) {
      if (auto done = remove_job(job); !done) return done;
    }
    return ensure_job();
  }

 private:
  kube::Key key_of(const std::string& name) const { return {rollout_.key.ns, name}; }
  kube::Key deployment_key(const std::string& revision) const {
    return key_of(workload::deployment_name(rollout_.key.name, revision));
  }

  int live_replicas(const std::string& revision) const {
    const auto live = cache_.deployment(deployment_key(revision));
    return live ? live->desired : -1;
  }

  Outcome ensure_revision(const WantedRevision& wanted) {
    const kube::Key key = deployment_key(wanted.revision);
    const auto live = cache_.deployment(key);
    if (live && live->deleting) return Ok{};
    if (wanted.revision == template_revision_) {
      const auto object = workload::deployment(rollout_, wanted.revision, wanted.replicas);
      if (auto done = ensure(workload::kDeployments, key, live.get(), object, workload::project_deployment); !done) {
        return done;
      }
    } else if (live) {
      // Its template is no longer in the spec: only its size is ours to change.
      if (workload::ownership(*live, rollout_) == Ownership::Foreign) return foreign(workload::kDeployments, key);
      if (live->desired != wanted.replicas) {
        kube::PatchOptions options;
        options.field_manager = kFieldManager;
        auto done = client_.patch(workload::kDeployments, key, workload::scale_patch(wanted.replicas), options);
        if (!done) return done.error();
      }
    } else {
      return Ok{};  // its Deployment is gone, and with it the template: summary says so
    }
    const kube::Key service = key_of(workload::revision_service_name(rollout_.key.name, wanted.revision));
    return ensure(workload::kServices, service, cache_.service(service).get(),
                  workload::revision_service(rollout_, wanted.revision), workload::project_service);
  }

  Outcome shrink_revision(const WantedRevision& wanted) {
    if (wanted.replicas == 0 && wanted.revision != rollout_.status.stable_revision) {
      const auto free = is_free(wanted.revision);
      if (!free) return free.error();
      if (!*free) return Ok{};
    }
    return ensure_revision(wanted);
  }

  // Whether a revision may lose its last pods: the server itself says that nobody is sent there. The cache may be
  // behind, and somebody may have edited the route since. If so, the news is on its way, and with it the next visit.
  Result<bool> is_free(const std::string& revision) {
    const auto split = split_of(rollout_.status);
    const traffic::Provider& provider = traffic::provider_for(rollout_.spec.traffic);
    const auto resource = provider.resource();
    if (!split || !resource) return true;
    if (!route_) {
      const auto found = client_.get(*resource, rollout_.key);
      if (!found && found.error().code != ErrorCode::NotFound) return found.error();
      const auto live = found ? traffic::project_route(*found) : std::nullopt;
      route_ = provider.observe(rollout_, live ? &*live : nullptr, *split);
    }
    return !traffic::may_be_routed(*route_, revision);
  }

  Outcome ensure_stable_service() {
    if (wanted_.service_revision.empty()) return Ok{};
    const kube::Key key = key_of(workload::stable_service_name(rollout_.key.name));
    return ensure(workload::kServices, key, cache_.service(key).get(),
                  workload::stable_service(rollout_, wanted_.service_revision), workload::project_service);
  }

  Outcome ensure_route() {
    if (!wanted_.split) return Ok{};
    const traffic::Provider& provider = traffic::provider_for(rollout_.spec.traffic);
    const auto resource = provider.resource();
    if (!resource) return Ok{};
    const auto live = cache_.route(rollout_.key);
    const traffic::RouteState state = provider.observe(rollout_, live.get(), *wanted_.split);
    if (state.owned_by_other) return foreign(*resource, rollout_.key);
    const auto object = provider.next_write(rollout_, live.get(), *wanted_.split);
    if (!object) return Ok{};
    if (!live) {
      if (auto taken = refuse_foreign(*resource, rollout_.key); !taken) return taken;
      if (auto there = ensure_owner(); !there) return there;
    }
    auto done = client_.patch(*resource, rollout_.key, *object, apply_options());
    if (done) return Ok{};
    const auto instead = provider.instead_of_refused(rollout_, live.get(), *wanted_.split, done.error());
    if (!instead) return done.error();
    auto second = client_.patch(*resource, rollout_.key, *instead, apply_options());
    if (!second) return second.error();
    return Ok{};
  }

  // Applies `object` unless the live one fits already. What the cache does not know is asked for first: an object
  // of that name that does not carry our label would otherwise be taken over.
  template <class View, class Project>
  Outcome ensure(const kube::Resource& resource, const kube::Key& key, const View* live, const nlohmann::json& object,
                 Project project) {
    if (live != nullptr) {
      if (workload::ownership(*live, rollout_) == Ownership::Foreign) return foreign(resource, key);
      if (live->deleting || workload::up_to_date(*live, object)) return Ok{};
    } else {
      auto found = client_.get(resource, key);
      if (found) {
        const auto view = project(*found);
        if (!view || workload::ownership(*view, rollout_) == Ownership::Foreign) return foreign(resource, key);
        if (workload::up_to_date(*view, object)) return Ok{};
      } else if (found.error().code != ErrorCode::NotFound) {
        return found.error();
      } else if (auto there = ensure_owner(); !there) {
        return there;
      }
    }
    auto done = client_.patch(resource, key, object, apply_options());
    if (!done) return done.error();
    return Ok{};
  }

  // Before anything is made: the server itself says that the Rollout is there. What belongs to one that is gone would
  // be collected and made again, over and over, until the cache learns of its end.
  Outcome ensure_owner() {
    if (owner_is_there_) return Ok{};
    const auto found = client_.get(api::kRollouts, rollout_.key);
    if (!found && found.error().code != ErrorCode::NotFound) return found.error();
    if (!found || kube::uid_of(*found) != rollout_.uid) {
      return Error{ErrorCode::NotFound, "Rollout " + rollout_.key.str() + " has been deleted: nothing is made", {}};
    }
    owner_is_there_ = true;
    return Ok{};
  }

  Outcome refuse_foreign(const kube::Resource& resource, const kube::Key& key) {
    auto found = client_.get(resource, key);
    if (!found) return found.error().code == ErrorCode::NotFound ? Outcome(Ok{}) : Outcome(found.error());
    const auto view = traffic::project_route(*found);
    if (!view || view->owner_uid != rollout_.uid) return foreign(resource, key);
    return Ok{};
  }

  Outcome remove_revision(const std::string& revision) {
    if (live_replicas(revision) > 0) {
      const auto free = is_free(revision);
      if (!free) return free.error();
      if (!*free) return Ok{};
    }
    const kube::Key deployment = deployment_key(revision);
    if (const auto live = cache_.deployment(deployment); live && !live->deleting) {
      if (auto done = remove(workload::kDeployments, deployment, live->uid); !done) return done;
    }
    const kube::Key service = key_of(workload::revision_service_name(rollout_.key.name, revision));
    if (const auto live = cache_.service(service); live && !live->deleting) {
      if (auto done = remove(workload::kServices, service, live->uid); !done) return done;
    }
    return Ok{};
  }

  // Created, not applied: a Job that is there stays as it is, and the server tells of it.
  Outcome ensure_job() {
    if (!wanted_.job) return Ok{};
    const auto& stages = rollout_.spec.stages;
    const auto stage = std::find_if(stages.begin(), stages.end(),
                                    [&](const api::StageSpec& s) { return s.name == wanted_.job->stage; });
    if (stage == stages.end()) return Ok{};
    const bool load = std::holds_alternative<api::LoadTestStage>(stage->body);
    const nlohmann::json job = load ? workload::load_job(rollout_, *stage, wanted_.job->attempt)
                                    : workload::test_job(rollout_, *stage, wanted_.job->attempt);
    std::string uid = wanted_.job->uid;
    if (uid.empty()) {
      if (auto done = create_job(job, uid); !done) return done;
    }
    if (!load || uid.empty()) return Ok{};
    for (const auto& [resource, part] : workload::load_parts(rollout_, *stage, wanted_.job->attempt, uid)) {
      auto made = client_.create(resource, part);
      if (!made && made.error().code != ErrorCode::AlreadyExists) return made.error();
    }
    return Ok{};
  }

  // Gives its uid, or none when it is gone already.
  Outcome create_job(const nlohmann::json& job, std::string& uid) {
    const kube::Key key = kube::key_of(job);
    if (const auto known = cache_.job(key)) {
      uid = known->uid;
      return Ok{};
    }
    if (auto there = ensure_owner(); !there) return there;
    auto made = client_.create(workload::kJobs, job);
    if (made) {
      uid = kube::uid_of(*made);
      return Ok{};
    }
    if (made.error().code != ErrorCode::AlreadyExists) return made.error();
    const auto found = client_.get(workload::kJobs, key);
    if (!found) return found.error().code == ErrorCode::NotFound ? Outcome(Ok{}) : Outcome(found.error());
    const auto view = workload::project_job(*found);
    if (!view || view->owner_uid != rollout_.uid) return foreign(workload::kJobs, key);
    uid = view->uid;
    return Ok{};
  }

  Outcome remove_job(const std::string& name) {
    const auto live = cache_.job(key_of(name));
    return live && !live->deleting ? remove(workload::kJobs, live->key, live->uid) : Outcome(Ok{});
  }

  Outcome remove(const kube::Resource& resource, const kube::Key& key, const std::string& uid) {
    auto done = client_.remove(resource, key, uid);
    if (!done && done.error().code != ErrorCode::NotFound) return done;
    return Ok{};
  }

  kube::Client& client_;
  const ClusterCache& cache_;
  const api::Rollout& rollout_;
  const Wanted& wanted_;
  const std::string& template_revision_;
  std::optional<traffic::RouteState> route_;  // as the server has it, once it was asked
  bool owner_is_there_;                       // as the server said
};

}  // namespace

Outcome actuate(kube::Client& client, const ClusterCache& cache, const api::Rollout& rollout, const Wanted& wanted,
                const std::string& template_revision, bool just_saved) {
  return Actuator(client, cache, rollout, wanted, template_revision, just_saved).run();
}

}  // namespace sluice::rollout
