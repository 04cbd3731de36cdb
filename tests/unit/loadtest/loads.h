// Loads as a sound, fair generator would report them, for the tests of this folder.
#pragma once

#include <cmath>
#include <map>
#include <random>

#include "loadtest/load_judge.h"

namespace sluice::loadtest {

// How a candidate answers at one time: log-normal response times, failures with a probability.
struct Behaviour {
  double median = 0.020;  // seconds
  double sigma = 0.4;     // of the logarithm: 95 % are within 1.93 times the median
  double failures = 0.0;
  double reached = 1.0;  // of the asked rate
};

inline LoadWindow window_of(double at, double length, double rate, const Behaviour& how, std::mt19937_64& random) {
  LoadWindow window;
  window.at = Duration(std::llround(at * 1000.0));
  window.length = Duration(std::llround(length * 1000.0));
  window.asked_rate = rate;
  window.users = rate;
  window.requests = std::llround(rate * length * how.reached);
  std::map<double, std::int64_t> times;
  std::lognormal_distribution<double> time(std::log(how.median), how.sigma);
  std::bernoulli_distribution fails(how.failures);
  for (std::int64_t i = 0; i < window.requests; ++i) {
    // Classes of 2 %, as the script has them.
    const double exact = time(random);
    ++times[std::pow(1.02, std::round(std::log(exact) / std::log(1.02)))];
    window.failures += fails(random) ? 1 : 0;
  }
  for (const auto& [seconds, count] : times) window.response_times.push_back({seconds, count});
  return window;
}

// `how` is called with the seconds since the start and the rate.
template <class How>
LoadResult load_of(const std::vector<api::LoadStep>& steps, double window, How how, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  LoadResult result;
  result.started_at = Time(seconds(1'800'000'000));
  result.generator = {"test", 1, 0, false, ""};
  double at = 0.0;
  for (const api::LoadStep& step : steps) {
    const double whole = static_cast<double>(step.duration.count()) / 1000.0;
    const int pieces = static_cast<int>(std::max(1.0, std::round(whole / window)));
    for (int i = 0; i < pieces; ++i) {
      result.windows.push_back(window_of(at, whole / pieces, step.rate, how(at, step.rate), random));
      at += whole / pieces;
    }
  }
  return result;
}

inline api::LoadTestStage stage_of(api::LoadProfile profile, double rate, Duration duration) {
  api::LoadTestStage stage;
  stage.profile = profile;
  stage.rate = rate;
  stage.duration = duration;
  stage.generator = api::LocustGenerator{};
  return stage;
}

inline api::LoadCriterion at_most(api::LoadMetric metric, double max, std::optional<double> quantile = {}) {
  api::LoadCriterion criterion;
  criterion.metric = metric;
  criterion.max = max;
  criterion.quantile = quantile;
  return criterion;
}

inline api::LoadCriterion at_least(api::LoadMetric metric, double min) {
  api::LoadCriterion criterion;
  criterion.metric = metric;
  criterion.min = min;
  return criterion;
}

}  // namespace sluice::loadtest
