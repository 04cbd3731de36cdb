#include "forecast/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "scenarios.h"

namespace sluice::forecast {
namespace {

struct Setting {
  Quarry quarry;
  double base_rate, margin, or_below, requests_per_second, weight, dispersion;
};

constexpr auto kHarm = Quarry::Harm;
constexpr auto kProof = Quarry::NonInferiority;

const std::vector<Setting> kGrid = {
    {kHarm, 0.0003, 1.5, 0.001, 100, 0.10, 1},  {kHarm, 0.001, 1.5, 0.001, 100, 0.10, 1},
    {kHarm, 0.003, 1.5, 0.001, 100, 0.10, 1},   {kHarm, 0.01, 1.5, 0.001, 100, 0.10, 1},
    {kHarm, 0.03, 1.5, 0.001, 100, 0.10, 1},    {kHarm, 0.001, 1.5, 0.001, 100, 0.01, 1},
    {kHarm, 0.001, 1.5, 0.001, 100, 0.50, 1},   {kHarm, 0.01, 1.5, 0.001, 10, 0.10, 1},
    {kHarm, 0.003, 1.5, 0.001, 300, 0.05, 1},   {kHarm, 0.03, 1.5, 0.001, 5, 0.20, 1},
    {kHarm, 0.01, 1.5, 0.001, 1000, 0.01, 1},   {kHarm, 0.01, 1.5, 0.001, 20, 0.25, 2},
    {kProof, 0.0003, 1.5, 0.001, 100, 0.10, 1}, {kProof, 0.0003, 1.5, 0.005, 20, 0.10, 1},
    {kProof, 0.001, 1.5, 0.002, 100, 0.10, 1},  {kProof, 0.001, 2.0, 0.000, 100, 0.25, 1},
    {kProof, 0.003, 1.5, 0.001, 100, 0.10, 1},  {kProof, 0.01, 1.5, 0.001, 100, 0.10, 1},
    {kProof, 0.01, 1.25, 0.001, 100, 0.10, 1},  {kProof, 0.01, 2.0, 0.001, 30, 0.10, 1},
    {kProof, 0.01, 1.5, 0.001, 10, 0.50, 1},    {kProof, 0.03, 1.25, 0.001, 100, 0.25, 1},
    {kProof, 0.03, 1.5, 0.001, 20, 0.05, 1},    {kProof, 0.01, 1.5, 0.001, 50, 0.25, 2},
};

Scenario scenario_for(const Setting& setting) {
  Scenario s = scenario(setting.base_rate);
  s.analysis.metrics[0].margin = {setting.margin, setting.or_below};
  s.requests_per_second = setting.requests_per_second;
  s.dispersion = setting.dispersion;
  return s;
}

// What `sluice simulate` says of the same setting, look by look and from another seed.
Times simulated(const Setting& setting, int looks) {
  Scenario s = scenario_for(setting);
  s.seed = 20'240'611;
  s.runs = 500;
  s.steps = {Step{setting.weight}};
  set_looks(s, looks);
  s.truths[0].ratio = setting.quarry == kHarm ? 2.0 : 1.0;
  s.questions = {.roll_back = setting.quarry == kHarm, .promotion = setting.quarry == kProof, .outcome = false};
  const Summary summary = summarise(s, simulate(s));
  return setting.quarry == kHarm ? summary.roll_back : summary.promotion;
}

// Within 35 %, or one look where looks are few: the simulation that is compared with has an error of its own.
void expect_close(double planned, double seen) {
  EXPECT_LE(std::abs(planned - seen), std::max(1.0, 0.35 * seen)) << planned << " planned, " << seen << " simulated";
}

TEST(Plan, AgreesWithTheSimulationOverAGrid) {
  std::puts("quarry rate margin or_below rps weight phi | median: plan simulated ratio | p90: the same");
  for (const Setting& g : kGrid) {
    const Waiting planned = waiting(scenario_for(g), 0, g.weight, g.quarry);
    ASSERT_TRUE(planned.looks.median && planned.looks.p90);
    const Times seen = simulated(g, 30 + static_cast<int>(5.0 * *planned.looks.median));
    ASSERT_TRUE(seen.median && seen.p90);
    std::printf("%s %.2f%% %.2f %.1f%% %g %g%% %g | %g %g %.2f | %g %g %.2f\n", g.quarry == kHarm ? "harm " : "proof",
                g.base_rate * 100, g.margin, g.or_below * 100, g.requests_per_second, g.weight * 100, g.dispersion,
                *planned.looks.median, *seen.median, *planned.looks.median / *seen.median, *planned.looks.p90,
                *seen.p90, *planned.looks.p90 / *seen.p90);
    expect_close(*planned.looks.median, *seen.median);
    expect_close(*planned.looks.p90, *seen.p90);
  }
}

TEST(Plan, NamesTheLimbThatDecides) {
  Scenario s = scenario(0.0001);
  EXPECT_TRUE(waiting(s, 0, 0.1, kProof).by_ceiling);
  s.truths[0].base_rate = 0.02;
  EXPECT_FALSE(waiting(s, 0, 0.1, kProof).by_ceiling);
}

TEST(Plan, WithoutErrorsThereIsNothingToDouble) {
  const Waiting never = waiting(scenario(0.0), 0, 0.1, kHarm);
  EXPECT_FALSE(never.looks.median.has_value());
  EXPECT_EQ(never.looks.share, 0.0);
}

// Of the candidates that equal stable, as many as the product promotes; from another seed than the plan's.
double promoted(Scenario s) {
  s.seed = 99;
  s.runs = 300;
  s.questions.roll_back = false;
  s.questions.promotion = false;
  return summarise(s, simulate(s)).outcome_promoted;
}

// A stage that is much too short, and what would mend it: each remedy is tried by the simulation itself.
TEST(Plan, ItsRemediesWork) {
  Scenario s = scenario(0.01);
  s.requests_per_second = 30;
  s.steps = {Step{0.05, 3, 0}, Step{0.10, 3, 0}};
  set_looks(s, 25);
  const Plan tight = plan(s);
  EXPECT_FALSE(tight.fits);
  EXPECT_LT(promoted(s), 0.85);
  const Remedies& remedies = tight.remedies;
  ASSERT_TRUE(remedies.least_weight && remedies.margin_ratio && remedies.or_below && remedies.max_duration);
  EXPECT_EQ(remedies.guardrail, "errors-0");

  Scenario heavier = s;
  heavier.steps = {Step{*remedies.least_weight, 3, 0}};
  EXPECT_GE(promoted(heavier), 0.85);
  Scenario wider = s;
  wider.analysis.metrics[0].margin.ratio = *remedies.margin_ratio;
  EXPECT_GE(promoted(wider), 0.85);
  Scenario laxer = s;
  laxer.analysis.metrics[0].margin.or_below = *remedies.or_below;
  EXPECT_GE(promoted(laxer), 0.85);
  Scenario longer = s;
  set_looks(longer, static_cast<int>((*remedies.max_duration - s.analysis.warmup) / s.analysis.interval));
  EXPECT_GE(promoted(longer), 0.85);
}

TEST(Plan, AsJson) {
  Scenario s = scenario(0.01, 1.0, 2);
  s.requests_per_second = 1000;
  set_looks(s, 60);
  const auto json = to_json(plan(s), s, {"canary"});
  EXPECT_EQ(json["guardrails"].size(), 2U);
  const auto& step = json["guardrails"][1]["steps"][0];
  EXPECT_EQ(step["stage"], "canary");
  EXPECT_EQ(step["weight"], "10%");
  EXPECT_TRUE(step["doubled"]["looks"]["median"].is_number());
  EXPECT_TRUE(step["nonInferior"]["time"]["p90"].is_string());
  EXPECT_EQ(step["nonInferior"]["limb"], "ratio");
  EXPECT_EQ(json["rollout"]["fits"], true);
  EXPECT_FALSE(json.contains("remedies"));
}

}  // namespace
}  // namespace sluice::forecast
