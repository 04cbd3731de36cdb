// Adjusted p-values of a family of tests, in the order of the input.
//
// Bonferroni, Holm, Hochberg and Hommel control the chance of any false rejection (Hochberg and Hommel need
// tests that are not negatively dependent); Benjamini-Hochberg and Benjamini-Yekutieli control the share of
// false ones (the latter under any dependence). p in [0, 1]; results in [0, 1]. Pure, no throw, no NaN.
#pragma once

#include <span>
#include <vector>

namespace sluice::stats {

enum class Adjustment { Bonferroni, Holm, Hochberg, Hommel, BenjaminiHochberg, BenjaminiYekutieli };

std::vector<double> adjust(std::span<const double> p_values, Adjustment method);

}  // namespace sluice::stats
