// Means, ranks and distribution functions.
#include <cmath>

#include "categories.h"
#include "stats/kolmogorov_smirnov.h"
#include "stats/mann_whitney.h"
#include "stats/means.h"

namespace reference {

using namespace sluice::stats;

Alternative alternative_of(const json& text) {
  if (text == "less" || text == "smaller") return Alternative::Less;
  if (text == "greater" || text == "larger" || text == "one.sided") return Alternative::Greater;
  return Alternative::TwoSided;
}

namespace {

constexpr double level = 0.95;

json welch_test(const json& item) {
  const json& in = item["inputs"];
  const Alternative alternative = alternative_of(in["alternative"]);
  const bool samples = in.contains("x");
  SampleSummary first;
  SampleSummary second;
  if (samples) {
    first = summarize(numbers(in["x"]));
    second = summarize(numbers(in["y"]));
  } else {
    const auto summary = [&](const char* mean, const char* sd, const char* n) {
      return SampleSummary{in[mean], in[sd].get<double>() * in[sd].get<double>(), in[n]};
    };
    first = summary("mean1", "sd1", "n1");
    second = summary("mean2", "sd2", "n2");
  }
  const WelchTest test = welch(first, second, in["null_diff"], alternative);
  // R, whose cases give samples, leaves the interval of a one-sided test open; the summaries' are two-sided
  // throughout.
  const Interval interval =
      welch_interval(first, second, level, samples ? alternative : Alternative::TwoSided);
  return {{"t", test.t},
          {"df", test.degrees},
          {"se", test.standard_error},
          {"p", test.p.p},
          {"log10_p", test.p.log10_p},
          {"degenerate", test.degenerate},
          {"mean_x", first.mean},
          {"mean_y", second.mean},
          {"ci95_low", interval.lower},
          {"ci95_high", interval.upper}};
}

json relative(const json& item) {
  const json& in = item["inputs"];
  const auto effect =
      relative_effect({in["mean1"], in["var1"], in["n1"]}, {in["mean2"], in["var2"], in["n2"]}, level);
  if (!effect) return json::object();
  return {{"rel_lift", effect->lift},
          {"var_rel", effect->lift_variance},
          {"log_ratio", effect->log_ratio},
          {"var_log_ratio", effect->log_ratio_variance},
          {"ci95_log", pair_of(effect->lift_interval)}};
}

json sums(const json& item) {
  const auto result =
      ratio_of_sums(numbers(item["inputs"]["numerator"]), numbers(item["inputs"]["denominator"]));
  if (!result) return {{"ratio", nullptr}, {"var", nullptr}};
  return {{"ratio", result->ratio}, {"var", result->variance}};
}

json variance_reduction(const json& item) {
  const Cuped result = cuped(numbers(item["inputs"]["pre"]), numbers(item["inputs"]["post"]));
  return {{"theta", result.theta},
          {"var_reduction", result.variance_reduction},
          {"rho2", result.variance_reduction}};
}

json rank_result(const RankTest& test) {
  return {{"U_x", test.u},
          {"U1", test.u},
          {"z", test.z},
          {"p", test.p.p},
          {"log10_p", test.p.log10_p},
          {"cles", test.effect},
          {"p_exactRankTests", test.p.p}};
}

json ranks_exact(const json& item) {
  const json& in = item["inputs"];
  return rank_result(
      mann_whitney_exact(numbers(in["x"]), numbers(in["y"]), alternative_of(in["alternative"])));
}

json ranks_asymptotic(const json& item) {
  const json& in = item["inputs"];
  return rank_result(mann_whitney(numbers(in["x"]), numbers(in["y"]), in["continuity"].get<bool>(),
                                  alternative_of(in["alternative"])));
}

json ranks_binned(const json& item) {
  const json& in = item["inputs"];
  return rank_result(mann_whitney_binned(numbers(in["counts1"]), numbers(in["counts2"]),
                                         in["continuity"].get<bool>(), alternative_of(in["alternative"])));
}

json shift(const json& item) {
  const json& in = item["inputs"];
  const ShiftInterval result =
      shift_interval(numbers(in["x"]), numbers(in["y"]), in["continuity"].get<bool>(), in["conf"]);
  return {{"hodges_lehmann_root", result.estimate},
          {"ci_low", result.interval.lower},
          {"ci_high", result.interval.upper}};
}

struct KsInputs {
  std::vector<double> x;
  std::vector<double> y;
  Alternative alternative;
  bool scipy;
  double distance;
};

KsInputs ks_inputs(const json& in) {
  const bool scipy = in.contains("alternative_scipy");
  KsInputs inputs{numbers(in["x"]), numbers(in["y"]),
                  alternative_of(in[scipy ? "alternative_scipy" : "alternative_R"]), scipy, 0.0};
  inputs.distance = ks_distance(inputs.x, inputs.y, inputs.alternative);
  return inputs;
}

json ks_by_paths(const json& item) {
  const KsInputs in = ks_inputs(item["inputs"]);
  return {{"D", in.distance}, {"p", ks_exact(in.x, in.y, in.alternative, in.scipy).p}};
}

// scipy takes the one-sample law of round(n_1 n_2/(n_1 + n_2)) values, and Hodges' formula for one side.
json ks_asymptotic_scipy(const json& item) {
  const KsInputs in = ks_inputs(item["inputs"]);
  const double n1 = static_cast<double>(in.x.size());
  const double n2 = static_cast<double>(in.y.size());
  json result = {{"D", in.distance},
                 {"p_kolmogorov_limit", ks_asymptotic(in.distance, n1, n2, in.alternative).p}};
  if (in.alternative != Alternative::TwoSided) {
    result["p"] = ks_one_sided_hodges(in.distance, n1, n2).p;
    return result;
  }
  const double effective = std::nearbyint(n1 * n2 / (n1 + n2));
  result["p"] = effective >= 1.0 ? json(kolmogorov_upper(effective, in.distance)) : json(nullptr);
  result["p_kstwo_round_en"] = result["p"];
  return result;
}

json ks_asymptotic_limit(const json& item) {
  const KsInputs in = ks_inputs(item["inputs"]);
  return {{"D", in.distance},
          {"p", ks_asymptotic(in.distance, static_cast<double>(in.x.size()), static_cast<double>(in.y.size()),
                              in.alternative)
                    .p}};
}

json ks_bins(const json& item) {
  const BinnedKs result = ks_binned(numbers(item["inputs"]["counts1"]), numbers(item["inputs"]["counts2"]));
  return {{"D", result.distance},
          {"en", result.effective_size},
          {"p_kolmogorov_limit", result.p.p},
          {"log10_p", result.p.log10_p}};
}

}  // namespace

void add_means_and_ranks(Categories& categories) {
  categories["welch_t"] = welch_test;
  categories["delta_method_relative"] = relative;
  categories["delta_method_ratio_of_sums"] = sums;
  categories["cuped"] = variance_reduction;
  categories["mann_whitney_exact"] = ranks_exact;
  categories["mann_whitney_asymptotic"] = ranks_asymptotic;
  categories["mann_whitney_binned"] = ranks_binned;
  categories["mann_whitney_shift_ci"] = shift;
  categories["ks_exact"] = ks_by_paths;
  categories["ks_asymptotic"] = ks_asymptotic_scipy;
  categories["ks_asymptotic_R"] = ks_asymptotic_limit;
  categories["ks_binned"] = ks_bins;
}

}  // namespace reference
