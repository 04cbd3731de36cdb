// The Rollout as C++ values: what a user wrote (Spec) and what Sluice says (RolloutStatus).
//
// These are plain values without behaviour. api/json.h reads and writes them, api/validate.h says what is wrong
// with a Spec that the CRD's schema could not refuse. Ratios and shares are fractions here (5 % is 0.05);
// weights are whole percent.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "api/raw_json.h"
#include "base/time.h"
#include "kube/resource.h"

namespace sluice::api {

inline constexpr const char* kGroup = "sluice.dev";
inline constexpr const char* kVersion = "v1alpha1";
inline const kube::Resource kRollouts{kGroup, kVersion, "rollouts", "Rollout", true};

// Labels on everything that belongs to a Rollout.
inline constexpr const char* kRolloutLabel = "sluice.dev/rollout";
inline constexpr const char* kRevisionLabel = "sluice.dev/revision";
// On the Jobs of a stage; on their pods instead of the revision, whose Service they must not be behind.
inline constexpr const char* kStageLabel = "sluice.dev/stage";
inline constexpr const char* kAttemptLabel = "sluice.dev/attempt";

// Verbs by annotation; the values name what they act on, so that they can stay in a manifest.
// "<revision>" or "<revision>/<anything>"; each value acts once, so the same verb can be asked for again by
// changing what follows the slash.
inline constexpr const char* kPromoteAnnotation = "sluice.dev/promote";  // skip the rest
inline constexpr const char* kAbortAnnotation = "sluice.dev/abort";      // roll it back
inline constexpr const char* kRetryAnnotation = "sluice.dev/retry";      // start over
inline constexpr const char* kApproveAnnotation = "sluice.dev/approve";  // "<revision>/<stage>"
inline constexpr const char* kResumeAnnotation = "sluice.dev/resume";    // go on after a pause by the split check

// --- Spec -------------------------------------------------------------------------------------------------

enum class MetricRole { Guardrail, Goal, Report };

// Of a goal: which way is better.
enum class Direction { Increase, Decrease };

// Two counters by selector: how often something happened, out of how many times it could have.
struct CounterSource {
  std::string events;
  std::string total;
  bool operator==(const CounterSource&) const = default;
};

// A classic histogram: the event is "an observation above this bucket edge", or above one of several that Sluice
// chooses: then the whole distribution is compared.
struct HistogramSource {
  std::string buckets;            // selector of the *_bucket series
  std::optional<Duration> above;  // the edge; absent: the whole distribution
  bool milliseconds = false;  // the unit of `le`: seconds unless this is set
  bool operator==(const HistogramSource&) const = default;
};

// A sum and how many were added up, as every Prometheus summary and histogram has them: the mean is compared.
struct MeanSource {
  std::string sum;
  std::string count;
  bool operator==(const MeanSource&) const = default;
};

struct Margin {
  double ratio = 1.5;      // not worse than this many times stable ...
  double or_below = 0.001; // ... or shown to be below this share; 0: no such limb
  bool operator==(const Margin&) const = default;
};

struct Harm {
  double ratio = 1.0;      // worse than this many times stable ...
  double above = 0.0;      // ... and above this share; 0: no floor
  bool operator==(const Harm&) const = default;
};

struct MetricSpec {
  std::string name;
  MetricRole role = MetricRole::Guardrail;
  std::variant<CounterSource, HistogramSource, MeanSource> source;  // MeanSource: goals only
  Direction direction = Direction::Increase;                        // of a goal
  Margin margin;
  Harm harm;
  std::optional<double> ceiling;  // roll back above this share, whatever stable does
  bool operator==(const MetricSpec&) const = default;
};

enum class PromoteWhen { NonInferior, NoHarmShown };

// What a split that is not the asked one leads to: a pause, a condition only, or it is not looked for.
enum class SplitCheck { Enforce, Report, Off };

struct AnalysisSpec {
  std::string prometheus_address;
  Duration interval = seconds(30);  // one look
  Duration warmup = seconds(60);    // of the candidate's first traffic, dropped
  double false_rollback = 0.05;     // over all guardrails and looks
  double false_promotion = 0.05;
  double catastrophic_effect = 3.0; // a step needs 80 % power to see this ratio
  PromoteWhen promote_when = PromoteWhen::NonInferior;
  SplitCheck split_check = SplitCheck::Enforce;
  std::string requests;             // selector of a counter of routed requests; empty: the first guardrail's totals
  std::vector<MetricSpec> metrics;
  bool operator==(const AnalysisSpec&) const = default;
};

struct CanaryStage {
  std::vector<int> weights;  // percent, rising, each in 1..99; the 100 is promotion
  int min_looks = 5;         // at each weight
  bool operator==(const CanaryStage&) const = default;
};

// A copy of a share of the users' requests goes to the candidate; its answers are thrown away.
struct ShadowStage {
  int percent = 100;
  int min_looks = 5;
  bool operator==(const ShadowStage&) const = default;
};

// Users are told apart by a header that they send themselves: who has one of these values gets the candidate, always.
// All others are split by weight, request by request.
struct HeaderAssignment {
  std::string header;
  std::vector<std::string> values;  // exact, each its own; not empty
  bool operator==(const HeaderAssignment&) const = default;
};

// Users are told apart by a cookie that names the revision they were given first. Who has none, or one that names
// neither revision, is split by weight and gets one with the answer. It lasts for `ttl` and is not prolonged.
struct CookieAssignment {
  std::string cookie;  // a token as in RFC 6265
  seconds ttl{};       // at least 1 s
  bool operator==(const CookieAssignment&) const = default;
};

using Assignment = std::variant<HeaderAssignment, CookieAssignment>;

// Each user stays with one revision, and the goals decide which one is better for them.
struct AbTestStage {
  int weight = 50;        // percent: the candidate's share of new users, or of requests that a header is expected on
  Assignment assignment;
  int min_looks = 5;
  bool operator==(const AbTestStage&) const = default;
};

// A person decides; the exposure stays as it was.
struct ApprovalStage {
  bool initial = false;  // asked of the first revision too
  bool operator==(const ApprovalStage&) const = default;
};

// A Job that calls the candidate's own Service, before any user meets it.
struct SystemTestStage {
  RawJson job;                       // a JobSpec, as written
  std::optional<Duration> deadline;  // of one attempt; absent: test_deadline() says
  int retries = 3;                   // further attempts after errors that are none of the test
  bool initial = false;              // asked of the first revision too
  bool operator==(const SystemTestStage&) const = default;
};

using StageBody = std::variant<CanaryStage, ShadowStage, AbTestStage, ApprovalStage, SystemTestStage>;

struct StageSpec {
  std::string name;
  StageBody body;
  Duration min_duration{};
  Duration max_duration = hours(2);
  bool operator==(const StageSpec&) const = default;
};

// An HTTPRoute that Sluice creates and owns. The lists are passed on as written.
struct GatewayApiTraffic {
  RawJson parent_refs;
  std::vector<std::string> hostnames;
  RawJson matches;
  bool operator==(const GatewayApiTraffic&) const = default;
};

// Weights are published in status only; somebody else's router follows them.
struct ManualTraffic {
  bool operator==(const ManualTraffic&) const = default;
};

using TrafficSpec = std::variant<GatewayApiTraffic, ManualTraffic>;

enum class OnInconclusive { Pause, RollBack };

// A port of the pods: its number, or the name that the template gives it. Neither: it was not read.
using Port = std::variant<std::monostate, std::int64_t, std::string>;

struct Spec {
  int replicas = 1;
  RawJson pod_template;  // a PodTemplateSpec, as written
  Port port;
  TrafficSpec traffic;
  std::vector<StageSpec> stages;
  AnalysisSpec analysis;
  OnInconclusive on_inconclusive = OnInconclusive::Pause;
  Duration scale_down_delay = minutes(10);
  std::optional<int> rollback_window;  // so many of the last stable revisions return without stages; absent: none
  Duration progress_deadline = minutes(10);
  int revision_history_limit = 5;
  bool paused = false;
  bool operator==(const Spec&) const = default;
};

// --- Status -----------------------------------------------------------------------------------------------

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
  Verdict verdict = Verdict::None;     // Pass, Fail, or Error: it could not be run
  std::optional<Time> retry_at;        // after an Error: when the next attempt begins
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
  std::optional<JobStatus> job;         // of a systemTest stage
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
  std::map<std::string, std::string> packed;     // by metric: stats::MetricEvidence::pack(), or of a mean
  std::map<std::string, std::string> shadow;     // the same from the copies of the stage under way alone
  std::string split;                             // stats::SplitEvidence::pack(); empty: no block was checked
  std::optional<Time> split_disturbed;           // when it was last known to be another one than asked for
  bool operator==(const EvidenceStatus&) const = default;
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

struct Rollout {
  kube::Key key;
  std::string uid;
  std::string resource_version;
  std::int64_t generation = 0;
  bool deleting = false;
  std::map<std::string, std::string> annotations;
  std::string approver;  // the field managers that have kApproveAnnotation, the oldest first; empty: not known
  Spec spec;
  RolloutStatus status;
};

}  // namespace sluice::api
