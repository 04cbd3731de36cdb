#include "forecast/summary.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

namespace sluice::forecast {
namespace {

using Json = nlohmann::ordered_json;

Json number(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

std::vector<int> column(std::span<const RunResult> results, const std::function<int(const RunResult&)>& of) {
  std::vector<int> looks;
  looks.reserve(results.size());
  for (const RunResult& result : results) looks.push_back(of(result));
  return looks;
}

std::map<int, std::optional<double>> shares(const std::vector<int>& crossed, int horizon) {
  std::map<int, std::optional<double>> out;
  for (const int at : {1, 20, 50, 100, horizon}) {
    if (at > horizon) {
      out[at] = std::nullopt;
      continue;
    }
    const auto by_then = [at](int look) { return look > 0 && look <= at; };
    const auto count = std::count_if(crossed.begin(), crossed.end(), by_then);
    out[at] = static_cast<double>(count) / static_cast<double>(crossed.size());
  }
  return out;
}

Json to_json(const std::map<int, std::optional<double>>& shares) {
  Json out = Json::object();
  for (const auto& [looks, share] : shares) out[std::to_string(looks)] = number(share);
  return out;
}

bool crossed_at_all(const Times& times) { return times.share > 0.0; }

}  // namespace

Times times_of(std::vector<int> looks, int horizon) {
  const auto runs = static_cast<double>(looks.size());
  double sum = 0.0;
  for (int& look : looks) {
    sum += look > 0 ? look : horizon;
    if (look == 0) look = horizon + 1;  // sorts behind all that crossed
  }
  std::sort(looks.begin(), looks.end());
  const auto crossed = std::upper_bound(looks.begin(), looks.end(), horizon) - looks.begin();
  Times times;
  times.share = static_cast<double>(crossed) / runs;
  // The smallest look by which this share of the runs has crossed.
  const auto quantile = [&](double share) -> std::optional<double> {
    const auto rank = static_cast<std::size_t>(std::ceil(share * runs));
    const int look = looks[std::max<std::size_t>(rank, 1) - 1];
    if (look > horizon) return std::nullopt;
    return look;
  };
  times.median = quantile(0.5);
  times.p90 = quantile(0.9);
  if (times.median) times.mean = sum / runs;
  return times;
}

Summary summarise(const Scenario& scenario, std::span<const RunResult> results) {
  const auto rolled_back = column(results, [](const RunResult& r) { return r.rolled_back; });
  const auto promoted = column(results, [](const RunResult& r) { return r.promoted; });
  const auto ended = [&](Ending ending) {
    return times_of(column(results, [ending](const RunResult& r) { return r.ending == ending ? r.ended : 0; }),
                    scenario.looks);
  };
  Summary out;
  out.rolled_back = shares(rolled_back, scenario.looks);
  out.promoted = shares(promoted, scenario.looks);
  out.roll_back = times_of(rolled_back, scenario.looks);
  out.promotion = times_of(promoted, scenario.looks);
  if (scenario.questions.oracle) {
    const auto harms = column(results, [](const RunResult& r) { return r.oracle_rolls_back; });
    const auto proofs = column(results, [](const RunResult& r) { return r.oracle_promotes; });
    const Times harm = times_of(harms, scenario.looks);
    const Times proof = times_of(proofs, scenario.looks);
    if (crossed_at_all(harm)) out.oracle_roll_back = harm;
    if (crossed_at_all(proof)) out.oracle_promotion = proof;
  }
  out.outcome_roll_back = ended(Ending::RolledBack);
  out.outcome_promotion = ended(Ending::Promoted);
  out.outcome_rolled_back = out.outcome_roll_back.share;
  out.outcome_promoted = out.outcome_promotion.share;
  const auto open = std::count_if(results.begin(), results.end(),
                                  [](const RunResult& r) { return r.ending == Ending::Inconclusive; });
  out.outcome_inconclusive = static_cast<double>(open) / static_cast<double>(results.size());
  return out;
}

bool oracle_is_of_harm(const Summary& summary) { return summary.oracle_roll_back.has_value(); }

std::optional<double> price_of_ignorance(const Summary& summary) {
  const auto& oracle = oracle_is_of_harm(summary) ? summary.oracle_roll_back : summary.oracle_promotion;
  const Times& ours = oracle_is_of_harm(summary) ? summary.roll_back : summary.promotion;
  if (!oracle || !oracle->mean || !ours.mean) return std::nullopt;
  return *ours.mean / *oracle->mean;
}

Json to_json(const Times& times) {
  return {{"median", number(times.median)}, {"p90", number(times.p90)}, {"mean", number(times.mean)}};
}

Json to_json(const Scenario& scenario, const Summary& summary) {
  Json out;
  out["rolledBack"] = to_json(summary.rolled_back);
  out["promoted"] = to_json(summary.promoted);
  out["rollBackLooks"] = to_json(summary.roll_back);
  out["promoteLooks"] = to_json(summary.promotion);
  if (scenario.questions.oracle) {
    const bool harm = oracle_is_of_harm(summary);
    Json looks = to_json((harm ? summary.oracle_roll_back : summary.oracle_promotion).value_or(Times{}));
    looks["of"] = harm ? "rollBack" : "promote";
    looks["rollBack"] = summary.oracle_roll_back ? to_json(*summary.oracle_roll_back) : Json(nullptr);
    looks["promote"] = summary.oracle_promotion ? to_json(*summary.oracle_promotion) : Json(nullptr);
    out["oracleLooks"] = looks;
    out["ratioOfMeans"] = number(price_of_ignorance(summary));
  } else {
    out["oracleLooks"] = nullptr;
  }
  out["outcome"] = {{"rolledBack", summary.outcome_rolled_back},
                    {"promoted", summary.outcome_promoted},
                    {"inconclusive", summary.outcome_inconclusive},
                    {"rollBackLooks", to_json(summary.outcome_roll_back)},
                    {"promoteLooks", to_json(summary.outcome_promotion)}};
  out["looks"] = scenario.looks;
  out["runs"] = scenario.runs;
  out["seed"] = scenario.seed;
  return out;
}

}  // namespace sluice::forecast
