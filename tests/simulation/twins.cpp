// One story, told several times: as it goes, and with the process dying at calls that are drawn from all those that
// the story has. Traffic is exact here, so that the verdict depends on the candidate and on nothing else.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/names.h"
#include "episodes.h"
#include "harness.h"
#include "people.h"

namespace sluice::simulation {
namespace {

struct Story {
  RolloutChoice choice;
  std::vector<std::string> images;
};

using Mishaps = std::vector<std::pair<std::uint64_t, Mishap>>;  // by call

struct Ending {
  std::string told;  // what must not depend on crashes
  std::uint64_t calls = 0;
  EpisodeResult result;
};

Story choose(Random random) {
  static const std::vector<std::string> kQualities = {"good", "equal", "bad", "bad", "broken", "flawed"};
  Story story;
  story.choice.name = "twin";
  story.choice.replicas = random.between(1, 3);
  story.choice.predictions = story.choice.replicas == 2;
  story.choice.weights = random.chance(0.5) ? std::vector<int>{10, 50} : std::vector<int>{50};
  story.choice.tested = random.chance(0.6);
  story.choice.loaded = random.chance(0.5);
  story.choice.initial = (story.choice.tested || story.choice.loaded) && random.chance(0.3);
  if (random.chance(0.4)) story.choice.experiment = static_cast<RolloutChoice::Experiment>(random.between(1, 2));
  const int images = random.between(1, 3);
  for (int i = 1; i <= images; ++i) {
    story.images.push_back("model:" + kQualities[static_cast<std::size_t>(random.between(0, 5))] + "-" +
                           std::to_string(i));
  }
  if (random.chance(0.5)) story.choice.rollback_window = random.between(1, 2);
  // In the end the template goes back to what there was before.
  const int back = random.between(0, 2);
  for (int i = 0; i < back; ++i) {
    const int which = random.between(0, images);
    story.images.push_back(which == 0 ? story.choice.image : story.images[static_cast<std::size_t>(which - 1)]);
  }
  return story;
}

// Which images were stable, so that it can be told what skips the stages.
class Window {
 public:
  Window(int revisions, std::string first) : revisions_(revisions), stable_(std::move(first)) {}

  // What is wrong with how this image became what it is; empty: nothing.
  std::string follow(const std::string& image, const api::RolloutStatus& status) {
    if (image == stable_) return "";
    const bool promoted = !status.stable_revision.empty() && status.phase == api::Phase::Healthy;
    const bool skipped = !status.history.empty() && status.history.front().reason == "RollbackWindow";
    const auto place = std::find(former_.begin(), former_.end(), image) - former_.begin();
    const bool within = place < std::min<std::ptrdiff_t>(revisions_, std::ssize(former_));
    if (promoted || !status.rejected_revision.empty()) std::erase(former_, image);
    if (promoted) {
      const std::string old = std::exchange(stable_, image);
      if (!old.empty()) former_.insert(former_.begin(), old);
    }
    if (within == (promoted && skipped)) return "";
    return image + (within ? " is within the window, and did not skip the stages"
                           : " is not within the window, and skipped the stages");
  }

 private:
  int revisions_;
  std::string stable_;
  std::vector<std::string> former_;  // stable before, the newest first
};

Ending tell(const Story& story, const Random& random, const Mishaps& mishaps, Counters& counters) {
  Harness harness(random, true, counters);
  People people(harness, random.fork(20));
  for (const auto& [call, mishap] : mishaps) harness.faults.plan(call, mishap);
  harness.create(story.choice);
  harness.settle(hours(1));
  const kube::Key key = harness.rollouts().front();
  const auto first = harness.invariants.rollout(key);
  const bool began = first && !first->status.stable_revision.empty();
  Window window(story.choice.rollback_window, began ? story.choice.image : "");
  for (const std::string& image : story.images) {
    harness.run(minutes(5));  // what was retired goes, so that what still exists does not depend on mishaps
    harness.happenings += 60;
    people.change_image(key, image);
    harness.settle(hours(2));
    const auto rollout = harness.invariants.rollout(key);
    const std::string wrong = rollout ? window.follow(image, rollout->status) : "the Rollout is gone";
    if (!wrong.empty()) harness.invariants.fail(wrong);
  }
  harness.run(minutes(10));
  harness.invariants.check_rest(key);
  Ending ending;
  if (const auto rollout = harness.invariants.rollout(key)) ending.told = ending_of(*rollout);
  ending.calls = harness.faults.calls();
  ending.result.broken = harness.invariants.broken();
  ending.result.account = harness.account();
  return ending;
}

const char* name(Mishap mishap) {
  switch (mishap) {
    case Mishap::CrashBefore: return "crash before";
    case Mishap::CrashAfter: return "crash after";
    case Mishap::Refused: return "refusal of";
    case Mishap::AnswerLost: return "lost answer of";
  }
  return "";
}

// Tells it once more; what is different goes into the result.
EpisodeResult compare(const Story& story, const Random& random, const Mishaps& mishaps, const std::string& expected,
                      Counters& counters) {
  Ending other = tell(story, random, mishaps, counters);
  if (other.told != expected) {
    std::string where;
    for (const auto& [call, mishap] : mishaps) {
      where += std::string(name(mishap)) + " call " + std::to_string(call) + ", ";
    }
    other.result.broken.push_back("with " + where + "the end is \"" + other.told + "\", without \"" + expected +
                                  "\"");
  }
  return other.result;
}

}  // namespace

std::string ending_of(const api::Rollout& rollout) {
  const api::RolloutStatus& status = rollout.status;
  std::string told = std::string(api::to_string(status.phase)) + " stable=" + status.stable_revision +
                     " candidate=" + status.candidate_revision + " rejected=" + status.rejected_revision +
                     " verdict=" + status.verdict;
  for (const api::HistoryEntry& entry : status.history) {
    told += "; " + entry.revision + " " + api::to_string(entry.outcome) + " " + entry.reason;
  }
  return told;
}

EpisodeResult twins(const Random& random, Counters& counters) {
  const Story story = choose(random.fork(30));
  const Ending straight = tell(story, random, {}, counters);
  EpisodeResult result = straight.result;
  Random draw = random.fork(31);
  constexpr int kTold = 6;
  for (int i = 0; i < kTold && result.broken.empty(); ++i) {
    Mishaps mishaps;
    std::uint64_t at = 0;
    for (int n = draw.between(1, 3); n > 0; --n) {
      at += 1 + static_cast<std::uint64_t>(draw.uniform() * static_cast<double>(straight.calls) / n);
      mishaps.emplace_back(at, static_cast<Mishap>(draw.between(0, 3)));
    }
    result = compare(story, random, mishaps, straight.told, counters);
  }
  return result;
}

EpisodeResult every_call(const Random& random, Counters& counters) {
  const Story story = choose(random.fork(30));
  const Ending straight = tell(story, random, {}, counters);
  EpisodeResult result = straight.result;
  for (std::uint64_t call = 1; call <= straight.calls; ++call) {
    for (const Mishap mishap : {Mishap::CrashBefore, Mishap::CrashAfter, Mishap::Refused, Mishap::AnswerLost}) {
      if (!result.broken.empty()) return result;
      result = compare(story, random, {{call, mishap}}, straight.told, counters);
    }
  }
  return result;
}

}  // namespace sluice::simulation
