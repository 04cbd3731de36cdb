// The picture of one Rollout that `sluice status` prints and `sluice watch` keeps drawing.
//
// Pure: from the values and a width to lines of text, so that it can be tested without a terminal.
#pragma once

#include <string>

#include "api/types.h"
#include "base/time.h"

namespace sluice::cli {

struct ViewOptions {
  int width = 100;       // columns; at least 60 are used
  bool colour = false;   // ANSI colours
};

// Ends with a line break. `now` is for ages.
std::string live_view(const api::Rollout& rollout, Time now, const ViewOptions& options);

// What changed between two states of a Rollout, as lines for a log: one line a change, none for equal states.
std::string change_lines(const api::Rollout& before, const api::Rollout& after, Time now);

}  // namespace sluice::cli
