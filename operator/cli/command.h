// The commands that people type, as functions that add themselves to the program.
//
// Each adds its command with its flags and returns what runs it once the command line has been parsed. The value is a
// process exit status: 0 well; 1 the answer is bad (rolled back, refused); 2 it could not be asked or answered, with
// the reason on the standard error. A flag whose value makes no sense is refused by the parser, with its name.
#pragma once

#include <functional>
#include <utility>

namespace CLI {
class App;
}

namespace sluice::cli {

struct Command {
  CLI::App* app = nullptr;  // tells whether it was asked for
  std::function<int()> run;
};

// On a cluster: commands.cpp.
Command add_status(CLI::App& program);
Command add_watch(CLI::App& program);

// Offline: simulate_command.cpp, plan_command.cpp, load_command.cpp. `load` has a status of its own: 3 where the answer
// is neither good nor bad.
Command add_simulate(CLI::App& program);
Command add_plan(CLI::App& program);
Command add_load(CLI::App& program);

}  // namespace sluice::cli
