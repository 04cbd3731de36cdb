// Fixed-horizon comparison of two proportions, and intervals for one: for the final report, never for a
// decision that is taken more than once.
//
//   z test            pooled or unpooled variance
//   Farrington-Manning / Miettinen-Nurminen    difference against a margin, restricted maximum likelihood
//   ratio score       ratio against a margin (Koopman 1984; Miettinen & Nurminen 1985)
//   TOST              two Farrington-Manning tests
//   intervals         Wald, Agresti-Caffo, Newcombe, score (difference); log, adjusted log, score (ratio);
//                     Wilson, Agresti-Coull, Clopper-Pearson, Jeffreys (one proportion)
//
// Counts may be fractional; 0 <= events <= total, total > 0 up to 1e12. No variance means p = 1 and z = 0,
// never NaN. The first proportion is the candidate. `level` is the confidence, 0 < level < 1. Pure, no throw.
#pragma once

#include <optional>

#include "stats/tails.h"

namespace sluice::stats {

struct Proportion {
  double events = 0.0;
  double total = 0.0;
  double rate() const { return total > 0.0 ? events / total : 0.0; }
};

struct ProportionTest {
  double z = 0.0;
  PValue p;
  double first_restricted = 0.0;  // the rates that the null hypothesis leaves, where the test has such
  double second_restricted = 0.0;
};

enum class Variance { Pooled, Unpooled };

// H0: p_1 - p_2 = null_difference.
ProportionTest two_proportion_z(const Proportion& first, const Proportion& second, double null_difference,
                                Variance variance, Alternative alternative);

// H0: p_1 - p_2 = margin, -1 < margin < 1. Miettinen-Nurminen multiplies the variance by N/(N-1).
enum class ScoreVariance { FarringtonManning, MiettinenNurminen };
ProportionTest difference_score(const Proportion& first, const Proportion& second, double margin,
                                ScoreVariance variance, Alternative alternative);

// H0: p_1 / p_2 = ratio, ratio > 0; `corrected` multiplies the variance by N/(N-1).
ProportionTest ratio_score(const Proportion& first, const Proportion& second, double ratio, bool corrected,
                           Alternative alternative);

// H0: |p_1 - p_2| >= margin, rejected when both one-sided tests reject: p is the larger one.
struct Equivalence {
  PValue p;
  PValue p_lower;  // of H0: difference <= -margin
  PValue p_upper;  // of H0: difference >= margin
};
Equivalence equivalence(const Proportion& first, const Proportion& second, double margin);

// Intervals for p_1 - p_2.
Interval wald_interval(const Proportion& first, const Proportion& second, double level);
Interval agresti_caffo_interval(const Proportion& first, const Proportion& second, double level);
Interval newcombe_interval(const Proportion& first, const Proportion& second, double level);
Interval difference_score_interval(const Proportion& first, const Proportion& second, ScoreVariance variance,
                                   double level);

// Intervals for p_1 / p_2. The plain logarithm needs an event in both arms, the score interval in one:
// nothing otherwise. The adjusted logarithm adds half an event to each arm.
std::optional<Interval> ratio_log_interval(const Proportion& first, const Proportion& second, double level);
Interval ratio_adjusted_log_interval(const Proportion& first, const Proportion& second, double level);
std::optional<Interval> ratio_score_interval(const Proportion& first, const Proportion& second,
                                             bool corrected, double level);

// Intervals for one proportion, inside [0, 1].
Interval wilson_interval(const Proportion& proportion, double level);
Interval agresti_coull_interval(const Proportion& proportion, double level);
Interval clopper_pearson_interval(const Proportion& proportion, double level);
Interval jeffreys_interval(const Proportion& proportion, double level);

}  // namespace sluice::stats
