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
//  - no two Jobs of one attempt of a system test, and no weight before it was passed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/types.h"
#include "api/validate.h"
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
  Time ready_since{};          // when the first of its ready pods became so; Time{} when nobody says
  std::string problem;         // why pods do not become ready, as the cluster says; empty: nothing known
  Time created{};
};

// A Job of a systemTest stage and its newest pod, as they are in the cluster.
struct JobSeen {
  std::string uid;
  std::string revision;
  workload::JobState state = workload::JobState::Running;
  std::string reason;            // why it failed, as Kubernetes says
  std::string message;
  bool deleting = false;
  Time created{};
  workload::PodView pod;         // the one that tells most: the newest that failed, else the newest; may be none
};

// The end of the log of a test that failed, or why it could not be read.
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
};

struct WantedRevision {
  std::string revision;
  int replicas = 0;
  bool operator==(const WantedRevision&) const = default;
};

// The Job of one attempt of a system test.
struct WantedJob {
  std::string stage;
  workload::TestAttempt attempt;
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

struct LookRequest {
  metrics::Look look;
  Time due{};
};

struct Decision {
  api::RolloutStatus status;
  Wanted wanted;
  std::vector<Event> events;
  std::optional<LookRequest> look;   // nullopt: none is wanted, cancel what is scheduled
  std::optional<Time> again;         // when to look at this Rollout again if nothing else happens
};

Decision plan(const api::Rollout& rollout, const Observation& seen, Time now);

// The container whose log explains the failure of the test that the status knows to be under way; nullopt: there is
// none to be read.
struct LogOf {
  std::string pod;
  std::string container;
};
std::optional<LogOf> wanted_log(const api::RolloutStatus& status, const Observation& seen);

// The split that a status asks for; nullopt before there is a stable revision.
std::optional<traffic::Split> split_of(const api::RolloutStatus& status);

// True when a person would notice the difference (phase, stage, step, weight, verdict, a condition ...), so that
// the status must be saved at once; numbers that only moved can wait.
bool noticeably_different(const api::RolloutStatus& before, const api::RolloutStatus& after);

}  // namespace sluice::rollout
