// The stages of the table: one of each kind, and what people make of them while they are under way.
#pragma once

#include <array>
#include <nlohmann/json_fwd.hpp>

#include "choice.h"

namespace sluice::simulation {

enum class Kind { SystemTest, LoadTest, Shadow, Canary, AbTest, Approval };
inline constexpr std::array kKinds = {Kind::SystemTest, Kind::LoadTest, Kind::Shadow,
                                      Kind::Canary,     Kind::AbTest,   Kind::Approval};

struct KindOfStage {
  const char* title;
  const char* stage;  // the name under which choice.h has it
};
KindOfStage about(Kind kind);

// A Rollout with a stage of this kind.
RolloutChoice choose(Kind kind);

// Merge patches of its spec: the stage asks for something else; it is of another kind, under the same name; it is not
// there, and another one is at its place.
nlohmann::json edited(Kind kind);
nlohmann::json as_another_kind(Kind kind);
nlohmann::json without(Kind kind);

}  // namespace sluice::simulation
