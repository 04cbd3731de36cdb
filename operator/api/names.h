// The words of the API for the enumerations of types.h, in both directions.
//
// to_string never fails. from_string gives nullopt for a word that is not one of them; it is case-sensitive,
// as the API server is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/types.h"

namespace sluice::api {

const char* to_string(LoadProfile value);
const char* to_string(LoadProtocol value);
const char* to_string(MetricRole value);
const char* to_string(Direction value);
const char* to_string(PromoteWhen value);
const char* to_string(ShadowProof value);
const char* to_string(SplitCheck value);
const char* to_string(OnInconclusive value);
const char* to_string(Phase value);
const char* to_string(Verdict value);
const char* to_string(DriftVerdict value);
const char* to_string(ConditionStatus value);
const char* to_string(Outcome value);

// Defined for the enumerations above.
template <class Enum>
std::optional<Enum> from_string(std::string_view word);

// The words that from_string<Enum> knows, as in "Pause or RollBack".
template <class Enum>
std::string known_words();

}  // namespace sluice::api
