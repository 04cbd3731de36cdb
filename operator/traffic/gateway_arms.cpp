#include "traffic/gateway_arms.h"

#include <algorithm>
#include <cmath>

namespace sluice::traffic {
namespace {

// A place that nobody needs is held with one request in a million, by the revision that takes the others.
constexpr int kAll = 1'000'000;
constexpr int kHold = 1;

constexpr std::size_t kPlaces = 2;

// Where `revision` takes the most traffic by `live`; nullopt: nowhere.
std::optional<std::size_t> place_of(const std::vector<Arm>& live, const std::string& revision) {
  std::optional<std::size_t> place;
  for (std::size_t i = 0; i < std::min(live.size(), kPlaces); ++i) {
    if (live[i].revision == revision && (!place || live[i].weight > live[*place].weight)) place = i;
  }
  return place;
}

// Everything for `revision`; `other`, if there is one, is listed and gets nothing.
std::vector<Arm> whole(const std::vector<Arm>& live, const std::string& revision, const std::string& other) {
  std::vector<Arm> arms(kPlaces, {revision, kHold});
  arms[place_of(live, revision).value_or(0)].weight = kAll - kHold;
  if (!other.empty()) arms.push_back({other, 0});
  return arms;
}

// The backends for a split, each revision in the place that it has in `live`.
std::vector<Arm> final_arms(const std::vector<Arm>& live, const Split& split) {
  if (split.candidate_percent == 0) return whole(live, split.stable, split.candidate);
  if (split.candidate_percent == 100) return whole(live, split.candidate, split.stable);
  const std::size_t beside = 1 - place_of(live, split.candidate).value_or(1);
  const std::size_t stable = place_of(live, split.stable).value_or(beside);
  std::vector<Arm> arms(kPlaces);
  arms[stable] = {split.stable, 100 - split.candidate_percent};
  arms[1 - stable] = {split.candidate, split.candidate_percent};
  return arms;
}

// The rules for assigned users: as many as are asked for, and those that still match somebody in `live`.
std::vector<AssignedArm> assigned_arms(const std::vector<AssignedArm>& live, const Split& split, std::size_t kept) {
  const std::size_t used = split.assignment ? rules_of(*split.assignment) : 0;
  std::size_t count = std::max(used, kept);
  for (std::size_t i = count; i < live.size(); ++i) {
    if (!live[i].parted) count = i + 1;
  }
  std::vector<AssignedArm> arms(count, {split.stable, true});
  for (std::size_t i = 0; i < used; ++i) arms[i] = {i == 0 ? split.candidate : split.stable, false};
  return arms;
}

std::vector<std::string> revisions_in(const std::vector<Arm>& arms) {
  std::vector<std::string> found;
  for (const Arm& arm : arms) {
    if (std::find(found.begin(), found.end(), arm.revision) == found.end()) found.push_back(arm.revision);
  }
  return found;
}

bool is_candidate(const std::string& revision, const Layout& layout, const std::string& other_than_stable) {
  if (!layout.assigned.empty() && !layout.assigned[0].parted) return layout.assigned[0].revision == revision;
  if (!layout.mirror.revision.empty()) return layout.mirror.revision == revision;
  return revision == other_than_stable;
}

double share_of(const std::vector<Arm>& arms, const std::string& revision) {
  double sum = 0;
  double its = 0;
  for (const Arm& arm : arms) {
    sum += arm.weight;
    if (arm.revision == revision) its += arm.weight;
  }
  return sum > 0 ? its / sum : 0;
}

}  // namespace

Split normal(Split split) {
  if (split.candidate.empty() || split.candidate == split.stable) return {split.stable, "", 0, 0, std::nullopt};
  split.candidate_percent = std::clamp(split.candidate_percent, 0, 100);
  split.mirror_percent = std::clamp(split.mirror_percent, 0, 100);
  return split;
}

std::size_t rules_of(const Assignment& assignment) {
  return std::holds_alternative<CookieAssignment>(assignment) ? 2 : 1;
}

Layout next_layout(const Layout& live, const Split& split, std::size_t kept) {
  const Split wanted = normal(split);
  Layout layout;
  layout.arms = final_arms(live.arms, wanted);
  if (wanted.mirror_percent > 0) layout.mirror = {wanted.candidate, wanted.mirror_percent};
  layout.assignment = wanted.assignment;
  layout.assigned = assigned_arms(live.assigned, wanted, kept);
  return layout;
}

std::optional<Split> split_of(const Layout& layout, const std::string& stable) {
  const std::vector<std::string> revisions = revisions_in(layout.arms);
  if (revisions.empty() || revisions.size() > 2) return std::nullopt;
  if (revisions.size() == 1) {
    if (!layout.mirror.revision.empty() || layout.assignment) return std::nullopt;
    return Split{revisions[0]};
  }
  const bool first = is_candidate(revisions[0], layout, stable == revisions[1] ? revisions[0] : revisions[1]);
  Split split{revisions[first ? 1 : 0], revisions[first ? 0 : 1]};
  split.candidate_percent = static_cast<int>(std::lround(100 * share_of(layout.arms, split.candidate)));
  // A mirror to a third revision, or users of one, are no split of two.
  if (!layout.mirror.revision.empty()) {
    if (layout.mirror.revision != split.candidate) return std::nullopt;
    split.mirror_percent = layout.mirror.percent.value_or(100);
  }
  split.assignment = layout.assignment;
  const std::size_t used = layout.assignment ? rules_of(*layout.assignment) : 0;
  for (std::size_t i = 0; i < layout.assigned.size(); ++i) {
    const AssignedArm& arm = layout.assigned[i];
    if (arm.parted != (i >= used)) return std::nullopt;
    if (!arm.parted && arm.revision != (i == 0 ? split.candidate : split.stable)) return std::nullopt;
  }
  return split;
}

}  // namespace sluice::traffic
