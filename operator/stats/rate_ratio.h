// Evidence about the ratio of two event rates, candidate over stable: the stratified conditional-Poisson
// mixture e-process and its confidence sequence.
//
// One Block is what happened between two looks. Given the number of events of both arms together, the share
// that fell on the candidate depends on the ratio r of the rates and on the two exposures only, so a base
// rate that drifts, or a traffic weight that ramps, cancels block by block:
//
//   pi(r)    = n_c r / (n_c r + n_s)
//   L(r)     = sum over blocks of  e_c log pi(r) + e_s log(1 - pi(r))
//   log E    = logsumexp_k [ log w_k + (L(r_k) - L(r_0)) / phi ]        with every r_k on one side of r_0
//
// E is a supermartingale when the true ratio is on the other side of r_0 in every block, so it reaches
// 1/alpha with probability alpha at most, however many looks are taken (Lindon & Malek, arXiv:2011.03567;
// proof for this form in docs/statistics.md). phi >= 1 is the dispersion, see dispersion.h.
//
// Units: events and exposure are counts or amounts (requests, pod-seconds); fractions are allowed, exposures
// up to 1e12. Pure values: no clock, no I/O; a const object may be read from many threads. Nothing throws,
// and no result is NaN. `add` allocates nothing.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace sluice::stats {

struct Block {
  double candidate_events = 0.0;
  double stable_events = 0.0;
  double candidate_exposure = 0.0;
  double stable_exposure = 0.0;
};

// Finite, nothing negative, and no events of an arm without exposure.
bool is_valid(const Block& block);

// Says something about the ratio: valid, both arms exposed, at least one event.
bool informs_ratio(const Block& block);

// The points of a mixture, ascending or descending, and the logarithms of their weights (which sum to one).
struct RatioGrid {
  std::vector<double> ratios;
  std::vector<double> log_weights;
};

// `points` ratios from `first` to `last`, evenly spaced in the logarithm, of equal weight.
RatioGrid uniform_grid(double first, double last, std::size_t points);

// The uniform grids of the reference: null_ratio * [1.05, 50] for harm, margin / [1.02, 10] for
// non-inferiority.
RatioGrid uniform_harm_grid(double null_ratio, std::size_t points = 40);
RatioGrid uniform_non_inferior_grid(double margin, std::size_t points = 40);

// The grids that the product uses: the same ranges with 60 points and most of the weight where effects lie.
// Harm: 0.9 of a normal in log r around twice the null ratio, sd 0.5, and 0.1 uniform. Non-inferiority: 0.9
// of a normal around ratio 1, sd 0.25, and 0.1 uniform.
RatioGrid default_harm_grid(double null_ratio);
RatioGrid default_non_inferior_grid(double margin);

// For each of several edges of a histogram, where a rate can hardly rise fiftyfold and state is dear. Harm: 14 points
// from 1.03 to 8 times the null ratio, the normal around 1.4 times it. Non-inferiority: 12 points down to a quarter of
// the margin.
RatioGrid edge_harm_grid(double null_ratio);
RatioGrid edge_non_inferior_grid(double margin);

// The grid of the confidence sequence: 81 points, |log r| <= log 50, weights of a standard normal in log r.
RatioGrid default_confidence_grid();

// The ratios at which a likelihood is kept: nodes, ascending, and behind them a few further ones where it must
// be exact too. Never changed once made, so that all evidence with the same parameters shares one.
struct RatioNodes {
  // Precondition: nodes ascending, at least four, all positive.
  RatioNodes(std::vector<double> nodes, const std::vector<double>& exact);

  std::size_t count = 0;  // nodes; the exact ones stand behind them
  std::vector<double> ratios;
  std::vector<double> log_ratios;
};

// The log likelihood L(r), up to a constant, at fixed ratios. Between the nodes it is interpolated.
class RatioLikelihood {
 public:
  explicit RatioLikelihood(std::shared_ptr<const RatioNodes> at);
  RatioLikelihood(std::vector<double> nodes, const std::vector<double>& exact);

