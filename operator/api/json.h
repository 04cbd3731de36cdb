// The Rollout as JSON: what the API server sends becomes values, what Sluice says becomes a status.
//
// Reading applies every default, so that an object that was stored before a default existed still works.
// Fields that are not known are passed over: it is the API server that prunes or refuses them. The status is
// read leniently, since all of it can be computed again: what is damaged reads as if it were absent.
//
// Pure functions; nothing throws, whatever the JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "api/field_error.h"
#include "api/types.h"
#include "base/result.h"

namespace sluice::api {

// What could be read of an object. Fields with a problem hold their default, so key, metadata, status and the
// rest of the spec can be used even when problems is not empty; plan() needs them to say what is wrong.
struct RolloutReading {
  Rollout rollout;
  std::vector<FieldError> problems;
};

RolloutReading read_rollout(const nlohmann::json& object);

// The same for callers that want all or nothing. The error is Invalid and names each field and what to do
// about it: `spec.analysis.metrics[1].margin.ratio: "abc" is not a number: write ...`.
Result<Rollout> rollout_from_json(const nlohmann::json& object);

// The status subresource, complete: written as a whole, what is absent here is absent there. Values for
// people
// ("0.101%", "1.08", e-values) stand beside an `exact` text from which they are read back bit for bit:
// status_from_json(status_to_json(s)) == s, unless s holds a NaN. Never contains a JSON number that is not
// finite.
nlohmann::json status_to_json(const RolloutStatus& status);
RolloutStatus status_from_json(const nlohmann::json& status);

}  // namespace sluice::api
