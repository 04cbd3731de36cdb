#include "cli/simulate_flags.h"

#include <gmock/gmock.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "rollout_text.h"

namespace sluice::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// The scenario of a command line, or the message by which it is refused.
Result<forecast::Scenario> parsed(const std::string& line) {
  CLI::App command;
  SimulateFlags flags;
  add_flags(command, flags);
  try {
    command.parse(line);
  } catch (const CLI::ParseError& error) {
    return Error{ErrorCode::Invalid, error.what(), {}};
  }
  return scenario_of(flags);
}

class File {
 public:
  explicit File(const std::string& text) : path_(testing::TempDir() + "simulate_flags_rollout.yaml") {
    std::ofstream(path_) << text;
  }
  ~File() { std::remove(path_.c_str()); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(SimulateFlags, WithoutAnyTheDefaultsHold) {
  const auto s = parsed("");
  ASSERT_TRUE(s.ok()) << s.error().message;
  EXPECT_EQ(s->looks, 100);
  EXPECT_EQ(s->analysis.interval, seconds(60));
  EXPECT_DOUBLE_EQ(s->steps.at(0).weight, 0.1);
  EXPECT_DOUBLE_EQ(s->truths.at(0).base_rate, 0.01);
  EXPECT_DOUBLE_EQ(s->truths.at(0).ratio, 1.0);
  EXPECT_NEAR(s->thresholds.harm, std::log(20), 1e-12);
  EXPECT_EQ(s->history, 30);
  EXPECT_EQ(s->fixed_dispersion, 0.0);
  EXPECT_EQ(s->runs, 20'000);
}

TEST(SimulateFlags, EachReachesItsPlace) {
  const auto s = parsed(
      "--base-rate 0.5% --base-rate-end 2% --ratio 1.5 --rps 30 --ramp 1,5,25 --looks 60 --interval 30s "
      "--min-looks 3 --dispersion 3 --history 20 --guardrails 5 --margin 1.25 --or-below 0 --ceiling 10% "
      "--false-rollback 1% --false-promotion 2% --catastrophic-effect 4 --phi 1.5 --pod-effect 5% --pods 2,8 "
      "--oracle --runs 50 --seed 9");
  ASSERT_TRUE(s.ok()) << s.error().message;
  ASSERT_EQ(s->truths.size(), 5U);
  EXPECT_DOUBLE_EQ(s->truths[4].base_rate, 0.005);
  EXPECT_DOUBLE_EQ(s->truths[4].base_rate_end, 0.02);
  EXPECT_DOUBLE_EQ(s->truths[0].ratio, 1.5);
  EXPECT_DOUBLE_EQ(s->truths[1].ratio, 1.0);  // only the first is worse
  EXPECT_EQ(s->requests_per_second, 30.0);
  ASSERT_EQ(s->steps.size(), 3U);
  EXPECT_DOUBLE_EQ(s->steps[2].weight, 0.25);
  EXPECT_EQ(s->steps[2].min_looks, 3);
  EXPECT_EQ(s->looks, 60);
  EXPECT_EQ(s->stages, std::vector<forecast::StageTime>{{60}});
  EXPECT_EQ(s->analysis.interval, seconds(30));
  EXPECT_EQ(s->dispersion, 3.0);
  EXPECT_EQ(s->history, 20);
  EXPECT_DOUBLE_EQ(s->analysis.metrics[3].margin.ratio, 1.25);
  EXPECT_EQ(s->analysis.metrics[3].margin.or_below, 0.0);
  EXPECT_DOUBLE_EQ(s->analysis.metrics[3].ceiling.value_or(0), 0.1);
  EXPECT_NEAR(s->thresholds.harm, std::log(10 / 0.01), 1e-12);
  EXPECT_NEAR(s->thresholds.non_inferior, std::log(1 / 0.02), 1e-12);
  EXPECT_EQ(s->analysis.catastrophic_effect, 4.0);
  EXPECT_EQ(s->fixed_dispersion, 1.5);
  EXPECT_DOUBLE_EQ(s->pod_effect, 0.05);
  EXPECT_EQ(s->candidate_pods, 2);
  EXPECT_EQ(s->stable_pods, 8);
  EXPECT_TRUE(s->questions.oracle);
  EXPECT_EQ(s->runs, 50);
  EXPECT_EQ(s->seed, 9U);
}

TEST(SimulateFlags, ABadOneIsNamed) {
  for (const char* line :
       {"--base-rate 0.01", "--base-rate-end x", "--ratio -1", "--ratio 200", "--rps 0", "--rps fast", "--weight 0",
        "--weight 100%", "--ramp 1,,5", "--ramp 0,5", "--looks 0", "--interval 60", "--min-looks 0",
        "--dispersion 0.5", "--history -1", "--guardrails 0", "--margin 0", "--or-below 2x", "--phi 0.5", "--phi no",
        "--pod-effect 0.5", "--pods 1", "--pods 0,9", "--runs 0", "--seed -3", "--output xml"}) {
    const std::string flag = std::string(line).substr(0, std::string(line).find(' '));
    const auto s = parsed(line);
    ASSERT_FALSE(s.ok()) << line;
    EXPECT_THAT(s.error().message, HasSubstr(flag)) << line;
  }
  EXPECT_THAT(parsed("--base-rate latency=1%").error().message, StartsWith("--base-rate: there is no guardrail"));
  EXPECT_THAT(parsed("--weight 5 --ramp 1,5").error().message, HasSubstr("--ramp"));
}

TEST(SimulateFlags, AManifestIsTakenAndFlagsOverrideIt) {
  const File file(kRolloutText);
  const auto s = parsed("-f " + file.path() + " --base-rate 1% --base-rate latency=3% --ratio latency=2");
  ASSERT_TRUE(s.ok()) << s.error().message;
  EXPECT_EQ(s->analysis.interval, seconds(20));
  EXPECT_EQ(s->looks, 60);  // 21 minutes less the warm-up
  ASSERT_EQ(s->steps.size(), 2U);
  EXPECT_EQ(s->steps[1].min_looks, 4);
  EXPECT_NEAR(s->thresholds.harm, std::log(2 / 0.02), 1e-12);
  EXPECT_DOUBLE_EQ(s->truths[0].base_rate, 0.01);
  EXPECT_DOUBLE_EQ(s->truths[1].base_rate, 0.03);
  EXPECT_DOUBLE_EQ(s->truths[1].ratio, 2.0);
  EXPECT_DOUBLE_EQ(s->truths[0].ratio, 1.0);

  const auto changed = parsed("-f " + file.path() + " --margin 2 --weight 25 --interval 60s --looks 30");
  ASSERT_TRUE(changed.ok()) << changed.error().message;
  EXPECT_DOUBLE_EQ(changed->analysis.metrics[1].margin.ratio, 2.0);
  EXPECT_DOUBLE_EQ(changed->analysis.metrics[0].margin.or_below, 0.002);
  ASSERT_EQ(changed->steps.size(), 1U);
  EXPECT_EQ(changed->stages, std::vector<forecast::StageTime>{{30}});
  EXPECT_THAT(parsed("-f " + file.path() + " --guardrails 2").error().message, StartsWith("--guardrails:"));
}

TEST(SimulateFlags, GoalsHaveTheirOwn) {
  std::string text = kRolloutText;
  text.insert(text.find("  analysis:"), R"yaml(  - name: experiment
    abTest: {weight: 50, assignment: {cookie: arm, ttl: 1h}}
    maxDuration: 2h
)yaml");
  text += R"yaml(    - name: orders
      role: goal
      counter: {events: 'orders_total{pod=~"$(pods)"}', total: 'requests_total{pod=~"$(pods)"}'}
    - name: reward
      role: goal
      mean: {sum: 'reward_sum{pod=~"$(pods)"}', count: 'reward_count{pod=~"$(pods)"}'}
)yaml";
  const File file(text);
  const std::string command = "-f " + file.path();
  const auto s = parsed(command + " --base-rate 2% --base-rate orders=12% --improvement 4% --improvement reward=3%" +
                        " --variation 0.5 --ceiling 9%");
  ASSERT_TRUE(s.ok()) << s.error().message;
  ASSERT_EQ(s->goals.size(), 2u);
  EXPECT_DOUBLE_EQ(s->truths[1].base_rate, 0.02);
  EXPECT_DOUBLE_EQ(s->goals[0].base_rate, 0.12) << "one without a name is of guardrails";
  EXPECT_DOUBLE_EQ(s->goals[0].improvement, 0.04);
  EXPECT_DOUBLE_EQ(s->goals[1].improvement, 0.03);
  EXPECT_DOUBLE_EQ(s->goals[1].variation, 0.5);
  EXPECT_NEAR(s->thresholds.harm, std::log(6 / 0.02), 1e-12) << "two guardrails with ceilings, two goals";
  EXPECT_DOUBLE_EQ(parsed(command)->goals[0].improvement, 0.1);
  EXPECT_THAT(parsed(command + " --improvement clicks=4%").error().message, StartsWith("--improvement: there is no goal"));
  EXPECT_THAT(parsed(command + " --variation orders=2").error().message, StartsWith("--variation: there is no goal"));
  EXPECT_THAT(parsed("--improvement 4%").error().message, StartsWith("--improvement: there is no goal"));
}

}  // namespace
}  // namespace sluice::cli
