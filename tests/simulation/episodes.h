// The kinds of stories that the simulation tells, each in a world of its own.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "api/types.h"
#include "faults.h"
#include "random.h"

namespace sluice::simulation {

struct EpisodeResult {
  std::vector<std::string> broken;  // what did not hold
  std::deque<std::string> account;  // what happened last
  int equals_decided = 0;           // candidates no worse than stable on which the evidence decided ...
  int equals_rolled_back = 0;       // ... and the false alarms among them
};

// Everything goes wrong for a while; then nothing does, and all must come to rest and be silent.
EpisodeResult chaos(const Random& random, Counters& counters);

// The same story several times, straight and with mishaps (crashes, lost answers) at some calls: it must have the
// same end.
EpisodeResult twins(const Random& random, Counters& counters);

// The same with each mishap at each call of the story, one at a time.
EpisodeResult every_call(const Random& random, Counters& counters);

// What an outsider sees of how a Rollout has ended: stable, rejected, phase, and each attempt with its outcome.
std::string ending_of(const api::Rollout& rollout);

// Candidates that predict something else than stable, and such that do not: told once, and promoted all the same, even
// if the process dies in between. Prints what broke; returns how many of the stories did.
int drift_stories(Counters& counters);

// Each kind of stage with each thing that can happen while it is under way. Prints the table, with what broke in each
// cell; returns in how many cells something did.
int stage_table(Counters& counters);

}  // namespace sluice::simulation
