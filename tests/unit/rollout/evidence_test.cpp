// From counts to evidence, as a look does it: with the status as the only memory.
#include "rollout/edges.h"
#include "rollout/evidence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "api/json.h"
#include "stats/metric_evidence.h"

namespace sluice::rollout {
namespace {

api::MetricSpec metric(const std::string& name) {
  api::MetricSpec spec;
  spec.name = name;
  spec.source = api::CounterSource{"events", "total"};
  return spec;
}

api::AnalysisSpec two_metrics() {
  api::AnalysisSpec analysis;
  analysis.metrics = {metric("errors"), metric("timeouts")};
  analysis.metrics[1].ceiling = 0.05;
  analysis.metrics[1].harm.ratio = 1.05;
  return analysis;
}

metrics::LookResult look_of(const std::vector<std::pair<std::string, stats::Block>>& blocks) {
  metrics::LookResult look;
  for (const auto& [name, block] : blocks) {
    metrics::MetricReading reading;
    reading.name = name;
    reading.stable = {block.stable_events, block.stable_exposure};
    reading.candidate = {block.candidate_events, block.candidate_exposure};
    look.metrics.push_back(reading);
  }
  return look;
}

stats::Block drawn(std::mt19937_64& random, double ratio) {
  const auto poisson = [&](double mean) {
    return static_cast<double>(std::poisson_distribution<long>(mean)(random));
  };
  const double candidate = 500 + static_cast<double>(random() % 300);
  const double stable = 5000 + static_cast<double>(random() % 900);
  return {poisson(candidate * 0.01 * ratio), poisson(stable * 0.01), candidate, stable};
}

// What the API server would hand back after a restart.
api::RolloutStatus restarted(const api::RolloutStatus& status) {
  return api::status_from_json(nlohmann::json::parse(api::status_to_json(status).dump()));
}

StepVerdict verdict_of(const api::AnalysisSpec& analysis, const LookSummary& summary) {
  const Thresholds limits =
      thresholds(analysis.false_rollback, analysis.false_promotion, tests_of_harm(analysis));
  return decide(summary.guardrails, limits, {.looks = 5, .min_looks = 5, .last_step = true});
}

TEST(AddReadings, ARestartAtAnyLookGivesTheSameDecisionsAndTheSameStatus) {
  const api::AnalysisSpec analysis = two_metrics();
  constexpr int looks = 25;
  for (const double ratio : {1.0, 1.6, 0.5}) {
    std::mt19937_64 random(21);
    std::vector<metrics::LookResult> history;
    for (int i = 0; i < looks; ++i) {
      history.push_back(look_of({{"errors", drawn(random, ratio)}, {"timeouts", drawn(random, ratio)}}));
      if (i % 6 == 4) history.back().metrics[0].gap = metrics::Gap::Stale;
    }
    std::vector<StepVerdict> lived;
    api::RolloutStatus status;
    status.evidence.past_dispersion["errors"] = 1.3;
    const api::RolloutStatus fresh = status;
    for (const auto& look : history) lived.push_back(verdict_of(analysis, add_readings(analysis, look, status)));

    for (int restart = 0; restart < looks; ++restart) {
      api::RolloutStatus other = fresh;
      for (int i = 0; i < looks; ++i) {
        if (i == restart) other = restarted(other);
        const StepVerdict verdict =
            verdict_of(analysis, add_readings(analysis, history[static_cast<std::size_t>(i)], other));
        const StepVerdict& expected = lived[static_cast<std::size_t>(i)];
        EXPECT_EQ(verdict.action, expected.action) << "look " << i << ", restarted before " << restart;
        EXPECT_EQ(verdict.reason, expected.reason);
        EXPECT_EQ(verdict.metric, expected.metric);
      }
      EXPECT_EQ(other, status);
    }
  }
}

TEST(AddReadings, TheNumbersAreThoseOfTheEvidence) {
  api::AnalysisSpec analysis = two_metrics();
  api::RolloutStatus status;
  status.evidence.past_dispersion["errors"] = 2.0;
  stats::GuardrailEvidence evidence(parameters_of(analysis.metrics[0], 2.0));
  std::mt19937_64 random(4);
  stats::Block last;
  LookSummary summary;
  for (int i = 0; i < 4; ++i) {
    last = drawn(random, 1.0);
    evidence.add(last);
    summary = add_readings(analysis, look_of({{"errors", last}, {"timeouts", drawn(random, 1.0)}}), status);
  }
  const api::MetricStatus& errors = status.metrics[0];
  EXPECT_EQ(errors.stable.events, evidence.totals().stable_events);
  EXPECT_EQ(errors.candidate.total, evidence.totals().candidate_exposure);
  EXPECT_EQ(errors.effect, evidence.ratio(0.05).estimate);
  EXPECT_EQ(errors.lower, evidence.ratio(0.05).lower);
  EXPECT_EQ(errors.upper, evidence.ratio(0.05).upper);
  EXPECT_EQ(errors.harm_log_e, evidence.log_e_harm());
  EXPECT_EQ(errors.harm_log_e_peak, evidence.sup_log_e_harm());
  EXPECT_EQ(errors.non_inferior_log_e, evidence.log_e_non_inferior());
  EXPECT_EQ(errors.non_inferior_log_e_peak, evidence.sup_log_e_non_inferior());
  EXPECT_DOUBLE_EQ(errors.harm_log_threshold, std::log(3 / 0.05));  // two guardrails, one of them with a ceiling
  EXPECT_DOUBLE_EQ(errors.non_inferior_log_threshold, std::log(1 / 0.05));
  EXPECT_EQ(errors.dispersion, evidence.dispersion());
  EXPECT_EQ(errors.looks, 4);
  EXPECT_EQ(errors.dropped, 0);
  EXPECT_EQ(errors.verdict, api::Verdict::Inconclusive);
  EXPECT_EQ(errors.power, evidence.detection_power(3.0, std::log(3 / 0.05)));
  EXPECT_NE(errors.method.find("conditional-poisson e-process"), std::string::npos);
  EXPECT_EQ(summary.guardrails[0].power, *errors.power);
  EXPECT_EQ(summary.guardrails[0].harm, errors.harm_log_e);
  EXPECT_EQ(summary.guardrails[1].ceiling_peak, 0.0);

  stats::Block per_look = last;
  per_look.candidate_events = last.candidate_exposure * errors.candidate.events / errors.candidate.total;
  per_look.stable_events = last.stable_exposure * errors.stable.events / errors.stable.total;
  const double left = std::ceil(evidence.looks_to_non_inferior(per_look, std::log(20.0)));
  ASSERT_TRUE(errors.non_inferior_in.has_value());
  EXPECT_EQ(*errors.non_inferior_in, analysis.interval * static_cast<std::int64_t>(left));
  EXPECT_GT(left, 0);
}

TEST(AddReadings, WhatIsProvenIsNotExpectedAnyMore) {
  const api::AnalysisSpec analysis = two_metrics();
  api::RolloutStatus status;
  const metrics::LookResult equal = look_of({{"errors", {6, 54, 600, 5400}}, {"timeouts", {0, 0, 600, 5400}}});
  int looks = 0;
  for (; looks < 40 && status.metrics.empty(); ++looks) add_readings(analysis, equal, status);
  const Duration foretold = *status.metrics[0].non_inferior_in;
  while (status.metrics[0].verdict != api::Verdict::Pass && looks < 40) {
    add_readings(analysis, equal, status);
    ++looks;
  }
  EXPECT_EQ(status.metrics[0].verdict, api::Verdict::Pass);
  EXPECT_FALSE(status.metrics[0].non_inferior_in.has_value());
  // Without a past phi is 2 at the first looks and 1 from the fifth on, so the forecast is too long, not too short.
  EXPECT_LE(looks, 1 + foretold / analysis.interval);
  EXPECT_GE(looks, 5);
  while (status.metrics[1].verdict != api::Verdict::Pass && looks < 40) {
    add_readings(analysis, equal, status);
    ++looks;
  }
  EXPECT_LT(looks, 12) << "without any event the margin's ceiling is proven";
}

TEST(AddReadings, ACandidateThatIsWorseThanTheMarginIsNeverExpectedToPass) {
  const api::AnalysisSpec analysis = two_metrics();
  api::RolloutStatus status;
  add_readings(analysis, look_of({{"errors", {12, 54, 600, 5400}}}), status);
  EXPECT_EQ(status.metrics[0].verdict, api::Verdict::Inconclusive);
  EXPECT_FALSE(status.metrics[0].non_inferior_in.has_value());
}

TEST(AddReadings, ABlockWithoutEventsLeavesTheRatioAndAGapLeavesAll) {
  const api::AnalysisSpec analysis = two_metrics();
  api::RolloutStatus status;
  status.evidence.past_dispersion["errors"] = 1.3;
  std::mt19937_64 random(9);
  for (int i = 0; i < 5; ++i) add_readings(analysis, look_of({{"errors", drawn(random, 1.3)}}), status);
  const api::MetricStatus before = status.metrics[0];
  add_readings(analysis, look_of({{"errors", {0, 0, 600, 5400}}}), status);
  EXPECT_EQ(status.metrics[0].harm_log_e, before.harm_log_e);
  EXPECT_NE(status.metrics[0].non_inferior_log_e, before.non_inferior_log_e);  // the ceiling of the margin
  EXPECT_EQ(status.metrics[0].looks, 6);

  const std::string packed = status.evidence.packed.at("errors");
  metrics::LookResult gap = look_of({{"errors", {9, 54, 600, 5400}}});
  gap.metrics[0].gap = metrics::Gap::TargetsChanged;
  gap.metrics[0].detail = "candidate: p1 vanished";
  const LookSummary summary = add_readings(analysis, gap, status);
  EXPECT_EQ(status.evidence.packed.at("errors"), packed);
  EXPECT_EQ(status.metrics[0].looks, 6);
  EXPECT_EQ(status.metrics[0].dropped, 1);
  EXPECT_EQ(summary.gap_metric, "errors");
  EXPECT_EQ(summary.gap_reason, "TargetsChanged");
  EXPECT_EQ(summary.guardrails.size(), 2u) << "a guardrail without a reading waits like one with a gap";

  // Counts that contradict themselves are no evidence either.
  EXPECT_EQ(add_readings(analysis, look_of({{"errors", {9, 54, 0, 5400}}}), status).gap_metric, "errors");
  EXPECT_EQ(status.metrics[0].dropped, 2);
}

TEST(AddReadings, AReportedMetricDecidesNothing) {
  api::AnalysisSpec analysis = two_metrics();
  analysis.metrics[0].role = api::MetricRole::Report;
  api::RolloutStatus status;
  metrics::LookResult look = look_of({{"errors", {90, 54, 600, 5400}}, {"timeouts", {6, 54, 600, 5400}}});
  const LookSummary summary = add_readings(analysis, look, status);
  ASSERT_EQ(summary.guardrails.size(), 1u);
  EXPECT_EQ(summary.guardrails[0].name, "timeouts");
  EXPECT_EQ(status.metrics[0].verdict, api::Verdict::None);
  EXPECT_FALSE(status.metrics[0].power.has_value());
  EXPECT_GT(status.metrics[0].harm_log_e, 20);
  EXPECT_DOUBLE_EQ(status.metrics[0].harm_log_threshold, std::log(2 / 0.05));  // the guardrail and its ceiling
  look.metrics[0].gap = metrics::Gap::NoData;
  EXPECT_TRUE(add_readings(analysis, look, status).gap_metric.empty());
}

// A rise of a fifth, proven by many requests and wholly within the margin of 1.5: worse, and tolerated.
TEST(AddReadings, HarmWithinTheMarginIsTolerated) {
  api::AnalysisSpec analysis;
  analysis.metrics = {metric("errors")};
  api::RolloutStatus status;
  status.evidence.past_dispersion["errors"] = 1.0;
  LookSummary summary;
  for (int i = 0; i < 40; ++i) {
    summary = add_readings(analysis, look_of({{"errors", {72, 540, 6000, 54000}}}), status);
  }
  ASSERT_GT(summary.guardrails[0].harm_peak, std::log(20.0));
  EXPECT_TRUE(summary.guardrails[0].below_margin);
  EXPECT_EQ(status.metrics[0].verdict, api::Verdict::Pass);
  EXPECT_DOUBLE_EQ(*status.traffic.realised, 0.1);
  EXPECT_EQ(status.metrics[0].message.substr(0, 28), "worse, but within the margin");
}

TEST(AddReadings, EvidenceOfOtherParametersStartsAnew) {
  api::AnalysisSpec analysis = two_metrics();
  api::RolloutStatus status;
  add_readings(analysis, look_of({{"errors", {6, 54, 600, 5400}}}), status);
  analysis.metrics[0].margin.ratio = 2.0;
  add_readings(analysis, look_of({{"errors", {6, 54, 600, 5400}}}), status);
  EXPECT_EQ(status.metrics[0].looks, 1);
  EXPECT_EQ(status.metrics[0].stable.events, 54);
}

TEST(AddPast, SeedsTheDispersionOnlyWhereItIsSignificant) {
  metrics::LookResult look;
  metrics::MetricReading calm{.name = "calm"};
  metrics::MetricReading bursty{.name = "bursty"};
  metrics::MetricReading short_past{.name = "short"};
  for (int i = 0; i < 30; ++i) {
    calm.past.push_back({50.0 + 8 * (i % 2), 5400});       // 64/108 a pair
    bursty.past.push_back({20.0 + 60 * (i % 2), 5400});    // 3600/100 a pair
  }
  short_past.past = {{50, 5400}};
  look.metrics = {calm, bursty, short_past, {.name = "unread"}};
  api::AnalysisSpec analysis;
  analysis.metrics = {metric("calm"), metric("bursty"), metric("short"), metric("unread")};
  api::RolloutStatus status;
  add_past(analysis, look, status);
  EXPECT_TRUE(status.evidence.past_read);
  EXPECT_EQ(status.evidence.past_dispersion.at("calm"), 1.0);
  EXPECT_DOUBLE_EQ(status.evidence.past_dispersion.at("bursty"), 36.0);
  EXPECT_EQ(status.evidence.past_dispersion.size(), 2u);
  EXPECT_TRUE(status.evidence.pod_spread.empty());
}

// --- A whole distribution

constexpr std::array<double, 4> kEdges = {0.05, 0.1, 0.25, 1.0};

api::AnalysisSpec latency() {
  api::AnalysisSpec analysis;
  analysis.metrics.push_back(metric("latency"));
  analysis.metrics[0].source = api::HistogramSource{"b", std::nullopt};
  analysis.metrics[0].margin.or_below = 0.01;
  return analysis;
}

// Half of the observations above the first edge, a tenth above the second, a hundredth above the third.
metrics::Counts above(std::size_t edge, double requests, double slower = 1) {
  constexpr std::array<double, 4> shares = {0.5, 0.1, 0.01, 0};
  return {std::round(requests * shares[edge] * slower), requests};
}

metrics::LookResult distribution(std::span<const double> edges, double slower) {
  metrics::MetricReading reading{.name = "latency"};
  for (const double edge : edges) {
    const auto k = static_cast<std::size_t>(std::find(kEdges.begin(), kEdges.end(), edge) - kEdges.begin());
    reading.edges.push_back({edge, above(k, 5400), above(k, 600, slower), {}});
  }
  reading.stable = reading.edges[0].stable;
  reading.candidate = reading.edges[0].candidate;
  return {.look = {}, .metrics = {reading}, .error = std::nullopt};
}

metrics::LookResult past_distribution(double burst = 0) {
  metrics::MetricReading reading{.name = "latency"};
  for (std::size_t k = 0; k < kEdges.size(); ++k) {
    metrics::EdgeReading edge{kEdges[k], {}, {}, {}};
    for (int i = 0; i < 10; ++i) {
      metrics::Counts counts = above(k, 5400);
      if (k == 1) counts.events += i % 2 == 0 ? burst : -burst;
      edge.past.push_back(counts);
    }
    reading.edges.push_back(edge);
  }
  reading.past = reading.edges[0].past;
  return {.look = {}, .metrics = {reading}, .error = std::nullopt};
}

TEST(Distribution, ItsEdgesAndTheirDispersionComeFromThePast) {
  api::RolloutStatus status;
  add_past(latency(), past_distribution(200), status);
  EXPECT_EQ(status.evidence.edges.at("latency"), (std::vector<double>{0.05, 0.1, 0.25}));
  EXPECT_EQ(status.evidence.past_dispersion.at("latency@0.05"), 1.0);
  EXPECT_GT(status.evidence.past_dispersion.at("latency@0.1"), 10.0) << "bursty at that edge only";
  EXPECT_EQ(status.evidence.past_dispersion.size(), 3u);
  EXPECT_EQ(edges_of(latency().metrics[0], status.evidence), (std::vector<double>{0.05, 0.1, 0.25}));
  EXPECT_EQ(restarted(status), status);
}

TEST(Distribution, IsJudgedAtAllOfThemAndToldByTheWorst) {
  const api::AnalysisSpec analysis = latency();
  api::RolloutStatus status;
  add_past(analysis, past_distribution(), status);
  const std::vector<double> edges = status.evidence.edges.at("latency");
  for (int i = 0; i < 15; ++i) add_readings(analysis, distribution(edges, 1.0), status);
  EXPECT_EQ(status.metrics[0].verdict, api::Verdict::Pass) << status.metrics[0].message;

  status = {};
  add_past(analysis, past_distribution(), status);
  LookSummary summary;
  for (int i = 0; i < 6; ++i) {
    status = restarted(status);
    summary = add_readings(analysis, distribution(edges, 2.0), status);
  }
  const api::MetricStatus& told = status.metrics[0];
  EXPECT_EQ(told.verdict, api::Verdict::Fail);
  EXPECT_EQ(told.edge, "0.05s") << "where there are most observations";
  EXPECT_EQ(told.candidate.events, 6 * 600);
  EXPECT_NE(told.message.find("worse: above 0.05s 100%"), std::string::npos) << told.message;
  EXPECT_EQ(verdict_of(analysis, summary).reason, "HarmDetected");
}

TEST(Distribution, WithoutAPastItsEdgesAreThoseOfTheFirstBlockWhichIsNotCounted) {
  const api::AnalysisSpec analysis = latency();
  api::RolloutStatus status;
  const LookSummary first = add_readings(analysis, distribution(kEdges, 1.0), status);
  EXPECT_EQ(first.gap_metric, "latency");
  EXPECT_EQ(first.gap_reason, "EdgesChosen");
  EXPECT_EQ(status.metrics[0].looks, 0);
  const std::vector<double> edges = status.evidence.edges.at("latency");
  EXPECT_EQ(edges, (std::vector<double>{0.05, 0.1, 0.25}));
  EXPECT_EQ(add_readings(analysis, distribution(edges, 1.0), status).gap_metric, "");
  EXPECT_EQ(status.metrics[0].looks, 1);
}

TEST(Distribution, AReadingWithoutOneOfItsEdgesIsNotCounted) {
  const api::AnalysisSpec analysis = latency();
  api::RolloutStatus status;
  add_past(analysis, past_distribution(), status);
  const LookSummary summary = add_readings(analysis, distribution(std::span(kEdges).first(2), 1.0), status);
  EXPECT_EQ(summary.gap_metric, "latency");
  EXPECT_EQ(status.metrics[0].looks, 0);
}

TEST(TestsOfHarm, CountsGuardrailsAndTheirCeilings) {
  api::AnalysisSpec analysis = two_metrics();
  EXPECT_EQ(tests_of_harm(analysis), 3);
  analysis.metrics[1].role = api::MetricRole::Report;
  EXPECT_EQ(tests_of_harm(analysis), 1);
}

}  // namespace
}  // namespace sluice::rollout
