// What candidates predict, told from the outside: the event, the history, the status, with and without crashes.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "api/names.h"
#include "episodes.h"
#include "harness.h"
#include "kube/object.h"
#include "people.h"
#include "runtime/events.h"

namespace sluice::simulation {
namespace {

struct Telling {
  std::string end;      // what must not depend on crashes
  int events = 0;       // PredictionsDrifted
  std::uint64_t calls = 0;
  std::vector<std::string> broken;
};

// The verdict, the stage that found it and the measure; p depends on when the stage ended.
std::string told(const api::Rollout& rollout) {
  for (const api::MetricStatus& metric : rollout.status.metrics) {
    if (!metric.drift) continue;
    const std::string found = metric.drift->found.substr(0, metric.drift->found.find(", p "));
    return std::string(api::to_string(metric.drift->verdict)) + " in " + metric.drift->tested + " (" + found + ")";
  }
  return "nothing of the predictions";
}

Telling tell(const std::string& image, const std::vector<std::uint64_t>& crashes, Counters& counters) {
  Harness harness(Random(11), true, counters);
  People people(harness, Random(12));
  for (const std::uint64_t call : crashes) {
    harness.faults.plan(call, call % 2 == 0 ? Mishap::CrashBefore : Mishap::CrashAfter);
  }
  RolloutChoice choice;
  choice.name = "model";
  choice.shadow = true;
  choice.predictions = true;
  harness.create(choice);
  harness.settle(hours(1));
  harness.happenings += 60;
  const kube::Key key = harness.rollouts().front();
  people.change_image(key, image);
  harness.settle(hours(2));
  harness.run(minutes(10));
  harness.invariants.check_rest(key);
  Telling telling;
  telling.calls = harness.faults.calls();
  telling.broken = harness.invariants.broken();
  if (const auto rollout = harness.invariants.rollout(key)) {
    const std::string& message = rollout->status.history.front().message;
    telling.end = ending_of(*rollout) + "; " + message.substr(0, message.find(", p ")) + "; " + told(*rollout);
  }
  const auto events = harness.world.server.list(runtime::kEvents, key.ns, {});
  for (const nlohmann::json& event : events ? events->items : std::vector<nlohmann::json>{}) {
    if (kube::string_at(event, {"reason"}) == "PredictionsDrifted") ++telling.events;
  }
  return telling;
}

// Tells it straight, then with the process killed at calls all along. Returns what broke.
std::vector<std::string> play(const std::string& image, bool drifts, Counters& counters) {
  const Telling straight = tell(image, {}, counters);
  std::vector<std::string> broken = straight.broken;
  const auto expect = [&](bool holds, const std::string& what) {
    if (!holds) broken.push_back(what + ": " + straight.end);
  };
  expect(straight.end.starts_with("Healthy"), "it was not promoted");
  expect(straight.events == (drifts ? 1 : 0), std::to_string(straight.events) + " events");
  expect(straight.end.find(drifts ? "Drift in canary" : "NoDrift in canary") != std::string::npos, "the verdict");
  const bool in_history = straight.end.find("; predictions drifted in stage shadow: PSI 0.0858") != std::string::npos;
  expect(in_history == drifts, "the history");
  constexpr std::uint64_t kTellings = 12;
  for (std::uint64_t i = 0; i < kTellings && broken.empty(); ++i) {
    std::vector<std::uint64_t> crashes;
    for (std::uint64_t call = 5 + i; call < straight.calls; call += kTellings + i) crashes.push_back(call);
    const Telling other = tell(image, crashes, counters);
    broken = other.broken;
    // One that was not written yet when the process died is lost, as all events are.
    if (other.events > straight.events) broken.push_back("with crashes " + std::to_string(other.events) + " events");
    if (other.end == straight.end) continue;
    broken.push_back("with crashes \"" + other.end + "\", without \"" + straight.end + "\"");
  }
  return broken;
}

}  // namespace

int drift_stories(Counters& counters) {
  int stories = 0;
  for (const auto& [image, drifts] : {std::pair{"model:good-1", true}, {"model:equal-1", false}}) {
    const std::vector<std::string> broken = play(image, drifts, counters);
    std::printf("%s %s\n", image, broken.empty() ? "holds" : "BROKEN");
    for (const std::string& what : broken) std::printf("  %s\n", what.c_str());
    stories += broken.empty() ? 0 : 1;
  }
  std::printf("%d stories broken, %llu crashes\n", stories, static_cast<unsigned long long>(counters.crashes));
  return stories;
}

}  // namespace sluice::simulation