  // Adds one block; a block that does not inform about the ratio changes nothing.
  void add(const Block& block);

  std::size_t node_count() const { return at_->count; }
  double node(std::size_t k) const { return at_->ratios[k]; }
  double at_node(std::size_t k) const { return candidate_events_ * at_->log_ratios[k] - sums_[k]; }
  double at_exact(std::size_t k) const { return at_node(at_->count + k); }

  // How much L rises there by one more such block; 0 for a block that does not inform about the ratio.
  double growth_at(std::size_t k, const Block& block) const;
  double growth_at_exact(std::size_t k, const Block& block) const { return growth_at(at_->count + k, block); }

  // L at any ratio, given as its logarithm. Exact when the candidate's share of the exposure was the same in
  // all blocks; otherwise the error is below 1e-6 per event between the nodes of this header's grids and
  // 0.003 beyond.
  double at_log_ratio(double log_ratio) const { return curve_at(log_ratio).value; }

  // The same with its slope dL/d(log r).
  struct Curve {
    double value, slope;
  };
  Curve curve_at(double log_ratio) const;

  // The log ratio of the largest likelihood: +-infinity when all events are on one arm, 0 without events.
  double most_likely_log_ratio() const;

  double candidate_events() const { return candidate_events_; }
  double stable_events() const { return events_ - candidate_events_; }

  // The sums, for saving; `restore` takes what `state` gave for the same ratios and fails on another length.
  std::size_t state_size() const { return sums_.size() + 5; }
  std::vector<double> state() const;
  void append_state(std::vector<double>& out) const;
  bool restore(std::span<const double> state);

 private:
  void tabulate(double share);
  Curve correction_at(double log_ratio) const;

  std::shared_ptr<const RatioNodes> at_;
  std::vector<double> sums_;   // sum of e log(1 + s (r - 1)), s the candidate's share of the exposure
  std::vector<double> table_;  // log(1 + s (r - 1)) for share_; shares repeat, logarithms are dear
  double share_ = -1.0;
  double candidate_events_ = 0.0;
  double events_ = 0.0;
  double event_weighted_share_ = 0.0;  // sum of e s
  double sum_at_zero_ = 0.0;           // sum of e log(1 - s): the limit for r -> 0
  double sum_at_infinity_ = 0.0;       // sum of e log s: what remains above e log r for r -> infinity
};

// One e-process: evidence that the ratio lies on the grid's side of `null_ratio`.
class RateRatioEvidence {
 public:
  RateRatioEvidence(double null_ratio, RatioGrid grid);
  void add(const Block& block) { likelihood_.add(block); }
  // log E so far; `dispersion` >= 1 divides every log factor.
  double log_e(double dispersion = 1.0) const;

 private:
  std::vector<double> log_weights_;
  RatioLikelihood likelihood_;
};

// A ratio with its confidence sequence. Without any event: estimate 1, bounds 0 and infinity.
struct RatioInterval {
  double estimate = 1.0;
  double lower = 0.0;
  double upper = 0.0;
};

// The confidence sequence { r : mixture - L(r)/phi < log(1/alpha) }; it holds the true ratio at all looks at
// once with probability 1 - alpha. `log_weights` belong to the nodes. Newton's method for either end, as L is
// concave in log r.
RatioInterval ratio_interval(const RatioLikelihood& likelihood, std::span<const double> log_weights,
                             double alpha, double dispersion);

// logsumexp_k [ log w_k + L(r_k)/phi - offset/phi ] over the nodes `first`, `first` + 1, ...
double log_mixture(const RatioLikelihood& likelihood, std::size_t first, std::span<const double> log_weights,
                   double offset, double dispersion);

// Weights of a normal density in log r on any ascending grid, by the trapezoid of each node.
std::vector<double> normal_log_weights(std::span<const double> ratios, double centre, double sd);

}  // namespace sluice::stats
