// What a metric's selector must look like: a plain Prometheus vector selector with Sluice's placeholders.
//
// Sluice reads raw samples and computes increases itself, so there is no place for rate(), [5m], offset or
// arithmetic. Only the outline is checked (name, matchers, strings, placeholders), not regular expressions:
// Prometheus does that when it is asked. Pure, no throw.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::api {

// The placeholders that Sluice fills in for each revision. The first three tell one revision from another.
inline constexpr std::array<const char*, 5> kPlaceholders{"pods", "service", "revision", "namespace",
                                                          "rollout"};
inline constexpr std::size_t kArmPlaceholders = 3;

// Buckets: of a histogram of which Sluice chooses one. AllBuckets: of one that is read whole.
enum class SelectorUse { Counter, Buckets, AllBuckets };

// A sentence that says what to do about the selector; nullopt when nothing is wrong.
std::optional<std::string> selector_problem(std::string_view selector, SelectorUse use);

}  // namespace sluice::api
