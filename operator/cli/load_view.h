// What `sluice load` prints.
#pragma once

#include <string>

#include "loadtest/load_judge.h"

namespace sluice::cli {

// A line for the load, a table with a row a criterion, the verdict with its sentence. Pure.
std::string load_view(const api::LoadTestStage& stage, const loadtest::LoadObservation& seen,
                      const loadtest::LoadVerdict& verdict, bool colour);

}  // namespace sluice::cli
