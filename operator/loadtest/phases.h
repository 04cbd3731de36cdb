// Which windows of a load a criterion is about.
//
//   profile                   response time, rate              failures
//   Performance, Endurance,   all of the load                  all of the load
//   Volume
//   Stress, Scalability, and  up to the highest rate, steps    the same
//   any other with a knee     that ask for no more than knee's
//                             min: beyond it, breaking is what
//                             such a load is for
//   Spike                     outside the spike and the time   all of the load: a spike may slow
//                             that recovery may take after it  answers but must not lose many
//
// When nothing is left (a tool that writes one window), it is all of the load. Pure, no throw.
#pragma once

#include "loadtest/bounds.h"
#include "loadtest/load_judge.h"

namespace sluice::loadtest {

// The load around its highest rate.
struct Phases {
  Windows before;
  Windows peak;   // the first time that the highest rate is asked for
  Windows after;  // until it is asked for again
};
Phases phases_of(const Windows& windows);

// Neighbouring windows of one asked rate.
std::vector<Windows> plateaus_of(const Windows& windows);

// Whether failing beyond a rate is what the stage expects.
bool seeks_knee(const api::LoadTestStage& stage, const std::vector<api::LoadCriterion>& criteria);

Windows scope_of(const api::LoadTestStage& stage, const std::vector<api::LoadCriterion>& criteria,
                 api::LoadMetric metric, const Windows& windows);

inline Duration end_of(const LoadWindow& window) { return window.at + window.length; }

}  // namespace sluice::loadtest
