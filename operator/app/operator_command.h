// `sluice operator`: the flags of the controller. See cli/command.h for what the function returns.
#pragma once

#include "cli/command.h"

namespace sluice::app {

cli::Command add_operator(CLI::App& program);

}  // namespace sluice::app
