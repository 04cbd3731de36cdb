#include "traffic/gateway_arms.h"

#include <algorithm>
#include <cmath>

namespace sluice::traffic {
namespace {

// Parting weights: what is to get nothing gets one request in a million first. After this step nothing is left there.
constexpr int kLastDrop = 1;
constexpr int kAllButLastDrop = 999'999;

bool is_parting(const std::vector<Arm>& arms) {
  return std::any_of(arms.begin(), arms.end(), [](const Arm& arm) { return arm.weight == kAllButLastDrop; });
}

// Where stable stands: where it takes the most traffic now; beside the candidate; first.
std::size_t place_of_stable(const std::vector<Arm>& live, const Split& split) {
  if (live.size() != 2) return 0;
  const bool first = live[0].revision == split.stable;
  const bool second = live[1].revision == split.stable;
  if (first && second) return live[1].weight > live[0].weight ? 1 : 0;
  if (first || second) return second ? 1 : 0;
  return live[0].revision == split.candidate ? 1 : 0;
}

// The backends for a split, each revision in the place that it has in `live`. A place before stable that nobody needs
// is held by stable itself, at weight 0.
std::vector<Arm> final_arms(const std::vector<Arm>& live, const Split& split) {
  const bool alone = split.candidate.empty();
  const Arm stable{split.stable, 100 - split.candidate_percent};
  const Arm other{alone ? split.stable : split.candidate, split.candidate_percent};
  if (place_of_stable(live, split) == 1) return {other, stable};
  if (alone) return {stable};
  return {stable, other};
}

// The step before `last` in which a backend parts, and the other one takes its share; nullopt: none does, or there is
// nobody to take it. What has parted before still counts until the gateway has `answered`.
std::optional<std::vector<Arm>> parting_arms(const std::vector<Arm>& live, const std::vector<Arm>& last,
                                             bool answered) {
  const int least = is_parting(live) && answered ? kLastDrop : 0;
  for (std::size_t i = 0; i < live.size(); ++i) {
    const bool stays = i < last.size() && last[i].revision == live[i].revision && last[i].weight > 0;
    const std::size_t beside = 1 - i;
    if (live[i].weight <= least || stays || beside >= last.size()) continue;
    const bool stands_there = beside < live.size() && live[beside].revision == last[beside].revision;
    const bool is_free = beside >= live.size() || live[beside].weight <= least;
    // One that comes must not push out another; one that is there may take the share on its way out.
    if (!stands_there && (!is_free || last[beside].weight == 0)) continue;
    std::vector<Arm> arms(2);
    arms[i] = {live[i].revision, kLastDrop};
    arms[beside] = {last[beside].revision, kAllButLastDrop};
    return arms;
  }
  return std::nullopt;
}

std::vector<Arm> next_arms(const std::vector<Arm>& live, const std::vector<Arm>& last, bool answered) {
  if (auto parting = parting_arms(live, last, answered)) return *std::move(parting);
  return is_parting(live) && !answered ? live : last;
}

// Rules are matched by their place: the candidate's is the first, and stays it.
std::vector<AssignedArm> next_assigned(const std::vector<AssignedArm>& live, const std::vector<AssignedArm>& last,
                                       bool answered) {
  std::vector<AssignedArm> next = last;
  bool waits = false;
  for (std::size_t i = 0; i < live.size(); ++i) {
    const bool stays = i < last.size() && last[i].revision == live[i].revision;
    if (stays || (live[i].parted && answered)) continue;
    waits = true;
    if (i < next.size()) {
      next[i] = {live[i].revision, true};
    } else {
      // One before it that is gone already keeps its place until this one goes too.
      while (next.size() < i) next.push_back({live[next.size()].revision, true});
      next.push_back({live[i].revision, true});
    }
  }
  return waits ? next : last;
}

bool candidate_is_first(const Layout& layout, const std::string& stable) {
  if (!layout.assigned.empty()) return layout.assigned[0].revision == layout.arms[0].revision;
  if (!layout.mirror.revision.empty()) return layout.mirror.revision == layout.arms[0].revision;
  return layout.arms[1].revision == stable;
}

}  // namespace

Split normal(Split split) {
  if (split.candidate.empty() || split.candidate == split.stable) return {split.stable, "", 0, 0, std::nullopt};
  split.candidate_percent = std::clamp(split.candidate_percent, 0, 100);
  split.mirror_percent = std::clamp(split.mirror_percent, 0, 100);
  return split;
}

Layout final_layout(const Layout& live, const Split& split) {
  const Split wanted = normal(split);
  Layout layout;
  layout.arms = final_arms(live.arms, wanted);
  if (wanted.mirror_percent > 0) layout.mirror = {wanted.candidate, wanted.mirror_percent};
  layout.assignment = wanted.assignment;
  if (wanted.assignment) {
    layout.assigned.push_back({wanted.candidate});
    // A header says only who the candidate's users are; a cookie names the arm, whichever it is.
    if (std::holds_alternative<CookieAssignment>(*wanted.assignment)) layout.assigned.push_back({wanted.stable});
  }
  return layout;
}

Layout next_layout(const Layout& live, const Layout& last, bool answered) {
  Layout next = last;
  next.arms = next_arms(live.arms, last.arms, answered);
  next.assigned = next_assigned(live.assigned, last.assigned, answered);
  return next;
}

std::optional<Split> split_of(const Layout& layout, const std::string& stable) {
  const std::vector<Arm>& arms = layout.arms;
  if (arms.empty() || arms.size() > 2) return std::nullopt;
  if (arms.size() == 1 || arms[0].revision == arms[1].revision) {
    if (!layout.mirror.revision.empty() || layout.assignment) return std::nullopt;
    return Split{arms[0].revision};
  }
  const std::size_t candidate = candidate_is_first(layout, stable) ? 0 : 1;
  const double sum = static_cast<double>(arms[0].weight) + arms[1].weight;
  Split split{arms[1 - candidate].revision, arms[candidate].revision,
              static_cast<int>(std::lround(100 * arms[candidate].weight / sum))};
  // A mirror to a third revision, or users of one, are no split of two.
  if (!layout.mirror.revision.empty()) {
    if (layout.mirror.revision != split.candidate) return std::nullopt;
    split.mirror_percent = layout.mirror.percent.value_or(100);
  }
  split.assignment = layout.assignment;
  for (std::size_t i = 0; i < layout.assigned.size(); ++i) {
    const AssignedArm& arm = layout.assigned[i];
    if (arm.parted) {
      split.assignment.reset();  // on the way to another one
    } else if (arm.revision != (i == 0 ? split.candidate : split.stable)) {
      return std::nullopt;
    }
  }
  return split;
}

}  // namespace sluice::traffic
