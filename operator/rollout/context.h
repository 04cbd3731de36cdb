// What the parts of plan() share while one Decision is made. Private to rollout/.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "rollout/plan.h"
#include "rollout/verdict.h"

namespace sluice::rollout {

// Whether evidence arrives. `reason` is that of the condition MetricsAvailable.
struct MetricsState {
  bool available = false;
  std::string reason;
  std::string message;
};

struct Context {
  const api::Rollout& rollout;
  const Observation& seen;
  Time now;
  Decision& decision;
  std::string hold;            // why nothing advances at the moment, as a sentence for the message
  std::string stalled_reason;  // non-empty: a person is needed; one CamelCase word
  std::optional<MetricsState> metrics;  // what this call learned about the evidence; nullopt: nothing new

  const api::Spec& spec() const { return rollout.spec; }
  api::RolloutStatus& status() { return decision.status; }
  const api::RolloutStatus& status() const { return decision.status; }

  const RevisionSeen& revision(const std::string& name) const {
    static const RevisionSeen kNone;
    const auto found = seen.revisions.find(name);
    return found == seen.revisions.end() ? kNone : found->second;
  }

  // Nothing serves yet that it could be compared with.
  bool is_first() const { return status().stable_revision.empty(); }

  void event(Event::Type type, std::string reason, std::string note) {
    decision.events.push_back({type, std::move(reason), std::move(note)});
  }

  // Asks to be called again at `time` at the latest.
  void wake_at(Time time) {
    if (!decision.again || time < *decision.again) decision.again = time;
  }
};

// Percent of the traffic that the candidate's pods must be able to take, in replicas: at least 1.
inline int capacity_for(const api::Spec& spec, int weight) {
  return std::max(1, (spec.replicas * weight + 99) / 100);
}

// The verdict of a candidate that needs no stages, since it was stable before.
inline constexpr const char* kRollbackWindow = "RollbackWindow";

// candidate.cpp: which revision is under way, and how it ends.
void settle_target(Context& context);
void apply_verbs(Context& context);
// The annotation has this value, or this value and more after a slash, and has not been acted upon yet. It now has.
bool asked(Context& context, const char* annotation, const std::string& value);
// Whether it is one of the last stable revisions to which spec.rollbackWindow lets return.
bool within_rollback_window(const Context& context, const std::string& revision);
void roll_back(Context& context, const std::string& reason, const std::string& message);
void begin_promotion(Context& context, const std::string& verdict, const std::string& message);

// candidate.cpp: one step of the way to be stable; each calls what comes next.
void advance_candidate(Context& context);

// stage_approval.cpp: says of an approval that names no stage to be approved why it does nothing; each value once.
void tell_ignored_approval(Context& context);

// From the first ready pod of a revision to the first request that a route sends there.
inline constexpr Duration kGatewaySettling = seconds(3);

// pods.cpp: whether `needed` pods of the candidate can take traffic. When not, says why in `hold`, starts the
// progress deadline, and stalls when it has passed.
bool pods_ready(Context& context, int needed);
// The same, and whether the first of them has been ready for `settling`: nodes and gateways learn of a pod some
// moments after everybody else, and refuse until then what is sent to a Service without others.
bool pods_settled(Context& context, int needed, Duration settling);
// Whether there are no more of them than `most`. When there are, says so in `hold`.
bool pods_gone(Context& context, int most);

// looks.cpp: takes in the look that was finished, and says which one is next.
void take_look(Context& context);
int looks_so_far(const api::RolloutStatus& status);  // the most that any metric has that is judged
void request_look(Context& context);

// wanted.cpp: the cluster that the status asks for.
void want(Context& context);

// summary.cpp: phase, message and conditions.
void summarise(Context& context);

}  // namespace sluice::rollout
