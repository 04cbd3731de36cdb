// Overdispersion: how much more the counts of blocks scatter than independent events would.
//
// Bursts, retries and clusters make phi = chi2/df larger than one, and every sequential test that ignores it
// raises false alarms. All log factors of an e-process are divided by phi; any phi >= 1, however estimated,
// keeps the guarantee for independent events (Jensen), and with a phi that fits it holds about as well for
// bursty ones.
//
//   ConditionalDispersion  Pearson's chi2 of the candidate's events given both arms' events, block by block
//   CandidateDispersion    Pearson's chi2 of the candidate's events around its own mean rate
//   past_dispersion        phi_0 from stable's own past, before there is a candidate
//
// Each is a few running sums: a block is never looked at twice. Units as in rate_ratio.h. Pure, no throw, no
// NaN, no allocation.
#pragma once

#include <span>

#include "stats/rate_ratio.h"

namespace sluice::stats {

// chi2 = sum (e_c - e pi)^2 / (e pi (1 - pi)), e = e_c + e_s, with pi = pi(r) of each block at the pooled
// ratio r (Mantel-Haenszel). In terms of the odds o = n_c/n_s of a block this is A/r + B + D r with three
// sums, so that r may be re-estimated at every block.
class ConditionalDispersion {
 public:
  // Blocks that do not inform about the ratio are passed over.
  void add(const Block& block);

  int blocks() const { return static_cast<int>(blocks_); }
  // Degrees of freedom of chi2: blocks - 1, but none while one arm has had no event at all, for then nothing
  // about the scatter is known.
  double degrees() const { return blocks_ > 1.0 && candidate_ > 0.0 && stable_ > 0.0 ? blocks_ - 1.0 : 0.0; }
  // The pooled ratio of the rates; 0 without candidate's, infinity without stable's events.
  double ratio() const;
  // Pearson's chi2 at that ratio; 0 when one arm has had no event at all.
  double chi_square() const;
  // max(1, chi2/df); 1 before the second block.
  double phi() const;

  struct State {
    double blocks, a, b, d, candidate, stable;
  };
  State state() const { return {blocks_, a_, b_, d_, candidate_, stable_}; }
  void restore(const State& state);

 private:
  double blocks_ = 0.0;
  double a_ = 0.0;          // sum of (e_c^2/e) / o
  double b_ = 0.0;          // sum of -2 e_c e_s / e
  double d_ = 0.0;          // sum of (e_s^2/e) o
  double candidate_ = 0.0;  // sum of e_c n_s / (n_c + n_s)
  double stable_ = 0.0;     // sum of e_s n_c / (n_c + n_s)
};

// chi2 = sum (e_c - n_c p)^2 / (n_c p), p = sum e_c / sum n_c. A base rate that drifts counts as dispersion
// here.
class CandidateDispersion {
 public:
  void add(const Block& block);
  double events() const { return events_; }
  double exposure() const { return exposure_; }
  // max(1, chi2/df); 1 while there are fewer than 5 blocks or 20 events, too few to say.
  double phi() const;

  struct State {
    double blocks, events, exposure, squares;
  };
  State state() const { return {blocks_, events_, exposure_, squares_}; }
  void restore(const State& state);

 private:
  double blocks_ = 0.0;
  double events_ = 0.0;
  double exposure_ = 0.0;
  double squares_ = 0.0;  // sum of e_c^2 / n_c
};

// What stable's own past says. phi may be below 1; `degrees` is how much the estimate is worth (a natural
// nu_0); `p_value` is that of phi_0 = 1 against more. Without two neighbouring blocks with an event: 1, 0
// and 1.
struct PastDispersion {
  double phi = 1.0;
  double degrees = 0.0;
  double p_value = 1.0;
};

// The mean over neighbouring blocks of (e_1 - e_2)^2/(e_1 + e_2), in which a drift cancels; with unequal
// exposures (e_1 - m q)^2/(m q (1-q)), m = e_1 + e_2, q = n_1/(n_1 + n_2). Neighbouring pairs share a block,
// hence a correlation of 1/4 and about two thirds as many degrees of freedom as pairs. Precondition: both
// spans of equal length, in order of time. Pairs without event or exposure are passed over.
PastDispersion past_dispersion(std::span<const double> events, std::span<const double> exposure);

// The phi by which the ratio's log factors are divided: (nu_0 max(1, phi_0) + chi2)/(nu_0 + df) where that is above 1
// beyond chance, else 1. Beyond chance: the numerator exceeds the 90 % quantile of a chi-square of nu_0 + df degrees, by
// the cube-root approximation of Wilson and Hilferty (1931). Noise in the estimate would only slow every verdict; any
// phi >= 1 keeps the guarantee, however it is chosen.
// Without a past (phi_0 = 0): 1 while no block has informed, 2 for the first four that do, then max(1, chi2/df).
double ratio_dispersion(const ConditionalDispersion& now, double past_phi, double past_weight);

}  // namespace sluice::stats
