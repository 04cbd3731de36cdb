#include "loadtest/load_judge.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "api/numbers.h"
#include "loadtest/capacity.h"
#include "loadtest/load_profile.h"
#include "loadtest/load_report.h"
#include "loadtest/phases.h"
#include "loadtest/validity.h"
#include "loadtest/wording.h"

namespace sluice::loadtest {
namespace {

using api::LoadCriterion;
using api::LoadMetric;
using api::Verdict;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
constexpr double kRisk = 0.05;

// What each criterion is judged with.
struct Case {
  const api::LoadTestStage& stage;
  const LoadObservation& seen;
  std::vector<LoadCriterion> criteria;
  double share = kRisk;  // a criterion's part of the risk of failing a sound candidate

  Windows scope(LoadMetric metric) const { return scope_of(stage, criteria, metric, seen.result.windows); }
  // At most: a high value breaks, so the low end carries the shared risk. At least: the other way round.
  Risk at_most() const { return {share, kRisk}; }
  Risk at_least() const { return {kRisk, share}; }
};

CriterionFinding unknown(const LoadCriterion& criterion, const std::string& why) {
  CriterionFinding finding{criterion, Verdict::Inconclusive, kNothing, -kInfinity, kInfinity, kNothing, ""};
  finding.limit = criterion.max ? *criterion.max : criterion.min.value_or(kNothing);
  finding.sentence = criterion_name(criterion) + ": " + why + ": undecided";
  return finding;
}

CriterionFinding judged(const LoadCriterion& criterion, const Bounds& bounds, double limit) {
  CriterionFinding finding{criterion, Verdict::Inconclusive, bounds.value, bounds.low, bounds.high, limit, ""};
  const double slack = 1e-9 * std::abs(limit);  // of the arithmetic, not of the criterion
  if (criterion.min) {
    if (bounds.low >= limit - slack) finding.verdict = Verdict::Pass;
    if (bounds.high < limit - slack) finding.verdict = Verdict::Fail;
  } else {
    if (bounds.high <= limit + slack) finding.verdict = Verdict::Pass;
    if (bounds.low > limit + slack) finding.verdict = Verdict::Fail;
  }
  finding.sentence = finding_sentence(finding);
  return finding;
}

// The worse of two findings on one criterion.
CriterionFinding worse(CriterionFinding first, CriterionFinding second) {
  const auto rank = [](Verdict verdict) { return verdict == Verdict::Fail ? 2 : verdict == Verdict::Pass ? 0 : 1; };
  CriterionFinding& chosen = rank(second.verdict) > rank(first.verdict) ? second : first;
  const std::string both = first.sentence + "; " + second.sentence;
  chosen.sentence = both;
  return chosen;
}

// Against stable's: the limit in seconds is what stable's quantile allows.
CriterionFinding against_stable(const Case& of, const LoadCriterion& criterion, double quantile) {
  const Windows theirs = scope_of(of.stage, of.criteria, criterion.metric, of.seen.stable->windows);
  const auto ratio = quantile_ratio(of.scope(criterion.metric), theirs, quantile, of.at_most());
  const auto stable = quantile_of(histogram(theirs), quantile);
  if (!ratio || !stable) return unknown(criterion, "one of the two runs has no response times");
  const double limit = (1.0 + *criterion.margin) * *stable;
  const Bounds bounds{ratio->value * *stable, ratio->low * *stable, ratio->high * *stable};
  CriterionFinding finding = judged(criterion, bounds, limit);
  finding.sentence = "compared with stable's " + time_text(*stable) + ", " + finding.sentence;
  return finding;
}

CriterionFinding response_time(const Case& of, const LoadCriterion& criterion) {
  const double quantile = criterion.quantile.value_or(0.95);
  const auto bounds = quantile_bounds(of.scope(criterion.metric), quantile, of.at_most());
  if (!bounds) return unknown(criterion, "the result has no response times");
  const bool compared = criterion.margin && of.seen.stable;
  if (criterion.max) {
    CriterionFinding finding = judged(criterion, *bounds, *criterion.max);
    return compared ? worse(std::move(finding), against_stable(of, criterion, quantile)) : finding;
  }
  if (compared) return against_stable(of, criterion, quantile);
  CriterionFinding finding{criterion, Verdict::Pass, bounds->value, bounds->low, bounds->high, kInfinity, ""};
  finding.sentence = criterion_name(criterion) + " are within " + time_text(bounds->value) +
                     "; there is no run of stable to compare with: held";
  return finding;
}

CriterionFinding failures(const Case& of, const LoadCriterion& criterion) {
  const auto bounds = failure_bounds(of.scope(criterion.metric), of.at_most());
  if (!bounds) return unknown(criterion, "no request was made");
  return judged(criterion, *bounds, criterion.max.value_or(0.0));
}

CriterionFinding rate(const Case& of, const LoadCriterion& criterion) {
  const auto bounds = reached_share(of.scope(criterion.metric), of.at_least());
  if (!bounds) return unknown(criterion, "the result does not say which rate was asked for");
  return judged(criterion, *bounds, criterion.min.value_or(1.0));
}

Knee find_knee(const Case& of) {
  return knee_of(of.criteria, of.seen.result.windows, {kRisk, of.share});
}

// Why a knee is undecided, where its numbers alone would not tell.
std::string never_asked(const Knee& knee, double rate) {
  if (knee.broken || knee.highest >= rate * (1.0 - 1e-9)) return "";
  return " (no more than " + rate_text(knee.highest) + " was asked for)";
}

// The rate at which it broke is itself too high: with a limit of that rate the criterion is broken.
CriterionFinding knee(const Case& of, const LoadCriterion& criterion) {
  const Knee found = find_knee(of);
  const double limit = criterion.min.value_or(0.0);
  const double high = found.broken ? *found.broken * (1.0 - 1e-6) : kInfinity;
  CriterionFinding finding = judged(criterion, {found.value, found.held, high}, limit);
  finding.high = found.broken.value_or(kInfinity);
  const std::string broke = found.broken ? "broke at " + rate_text(*found.broken) : "broke nowhere";
  finding.sentence = "knee: " + (found.held > 0.0 ? "held up to " + rate_text(found.held) : "no step held") +
                     " with confidence, " + broke + never_asked(found, limit) + "; at least " + rate_text(limit) + " is asked for: " +
                     (finding.verdict == Verdict::Pass   ? "held"
                      : finding.verdict == Verdict::Fail ? "broken"
                                                         : "undecided");
  return finding;
}

CriterionFinding rate_per_replica(const Case& of, const LoadCriterion& criterion) {
  if (of.seen.replicas < 1) return unknown(criterion, "no replica was ready");
  const double replicas = of.seen.replicas;
  const Knee found = find_knee(of);
  Bounds bounds{0.0, 0.0, kInfinity};
  if (const auto held = good_rate(found.at_held, of.at_least())) {
    bounds.value = held->value / replicas;
    bounds.low = held->low / replicas;
  }
  if (found.broken) {
    const auto most = good_rate(found.below_broken, of.at_least());
    bounds.high = most ? most->high / replicas : 0.0;
  }
  CriterionFinding finding = judged(criterion, bounds, criterion.min.value_or(0.0));
  finding.sentence += never_asked(found, criterion.min.value_or(0.0) * replicas) + ", with " +
                      counted(replicas, "replica");
  return finding;
}

CriterionFinding recovery(const Case& of, const LoadCriterion& criterion) {
  double quantile = 0.95;
  for (const LoadCriterion& other : of.criteria) {
    if (other.metric == LoadMetric::ResponseTime) quantile = other.quantile.value_or(0.95);
  }
  const Recovery found = recovery_of(of.seen.result.windows, quantile, of.at_most());
  if (!found.bounds) return unknown(criterion, "the load has no lower rate before and after its highest one");
  CriterionFinding finding = judged(criterion, *found.bounds, criterion.max.value_or(0.0));
  if (!std::isfinite(found.bounds->value)) {
    finding.sentence = "recovery: not within the " + time_text(found.watched) +
                       " that were watched after the highest rate; at most " + time_text(finding.limit) +
                       " is asked for: " + (finding.verdict == Verdict::Fail ? "broken" : "undecided");
  }
  return finding;
}

// The first time at the highest rate.
Windows plateau_of(const Case& of) { return phases_of(of.seen.result.windows).peak; }

CriterionFinding response_time_growth(const Case& of, const LoadCriterion& criterion) {
  std::vector<Point> points;
  for (const LoadWindow& window : plateau_of(of)) {
    const auto value = smooth_quantile(window.response_times, criterion.quantile.value_or(0.5));
    const double middle = static_cast<double>((window.at + window.length / 2).count()) / 1000.0;
    if (value) points.push_back({middle, *value});
  }
  const auto bounds = growth(points, of.at_most());
  if (!bounds) return unknown(criterion, "at least 8 windows with response times are needed for a trend");
  return judged(criterion, *bounds, criterion.max.value_or(0.0));
}

CriterionFinding memory_growth(const Case& of, const LoadCriterion& criterion) {
  const Windows plateau = plateau_of(of);
  std::vector<Point> points;
  for (const MemorySample& sample : of.seen.memory) {
    const Duration at = sample.at - of.seen.result.started_at;
    if (plateau.empty() || at < plateau.front().at || at > end_of(plateau.back())) continue;
    points.push_back({static_cast<double>(at.count()) / 1000.0, sample.bytes});
  }
  const std::size_t step = points.size() / 400 + 1;  // all pairs are looked at
  std::vector<Point> thinned;
  for (std::size_t i = 0; i < points.size(); i += step) thinned.push_back(points[i]);
  const auto bounds = growth(thinned, of.at_most());
  if (!bounds) return unknown(criterion, "at least 8 samples of the memory under load are needed for a trend");
  return judged(criterion, *bounds, criterion.max.value_or(0.0));
}

CriterionFinding restarts(const Case& of, const LoadCriterion& criterion) {
  const double count = of.seen.restarts;
  return judged(criterion, {count, count, count}, criterion.max.value_or(0.0));
}

CriterionFinding judge(const Case& of, const LoadCriterion& criterion) {
  switch (criterion.metric) {
    case LoadMetric::ResponseTime: return response_time(of, criterion);
    case LoadMetric::Failures: return failures(of, criterion);
    case LoadMetric::Rate: return rate(of, criterion);
    case LoadMetric::Knee: return knee(of, criterion);
    case LoadMetric::Recovery: return recovery(of, criterion);
    case LoadMetric::ResponseTimeGrowth: return response_time_growth(of, criterion);
    case LoadMetric::MemoryGrowth: return memory_growth(of, criterion);
    case LoadMetric::Restarts: return restarts(of, criterion);
    case LoadMetric::RatePerReplica: return rate_per_replica(of, criterion);
  }
  return unknown(criterion, "not known");
}

// The verdict of all findings, with the sentence of the first that decides it.
void conclude(LoadVerdict& out) {
  const auto of = [&](Verdict verdict) {
    return std::count_if(out.findings.begin(), out.findings.end(),
                         [&](const CriterionFinding& finding) { return finding.verdict == verdict; });
  };
  const auto say = [&](Verdict verdict, const char* what) {
    out.verdict = verdict;
    const auto first = std::find_if(out.findings.begin(), out.findings.end(),
                                    [&](const CriterionFinding& finding) { return finding.verdict == verdict; });
    const std::size_t all = out.findings.size();
    out.message = std::to_string(of(verdict)) + " of " + std::to_string(all) + (all == 1 ? " criterion " : " criteria ") +
                  what + (first == out.findings.end() ? "" : ": " + first->sentence);
  };
  if (of(Verdict::Fail) > 0) return say(Verdict::Fail, "broken");
  if (of(Verdict::Inconclusive) > 0) return say(Verdict::Inconclusive, "undecided");
  say(Verdict::Pass, "held");
}

}  // namespace

LoadVerdict judge_load(const api::LoadTestStage& stage, const LoadObservation& seen) {
  Case of{stage, seen, load_criteria(stage)};
  double tests = 0.0;
  for (const LoadCriterion& criterion : of.criteria) {
    const bool twice = criterion.metric == LoadMetric::ResponseTime && criterion.max && criterion.margin && seen.stable;
    tests += twice ? 2.0 : 1.0;
  }
  of.share = kRisk / std::max(1.0, tests);
  LoadVerdict out;
  for (const LoadCriterion& criterion : of.criteria) out.findings.push_back(judge(of, criterion));
  const std::string invalid = why_invalid(stage, seen);
  if (invalid.empty()) {
    conclude(out);
  } else {
    out.verdict = Verdict::Invalid;
    out.message = invalid;
  }
  return out;
}

}  // namespace sluice::loadtest
