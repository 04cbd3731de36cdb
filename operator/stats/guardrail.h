// The evidence of one guardrail metric during one rollout: all that a verdict about it needs, as one value.
//
// It is fed one Block at a time and holds running sums only. It answers: how strong is the evidence for harm,
// for non-inferiority (by the ratio, by the absolute ceiling, by both), for a rate above a hard ceiling; what
// is the ratio; how bursty are the events; how much longer will it take.
//
//   GuardrailEvidence evidence({.margin_ratio = 1.5, .or_below = 0.001});
//   evidence.add({6, 54, 600, 5400});
//   if (evidence.sup_log_e_harm() >= std::log(metrics / alpha)) roll_back();
//
// A block is added once, in any order, and never again; evidence is cleared when the candidate changes, never
// when the traffic weight does. `pack` and `unpack` carry it over a restart bit for bit: the same blocks give
// the same decisions whether or not the process lived through them.
//
// Units as in rate_ratio.h. Every answer is a number (never NaN; logarithms may be minus infinity where
// stated). Nothing throws; `add` allocates nothing. Not synchronised: one thread writes, or many read.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "stats/dispersion.h"
#include "stats/rate_ratio.h"

namespace sluice::stats {

struct GuardrailParameters {
  double harm_ratio = 1.0;        // harm means p_c > harm_ratio * p_s ...
  double harm_floor = 0.0;        // ... and p_c > harm_floor (0 = no floor)
  double margin_ratio = 1.5;      // non-inferior means p_c < margin_ratio * p_s ...
  double or_below = 0.001;        // ... or p_c < or_below (0 = by the ratio only)
  double ceiling = 0.0;           // hard ceiling, whatever stable does (0 = none)
  double past_dispersion = 0.0;   // phi_0 from stable's own past; 0 = there is no past
  double past_weight = 15.0;      // nu_0: how many degrees of freedom phi_0 is worth
  double fixed_dispersion = 0.0;  // phi as given, nothing estimated (0 = estimate it)
  bool one_of_edges = false;      // one edge of several: the short grids of rate_ratio.h
};

// Whether the numbers make sense together: finite, ratios > 0, rates >= 0, weights >= 0.
Outcome check(const GuardrailParameters& parameters);

class GuardrailEvidence {
 public:
  // Precondition: check(parameters).ok().
  explicit GuardrailEvidence(const GuardrailParameters& parameters);

  // Adds one block, which is one look. A mirrored block (`user_facing` false) feeds harm, the hard ceiling
  // and the ratio's interval, but not the proof of non-inferiority: nobody was served by it. Returns false,
  // and changes nothing, for a block that contradicts itself (negative, not finite, events without exposure).
  bool add(const Block& block, bool user_facing = true);

  // Harm: the ratio above harm_ratio and, when there is a floor, the rate above it. Dispersion applied.
  double log_e_harm() const { return now_.harm; }
  // Non-inferiority: three quarters of the first e-value below and one of the second, or the first alone when
  // or_below is 0.
  double log_e_non_inferior() const { return now_.non_inferior; }
  double log_e_non_inferior_ratio() const { return now_.ratio; }
  double log_e_below() const { return now_.below; }            // minus infinity when or_below is 0
  double log_e_above_ceiling() const { return now_.ceiling; }  // minus infinity when there is no ceiling

  // The largest of each over all looks so far, the start (log E = 0) included, which is what a threshold is
  // compared with; the always-valid p-value is exp(-sup). Without a ceiling its supremum is minus infinity.
  double sup_log_e_harm() const { return sup_.harm; }
  double sup_log_e_non_inferior() const { return sup_.non_inferior; }
  double sup_log_e_above_ceiling() const { return sup_.ceiling; }

  // phi of the ratio's evidence, >= 1. That of the ceilings may be larger: see ceiling_dispersion.
  double dispersion() const;
  double ceiling_dispersion() const;

  // The ratio of the rates: conditional maximum likelihood and the confidence sequence at level 1 - alpha.
  // Precondition: 0 < alpha < 1.
  RatioInterval ratio(double alpha) const;

  // The confidence sequence lies wholly below `r`. Exact, without interpolation, when r is margin_ratio or
  // harm_ratio.
  bool ratio_below(double r, double alpha) const;

  // How many more looks until the evidence reaches `log_threshold` if each brings `per_look` (expected
  // counts, so fractions): along the expected path, with the dispersion of now. 0 when it has, infinity when
  // it never will (or not within a million looks). About a microsecond.
  double looks_to_harm(const Block& per_look, double log_threshold) const;
  double looks_to_non_inferior(const Block& per_look, double log_threshold) const;

  // Had the candidate's rate been `ratio` times stable's, the probability that log_e_harm had reached the
  // threshold by now: planning.h.
  double detection_power(double ratio, double log_threshold) const;

  // All blocks, mirrored ones included, and all looks (blocks with nothing in them are looks too).
  const Block& totals() const { return totals_; }
  int blocks() const { return conditional_.blocks(); }  // those that informed about the ratio
  int looks() const { return static_cast<int>(looks_); }
  const GuardrailParameters& parameters() const { return parameters_; }

  // The sums, for saving; `restore` takes what `append_state` gave for the same parameters, except the past: phi_0 is
  // taken from it. It fails on another length.
  std::size_t state_size() const;
  void append_state(std::vector<double>& out) const;
  bool restore(std::span<const double> state);

  // A fingerprint of the parameters that the sums were made with, as a whole number that a double holds exactly. The
  // past is not part of it, for it travels with the state.
  static double fingerprint(const GuardrailParameters& parameters);

  // Printable text below 1.8 kB. `unpack` wants the same parameters, except the past: phi_0 and nu_0 are
  // taken from the text, since they were measured before the start. Another version, other parameters or
  // damage: Invalid.
  std::string pack() const;
  static Result<GuardrailEvidence> unpack(const GuardrailParameters& parameters, std::string_view text);

 private:
  struct LogE {
    double harm, ratio, below, non_inferior, ceiling;
  };
  struct Suprema {
    double harm, non_inferior, ceiling;
  };

  struct Grids;  // the points and weights that follow from the parameters
  static std::shared_ptr<const Grids> grids_of(const GuardrailParameters& parameters);

  void evaluate();

  GuardrailParameters parameters_;
  std::shared_ptr<const Grids> grids_;
  RatioLikelihood every_block_;  // at the harm grid and some ratios below it; exact: harm_ratio, margin_ratio
  RatioLikelihood user_facing_;  // at the non-inferiority grid; exact: margin_ratio
  ConditionalDispersion conditional_;
  CandidateDispersion candidate_;
  Block totals_;
  double served_events_ = 0.0;  // the candidate's, user-facing blocks only
  double served_exposure_ = 0.0;
  double looks_ = 0.0;
  LogE now_{};
  Suprema sup_{};
};

}  // namespace sluice::stats
