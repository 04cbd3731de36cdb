// Proportions, 2x2 tables, event rates and histograms.
#include <cmath>

#include "categories.h"
#include "stats/categorical.h"
#include "stats/fisher.h"
#include "stats/poisson_ratio.h"
#include "stats/proportions.h"
#include "stats/stratified.h"
#include "stats/unconditional_exact.h"

namespace reference {
namespace {

using namespace sluice::stats;

constexpr double level = 0.95;

struct Pair {
  Proportion first;
  Proportion second;
};

Pair proportions(const json& in) {
  return {{in["x1"], in["n1"]}, {in["x2"], in["n2"]}};
}

json with_p(const PValue& p, json result = json::object()) {
  result["p"] = p.p;
  result["log10_p"] = p.log10_p;
  return result;
}

json two_proportions(const json& item) {
  const json& in = item["inputs"];
  const auto [first, second] = proportions(in);
  const Variance variance = in["pooled"].get<bool>() ? Variance::Pooled : Variance::Unpooled;
  const ProportionTest test =
      two_proportion_z(first, second, in["null_diff"], variance, alternative_of(in["alternative"]));
  const Interval interval = wald_interval(first, second, level);
  return with_p(test.p, {{"z", test.z},
                         {"diff", first.rate() - second.rate()},
                         {"ci95_low", interval.lower},
                         {"ci95_high", interval.upper}});
}

json non_inferiority(const json& item) {
  const json& in = item["inputs"];
  const auto [first, second] = proportions(in);
  const Alternative alternative = alternative_of(in["alternative"]);
  ProportionTest test;
  if (in.contains("margin_ratio")) {
    test = ratio_score(first, second, in["margin_ratio"], in["correction"].get<bool>(), alternative);
  } else {
    const bool farrington = in["variance"] == "Farrington-Manning";
    test = difference_score(first, second, in["margin_diff"],
                            farrington ? ScoreVariance::FarringtonManning : ScoreVariance::MiettinenNurminen,
                            alternative);
  }
  json result = with_p(
      test.p,
      {{"z", test.z}, {"p1_restricted", test.first_restricted}, {"p2_restricted", test.second_restricted}});
  // A remark about another program, not a result.
  for (const auto& [key, value] : item["expected"].items()) {
    if (key.ends_with("_agrees")) result[key] = value;
  }
  return result;
}

json difference_intervals(const json& item) {
  const json& in = item["inputs"];
  const auto [first, second] = proportions(in);
  const double conf = in["conf"];
  return {{"wald", pair_of(wald_interval(first, second, conf))},
          {"agresti_caffo", pair_of(agresti_caffo_interval(first, second, conf))},
          {"newcomb", pair_of(newcombe_interval(first, second, conf))},
          {"miettinen_nurminen",
           pair_of(difference_score_interval(first, second, ScoreVariance::MiettinenNurminen, conf))},
          {"mee_score",
           pair_of(difference_score_interval(first, second, ScoreVariance::FarringtonManning, conf))}};
}

json ratio_intervals(const json& item) {
  const json& in = item["inputs"];
  const auto [first, second] = proportions(in);
  const double conf = in["conf"];
  const auto or_nulls = [](const std::optional<Interval>& interval) {
    return interval ? pair_of(*interval) : json::array({nullptr, nullptr});
  };
  return {{"log", or_nulls(ratio_log_interval(first, second, conf))},
          {"log-adjusted", pair_of(ratio_adjusted_log_interval(first, second, conf))},
          {"score", or_nulls(ratio_score_interval(first, second, true, conf))}};
}

json proportion_interval(const json& item) {
  const json& in = item["inputs"];
  const Proportion proportion{in["x"], in["n"]};
  const std::string method = in["method"];
  const auto interval = method == "wilson"          ? wilson_interval
                        : method == "agresti_coull" ? agresti_coull_interval
                        : method == "jeffreys"      ? jeffreys_interval
                                                    : clopper_pearson_interval;
  const Interval found = interval(proportion, in["conf"]);
  return {{"lo", found.lower}, {"hi", found.upper}};
}

json tost(const json& item) {
  const json& in = item["inputs"];
  const auto [first, second] = proportions(in);
  const Equivalence result = equivalence(first, second, in["margin"]);
  return {{"p", result.p.p}, {"p_lower", result.p_lower.p}, {"p_upper", result.p_upper.p}};
}

json fisher(const json& item) {
  const std::vector<double> cells = numbers(item["inputs"]["table"]);
  const Table table{cells[0], cells[1], cells[2], cells[3]};
  const Alternative alternative = alternative_of(item["inputs"]["alternative"]);
  const OddsRatio odds = conditional_odds_ratio(table, level, alternative);
  return with_p(fisher_exact(table, alternative), {{"odds_ratio_cond_mle", or_null(odds.estimate)},
                                                   {"ci95_low", odds.interval.lower},
                                                   {"ci95_high", odds.interval.upper}});
}

// The columns are the samples here.
json unconditional(const json& item) {
  const json& table = item["inputs"]["table"];
  const Proportion first{table[0][0], table[0][0].get<double>() + table[1][0].get<double>()};
  const Proportion second{table[0][1], table[0][1].get<double>() + table[1][1].get<double>()};
  const Alternative alternative = alternative_of(item["inputs"]["alternative"]);
  const UnconditionalTest one = barnard(first, second, alternative);
  const UnconditionalTest two = boschloo(first, second, alternative);
  json result = {{"barnard_stat", one.statistic},
                 {"barnard_p", one.p},
                 {"boschloo_stat", two.statistic},
                 {"boschloo_p", two.p}};
  if (one.degenerate) result["barnard_stat"] = nullptr;
  if (two.degenerate) result["boschloo_stat"] = result["boschloo_p"] = nullptr;
  return result;
}

struct Rates {
  Rate first;
  Rate second;
};

Rates rates(const json& in) {
  return {{in["events_x"], in["exposure_x"]}, {in["events_y"], in["exposure_y"]}};
}

json poisson_exact(const json& item) {
  const json& in = item["inputs"];
  const auto [first, second] = rates(in);
  const Alternative alternative = alternative_of(in["alternative"]);
  const RateRatio ratio = rate_ratio_interval(first, second, level, alternative);
  return with_p(poisson_ratio_exact(first, second, in["ratio_null"], alternative),
                {{"rate_ratio", ratio.estimate},
                 {"ci95_low", ratio.interval.lower},
                 {"ci95_high", ratio.interval.upper}});
}

json poisson_score(const json& item) {
  const json& in = item["inputs"];
  const auto [first, second] = rates(in);
  const Alternative alternative = alternative_of(in["alternative"]);
  const PoissonScore score = poisson_ratio_score(first, second, in["ratio_null"], alternative);
  return {{"z", score.z},
          {"p", score.p.p},
          {"p_cond_midp", poisson_ratio_mid_p(first, second, in["ratio_null"], alternative).p}};
}

json cmh(const json& item) {
  std::vector<Table> strata;
  for (const json& cells : item["inputs"]["strata"])
    strata.push_back({cells[0], cells[1], cells[2], cells[3]});
  const CochranMantelHaenszel result =
      cochran_mantel_haenszel(strata, item["inputs"].value("correct", false), level);
  json out = {
      {"chi2", result.chi_square}, {"p", result.p.p}, {"common_or", or_null(result.common_odds_ratio)}};
  if (result.interval) {
    out["ci95_low"] = result.interval->lower;
    out["ci95_high"] = result.interval->upper;
  }
  return out;
}

json chi_square(const ChiSquare& test) {
  return with_p(test.p, {{"chi2", test.statistic},
                         {"df", test.degrees},
                         {"g_stat", test.likelihood_ratio},
                         {"g_p", test.likelihood_ratio_p.p},
                         {"cramers_v", test.cramers_v}});
}

json drift(const json& item) {
  const json& in = item["inputs"];
  const std::vector<double> first = numbers(in["counts1"]);
  const std::vector<double> second = numbers(in["counts2"]);
  const StabilityIndex index = stability_index(first, second, in["floor"]);
  return {{"psi", index.value},
          {"psi_crit_95_asymptotic", index.critical},
          {"p_asymptotic", index.p.p},
          {"js_divergence_bits", jensen_shannon_divergence(first, second)}};
}

json share_above(const json& item) {
  const json& in = item["inputs"];
  const Proportion first = share_from(numbers(in["counts1"]), in["edge_index"]);
  const Proportion second = share_from(numbers(in["counts2"]), in["edge_index"]);
  const ProportionTest z = two_proportion_z(first, second, 0.0, Variance::Pooled, Alternative::Greater);
  const Table table{first.events, first.total - first.events, second.events, second.total - second.events};
  return {{"over1", first.events},
          {"over2", second.events},
          {"z_pooled", z.z},
          {"p_z", z.p.p},
          {"p_fisher", fisher_exact(table, Alternative::Greater).p}};
}

}  // namespace

void add_counts(Categories& categories) {
  categories["two_proportion_z"] = two_proportions;
  categories["noninferiority_proportions"] = non_inferiority;
  categories["proportion_diff_ci"] = difference_intervals;
  categories["proportion_ratio_ci"] = ratio_intervals;
  categories["proportion_ci"] = proportion_interval;
  categories["equivalence_tost"] = tost;
  categories["fisher_exact"] = fisher;
  categories["boschloo_barnard"] = unconditional;
  categories["poisson_rate_ratio_exact"] = poisson_exact;
  categories["poisson_rate_ratio_score"] = poisson_score;
  categories["stratified_cmh"] = cmh;
  categories["psi_js"] = drift;
  categories["quantile_threshold_from_bins"] = share_above;
  categories["chi_square_srm"] = [](const json& item) {
    return chi_square(
        goodness_of_fit(numbers(item["inputs"]["observed"]), numbers(item["inputs"]["weights"])));
  };
  categories["chi_square_homogeneity"] = [](const json& item) {
    return chi_square(homogeneity(numbers(item["inputs"]["counts1"]), numbers(item["inputs"]["counts2"])));
  };
}

}  // namespace reference
