// E-processes and confidence sequences.
#include <cmath>

#include "categories.h"
#include "stats/asymptotic_sequence.h"
#include "stats/ceiling.h"
#include "stats/dispersion.h"
#include "stats/log_space.h"
#include "stats/mean_evidence.h"
#include "stats/rate_ratio.h"
#include "stats/sample_ratio.h"
#include "stats/time_uniform.h"

namespace reference {
namespace {

using namespace sluice::stats;

// A number, or a number written as text.
double number(const json& value) {
  return value.is_string() ? std::stod(value.get<std::string>()) : value.get<double>();
}

std::vector<Block> blocks_of(const json& in) {
  std::vector<Block> blocks;
  for (const json& b : in["blocks"]) blocks.push_back({b[0], b[1], b[2], b[3]});
  return blocks;
}

std::vector<double> path(RateRatioEvidence evidence, const std::vector<Block>& blocks) {
  std::vector<double> result;
  for (const Block& block : blocks) {
    evidence.add(block);
    result.push_back(evidence.log_e());
  }
  return result;
}

// The null ratio stands at the end of the key: log_e_harm (1), log_e_harm_r0_1.1, log_e_noninferior_r0_1.5.
json rate_ratio(const json& item) {
  const std::vector<Block> blocks = blocks_of(item["inputs"]);
  json result;
  for (const auto& [key, value] : item["expected"].items()) {
    const std::size_t at = key.rfind("r0_");
    const double null = at == std::string::npos ? 1.0 : std::stod(key.substr(at + 3));
    const bool harm = key.find("harm") != std::string::npos;
    result[key] = path({null, harm ? uniform_harm_grid(null) : uniform_non_inferior_grid(null)}, blocks);
  }
  return result;
}

json ceiling(const json& item) {
  const json& in = item["inputs"];
  const double delta = number(in["ceiling"]);
  const double margin = number(in["ratio_margin"]);
  const std::vector<Block> blocks = blocks_of(in);
  const std::vector<double> harm = path({1.0, uniform_harm_grid(1.0)}, blocks);
  const std::vector<double> ratio = path({margin, uniform_non_inferior_grid(margin)}, blocks);
  json result = {{"log_e_ratio_noninferior", ratio}, {"log_e_harm", harm}};
  double events = 0.0;
  double exposure = 0.0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    events += blocks[i].candidate_events;
    exposure += blocks[i].candidate_exposure;
    const double below = log_e_below(events, exposure, delta);
    const double above = log_e_above(events, exposure, delta);
    result["log_e_below"].push_back(below);
    result["log_e_above"].push_back(above);
    result["log_e_noninferior"].push_back(log_e_non_inferior(ratio[i], below));
    result["log_e_harm_above"].push_back(log_e_harm_above_floor(harm[i], above));
  }
  return result;
}

json phi(const json& item) {
  const json& in = item["inputs"];
  ConditionalDispersion dispersion;
  double candidate = 0.0;
  double all = 0.0;
  for (std::size_t i = 0; i < in["canary"].size(); ++i) {
    const Block block{in["canary"][i], in["stable"][i], in["nc"], in["ns"]};
    dispersion.add(block);
    candidate += block.candidate_events;
    all += block.candidate_events + block.stable_events;
  }
  return {{"share", candidate / all},
          {"pearson", dispersion.chi_square()},
          {"df", dispersion.degrees()},
          {"phi", dispersion.phi()}};
}

json asymptotic(const json& item) {
  const json& in = item["inputs"];
  const AsymptoticSequence sequence{in["mean"], in["var"], in["n"]};
  const double alpha = in["alpha"];
  const double rho = tuned_rho(alpha, in["n_star"]);
  const double one_sided = tuned_rho(2.0 * alpha, in["n_star"]);
  const double log_e = sequence.log_e(rho);
  return {{"rho_approx", rho},
          {"rho2_exact_lambertw", tuned_rho_squared_exact(alpha, in["n_star"])},
          {"rho_one_sided", one_sided},
          {"half_width_two_sided", sequence.half_width(rho, alpha)},
          {"half_width_one_sided", sequence.half_width_one_sided(one_sided, alpha)},
          {"log_e_two_sided", log_e},
          {"p_now_two_sided", p_value_from_log(-log_e).p}};
}

json msprt(const json& item) {
  const json& in = item["inputs"];
  const Proportion first{in["x1"], in["n1"]};
  const Proportion second{in["x2"], in["n2"]};
  const double difference = first.rate() - second.rate();
  const double variance = difference_variance(first, second);
  const double log_lambda = log_msprt(difference, variance, in["tau"]);
  const PValue p = p_value_from_log(-log_lambda);
  return {{"diff", difference},
          {"V", variance},
          {"log_lambda_two_sided", log_lambda},
          {"log_lambda_one_sided_halfnormal", log_msprt_one_sided(difference, variance, in["tau"])},
          {"p_now_two_sided", p.p},
          {"log10_p", p.log10_p}};
}

json t_evidence(const json& item) {
  MeanEvidence evidence(item["inputs"]["tau"]);
  for (const double d : numbers(item["inputs"]["d"])) evidence.add(d);
  return {{"t", evidence.t()}, {"log_e_two_sided", evidence.log_e()}};
}

json sample_ratio(const json& item) {
  const json& in = item["inputs"];
  const double log_bf =
      log_sample_ratio_evidence(numbers(in["cumulative"]), numbers(in["weights"]), in["concentration"]);
  const PValue p = p_value_from_log(-log_bf);
  return {{"log_bf", log_bf}, {"p_now", p.p}, {"log10_p", p.log10_p}};
}

json normal_tail(const json& item) {
  const double log_upper = log_normal_upper(item["inputs"]["z"]);
  return {{"sf", std::exp(log_upper)}, {"log10_sf", log_upper / log_of_ten}};
}

double time_uniform_value(const std::string& function, const json& in) {
  const auto get = [&](const char* key, double otherwise = 0.0) { return in.value(key, otherwise); };
  const double alpha_opt = get("alpha_opt", 0.05);
  const bool one_sided = get("one_sided", 1.0) != 0.0;
  const auto either = [&](const auto& mixture) {
    return function.ends_with("_bound") ? mixture.bound(get("v"), get("alpha"))
                                        : mixture.log_e(get("s"), get("v"));
  };
  if (function.starts_with("normal")) return either(NormalMixture(get("v_opt"), alpha_opt, one_sided));
  if (function.starts_with("gamma_exponential")) {
    return either(GammaExponentialMixture(get("v_opt"), alpha_opt, get("c")));
  }
  if (function.starts_with("gamma_poisson"))
    return either(GammaPoissonMixture(get("v_opt"), alpha_opt, get("c")));
  if (function.starts_with("beta_binomial")) {
    return either(BetaBinomialMixture(get("v_opt"), alpha_opt, get("g"), get("h"), one_sided));
  }
  if (function == "poly_stitching_bound") {
    return poly_stitching_bound(get("v"), get("alpha"), get("v_min"), get("c"), get("s", 1.4),
                                get("eta", 2.0));
  }
  if (function == "double_stitching_bound") {
    return double_stitching_bound(get("quantile_p"), get("t"), get("alpha"), get("t_opt"), get("delta", 0.5),
                                  get("s", 1.4), get("eta", 2.0));
  }
  const Interval interval =
      bernoulli_confidence_sequence(get("successes"), get("n"), get("alpha"), get("t_opt"), alpha_opt);
  if (function == "bernoulli_confidence_interval.lo") return interval.lower;
  if (function == "bernoulli_confidence_interval.hi") return interval.upper;
  throw std::runtime_error("unknown function " + function);
}

json time_uniform(const json& item) {
  const std::string function = item["expected"]["fn"];
  return {{"fn", function}, {"value", time_uniform_value(function, item["inputs"])}};
}

}  // namespace

void add_sequential(Categories& categories) {
  categories["eprocess_rate_ratio"] = rate_ratio;
  categories["eprocess_ceiling"] = ceiling;
  categories["dispersion_phi"] = phi;
  categories["asymptotic_cs"] = asymptotic;
  categories["msprt_normal"] = msprt;
  categories["t_eprocess"] = t_evidence;
  categories["sequential_srm"] = sample_ratio;
  categories["normal_tail"] = normal_tail;
  categories["confseq_time_uniform"] = time_uniform;
}

}  // namespace reference
