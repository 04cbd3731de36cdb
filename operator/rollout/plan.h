// The heart of Sluice: what must hold now, computed from what was asked, what was decided before and what is seen.
//
//   Decision plan(const api::Rollout& rollout, const Observation& seen, Time now);
//
// plan() is pure: no clock, no network, no memory of its own. It is level-triggered: called again with the same
// arguments it gives the same answer, and called after a crash with whatever status was last saved it converges
// to the same end. The reconciler carries a Decision out in this order: save the status (intent), change the
// cluster, publish the events.
//
// Guarantees, checked on every step of the simulation tests:
//  - the weights sum to 100, and the candidate's is never above the one of its stage's step (or of the stage before,
//    until the candidate has the pods for it);
//  - the candidate gets no traffic before its endpoints are ready and stable's past has been asked for;
//  - no promotion and no roll-back by evidence without a finished look that shows it;
//  - a look that failed, or that found no data, changes no weight;
//  - no two Jobs of one attempt of a test, and no weight before it was passed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/types.h"
#include "api/validate.h"
#include "loadtest/load_result.h"
#include "metrics/block.h"
#include "traffic/provider.h"
#include "workload/test_job.h"
#include "workload/views.h"

namespace sluice::rollout {

// One revision's Deployment and Service as they are in the cluster.
struct RevisionSeen {
  bool exists = false;         // its Deployment
  bool foreign = false;        // a Deployment of that name exists and belongs to somebody else
  int desired = 0;             // spec.replicas of the Deployment
  int endpoints = 0;           // ready endpoints of its Service: what a gateway can send to
  int restarts = 0;            // of all containers of its pods
  // When the first of its ready pods became so; Time{} when nobody says. None: no pod of it is seen ready, also
  // while there are endpoints: watches of pods and of endpoints are not in step.
  std::optional<Time> ready_since;
  std::string problem;         // why pods do not become ready, as the cluster says; empty: nothing known
  Time created{};
};

// A Job of a stage and its newest pod, as they are in the cluster.
struct JobSeen {
  std::string uid;
  std::string revision;
  workload::JobState state = workload::JobState::Running;
  std::string reason;            // why it failed, as Kubernetes says
  std::string message;
  bool deleting = false;
  Time created{};
  Time ended{};                  // when it became complete; Time{}: it is not, or nobody says
  workload::PodView pod;         // the one that tells most: the newest that failed, else the newest; may be none
  // Of Locust's master:
  bool has_workers = false;      // the Job of its workers is there
  std::string lost_worker;       // why that one failed; empty: it has not
  std::string problem;           // why pods of it are not running, as the cluster says; empty: nothing known
};

// The end of the log of a test, or why it could not be read.
struct LogTail {
  std::string text;
  std::string error;
};

struct Observation {
  std::string wanted_revision;                     // of the spec's template
  std::vector<api::FieldError> invalid;            // what validate() found
  std::map<std::string, RevisionSeen> revisions;   // all that exist, by revision
  traffic::RouteState route;                       // against the split that the saved status asks for
  std::string trouble;                             // why the decision before could not be carried out; empty: it was
  std::optional<metrics::LookResult> look;         // the look that was asked for by the decision before, if taken
  std::map<std::string, JobSeen> jobs;             // all that are ours, by name
  std::optional<LogTail> log;                      // of the pod that wanted_log() names, if it names one
  std::optional<loadtest::LoadResult> stable_load; // stable's own run of the stage, if wanted_log() asks for it
  std::string report_error;                        // why the report of the decision before could not be written
};

struct WantedRevision {
  std::string revision;
  int replicas = 0;
  bool operator==(const WantedRevision&) const = default;
};

// The Job of one attempt of a test, and what belongs to it.
struct WantedJob {
  std::string stage;
  workload::TestAttempt attempt;
  std::string uid;  // of the Job, when it is there already and only the rest has to be made
  bool operator==(const WantedJob&) const = default;
};

// What must hold in the cluster. Revisions that are not listed are left alone, except those to be deleted.
struct Wanted {
  std::vector<WantedRevision> revisions;
  std::vector<std::string> deleted;
  std::string service_revision;            // which revision the stable Service selects; empty: no Service yet
  std::optional<traffic::Split> split;     // nullopt: no route yet
  std::optional<WantedJob> job;            // is made if it is not there, and never changed
  std::vector<std::string> deleted_jobs;
  bool operator==(const Wanted&) const = default;
};

struct Event {
  enum class Type { Normal, Warning };
  Type type = Type::Normal;
  std::string reason;   // one CamelCase word, distinct for each thing that happens
  std::string note;     // a sentence
  bool operator==(const Event&) const = default;
};

// What a load test has shown, for people: a ConfigMap that goes with the revision.
struct LoadReport {
  std::string name;
  std::string revision;
  std::string stage;
  std::map<std::string, std::string> data;
};

struct LookRequest {
  metrics::Look look;
  Time due{};
};

struct Decision {
  api::RolloutStatus status;
  Wanted wanted;
  std::vector<Event> events;
  std::optional<LoadReport> report;  // is written before the status is saved
  std::optional<LookRequest> look;   // nullopt: none is wanted, cancel what is scheduled
  std::optional<Time> again;         // when to look at this Rollout again if nothing else happens
};

Decision plan(const api::Rollout& rollout, const Observation& seen, Time now);

// The container whose log has the result of the test that the status knows to be under way, or explains its failure;
// nullopt: there is none to be read. `seen` has no log yet, but the look if it has come.
struct LogOf {
  std::string pod;
  std::string container;
  int tail_lines = 10;
  int limit_bytes = 64 << 10;
  bool stable_load = false;  // Observation::stable_load is asked for, too
};
std::optional<LogOf> wanted_log(const api::Rollout& rollout, const Observation& seen);

// The split that a status asks for; nullopt before there is a stable revision.
std::optional<traffic::Split> split_of(const api::RolloutStatus& status);

// True when a person would notice the difference (phase, stage, step, weight, verdict, a condition ...), so that
// the status must be saved at once; numbers that only moved can wait.
bool noticeably_different(const api::RolloutStatus& before, const api::RolloutStatus& after);

}  // namespace sluice::rollout
