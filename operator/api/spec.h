// What a user writes: the spec of a Rollout, and the labels and annotations that go with it.
//
// Plain values without behaviour. Ratios and shares are fractions here (5 % is 0.05); weights are whole percent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "api/load_test.h"
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
inline constexpr const char* kResumeAnnotation = "sluice.dev/resume";    // go on after a pause for numbers that cannot be trusted

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

// How often each class was predicted: a counter with a label that names the class.
struct ClassesSource {
  std::string counter;
  std::string label;
  bool operator==(const ClassesSource&) const = default;
};

// A classic histogram of scores, whose bins are the classes.
struct ScoresSource {
  std::string buckets;
  bool operator==(const ScoresSource&) const = default;
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

// From which population stability index (PSI) on a difference between predictions counts in practice.
struct DriftLimit {
  double above = 0.1;
  bool operator==(const DriftLimit&) const = default;
};

struct MetricSpec {
  std::string name;
  MetricRole role = MetricRole::Guardrail;  // Report where predictions are compared
  // MeanSource: goals only. ClassesSource, ScoresSource: what is predicted, of role Report only.
  std::variant<CounterSource, HistogramSource, MeanSource, ClassesSource, ScoresSource> source;
  Direction direction = Direction::Increase;                        // of a goal
  Margin margin;
  Harm harm;
  std::optional<double> ceiling;  // roll back above this share, whatever stable does
  DriftLimit drift;               // where predictions are compared
  bool operator==(const MetricSpec&) const = default;
};

// Whether it compares what is predicted, which decides nothing, instead of how well it is served.
inline bool compares_predictions(const MetricSpec& metric) {
  return std::holds_alternative<ClassesSource>(metric.source) || std::holds_alternative<ScoresSource>(metric.source);
}

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

// What the copies of a shadow must show: every guardrail not worse, or neither worse nor better than the margin allows.
enum class ShadowProof { NonInferior, Equivalence };

// A copy of a share of the users' requests goes to the candidate; its answers are thrown away.
struct ShadowStage {
  int percent = 100;
  int min_looks = 5;
  ShadowProof require = ShadowProof::NonInferior;
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

using StageBody = std::variant<CanaryStage, ShadowStage, AbTestStage, ApprovalStage, SystemTestStage, LoadTestStage>;

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

}  // namespace sluice::api
