// Drift: whether two samples of predictions, counted by class, are of one distribution.
//
// PSI says how far they are apart, its chi-squared approximation whether chance explains that, the Jensen-Shannon
// divergence the same distance on a scale that ends at 1. The test is a fixed-horizon one: it is taken once.
// Pure values, no throw, no NaN.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "stats/tails.h"

namespace sluice::stats {

struct Drift {
  double psi = 0.0;             // shares are floored at 1e-4
  double jensen_shannon = 0.0;  // in bits, 0..1
  PValue p;                     // of a PSI as large as this by chance
  std::size_t classes = 0;      // compared, after rare ones were merged
};

// Of two counts of the same classes, the last of which is the rest. A class that would be expected fewer than five
// times in either sample is counted with the rest, and a rest as small as that with the smallest class. Fewer than
// two classes, or an empty sample: nothing differs and p = 1. Precondition: equal length, no count negative.
Drift drift(std::span<const double> first, std::span<const double> second);

// The counts by class of both arms, block by block.
class ClassCounts {
 public:
  // `classes` includes the rest.
  explicit ClassCounts(std::size_t classes) : stable_(classes), candidate_(classes) {}

  // False, and nothing is added: another number of classes, a negative count, or one that is not finite.
  bool add(std::span<const double> stable, std::span<const double> candidate);

  int looks() const { return static_cast<int>(looks_); }
  std::span<const double> stable() const { return stable_; }
  std::span<const double> candidate() const { return candidate_; }

  // As text and back, bit for bit. Invalid: of another version or number of classes, or damaged.
  std::string pack() const;
  static Result<ClassCounts> unpack(std::size_t classes, std::string_view text);

 private:
  double looks_ = 0.0;
  std::vector<double> stable_;
  std::vector<double> candidate_;
};

}  // namespace sluice::stats
