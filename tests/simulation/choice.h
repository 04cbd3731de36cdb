// What is chosen for one Rollout, and the spec that says so.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace sluice::simulation {

struct RolloutChoice {
  std::string name;
  int replicas = 2;
  std::vector<int> weights{10, 50};
  double requests_per_second = 200;
  std::string image = "model:equal-0";
  std::string max_duration = "40m";
  enum class Experiment { None, ByHeader, ByCookie };
  Experiment experiment = Experiment::None;  // a stage after the canary
  bool roll_back_when_inconclusive = false;
  bool tested = false;   // by a systemTest before the canary ...
  bool loaded = false;   // ... and by a loadTest after that
  bool initial = false;  // the first revision too
  bool canary = true;
  bool shadow = false;    // a stage before the canary
  bool approved = false;  // a stage after all others
  bool predictions = false;  // what is predicted is compared, too
  int rollback_window = 0;  // revisions; 0: none
};

// Stages have these names: acceptance, load, shadow, canary, experiment, sign-off.
nlohmann::json spec_of(const RolloutChoice& choice);

}  // namespace sluice::simulation
