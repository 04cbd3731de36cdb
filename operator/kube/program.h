// Runs a program and collects what it says. For credential plugins only: short, without input, without a
// shell.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace sluice::kube {

struct ProgramOutput {
  std::string out;    // standard output, at most 1 MiB
  std::string error;  // the beginning of standard error, at most 4 KiB
};

// `arguments` do not include the program's own name; `environment` is complete ("NAME=value"). A name without
// a slash is looked for in PATH. Standard input is /dev/null. Errors: Unauthorized when it cannot be started,
// fails (with its own last words), says too much, or runs longer than `longest` (it is killed then, with its
// children). The message names the program but none of its arguments, which may hold secrets.
Result<ProgramOutput> run_program(const std::string& program, const std::vector<std::string>& arguments,
                                  const std::vector<std::string>& environment, Duration longest);

}  // namespace sluice::kube
