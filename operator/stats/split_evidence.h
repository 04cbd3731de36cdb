// The evidence that requests do not arrive in the proportion that was asked for, block by block: sample-ratio mismatch.
//
// Blocks with the same asked share are pooled and tested by sample_ratio.h, with the mean of two e-values that look for
// small and for large errors; another share begins a new pool, and the
// logarithms of the pools add up, each being an e-value that does not depend on those before it. The sum is divided by
// the dispersion of the blocks around the *realised* proportion (dispersion.h): requests that come in clumps make a
// split look wrong by chance, while one that is wrong all the time adds nothing to it. Of few blocks the dispersion is
// not known well, and an alarm costs a pause: it is taken as large as the blocks allow with 95 %, and as 10 before the
// fifth of them. A split that is wrong by much is found all the same.
//
// No split is exact to the last request: scrapes of the two arms are not taken at the same instant. So shares within
// `tolerance` (a fraction of the smaller one of the two asked shares) fit as well: the evidence is against the one of
// them that fits best, which is an e-value against all of them.
//
// `pack` and `unpack` carry it over a restart bit for bit. Pure values, no throw, no NaN.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "stats/dispersion.h"

namespace sluice::stats {

class SplitEvidence {
 public:
  // One block of requests with the candidate's asked share, 0 < share < 1, and 0 <= tolerance < 1. Returns false, and
  // changes nothing, when any of them is out of bounds, negative or not finite.
  bool add(double candidate, double stable, double share, double tolerance);

  double log_e() const;                          // now
  double sup_log_e() const { return sup_; }      // the largest so far, the start (0) included

  // Of the blocks with the share that was asked for last.
  double share() const { return share_; }
  double candidate() const { return candidate_; }
  double stable() const { return stable_; }
  double realised() const;  // 0 without requests

  int blocks() const { return static_cast<int>(blocks_); }  // all
  double dispersion() const;  // >= 1

  std::string pack() const;
  static Result<SplitEvidence> unpack(std::string_view text);

 private:
  double log_e_of_pool() const;

  double share_ = 0.0;
  double tolerance_ = 0.0;
  double candidate_ = 0.0;
  double stable_ = 0.0;
  double before_ = 0.0;  // of the pools that are closed, before the dispersion
  double sup_ = 0.0;
  double blocks_ = 0.0;
  ConditionalDispersion scatter_;
};

}  // namespace sluice::stats
