// Statuses with every field at random, edge values included.
#pragma once

#include <random>

#include "api/types.h"

namespace sluice::api {

RolloutStatus random_status(std::mt19937& random);

}  // namespace sluice::api
