// JSON that nobody would write, made from good JSON and from nothing.
#pragma once

#include <nlohmann/json.hpp>
#include <random>

namespace sluice::api {

// Any value, nested at most `depth` deep; its strings need not be UTF-8.
nlohmann::json random_json(std::mt19937& random, int depth);

// A copy with one to four values somewhere inside removed or replaced by random ones.
nlohmann::json damaged(const nlohmann::json& good, std::mt19937& random);

}  // namespace sluice::api
