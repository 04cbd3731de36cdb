#include "loadtest/validity.h"

#include "api/numbers.h"
#include "loadtest/load_profile.h"
#include "loadtest/phases.h"
#include "loadtest/wording.h"

namespace sluice::loadtest {
namespace {

double seconds_of(Duration duration) { return static_cast<double>(duration.count()) / 1000.0; }

// The rate that was missed for want of requests, not of answers.
std::string idle_users(const LoadResult& result) {
  double asked = 0.0;
  double made = 0.0;
  double there = 0.0;  // user-seconds
  double busy = 0.0;
  for (const LoadWindow& window : result.windows) {
    if (window.users <= 0.0 || window.asked_rate <= 0.0) continue;
    asked += window.asked_rate * seconds_of(window.length);
    there += window.users * seconds_of(window.length);
    made += static_cast<double>(window.requests);
    for (const ResponseTimes& times : window.response_times) busy += times.seconds * static_cast<double>(times.count);
  }
  if (asked <= 0.0 || made >= 0.9 * asked || busy >= 0.5 * there) return "";
  return "only " + api::percent_text(made / asked) + " of the asked rate was reached, while users waited for " +
         "answers " + api::percent_text(busy / there) + " of their time: the generator did not ask for more";
}

std::string why_invalid(const api::LoadTestStage& stage, const LoadResult& result) {
  double requests = 0.0;
  for (const LoadWindow& window : result.windows) requests += static_cast<double>(window.requests);
  if (requests <= 0.0) return "no request was made";
  const LoadGenerator& generator = result.generator;
  if (generator.lost_workers > 0) return counted(generator.lost_workers, "worker") + " of the generator got lost";
  if (generator.saturated) {
    return "the generator was saturated" + (generator.why.empty() ? "" : ": " + generator.why);
  }
  const double whole = seconds_of(load_duration(stage));
  const double seen = seconds_of(end_of(result.windows.back()));
  if (std::holds_alternative<api::LocustGenerator>(stage.generator) && seen < 0.95 * whole) {
    return "the load ended after " + time_text(seen) + " of " + time_text(whole);
  }
  return idle_users(result);
}

}  // namespace

std::string why_invalid(const api::LoadTestStage& stage, const LoadObservation& seen) {
  const std::string own = why_invalid(stage, seen.result);
  if (!own.empty() || !seen.stable) return own;
  const std::string theirs = why_invalid(stage, *seen.stable);
  return theirs.empty() ? "" : "stable's run: " + theirs;
}

}  // namespace sluice::loadtest
