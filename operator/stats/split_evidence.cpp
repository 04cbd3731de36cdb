#include "stats/split_evidence.h"

#include <algorithm>
#include <array>
#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>

#include "stats/log_space.h"
#include "stats/packed_state.h"
#include "stats/policy.h"
#include "stats/sample_ratio.h"

namespace sluice::stats {
namespace {

// Raise it whenever the order of the numbers or their meaning changes.
constexpr std::string_view version = "s1";
constexpr std::size_t numbers_packed = 13;

// The usual concentration looks for errors of a percent and is slow with large ones: half of the evidence is theirs.
constexpr double for_large_errors = 100.0;

// While the blocks are too few to say how they scatter.
constexpr double assumed_at_first = 10.0;
constexpr double least_degrees = 4.0;

}  // namespace

bool SplitEvidence::add(double candidate, double stable, double share, double tolerance) {
  const auto count = [](double value) { return std::isfinite(value) && value >= 0.0; };
  if (!count(candidate) || !count(stable) || !(share > 0.0 && share < 1.0)) return false;
  if (!(tolerance >= 0.0 && tolerance < 1.0)) return false;
  if (share != share_ || tolerance != tolerance_) {
    before_ += log_e_of_pool();
    share_ = share;
    tolerance_ = tolerance;
    candidate_ = stable_ = 0.0;
  }
  candidate_ += candidate;
  stable_ += stable;
  blocks_ += 1.0;
  // Exposures in the asked proportion: the ratio of the rates, around which it scatters, is that of the real split.
  const double requests = candidate + stable;
  scatter_.add({candidate, stable, requests * share, requests * (1.0 - share)});
  sup_ = std::max(sup_, log_e());
  return true;
}

double SplitEvidence::log_e_of_pool() const {
  if (!(candidate_ + stable_ > 0.0)) return 0.0;
  const double slack = tolerance_ * std::min(share_, 1.0 - share_);
  const double fits = std::clamp(realised(), share_ - slack, share_ + slack);
  const std::array counts{candidate_, stable_};
  const std::array weights{fits, 1.0 - fits};
  const std::array log_e{log_sample_ratio_evidence(counts, weights, for_large_errors),
                         log_sample_ratio_evidence(counts, weights, default_concentration)};
  return log_mean_exp(log_e);
}

double SplitEvidence::log_e() const { return (before_ + log_e_of_pool()) / dispersion(); }

double SplitEvidence::realised() const {
  const double requests = candidate_ + stable_;
  return requests > 0.0 ? candidate_ / requests : 0.0;
}

double SplitEvidence::dispersion() const {
  if (scatter_.degrees() < least_degrees) return assumed_at_first;
  const boost::math::chi_squared_distribution<double, Policy> scatter(scatter_.degrees());
  return std::max(1.0, scatter_.chi_square() / boost::math::quantile(scatter, 0.05));
}

std::string SplitEvidence::pack() const {
  const ConditionalDispersion::State s = scatter_.state();
  return pack_numbers(version, std::array{share_, tolerance_, candidate_, stable_, before_, sup_, blocks_,
                                          s.blocks, s.a, s.b, s.d, s.candidate, s.stable});
}

Result<SplitEvidence> SplitEvidence::unpack(std::string_view text) {
  const Result<std::vector<double>> numbers = unpack_numbers(version, text);
  if (!numbers) return numbers.error();
  if (numbers->size() != numbers_packed) {
    return Error{ErrorCode::Invalid, "saved evidence has another length than this version writes", {}};
  }
  const std::vector<double>& n = *numbers;
  SplitEvidence evidence;
  evidence.share_ = n[0];
  evidence.tolerance_ = n[1];
  evidence.candidate_ = n[2];
  evidence.stable_ = n[3];
  evidence.before_ = n[4];
  evidence.sup_ = n[5];
  evidence.blocks_ = n[6];
  evidence.scatter_.restore({n[7], n[8], n[9], n[10], n[11], n[12]});
  return evidence;
}

}  // namespace sluice::stats
