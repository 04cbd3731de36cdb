#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/simulate_flags.h"
#include "cli/simulate_view.h"
#include "cli/style.h"
#include "forecast/evidence_plot.h"
#include "forecast/summary.h"

namespace sluice::cli {
namespace {

int fail(const std::string& message) {
  std::cerr << "sluice: " << message << "\n";
  return 2;
}

// A bar on the standard error, and only where a person sees it: it never mixes with the answer.
forecast::Progress progress_bar() {
  if (isatty(STDERR_FILENO) == 0) return {};
  return [shown = -1](double done) mutable {
    const int percent = static_cast<int>(done * 100);
    if (percent == shown) return;
    shown = percent;
    if (done >= 1.0) {
      std::cerr << "\r\033[K" << std::flush;
    } else {
      std::cerr << "\rsimulating " << bar(done, 40) << " " << percent << "%" << std::flush;
    }
  };
}

int write_plot(const SimulateFlags& flags, const forecast::Scenario& scenario) {
  const std::string plot = forecast::evidence_plot(scenario, static_cast<unsigned>(flags.threads));
  if (flags.svg == "-") {
    std::cout << plot;
    return 0;
  }
  std::ofstream file(flags.svg, std::ios::binary | std::ios::trunc);
  file << plot;
  file.close();
  return file ? 0 : fail("--svg: " + flags.svg + " cannot be written");
}

int simulate(const SimulateFlags& flags) {
  const auto scenario = scenario_of(flags);
  if (!scenario) return fail(scenario.error().message);
  if (!flags.svg.empty()) {
    const int status = write_plot(flags, *scenario);
    if (status != 0 || flags.svg == "-") return status;
  }
  const auto results = forecast::simulate(*scenario, static_cast<unsigned>(flags.threads), progress_bar());
  const forecast::Summary summary = forecast::summarise(*scenario, results);
  if (flags.output == "json") {
    std::cout << forecast::to_json(*scenario, summary).dump(2) << "\n";
  } else {
    const bool colour = isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
    std::cout << simulate_view(*scenario, summary, colour);
  }
  return 0;
}

}  // namespace

Command add_simulate(CLI::App& program) {
  CLI::App& command = *program.add_subcommand(
      "simulate", "Simulate a rollout many times with the engine that ships: error rates and time to decide");
  auto flags = std::make_shared<SimulateFlags>();
  add_flags(command, *flags);
  return {&command, [flags] { return simulate(*flags); }};
}

}  // namespace sluice::cli
