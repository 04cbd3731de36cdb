#include "stats/drift.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "stats/categorical.h"
#include "stats/packed_state.h"

namespace sluice::stats {
namespace {

// Raise it whenever the order of the numbers or their meaning changes: old text is then refused.
constexpr std::string_view version = "c1";

constexpr double least_expected = 5.0;
constexpr double floor_of_shares = 1e-4;

double sum(std::span<const double> counts) { return std::accumulate(counts.begin(), counts.end(), 0.0); }

struct Table {
  std::vector<double> first;
  std::vector<double> second;
};

Table without_rare(std::span<const double> first, std::span<const double> second) {
  const double n1 = sum(first);
  const double n2 = sum(second);
  const double least_both = least_expected * (n1 + n2) / std::min(n1, n2);
  Table table;
  double rest1 = 0.0;
  double rest2 = 0.0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    const bool rest = i + 1 == first.size() || first[i] + second[i] < least_both;
    if (rest) {
      rest1 += first[i];
      rest2 += second[i];
    } else {
      table.first.push_back(first[i]);
      table.second.push_back(second[i]);
    }
  }
  if (rest1 + rest2 >= least_both || table.first.empty()) {
    table.first.push_back(rest1);
    table.second.push_back(rest2);
    return table;
  }
  std::size_t smallest = 0;
  for (std::size_t i = 1; i < table.first.size(); ++i) {
    if (table.first[i] + table.second[i] < table.first[smallest] + table.second[smallest]) smallest = i;
  }
  table.first[smallest] += rest1;
  table.second[smallest] += rest2;
  return table;
}

}  // namespace

Drift drift(std::span<const double> first, std::span<const double> second) {
  Drift result;
  if (!(sum(first) > 0.0) || !(sum(second) > 0.0)) return result;
  const Table table = without_rare(first, second);
  result.classes = table.first.size();
  if (result.classes < 2) return result;
  const StabilityIndex index = stability_index(table.first, table.second, floor_of_shares);
  result.psi = index.value;
  result.p = index.p;
  result.jensen_shannon = jensen_shannon_divergence(table.first, table.second);
  return result;
}

bool ClassCounts::add(std::span<const double> stable, std::span<const double> candidate) {
  if (stable.size() != stable_.size() || candidate.size() != candidate_.size()) return false;
  const auto countable = [](double count) { return std::isfinite(count) && count >= 0.0; };
  if (!std::all_of(stable.begin(), stable.end(), countable)) return false;
  if (!std::all_of(candidate.begin(), candidate.end(), countable)) return false;
  for (std::size_t i = 0; i < stable.size(); ++i) {
    stable_[i] += stable[i];
    candidate_[i] += candidate[i];
  }
  looks_ += 1.0;
  return true;
}

std::string ClassCounts::pack() const {
  std::vector<double> all{looks_};
  all.insert(all.end(), stable_.begin(), stable_.end());
  all.insert(all.end(), candidate_.begin(), candidate_.end());
  return pack_numbers(version, all);
}

Result<ClassCounts> ClassCounts::unpack(std::size_t classes, std::string_view text) {
  const Result<std::vector<double>> numbers = unpack_numbers(version, text);
  if (!numbers) return numbers.error();
  if (numbers->size() != 1 + 2 * classes) {
    return Error{ErrorCode::Invalid, "saved evidence is of another number of classes", {}};
  }
  ClassCounts counts(classes);
  const std::span all(*numbers);
  const bool sane = all[0] >= 0.0 && all[0] <= 1e9 && counts.add(all.subspan(1, classes), all.subspan(1 + classes));
  if (!sane) return Error{ErrorCode::Invalid, "saved evidence is damaged: not counts", {}};
  counts.looks_ = all[0];
  return counts;
}

}  // namespace sluice::stats
