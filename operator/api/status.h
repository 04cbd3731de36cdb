// What Sluice says of a Rollout, and remembers by it: everything that a process which takes over has to know.
//
// Plain values without behaviour. Ratios and shares are fractions here (5 % is 0.05); weights are whole percent.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/spec.h"
#include "base/box.h"
#include "base/time.h"

namespace sluice::api {

enum class Phase { Pending, Healthy, Progressing, Paused, RolledBack, Degraded };

// Of a stage, and of one metric in it. Invalid and Error say that there is nothing to judge from.
enum class Verdict { None, Pass, Fail, Inconclusive, Invalid, Error };

enum class ConditionStatus { True, False, Unknown };

// metav1.Condition.
struct Condition {
  std::string type;
  ConditionStatus status = ConditionStatus::Unknown;
  std::int64_t observed_generation = 0;
  Time last_transition{};
  std::string reason;
  std::string message;
  bool operator==(const Condition&) const = default;
};

// The latest attempt of a stage that runs a Job.
struct JobStatus {
  int attempt = 0;                     // from 1
  std::string name;                    // of the Job; no two attempts share one
  std::string uid;                     // of the Job, once it was seen: it is never made again
  std::optional<Time> running_since;   // a container of it was seen running
  int restarts = 0;                    // of the candidate's containers, when it began
  Verdict verdict = Verdict::None;     // Pass, Fail, Error: it could not be run; of a load also the other two
  std::optional<Time> retry_at;        // after an Error, and when a person asks for it: when the next attempt begins
  int errors = 0;                      // attempts in a row, up to this one, that could not be run
  std::string message;                 // why that verdict, in a sentence
  bool operator==(const JobStatus&) const = default;
};

struct StageStatus {
  int index = 0;
  std::string name;
  int step = 0;                         // index into the weights
  Time started_at{};
  std::optional<Time> first_traffic_at; // the warm-up runs from here
  std::optional<Time> weight_set_at;    // the route was seen accepted at this step's weight
  int looks = 0;                        // at this step
  std::string passed;                   // why it can be passed once minDuration is over; empty: it cannot yet
  std::optional<JobStatus> job;         // of a stage that runs one
  std::string digest;                   // of what was declared of it up to this step; another one starts it over
  int edits = 0;                        // times that this rollout's stage under way was edited and started over
  bool operator==(const StageStatus&) const = default;
};

struct TrafficStatus {
  int stable = 100;                 // percent asked for
  int candidate = 0;
  int mirror = 0;                   // percent of the requests of which the candidate gets a copy
  int assigned = 0;                 // percent of the requests that users assigned by header are expected to make
  std::optional<Assignment> assignment;  // who gets which revision, before the weights are asked
  std::optional<double> realised;   // the candidate's share of counted requests at this weight, 0..1
  bool accepted = false;            // the gateway says that it routes as asked
  int reasserted = 0;               // times that somebody else's change was undone during this rollout
  bool operator==(const TrafficStatus&) const = default;
};

struct ArmCounts {
  double events = 0;
  double total = 0;
  bool operator==(const ArmCounts&) const = default;
};

// Of a metric that compares predictions: what the last test said.
enum class DriftVerdict { Inconclusive, NoDrift, Drift };

// What part of the predictions of each arm was of a class.
struct ClassShare {
  std::string name;
  double stable = 0;
  double candidate = 0;
  bool operator==(const ClassShare&) const = default;
};

struct DriftStatus {
  DriftVerdict verdict = DriftVerdict::Inconclusive;
  std::string tested;             // the stage at whose end the last test was taken; empty: none was
  std::string found;              // the first drift of this rollout, in a sentence: its event was written
  double psi = 0;                 // now, as what follows
  double jensen_shannon = 0;
  double above = 0;               // the PSI that counts
  std::optional<double> log10_p;  // of the test; absent until it is taken
  std::vector<ClassShare> shares; // those that differ most, at most 3
  bool operator==(const DriftStatus&) const = default;
};

// One metric's numbers at the last look. Evidence is kept as natural logarithms of e-values. Of a goal, harm is being
// worse and non_inferior is being better.
struct MetricStatus {
  std::string name;
  MetricRole role = MetricRole::Guardrail;
  bool mean = false;                      // of a MeanSource: events are a sum, and effect is a difference
  Verdict verdict = Verdict::None;
  ArmCounts stable;
  ArmCounts candidate;
  std::string edge;                       // of a whole distribution: the one that shows most of harm, told here
  std::optional<double> effect;           // ratio of the two shares; absent: not defined yet
  std::optional<double> lower, upper;     // its confidence sequence
  double harm_log_e = 0;                  // now
  double harm_log_e_peak = 0;             // what is compared with the threshold
  double harm_log_threshold = 0;
  double non_inferior_log_e = 0;
  double non_inferior_log_e_peak = 0;
  double non_inferior_log_threshold = 0;
  std::optional<Duration> non_inferior_in;  // expected
  int looks = 0;
  int dropped = 0;                        // blocks that could not be used
  double dispersion = 1;
  std::optional<double> power;            // to have seen catastrophicEffect by now
  std::optional<double> pod_spread;       // how far stable's pods are from one another, as a fraction
  std::optional<Time> newest_sample;
  std::string method;                     // the test, and what it assumes
  std::string message;                    // one sentence for a person
  Box<DriftStatus> drift;                 // where predictions are compared: totals are predictions, and there is no
                                          // evidence but this
  bool operator==(const MetricStatus&) const = default;
};

// The compact state of the tests: enough to go on after a restart as if nothing had happened.
struct EvidenceStatus {
  std::string revision;                          // whose evidence this is
  std::optional<Time> through;                   // the end of the last block that was read, used or dropped
  std::map<std::string, double> past_dispersion; // phi_0 by metric (with several edges by metric@edge);
                                                 // absent: stable's past was not readable
  std::map<std::string, double> pod_spread;      // by metric, of stable's own past; absent: not known
  bool past_read = false;
  std::map<std::string, std::vector<double>> edges;  // of whole distributions, by metric, ascending, in the unit of `le`
  std::map<std::string, std::vector<std::string>> classes;  // by metric: those that are counted one by one
  std::map<std::string, std::string> packed;     // by metric: stats::MetricEvidence::pack(), or of means, classes
  std::map<std::string, std::string> shadow;     // the same from the copies of the stage under way alone
  std::string split;                             // stats::SplitEvidence::pack(); empty: no block was checked
  std::optional<Time> split_disturbed;           // when it was last known to be another one than asked for
  bool operator==(const EvidenceStatus&) const = default;
};

// What the latest attempt of a load test has found. The numbers are texts for people; the report has all of them.
struct LoadTestStatus {
  std::string stage;
  int attempt = 0;           // of the stage's Job
  Verdict verdict = Verdict::None;
  std::string report;        // the ConfigMap
  std::int64_t requests = 0;
  std::int64_t failures = 0;
  std::string rate;          // requests a second
  std::string p50, p95, p99; // response times
  std::string message;       // what decided it: the criterion that is broken, or nearest to it
  bool operator==(const LoadTestStatus&) const = default;
};

enum class Outcome { Promoted, RolledBack, Superseded };

// Of a stage, by a person.
struct Approval {
  std::string stage;
  std::string by;  // the field managers that have written the annotation; empty: not known
  Time at{};       // when it took effect
  bool operator==(const Approval&) const = default;
};

struct HistoryEntry {
  std::string revision;
  Outcome outcome = Outcome::Promoted;
  std::string reason;    // HarmDetected, NonInferior, Aborted, Initial ...
  std::string stage;     // where it ended; empty for the first revision
  Time started_at{};
  Time finished_at{};
  int looks = 0;
  std::int64_t attempt = 0;  // the how-manieth of this revision: each had a fresh error budget
  std::string message;   // the numbers, in a sentence
  std::vector<Approval> approvals;
  std::vector<std::string> reports;  // of its load tests: ConfigMaps, as long as the revision is there
  bool operator==(const HistoryEntry&) const = default;
};

// A former revision that is kept for a while, ready to return.
struct RetiredRevision {
  std::string revision;
  Time scale_down_at{};  // its pods are kept until then
  bool operator==(const RetiredRevision&) const = default;
};

inline constexpr int kMostFormerStable = 10;

struct RolloutStatus {
  std::int64_t observed_generation = 0;
  Phase phase = Phase::Pending;
  std::string message;
  std::string stable_revision;
  std::string candidate_revision;       // empty: none is under way
  std::string rejected_revision;        // rolled back; the spec may still name it
  std::string verdict;                  // for the printer column: NonInferior, HarmDetected, Inconclusive ...
  std::optional<Time> started_at;       // of the rollout under way (or of the first revision)
  std::optional<Time> waiting_since;    // pods that are needed for the next weight are not ready since then
  std::optional<Time> promoting_since;  // all stages are passed: the candidate is being made stable
  std::optional<StageStatus> stage;
  std::vector<Approval> approvals;      // of the rollout under way
  TrafficStatus traffic;
  std::vector<MetricStatus> metrics;
  std::vector<LoadTestStatus> load_tests;  // of the rollout under way or the last one, one a stage
  EvidenceStatus evidence;
  std::vector<RetiredRevision> retired;
  std::vector<HistoryEntry> history;    // newest first, at most 10
  std::vector<std::string> former_stable;  // stable before and not rolled back since, newest first, at most 10
  std::vector<Condition> conditions;
  std::map<std::string, std::string> handled;  // annotation -> the value that was acted upon, once
  std::map<std::string, std::string> ignored;  // annotation -> the value of which was told that it means nothing
  std::int64_t attempt = 0;             // of the wanted revision: each retry is a fresh error budget
  int replicas = 0;                     // for the scale subresource
  int ready_replicas = 0;
  std::string selector;
  std::int32_t collision_count = 0;
  bool operator==(const RolloutStatus&) const = default;
};

}  // namespace sluice::api
