// The check of the split: does the candidate get the share of the requests that was asked for? Where it does not, what
// is counted cannot be trusted: somebody loses requests, or counts other ones.
//
// Checked are blocks at a weight, not the first one after a change of it, whose samples may still be of the time before.
// Copies and users assigned by header have no asked share. Users assigned by cookie are given a wide tolerance: how many
// requests each of them sends is not the gateway's doing.
//
// The state is status.evidence.split. A mismatch, once found, stays until a person resumes or retries, or until it is
// explained: somebody had changed the route, or one of the two had no pods. What was counted around that time is not
// checked. Private to rollout/.
#pragma once

#include "rollout/context.h"

namespace sluice::rollout {

// The name under which a look reads analysis.requests: no metric can have it.
inline constexpr const char* kRequestsReading = "$requests";

// Takes in the block of a look that did not fail.
void check_split(Context& context, const metrics::LookResult& result);

// A mismatch was found, and is not resolved.
bool split_mismatch(const api::RolloutStatus& status);
// The same where it holds everything: nothing is judged, promoted or rolled back.
bool split_holds(const Context& context);

// Starts afresh with what is counted from now on, `why` ("on request"). Tells so when there was a mismatch.
void reset_split(Context& context, const std::string& why);

// The mismatch in sentences: the numbers, the likely causes, and what to do.
std::string split_sentence(const Context& context);

// The condition SplitVerified.
void set_split_condition(Context& context);

}  // namespace sluice::rollout
