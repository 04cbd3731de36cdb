#include "invariants.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/conditions.h"
#include "api/json.h"
#include "kube/object.h"
#include "traffic/route_view.h"
#include "workload/revision.h"
#include "workload/views.h"

namespace sluice::simulation {
namespace {

constexpr Duration kHeardOf = seconds(2);  // a gateway knows of a pod that has been ready for so long

std::string revision_in(const kube::Key& rollout, const std::string& service) {
  return service.size() > rollout.name.size() + 1 ? service.substr(rollout.name.size() + 1) : std::string();
}

std::string percent(double share) { return std::to_string(share * 100) + " %"; }

}  // namespace

std::optional<api::Rollout> Invariants::rollout(const kube::Key& key) const {
  const auto live = world_.server.get(api::kRollouts, key);
  if (!live) return std::nullopt;
  return api::read_rollout(*live).rollout;
}

void Invariants::operator_wrote(const test::Call& call, Time caught_up_at) {
  if (call.resource == api::kRollouts) check_status(call.key);
  for (; jobs_told_ < world_.jobs.broken().size(); ++jobs_told_) fail(world_.jobs.broken()[jobs_told_]);
  if (call.resource == traffic::kHttpRoutes) check_route(call.key, caught_up_at);
  if (call.resource == workload::kDeployments) check_deployment(call.key);
  if (call.resource == workload::kServices && known_.contains(call.key)) {
    check_stable_service(call.key, caught_up_at);
  }
}

void Invariants::refresh(const kube::Key& key) {
  const auto now = rollout(key);
  if (!now) return;
  Known& known = known_[key];
  if (known.rollout.uid != now->uid) known = {};
  known.rollout = *now;
  double sum = 0;
  known.shares = live_shares(key, sum);
}

void Invariants::forget(const kube::Key& rollout) { known_.erase(rollout); }

std::map<std::string, double> Invariants::live_shares(const kube::Key& key, double& sum) const {
  std::map<std::string, double> shares;
  const auto live = world_.server.get(traffic::kHttpRoutes, key);
  if (!live) return shares;
  sum = 0;
  for (const Backend& backend : backends_of(*live)) sum += backend.weight;
  const std::vector<Backend> backends = all_backends_of(*live);
  double all = 0;
  for (const Backend& backend : backends) all += backend.weight;
  for (const Backend& backend : backends) shares[revision_in(key, backend.service)] += backend.weight / all;
  return shares;
}

double Invariants::routed_share(const kube::Key& key, const std::string& revision) const {
  double sum = 0;
  double of_revision = 0;
  for (const Backend& backend : world_.gateway.routed(key)) {
    sum += backend.weight;
    if (revision_in(key, backend.service) == revision) of_revision += backend.weight;
  }
  return sum > 0 ? of_revision / sum : 0;
}

bool Invariants::ready_since(const kube::Key& key, const std::string& revision, Time since) const {
  const Workload* workload = world_.kubelet.find(key.ns, key.name, revision);
  if (workload == nullptr) return false;
  return workload->ready() > 0 || (workload->last_ready && *workload->last_ready >= since);
}

double Invariants::rate_of(const kube::Key& key, const std::string& revision) {
  const std::string name = key.name + "/" + revision;
  if (const Workload* workload = world_.kubelet.find(key.ns, key.name, revision)) {
    rates_[name] = error_rate(workload->image);
  }
  const auto known = rates_.find(name);
  return known == rates_.end() ? 0 : known->second;
}

void Invariants::check_route(const kube::Key& key, Time caught_up_at) {
  const auto found = known_.find(key);
  if (found == known_.end()) return;
  Known& known = found->second;
  const api::RolloutStatus& status = known.rollout.status;
  double sum = 0;
  const std::map<std::string, double> shares = live_shares(key, sum);
  if (shares == known.shares || shares.empty()) return;
  if (sum != 100 && sum != 1'000'000) fail("the weights of the route sum to " + std::to_string(sum));
  int exposed = 0;
  for (const auto& [revision, share] : shares) {
    if (share <= 0 || revision == status.stable_revision) continue;
    ++exposed;
    const auto old = known.shares.find(revision);
    const double before = old == known.shares.end() ? 0 : old->second;
    const bool raised = share > before + kLastDrop;
    if (revision != status.candidate_revision) {
      if (raised) fail("revision " + revision + ", which is not the candidate, was given more traffic");
      continue;
    }
    const bool by_header = status.traffic.assigned > 0;
    const double allowed = (by_header ? kWithHeader : status.traffic.candidate) / 100.0;
    if (raised && share > allowed + kLastDrop) {
      fail("the route gives the candidate " + percent(share) + ", the status allows " + percent(allowed));
    }
    if (raised && !ready_since(key, revision, caught_up_at)) {
      fail("the candidate was given " + percent(share) + " without a ready pod");
    }
    const Workload* workload = world_.kubelet.find(key.ns, key.name, revision);
    if (raised && before == 0 && workload != nullptr && workload->first_ready > world_.clock.now() - kHeardOf) {
      fail("the candidate was given " + percent(share) + " before a gateway knew of its first pod");
    }
  }
  if (exposed > 1) fail("two candidates are exposed at once");
  known.shares = shares;
}

void Invariants::check_deployment(const kube::Key& deployment) {
  const auto live = world_.server.get(workload::kDeployments, deployment);
  std::string name = live ? kube::label_of(*live, api::kRolloutLabel) : std::string();
  if (name.empty()) name = deployment.name.substr(0, deployment.name.rfind('-'));
  const kube::Key key{deployment.ns, name};
  const auto found = known_.find(key);
  if (found == known_.end()) return;
  Known& known = found->second;
  const std::string revision = revision_in(key, deployment.name);
  rate_of(key, revision);
  const int replicas = live ? static_cast<int>(kube::int_at(*live, {"spec", "replicas"})) : 0;
  const int before = known.replicas.contains(revision) ? known.replicas[revision] : 0;
  known.replicas[revision] = replicas;
  if (replicas >= before) return;
  double sum = 0;
  const auto shares = live_shares(key, sum);
  const auto asked = shares.find(revision);
  const double share = std::max(asked == shares.end() ? 0 : asked->second, routed_share(key, revision));
  const int needed = revision == known.rollout.status.stable_revision ? known.rollout.spec.replicas : 1;
  if (share > kLastDrop && replicas < needed) {
    fail("revision " + revision + " was scaled from " + std::to_string(before) + " to " + std::to_string(replicas) +
         " pods while it gets " + percent(share) + " of the traffic");
  }
}

void Invariants::check_stable_service(const kube::Key& key, Time caught_up_at) {
  const auto live = world_.server.get(workload::kServices, key);
  if (!live) return;
  const std::string selected = kube::string_at(*live, {"spec", "selector", api::kRevisionLabel});
  const api::RolloutStatus& status = known_[key].rollout.status;
  if (selected != status.stable_revision) fail("the stable Service selects " + selected + ", which is not stable");
  const bool just_promoted = !status.history.empty() && status.history.front().revision == selected &&
                             status.history.front().finished_at >= caught_up_at;
  if (just_promoted && !ready_since(key, selected, caught_up_at)) fail("the stable Service leads to no ready pod");
}

void Invariants::check_events(std::uint64_t recorded, std::uint64_t happenings) {
  if (recorded > happenings) {
    fail(std::to_string(recorded) + " events were recorded where " + std::to_string(happenings) + " would do");
  }
}

bool Invariants::at_rest(const api::Rollout& rollout) {
  const api::RolloutStatus& status = rollout.status;
  if (status.observed_generation != rollout.generation) return false;
  switch (status.phase) {
    case api::Phase::Healthy:
    case api::Phase::RolledBack: return true;
    case api::Phase::Paused:
    case api::Phase::Degraded:
      return rollout.spec.paused ||
             api::has_status(status.conditions, api::kStalled, api::ConditionStatus::True);
    case api::Phase::Pending:
    case api::Phase::Progressing: return false;
  }
  return false;
}

void Invariants::check_rest(const kube::Key& key) {
  const auto now = rollout(key);
  if (!now) return;
  const api::RolloutStatus& status = now->status;
  const std::string says = std::string(" (") + status.message + ")";
  if (!at_rest(*now)) {
    fail("rollout " + key.name + " does not come to rest" + says);
    return;
  }
  const std::string wanted = workload::revision_of(now->spec.pod_template.tree(), status.collision_count);
  const bool stalled = api::has_status(status.conditions, api::kStalled, api::ConditionStatus::True);
  const double candidate = rate_of(key, wanted);
  const double stable = rate_of(key, status.stable_revision);
  const bool conflict = status.traffic.reasserted > 1;
  const bool never_ready = now->spec.pod_template.text().find(":broken") != std::string::npos;
  if (status.phase == api::Phase::Degraded && !never_ready && !conflict) {
    fail("rollout " + key.name + " is degraded in a healthy cluster" + says);
  }
  if (wanted != status.stable_revision && wanted != status.rejected_revision && !never_ready && !conflict) {
    if (!stalled) fail("rollout " + key.name + " rests without an end and without a reason" + says);
    const bool untested = status.stage && status.stage->job;  // a person is asked before any user is
    if (candidate > stable * 10 && !untested) fail("the bad revision " + wanted + " was not rolled back" + says);
  }
}

}  // namespace sluice::simulation
