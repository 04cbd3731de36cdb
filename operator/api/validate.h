// What is wrong with a Rollout that the CRD's schema let through, or that came past it.
//
// The schema and its CEL rules refuse most of this at admission; here it is checked again, since objects
// outlive schemas, together with what needs more than one field of a template to be seen. A Rollout with a
// finding is not acted upon: status says Stalled, reason InvalidSpec, and quotes the findings.
//
// Pure, no throw.
#pragma once

#include <string>
#include <vector>

#include "api/field_error.h"
#include "api/types.h"

namespace sluice::api {

// So that <name>-<8 characters of a hash> fits the names and labels of everything that belongs to it.
inline constexpr std::size_t kLongestName = 52;

// Empty when all is well; otherwise in the order of the fields. For a Rollout whose reading had problems
// (RolloutReading in json.h) judge those first: fields with a problem hold defaults here.
std::vector<FieldError> validate(const Rollout& rollout);

// The port of the pods by number: the number itself, or that of the container port with that name. nullopt
// when the template has no such port.
std::optional<int> port_number(const Spec& spec);

}  // namespace sluice::api
