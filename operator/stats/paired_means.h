// The evidence that the candidate's mean of something (a reward, a score) differs from stable's, look by look.
//
// Prometheus has the sum and the count of what was observed, and no variance; the variance that matters is in any case
// the one between looks, for what users do in one look hangs together. So each look gives one difference of the two
// means of the same time, in which a drift that both share cancels, and the differences are tested by the t e-process
// of mean_evidence.h, which needs no variance from outside. Neighbouring looks resemble one another: the first
// kFirst differences only tell how much, by their autocorrelation, and how many of them make a batch that is nearly
// independent of the next; from then on (these first ones included) batch means are the evidence.
//
// Fed one look at a time; `pack` and `unpack` carry it over a restart bit for bit. Pure values, no throw, no NaN.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "stats/mean_evidence.h"

namespace sluice::stats {

struct MeanBlock {
  double candidate_sum = 0.0;
  double stable_sum = 0.0;
  double candidate_count = 0.0;
  double stable_count = 0.0;
};

class PairedMeans {
 public:
  static constexpr int kFirst = 30;

  // One look. Returns false, and changes nothing, for a block that contradicts itself (negative, not finite, a sum
  // without a count). A look in which one arm observed nothing counts, and says nothing.
  bool add(const MeanBlock& block);

  // Evidence for a larger, and for a smaller, mean of the candidate; the suprema include the start (log E = 0).
  double log_e_larger() const { return evidence_.log_e_positive(); }
  double log_e_smaller() const { return evidence_.log_e_negative(); }
  double sup_log_e_larger() const { return sup_larger_; }
  double sup_log_e_smaller() const { return sup_smaller_; }

  // The candidate's mean less stable's, and half of the width of its confidence sequence (infinity: not bounded yet).
  double difference() const;
  double half_width(double alpha) const { return evidence_.half_width(alpha); }

  const MeanBlock& totals() const { return totals_; }
  int looks() const { return static_cast<int>(looks_); }
  int differences() const { return static_cast<int>(differences_); }  // looks in which both arms observed something
  int batch() const { return static_cast<int>(batch_); }              // looks of a batch; 0: not known yet

  std::string pack() const;
  static Result<PairedMeans> unpack(std::string_view text);

 private:
  void add_difference(double difference);

  MeanBlock totals_;
  double looks_ = 0.0;
  double differences_ = 0.0;
  double batch_ = 0.0;
  double batch_sum_ = 0.0;   // of the batch that is being filled
  double batch_size_ = 0.0;
  double sup_larger_ = 0.0;
  double sup_smaller_ = 0.0;
  MeanEvidence evidence_;
  std::vector<double> first_;  // until the batch is known
};

}  // namespace sluice::stats
