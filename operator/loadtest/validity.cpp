#include "loadtest/validity.h"

#include <algorithm>

#include "api/numbers.h"
#include "loadtest/load_profile.h"
#include "loadtest/phases.h"
#include "loadtest/wording.h"

namespace sluice::loadtest {
namespace {

double seconds_of(Duration duration) { return static_cast<double>(duration.count()) / 1000.0; }

// Of a user's time, what a request takes on average: a period, or longer when the answer does.
double taken_by_one(const LoadWindow& window, double period) {
  double sum = 0.0;
  double count = 0.0;
  for (const ResponseTimes& times : window.response_times) {
    sum += std::max(times.seconds, period) * static_cast<double>(times.count);
    count += static_cast<double>(times.count);
  }
  return count > 0.0 ? sum / count : period;
}

// The rate that was missed for want of requests, not of answers.
std::string idle_users(const LoadResult& result) {
  double asked = 0.0;
  double made = 0.0;
  double there = 0.0;  // user-seconds
  double taken = 0.0;  // of them, by requests
  for (const LoadWindow& window : result.windows) {
    if (window.users <= 0.0 || window.asked_rate <= 0.0) continue;
    const auto requests = static_cast<double>(window.requests);
    asked += window.asked_rate * seconds_of(window.length);
    there += window.users * seconds_of(window.length);
    made += requests;
    taken += requests * taken_by_one(window, window.users / window.asked_rate);
  }
  if (asked <= 0.0 || made >= 0.9 * asked || taken >= 0.9 * there) return "";
  return "only " + api::percent_text(made / asked) + " of the asked rate was reached, and requests account for " +
         api::percent_text(taken / there) + " of the users' time: the generator did not ask for more";
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
