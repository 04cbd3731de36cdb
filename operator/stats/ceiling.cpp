#include "stats/ceiling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "stats/log_space.h"

namespace sluice::stats {
namespace {

constexpr std::size_t points = ceiling_points;

struct Grid {
  std::array<double, points> ratio;
  std::array<double, points> log_ratio;
};

Grid grid_between(double first, double last, double sign) {
  Grid grid;
  const double from = std::log(first);
  const double step = (std::log(last) - from) / static_cast<double>(points - 1);
  for (std::size_t k = 0; k < points; ++k) {
    grid.log_ratio[k] = sign * (from + step * static_cast<double>(k));
    grid.ratio[k] = std::exp(grid.log_ratio[k]);
  }
  return grid;
}

CeilingTerms terms_of(const Grid& grid, double events, double expected, double dispersion) {
  CeilingTerms terms;
  for (std::size_t k = 0; k < points; ++k) {
    terms[k] = (events * grid.log_ratio[k] + expected * (1.0 - grid.ratio[k])) / dispersion;
  }
  return terms;
}

}  // namespace

CeilingTerms below_terms(double events, double exposure, double ceiling, double dispersion) {
  static const Grid grid = grid_between(1.02, 50.0, -1.0);
  return terms_of(grid, events, exposure * ceiling, dispersion);
}

CeilingTerms above_terms(double events, double exposure, double ceiling, double dispersion) {
  static const Grid grid = grid_between(1.05, 50.0, 1.0);
  return terms_of(grid, events, exposure * ceiling, dispersion);
}

double log_e_below(double events, double exposure, double ceiling, double dispersion) {
  return log_mean_exp(below_terms(events, exposure, ceiling, dispersion));
}

double log_e_above(double events, double exposure, double ceiling, double dispersion) {
  return log_mean_exp(above_terms(events, exposure, ceiling, dispersion));
}

double log_e_non_inferior(double log_e_ratio, double log_e_below, double ratio_share) {
  return log_add_exp(log_e_ratio + std::log(ratio_share), log_e_below + std::log1p(-ratio_share));
}

double log_e_harm_above_floor(double log_e_harm, double log_e_above) {
  return std::min(log_e_harm, log_e_above);
}

}  // namespace sluice::stats
