// How much the pods of one revision differ among themselves: the noise floor of a comparison of revisions.
//
// A pod's own node, cache or neighbours move its rate for as long as it lives, so that no number of looks averages
// it away: a candidate of one pod may look worse than stable by as much as one of stable's pods does. With e_i
// events in exposure n_i of pod i and m_i = n_i sum(e)/sum(n) expected, Pearson's
//
//   Q = sum (e_i - m_i)^2 / m_i        has the mean  (k - 1) + tau^2 (M - sum m_i^2 / M),   M = sum m_i
//
// when the pods' rates scatter around the common one with a coefficient of variation tau and events are Poisson
// within a pod. Its moment estimate is tau^2 = max(0, Q - (k - 1)) / (M - sum m_i^2 / M): the estimator of DerSimonian
// and Laird (Controlled Clinical Trials 7, 1986) with the weights m_i. Bursts that strike single pods count as a
// difference between pods, which makes the floor larger, never smaller.
//
// Units as in rate_ratio.h. Pure, no throw, no NaN.
#pragma once

#include <optional>
#include <span>

namespace sluice::stats {

struct PodSpread {
  int pods = 0;      // those with exposure
  double spread = 0; // tau: 0.05 means that a pod's rate is typically 5 % away from the mean of all
};

// Precondition: spans of equal length. nullopt with fewer than two pods that had exposure, or without any event:
// then nothing is known. Pods without exposure, and counts that contradict themselves, are passed over.
std::optional<PodSpread> pod_spread(std::span<const double> events, std::span<const double> exposure);

}  // namespace sluice::stats
