#include "cli/live_view.h"

#include <gmock/gmock.h>

namespace sluice::cli {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

const ViewOptions kPlain{.width = 120, .colour = false};

api::MetricStatus errors() {
  api::MetricStatus metric;
  metric.name = "errors";
  metric.stable = {54, 5400};
  metric.candidate = {6, 600};
  metric.harm_log_threshold = 3;
  metric.non_inferior_log_threshold = 3;
  metric.looks = 2;
  return metric;
}

api::MetricStatus predictions() {
  api::MetricStatus metric;
  metric.name = "predictions";
  metric.role = api::MetricRole::Report;
  metric.stable.total = 5400;
  metric.candidate.total = 600;
  metric.looks = 2;
  metric.message = "undecided until the stage ends: PSI 0.312";
  metric.drift = api::DriftStatus{.verdict = api::DriftVerdict::Drift,
                                  .psi = 0.312,
                                  .above = 0.1,
                                  .shares = {{"cat", 0.412, 0.55}, {"", 0.1, 0}}};
  return metric;
}

TEST(LiveView, ShowsWhatIsPredicted) {
  api::Rollout rollout;
  rollout.status.metrics = {predictions(), errors()};
  const std::string view = live_view(rollout, Time{}, kPlain);
  EXPECT_THAT(view, ContainsRegex("predictions +5400 +600 +PSI 0.312 of 0.1 +Drift +cat 41.2%→55% +\"\" 10%→0%"));
  EXPECT_THAT(view, HasSubstr("worse? needs 20.1")) << "of the first metric that has evidence";
  rollout.status.metrics = {predictions()};
  EXPECT_THAT(live_view(rollout, Time{}, kPlain), Not(HasSubstr("needs")));
}

TEST(LiveView, TellsALookAtWhatIsPredictedWithoutEvidence) {
  api::Rollout rollout;
  rollout.status.metrics = {predictions()};
  EXPECT_THAT(change_lines({}, rollout, Time{}),
              HasSubstr("look 2 predictions: undecided until the stage ends: PSI 0.312\n"));
}

}  // namespace
}  // namespace sluice::cli
