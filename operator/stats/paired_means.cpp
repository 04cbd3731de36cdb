#include "stats/paired_means.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "stats/packed_state.h"

namespace sluice::stats {
namespace {

// Raise it whenever the order of the numbers or their meaning changes.
constexpr std::string_view version = "m1";
constexpr std::size_t fixed_numbers = 14;

bool is_valid(const MeanBlock& b) {
  for (const double value : {b.candidate_sum, b.stable_sum, b.candidate_count, b.stable_count}) {
    if (!std::isfinite(value) || value < 0.0) return false;
  }
  return (b.candidate_sum == 0.0 || b.candidate_count > 0.0) && (b.stable_sum == 0.0 || b.stable_count > 0.0);
}

}  // namespace

bool PairedMeans::add(const MeanBlock& block) {
  if (!is_valid(block)) return false;
  looks_ += 1.0;
  totals_.candidate_sum += block.candidate_sum;
  totals_.stable_sum += block.stable_sum;
  totals_.candidate_count += block.candidate_count;
  totals_.stable_count += block.stable_count;
  if (!(block.candidate_count > 0.0) || !(block.stable_count > 0.0)) return true;
  const double difference = block.candidate_sum / block.candidate_count - block.stable_sum / block.stable_count;
  differences_ += 1.0;
  if (batch_ > 0.0) {
    add_difference(difference);
    return true;
  }
  first_.push_back(difference);
  if (first_.size() < kFirst) return true;
  // The estimate from n values is too small by about (1 + 3 rho)/n (Kendall 1954).
  batch_ = batch_length((kFirst * lag_one_autocorrelation(first_) + 1.0) / (kFirst - 3.0));
  for (const double earlier : std::exchange(first_, {})) add_difference(earlier);
  return true;
}

void PairedMeans::add_difference(double difference) {
  batch_sum_ += difference;
  batch_size_ += 1.0;
  if (batch_size_ < batch_) return;
  evidence_.add(batch_sum_ / batch_size_);
  batch_sum_ = batch_size_ = 0.0;
  sup_larger_ = std::max(sup_larger_, log_e_larger());
  sup_smaller_ = std::max(sup_smaller_, log_e_smaller());
}

double PairedMeans::difference() const {
  if (evidence_.size() > 0.0) return evidence_.mean();
  if (!(totals_.candidate_count > 0.0) || !(totals_.stable_count > 0.0)) return 0.0;
  return totals_.candidate_sum / totals_.candidate_count - totals_.stable_sum / totals_.stable_count;
}

std::string PairedMeans::pack() const {
  const MeanEvidence::State state = evidence_.state();
  std::vector<double> all = {totals_.candidate_sum, totals_.stable_sum, totals_.candidate_count, totals_.stable_count,
                             looks_,   differences_, batch_,      batch_sum_, batch_size_,
                             sup_larger_, sup_smaller_, state.size, state.mean, state.squares};
  all.insert(all.end(), first_.begin(), first_.end());
  return pack_numbers(version, all);
}

Result<PairedMeans> PairedMeans::unpack(std::string_view text) {
  const Result<std::vector<double>> numbers = unpack_numbers(version, text);
  if (!numbers) return numbers.error();
  if (numbers->size() < fixed_numbers || numbers->size() >= fixed_numbers + kFirst) {
    return Error{ErrorCode::Invalid, "saved evidence has another length than this version writes", {}};
  }
  const std::vector<double>& n = *numbers;
  PairedMeans means;
  means.totals_ = {n[0], n[1], n[2], n[3]};
  means.looks_ = n[4];
  means.differences_ = n[5];
  means.batch_ = n[6];
  means.batch_sum_ = n[7];
  means.batch_size_ = n[8];
  means.sup_larger_ = n[9];
  means.sup_smaller_ = n[10];
  means.evidence_.restore({n[11], n[12], n[13]});
  means.first_.assign(n.begin() + fixed_numbers, n.end());
  return means;
}

}  // namespace sluice::stats
