// What the plan needs to know of workload objects: typed projections for the stores.
//
//   runtime::Store<DeploymentView> store("deployments", project_deployment);
//
// A projection is some hundred bytes where the JSON tree has tens of thousands. project_*() answers nullopt
// for an object that is not Sluice's (no sluice.dev/rollout label) or has no name; anything else that is
// missing reads as zero or empty. They never throw. Views hold enough to tell whether a write is needed:
// up_to_date(). All functions are pure and thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/types.h"
#include "base/time.h"
#include "kube/resource.h"

namespace sluice::workload {

inline const kube::Resource kDeployments{"apps", "v1", "deployments", "Deployment", true};
inline const kube::Resource kServices{"", "v1", "services", "Service", true};
inline const kube::Resource kEndpointSlices{"discovery.k8s.io", "v1", "endpointslices", "EndpointSlice",
                                            true};
inline const kube::Resource kPods{"", "v1", "pods", "Pod", true};
inline const kube::Resource kJobs{"batch", "v1", "jobs", "Job", true};

// What all views have.
struct ObjectView {
  kube::Key key;
  std::string uid;
  std::string resource_version;
  std::string rollout;    // label sluice.dev/rollout
  std::string revision;   // label sluice.dev/revision; empty on the stable Service
  std::string owner_uid;  // of the owner that is the controller; empty: none
  Time created{};
  bool deleting = false;

  kube::Key rollout_key() const { return {key.ns, rollout}; }
};

struct DeploymentView : ObjectView {
  std::int64_t generation = 0;
  std::int64_t observed_generation = 0;  // below `generation`: the counts are of an older spec
  int desired = 0;                       // spec.replicas
  int replicas = 0;                      // from here on: status
  int updated = 0;
  int ready = 0;
  int available = 0;
  int progress_deadline_seconds = 0;
  std::map<std::string, std::string> images;  // by container name, init containers too
  // Why pods cannot be made, or that they were not ready in time, as the cluster says; empty: nothing known.
  std::string failure;
};

struct ServicePortView {
  std::string name;
  int port = 0;
  std::string target;  // number or name
  bool operator==(const ServicePortView&) const = default;
};

struct ServiceView : ObjectView {
  std::map<std::string, std::string> selector;
  std::vector<ServicePortView> ports;

  // The revision that it selects; empty: it does not select one.
  std::string selected_revision() const;
};

// One EndpointSlice. A Service may have many; see ready_endpoints().
struct EndpointsView : ObjectView {
  std::string service;       // label kubernetes.io/service-name
  std::string address_type;  // IPv4, IPv6, FQDN
  int ready = 0;             // endpoints that may be sent to; 0 when the slice has no port to send to
};

struct PodView : ObjectView {
  bool ready = false;
  Time ready_since{};  // by the clock of its node; Time{} when it is not ready, or nobody says
  // Why it is not: "ImagePullBackOff", "CrashLoopBackOff", "Unschedulable", "NotReady" ... Empty while it is
  // just starting, and when it is ready.
  std::string reason;
  std::string message;  // more about it, as the kubelet or the scheduler says
  int restarts = 0;     // of all its containers
  // Of a pod that a Job has made:
  std::string job;               // the Job's name; empty: it is none
  bool started = false;          // a container of it runs or has run (not one of those that run before)
  bool disrupted = false;        // the cluster took it away: drained, evicted, preempted
  bool ended = false;            // no container of it will run any more
  bool failed = false;           // a container ran and ended with another code than 0
  std::string container;         // whose log tells most: the one that failed, else the first
  std::string exit;              // of that one, when it failed: "container test exited with 1"
};

enum class JobState { Running, Complete, Failed };

struct JobView : ObjectView {
  JobState state = JobState::Running;
  std::string reason;  // why it failed, as Kubernetes says: PodFailurePolicy, DeadlineExceeded ...
  std::string message;
  Time ended{};        // when it became complete
};

std::optional<DeploymentView> project_deployment(const nlohmann::json& object);
std::optional<ServiceView> project_service(const nlohmann::json& object);
std::optional<EndpointsView> project_endpoints(const nlohmann::json& object);
std::optional<PodView> project_pod(const nlohmann::json& object);
std::optional<JobView> project_job(const nlohmann::json& object);

// "reason: message", or whichever of the two there is.
std::string explained(const std::string& reason, const std::string& message);

// Ready endpoints over all slices of one Service. Each address family has slices of its own for the same
// pods: the family with the most counts.
int ready_endpoints(const std::vector<EndpointsView>& slices);

// When the first of the pods that are ready now became so; Time{} when none of them says, nothing when none is ready.
std::optional<Time> ready_since(const std::vector<PodView>& pods);

// Why a revision is not ready, in a sentence for a person; empty when nothing is known to be wrong. What is
// wrong with most of its pods comes first, because it says what to do; the Deployment's own words come last.
//   "2 of 3 pods: ImagePullBackOff: Back-off pulling image \"localhost/digits:9\""
// `deployment` may be null; `pods` are those of one revision.
std::string why_not_ready(const DeploymentView* deployment, const std::vector<PodView>& pods);

}  // namespace sluice::workload
