#include "stats/stratified.h"

#include <algorithm>
#include <cmath>

namespace sluice::stats {

CochranMantelHaenszel cochran_mantel_haenszel(std::span<const Table> strata, bool corrected, double level) {
  double deviation = 0.0;
  double variance = 0.0;
  double r = 0.0;  // sum of a d / N, and s of b c / N: their ratio is the odds ratio
  double s = 0.0;
  double pr = 0.0;  // the sums of Robins, Breslow & Greenland
  double ps_qr = 0.0;
  double qs = 0.0;
  for (const Table& t : strata) {
    const double candidate = t.candidate_events + t.candidate_rest;
    const double stable = t.stable_events + t.stable_rest;
    const double total = candidate + stable;
    if (!(candidate > 0.0) || !(stable > 0.0) || !(total > 1.0)) continue;
    const double events = t.candidate_events + t.stable_events;
    deviation += t.candidate_events - candidate * events / total;
    variance += candidate * stable * events * (total - events) / (total * total * (total - 1.0));
    const double concordant = t.candidate_events * t.stable_rest / total;
    const double discordant = t.candidate_rest * t.stable_events / total;
    const double p = (t.candidate_events + t.stable_rest) / total;
    r += concordant;
    s += discordant;
    pr += p * concordant;
    ps_qr += p * discordant + (1.0 - p) * concordant;
    qs += (1.0 - p) * discordant;
  }
  CochranMantelHaenszel result;
  if (variance > 0.0) {
    const double excess = std::max(0.0, std::abs(deviation) - (corrected ? 0.5 : 0.0));
    result.chi_square = excess * excess / variance;
    result.p = p_value_from_log(log_chi_squared_upper(result.chi_square, 1.0));
  }
  if (s > 0.0) result.common_odds_ratio = r / s;
  if (r > 0.0 && s > 0.0) {
    const double sd = std::sqrt(pr / (2.0 * r * r) + ps_qr / (2.0 * r * s) + qs / (2.0 * s * s));
    const double z = two_sided_normal_quantile(level);
    result.interval = Interval{std::exp(std::log(r / s) - z * sd), std::exp(std::log(r / s) + z * sd)};
  }
  return result;
}

}  // namespace sluice::stats
