// Whether the result of a load test says anything about the candidate.
#pragma once

#include <string>

#include "loadtest/load_judge.h"

namespace sluice::loadtest {

// Empty: it does. Otherwise a sentence on what was wrong with the generator: saturated by its own account, a worker
// lost, no request, ended before 95 % of the load that the stage asks of Locust, or less than 90 % of the asked rate
// while requests account for less than 90 % of the users' time, so that it was not the candidate that held them up: a
// user begins a request each users / rate seconds, or when the answer is there if that is later. Of stable's run the
// same. Pure, no throw.
std::string why_invalid(const api::LoadTestStage& stage, const LoadObservation& seen);

}  // namespace sluice::loadtest
