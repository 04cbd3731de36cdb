// The flags of `sluice simulate`, and the scenario that they describe together with a manifest.
//
// A flag that was not given leaves what the manifest says; without a manifest, the default shown by --help.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "forecast/scenario.h"

namespace CLI {
class App;
}

namespace sluice::cli {

struct SimulateFlags {
  std::string file;
  std::vector<std::string> base_rate, base_rate_end, ratio;  // [NAME=]VALUE
  std::vector<std::string> improvement, variation;           // the same, of goals
  std::string rps = "100";
  std::string weight, ramp;
  int looks = 0;  // 0: as the manifest or the default says
  std::string interval;
  int min_looks = 0;
  std::string dispersion = "1";
  int history = 30;
  int guardrails = 0;
  std::string margin, or_below, ceiling;
  std::string false_rollback, false_promotion, catastrophic_effect;
  std::string phi = "auto";
  std::string pod_effect = "0%";
  std::string pods = "1,9";
  bool oracle = false;
  int runs = 20'000;
  std::uint64_t seed = 7;
  int threads = 0;
  std::string output = "table";
  std::string svg;
};

// `flags` must outlive the parsing.
void add_flags(CLI::App& command, SimulateFlags& flags);

// Precondition: the flags have been parsed. The scenario is checked; an error names the flag or the file.
Result<forecast::Scenario> scenario_of(const SimulateFlags& flags);

// Puts "errors=1%" into the `field` of that guardrail's truth, and "1%" into all of them, or into the first alone.
// The error names the flag.
Outcome set_truths(const char* flag, const std::vector<std::string>& texts,
                   double (*value_of)(const std::string&), bool first_only, double forecast::Truth::*field,
                   forecast::Scenario& scenario);

// The truth about goals. Of --base-rate those texts are taken that name a goal, and returned are the others.
Result<std::vector<std::string>> set_goals(const std::vector<std::string>& base_rate,
                                           const std::vector<std::string>& improvement,
                                           const std::vector<std::string>& variation, forecast::Scenario& scenario);

// --improvement and --variation.
void add_goal_flags(CLI::App& command, std::vector<std::string>& improvement, std::vector<std::string>& variation);

}  // namespace sluice::cli
