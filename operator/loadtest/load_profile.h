// What each profile of a load test does and asks for when the spec does not say.
//
// | profile     | load                                                             | criteria by default            |
// |-------------|------------------------------------------------------------------|--------------------------------|
// | Performance | `rate` for 5 m                                                   | response time, failures, rate  |
// | Stress      | 20, 40, 60, 80, 100 % of `rate`, then 20 %, 1 m each             | response time and failures up  |
// |             |                                                                  | to a knee of 80 %, recovery    |
// | Endurance   | `rate` for 1 h                                                   | failures, rate, growth of the  |
// |             |                                                                  | median and of memory, restarts |
// | Volume      | `rate` for 5 m; the payload makes it one                         | response time, failures, rate  |
// | Scalability | 25, 50, 75, 100 % of `rate`, 2 m each                            | response time and failures up  |
// |             |                                                                  | to a knee of 100 %, rate       |
// | Spike       | 20 % of `rate` for 2 m, `rate` for 1 m, 20 % for 2 m             | failures, recovery, restarts   |
//
// A given `duration` stretches the shape. What a number is by default stands in load_profile.cpp and in
// docs/load-tests.md. Pure, no throw.
#pragma once

#include <string_view>
#include <vector>

#include "api/load_test.h"

namespace sluice::loadtest {

// The name as in the spec: "Stress".
std::string_view profile_name(api::LoadProfile profile);

// The steps of the stage: those given, else the profile's shape at its rate, in whole milliseconds. Empty when the
// stage has neither steps nor a rate: the tool of a Job then knows its load by itself.
std::vector<api::LoadStep> load_steps(const api::LoadTestStage& stage);

// The criteria given, else the profile's own, which go by the highest rate of load_steps().
std::vector<api::LoadCriterion> load_criteria(const api::LoadTestStage& stage);

// Of the whole load, without the warm-up. Zero: load_steps() is empty.
Duration load_duration(const api::LoadTestStage& stage);

// The highest rate of load_steps(), requests a second; 0 when that is empty.
double highest_rate(const api::LoadTestStage& stage);

// How long a window of the result lasts: whole seconds, at least one, so that there are about 120 windows. They end
// where steps end, too, and with that are still not more than kMostWindows for up to that many steps less one.
Duration window_length(const api::LoadTestStage& stage);

// Load at the first step's rate that is not counted: connections are opened and caches filled. A twentieth of the
// load, from 2 s to 30 s.
Duration warm_up(const api::LoadTestStage& stage);

}  // namespace sluice::loadtest
