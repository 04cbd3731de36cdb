// The evidence of one metric, whether it is one rate or a whole distribution: the shares above several edges of a
// histogram. One part (a GuardrailEvidence) an edge.
//
//   harm             the mean of the parts' e-values: "worse at some edge". A mean of e-values is one, whatever
//                    depends on what, so this is an anytime-valid one-sided Kolmogorov-Smirnov test on the edges;
//                    to look at k edges costs log k.
//   non-inferiority  every part for itself: "worse at no edge" is proven when each has proven its own
//                    (intersection-union), so the least of their suprema is compared with the threshold.
//
// The edges must be chosen from what was seen before: shares of stable's past, never of the blocks that are counted.
// With one part every answer is that of the part, and so is the saved text.
//
// Units, numbers and threads as in guardrail.h. Nothing throws.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "stats/guardrail.h"

namespace sluice::stats {

class MetricEvidence {
 public:
  static constexpr std::size_t most_edges = 3;  // more would not fit into 2 kB of saved text

  // One part for each entry of `past_dispersions` (0: no past); they share the other parameters.
  // Preconditions: check(parameters).ok(), 1 <= entries <= most_edges.
  MetricEvidence(const GuardrailParameters& parameters, std::span<const double> past_dispersions);

  // Adds one block a part, which together are one look. Returns false, and changes nothing, for another number of
  // blocks or when one of them contradicts itself.
  bool add(std::span<const Block> blocks, bool user_facing = true);

  double log_e_harm() const;
  double sup_log_e_harm() const { return sup_harm_; }
  double log_e_non_inferior() const;      // the least of the parts'
  double sup_log_e_non_inferior() const;  // the least of the parts' suprema
  double sup_log_e_above_ceiling() const;  // of the first part: a ceiling belongs to one edge

  // The ratio is shown to be below `r` at every edge.
  bool ratio_below(double r, double alpha) const;

  // How many more looks until every part is proven, if each look brings `per_look` (one entry a part).
  double looks_to_non_inferior(std::span<const Block> per_look, double log_threshold) const;

  // Had the candidate's share been `ratio` times stable's at an edge, the probability that harm had been shown by now:
  // at the edge where it is smallest.
  double detection_power(double ratio, double log_threshold) const;

  // The part that shows the most of harm: the one to be told to a person.
  std::size_t leading() const;

  std::size_t size() const { return parts_.size(); }
  const GuardrailEvidence& part(std::size_t k) const { return parts_[k]; }
  int looks() const { return parts_[0].looks(); }

  // Printable text below 2.1 kB. `unpack` as GuardrailEvidence::unpack, for so many parts.
  std::string pack() const;
  static Result<MetricEvidence> unpack(const GuardrailParameters& parameters, std::size_t parts, std::string_view text);

 private:
  explicit MetricEvidence(GuardrailEvidence one);

  std::vector<GuardrailEvidence> parts_;
  double sup_harm_ = 0.0;
};

// Which of a histogram's edges tell most about its distribution, at most MetricEvidence::most_edges of them, ascending:
// those above which stable had a half, a twelfth and a hundredth of its observations, as nearly as edges are there.
// Edges above which hardly anything or more than two thirds lay tell nothing that the others do not. `shares`: of
// stable's past, one for each of the ascending `edges`; without any observation: the first edge.
// Precondition: equal length.
std::vector<double> informative_edges(std::span<const double> edges, std::span<const double> shares);

}  // namespace sluice::stats
