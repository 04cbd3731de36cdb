#include "people.h"

#include <array>
#include <nlohmann/json.hpp>

#include "traffic/route_view.h"

namespace sluice::simulation {

using nlohmann::json;

std::string People::any_image(const kube::Key& key) {
  static constexpr std::array<const char*, 9> kQualities = {"good", "equal", "equal",  "equal", "bad",
                                                            "bad",  "bad",   "broken", "flawed"};
  std::vector<std::string>& had = images_[key];
  if (had.empty()) had.push_back(RolloutChoice().image);
  const int last = static_cast<int>(had.size()) - 1;
  if (random_.chance(0.25)) return had[static_cast<std::size_t>(random_.between(0, last))];
  const char* quality = kQualities[static_cast<std::size_t>(random_.between(0, 8))];
  return had.emplace_back(std::string("model:") + quality + "-" + std::to_string(++made_));
}

void People::act(const kube::Key& key) {
  harness_.happenings += 60;
  const int what = random_.between(0, 99);
  if (what < 38) {
    change_image(key, any_image(key));
  } else if (what < 46) {
    pause(key, true);
  } else if (what < 58) {
    pause(key, false);
  } else if (what < 80) {
    give_a_verb(key);
  } else if (what < 85) {
    edit_stages(key);
  } else if (what < 90) {
    const int replicas = random_.between(1, 4);
    harness_.tell(key.name + ": " + std::to_string(replicas) + " replicas");
    harness_.patch(api::kRollouts, key, {{"spec", {{"replicas", replicas}}}});
  } else {
    edit_route(key);
  }
}

void People::change_image(const kube::Key& key, const std::string& image) {
  harness_.tell(key.name + ": image " + image);
  const json containers = json::array({{{"name", "model"}, {"image", image}}});
  harness_.patch(api::kRollouts, key, {{"spec", {{"template", {{"spec", {{"containers", containers}}}}}}}});
}

void People::edit_spec(const kube::Key& key, const json& part) {
  harness_.tell(key.name + ": edited, " + part.dump());
  harness_.patch(api::kRollouts, key, {{"spec", part}});
}

// Other weights, and sometimes another name.
void People::edit_stages(const kube::Key& key) {
  static constexpr std::array<std::array<int, 2>, 3> kWeights = {{{5, 30}, {10, 50}, {20, 70}}};
  const auto live = harness_.world.server.get(api::kRollouts, key);
  if (!live) return;
  json stages = (*live)["spec"]["stages"];
  for (std::size_t i = stages.size(); i-- > 0;) {
    json& stage = stages[i];
    if (stage.contains("abTest")) stage["abTest"]["weight"] = random_.between(20, 40);
    if (!stage.contains("canary")) continue;
    stage["canary"]["weights"] = kWeights[static_cast<std::size_t>(random_.between(0, 2))];
    if (random_.chance(0.3)) stage["name"] = stage["name"] == "canary" ? "renamed" : "canary";
  }
  edit_spec(key, {{"stages", stages}});
}

void People::pause(const kube::Key& key, bool paused) {
  harness_.tell(key.name + (paused ? ": paused" : ": resumed"));
  harness_.patch(api::kRollouts, key, {{"spec", {{"paused", paused}}}});
}

void People::verb(const kube::Key& key, const char* annotation, const std::string& revision) {
  harness_.tell(key.name + ": " + annotation + " " + revision);
  const std::string value = revision + "/" + std::to_string(++verbs_);
  harness_.patch(api::kRollouts, key, {{"metadata", {{"annotations", {{annotation, value}}}}}});
}

void People::give_a_verb(const kube::Key& key) {
  static constexpr std::array<const char*, 3> kVerbs = {api::kPromoteAnnotation, api::kAbortAnnotation,
                                                        api::kRetryAnnotation};
  const auto rollout = harness_.invariants.rollout(key);
  if (!rollout) return;
  const api::RolloutStatus& status = rollout->status;
  const std::string& named = status.candidate_revision.empty() ? status.rejected_revision : status.candidate_revision;
  // Sometimes they name what is not under way.
  verb(key, kVerbs[static_cast<std::size_t>(random_.between(0, 2))],
       random_.chance(0.1) ? status.stable_revision : named);
}

void People::edit_route(const kube::Key& key) {
  auto live = harness_.world.server.get(traffic::kHttpRoutes, key);
  if (!live) return;
  harness_.tell(key.name + ": somebody edits the route");
  json rules = (*live)["spec"]["rules"];
  for (json& backend : rules[0]["backendRefs"]) backend["weight"] = random_.between(1, 100);
  harness_.patch(traffic::kHttpRoutes, key, {{"spec", {{"rules", rules}}}});
}

}  // namespace sluice::simulation
