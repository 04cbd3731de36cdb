// One program: the operator, and the commands for people. As `kubectl-sluice` on the path it is a kubectl plugin.
#include <CLI/CLI.hpp>

#include "app/operator_command.h"
#include "cli/command.h"

int main(int argc, char** argv) {
  using namespace sluice;
  CLI::App program{
      "Sluice delivers machine-learning models progressively, and proves that each is fit before it gets the "
      "traffic."};
  program.set_version_flag("--version", SLUICE_VERSION);
  program.require_subcommand(1);
  const auto commands = {app::add_operator(program), cli::add_status(program), cli::add_watch(program),
                         cli::add_simulate(program), cli::add_plan(program), cli::add_load(program)};
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& said) {  // which --help is, too
    return program.exit(said) == 0 ? 0 : 2;
  }
  for (const cli::Command& command : commands) {
    if (command.app->parsed()) return command.run();
  }
  return 2;
}
