// metav1.Condition as the conventions of Kubernetes want it, and the words that Sluice uses in it.
//
// Pure, no throw.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/types.h"

namespace sluice::api {

// Types. Reconciling and Stalled are abnormal-true (kstatus): present only while they are True.
inline constexpr const char* kReady = "Ready";              // the wanted revision serves all traffic
inline constexpr const char* kReconciling = "Reconciling";  // at work
inline constexpr const char* kStalled = "Stalled";          // waits for a person
inline constexpr const char* kPromoted = "Promoted";        // the verdict on the wanted revision
inline constexpr const char* kTrafficAccepted =
    "TrafficAccepted";  // the gateway accepted the route as written
inline constexpr const char* kMetricsAvailable = "MetricsAvailable";  // evidence arrives
inline constexpr const char* kSplitVerified = "SplitVerified";        // the realised split fits the asked one

// Reasons.
namespace reason {
inline constexpr const char* kHealthy = "Healthy";
inline constexpr const char* kProgressing = "Progressing";
inline constexpr const char* kPaused = "Paused";
inline constexpr const char* kRolledBack = "RolledBack";
inline constexpr const char* kDegraded = "Degraded";
inline constexpr const char* kInvalidSpec = "InvalidSpec";
inline constexpr const char* kProgressDeadlineExceeded = "ProgressDeadlineExceeded";
inline constexpr const char* kHarmDetected = "HarmDetected";
inline constexpr const char* kCeilingExceeded = "CeilingExceeded";
inline constexpr const char* kInconclusive = "Inconclusive";
inline constexpr const char* kAborted = "Aborted";
inline constexpr const char* kSuperseded = "Superseded";
inline constexpr const char* kNonInferior = "NonInferior";
inline constexpr const char* kNoHarmShown = "NoHarmShown";
inline constexpr const char* kAccepted = "Accepted";
inline constexpr const char* kRouteConflict = "RouteConflict";
inline constexpr const char* kNotAccepted = "NotAccepted";
inline constexpr const char* kUnsupported = "Unsupported";
inline constexpr const char* kNoData = "NoData";
inline constexpr const char* kStale = "Stale";
inline constexpr const char* kProviderError = "ProviderError";
inline constexpr const char* kSampleRatioMismatch = "SampleRatioMismatch";
}  // namespace reason

// nullptr: there is none, which means Unknown. The pointer is good until `conditions` changes.
const Condition* find_condition(const std::vector<Condition>& conditions, std::string_view type);

// True when the condition exists and has that status.
bool has_status(const std::vector<Condition>& conditions, std::string_view type, ConditionStatus status);

// Adds `condition` or replaces the one of its type. last_transition becomes `now`, in whole seconds as in
// metav1.Time, when there was none or its status differs, and otherwise stays what it was, whatever
// `condition` holds. An empty reason, which the API server refuses, becomes the status as a word; an
// over-long message is cut at the API's limit of 32768 bytes. Keeps the order: that of the types above, then
// others by name. Returns true when anything changed.
bool set_condition(std::vector<Condition>& conditions, Condition condition, Time now);

void remove_condition(std::vector<Condition>& conditions, std::string_view type);

}  // namespace sluice::api
