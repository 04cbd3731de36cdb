// Merging what a user says of a pod over what Sluice would have it be.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace sluice::workload {

// `over` merged over `base`, as kubectl does it by a strategic merge: objects member by member, lists whose items have
// names by the name (those of `base` first), all else replaced; a null takes away. A tree that is no object changes
// nothing. Pure, no throw.
nlohmann::json merged(nlohmann::json base, const nlohmann::json& over);

}  // namespace sluice::workload
