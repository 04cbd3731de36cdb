// Kubernetes Gateway API: an HTTPRoute that Sluice creates and owns, named like the Rollout.
//
// It has one rule, `model`: the parents, hostnames and matches of the user as written, and as backends the
// Services of the revisions with their weights.
//  - Fields for which the CRD has a default are written out, so that the live spec equals ours.
//  - While there is a candidate both revisions are listed, also at weight 0: a gateway sends nothing there
//  and
//    needs no endpoints for it, but checks the reference, so that one that is wrong is seen before the
//    candidate takes its first request. (The Service must therefore exist before it is listed.)
//  - Nothing that gets traffic is taken away or moved in one write: see Arm and parting_arms(). Seen with Envoy
//    Gateway 1.9: it removes the cluster of a backend of weight 0 while some requests are still routed there, and
//    answers those with 500 (response flag NC).
//  - Each backend names its revision in a response header. Envoy Gateway gives a backend metrics of its own
//  only
//    when it carries a filter (envoyproxy/gateway#7008), so this also tells the realised split.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "traffic/backend.h"
#include "traffic/contained.h"
#include "traffic/gateway_status.h"
#include "traffic/lists.h"
#include "traffic/provider.h"

namespace sluice::traffic {
namespace {

constexpr const char* kRule = "model";

void default_member(nlohmann::json& object, const char* name, nlohmann::json value) {
  if (object.is_object() && !object.contains(name)) object[name] = std::move(value);
}

// A null says nothing, and the API server drops it.
nlohmann::json without_nulls(const nlohmann::json& value) {
  if (!value.is_structured()) return value;
  nlohmann::json out = value.is_array() ? nlohmann::json::array() : nlohmann::json::object();
  for (const auto& [name, entry] : value.items()) {
    if (entry.is_null()) continue;
    if (value.is_array()) {
      out.push_back(without_nulls(entry));
    } else {
      out[name] = without_nulls(entry);
    }
  }
  return out;
}

nlohmann::json parent_refs(const api::GatewayApiTraffic& traffic) {
  nlohmann::json parents = without_nulls(traffic.parent_refs.tree());
  if (!parents.is_array()) parents = nlohmann::json::array();
  for (nlohmann::json& parent : parents) {
    default_member(parent, "group", "gateway.networking.k8s.io");
    default_member(parent, "kind", "Gateway");
  }
  return parents;
}

nlohmann::json matches(const api::GatewayApiTraffic& traffic) {
  nlohmann::json all = without_nulls(traffic.matches.tree());
  if (!all.is_array() || all.empty()) all = nlohmann::json::array({nlohmann::json::object()});
  for (nlohmann::json& match : all) {
    if (!match.is_object()) continue;
    default_member(match, "path", nlohmann::json::object());
    default_member(match["path"], "type", "PathPrefix");
    default_member(match["path"], "value", "/");
    for (const char* kind : {"headers", "queryParams"}) {
      if (list_at(match, {kind}).empty()) continue;
      for (nlohmann::json& condition : match[kind]) default_member(condition, "type", "Exact");
    }
  }
  return all;
}

nlohmann::json backend_ref(const api::Rollout& rollout, const std::string& revision, int weight) {
  const Backend backend = backend_of(rollout, revision);
  nlohmann::json header = {{"name", kRevisionHeader}, {"value", revision}};
  nlohmann::json filter = {{"type", "ResponseHeaderModifier"},
                           {"responseHeaderModifier", {{"set", nlohmann::json::array({std::move(header)})}}}};
  return {{"group", backend.group}, {"kind", backend.kind}, {"name", backend.name},
          {"port", backend.port},   {"weight", weight},     {"filters", nlohmann::json::array({filter})}};
}

// One backend of the rule, in its place. Gateways name what they keep for a backend by its place in the list (Envoy
// Gateway: a cluster `rule/0/backend/1`), so a revision keeps its place for as long as it is routed to.
struct Arm {
  std::string revision;
  int weight = 0;
};

// Parting weights: what is to get nothing gets one request in a million first. A gateway drops a backend of weight 0
// at once, and answers what is still being routed there with an error; after this step there is nothing left.
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
  const bool alone = split.candidate.empty() || split.candidate == split.stable;
  const int share = alone ? 0 : std::clamp(split.candidate_percent, 0, 100);
  const Arm stable{split.stable, 100 - share};
  const Arm other{alone ? split.stable : split.candidate, share};
  if (place_of_stable(live, split) == 1) return {other, stable};
  if (alone) return {stable};
  return {stable, other};
}

// The step before `last` in which a backend parts; nullopt: none does, or there is nobody to take its place.
std::optional<std::vector<Arm>> parting_arms(const std::vector<Arm>& live, const std::vector<Arm>& last) {
  const int least = is_parting(live) ? kLastDrop : 0;
  for (std::size_t i = 0; i < live.size(); ++i) {
    const bool stays = i < last.size() && last[i].revision == live[i].revision && last[i].weight > 0;
    const std::size_t beside = 1 - i;
    if (live[i].weight <= least || stays || beside >= last.size() || last[beside].weight == 0) continue;
    std::vector<Arm> arms(2);
    arms[i] = {live[i].revision, kLastDrop};
    arms[beside] = {last[beside].revision, kAllButLastDrop};
    return arms;
  }
  return std::nullopt;
}

nlohmann::json backend_refs(const api::Rollout& rollout, const std::vector<Arm>& arms) {
  nlohmann::json refs = nlohmann::json::array();
  for (const Arm& arm : arms) refs.push_back(backend_ref(rollout, arm.revision, arm.weight));
  return refs;
}

nlohmann::json route_spec(const api::Rollout& rollout, const std::vector<Arm>& arms) {
  static const api::GatewayApiTraffic kNone;
  const auto* traffic = std::get_if<api::GatewayApiTraffic>(&rollout.spec.traffic);
  if (traffic == nullptr) traffic = &kNone;
  nlohmann::json rule = {
      {"name", kRule}, {"matches", matches(*traffic)}, {"backendRefs", backend_refs(rollout, arms)}};
  // `hostnames` is written even when it is empty: whoever adds one would narrow the route behind our back,
  // and an apply undoes only what it names.
  return {{"parentRefs", parent_refs(*traffic)},
          {"hostnames", traffic->hostnames},
          {"rules", nlohmann::json::array({std::move(rule)})}};
}

// The revision that a backendRef of whatever origin leads to.
std::optional<std::string> revision_in(const api::Rollout& rollout, const nlohmann::json& backend) {
  const auto is_or_absent = [&](std::string_view name, const std::string& value) {
    const nlohmann::json* found = kube::find(backend, {name});
    return found == nullptr || *found == value;
  };
  const auto revision = revision_served_by(rollout, kube::string_at(backend, {"name"}));
  if (!revision) return std::nullopt;
  const Backend ours = backend_of(rollout, *revision);
  const bool same_kind = is_or_absent("group", ours.group) && is_or_absent("kind", ours.kind);
  if (!same_kind || !is_or_absent("namespace", rollout.key.ns)) return std::nullopt;
  return revision;
}

// The backends in a spec that may have been written by anybody; empty: they are not ours, or get nothing.
std::vector<Arm> arms_in(const api::Rollout& rollout, const nlohmann::json& spec) {
  const nlohmann::json& rules = list_at(spec, {"rules"});
  if (rules.size() != 1) return {};
  const nlohmann::json& backends = list_at(rules[0], {"backendRefs"});
  if (backends.empty() || backends.size() > 2) return {};
  std::vector<Arm> arms;
  bool any = false;
  for (const nlohmann::json& backend : backends) {
    const auto revision = revision_in(rollout, backend);
    if (!revision) return {};
    const bool weighted = kube::find(backend, {"weight"}) != nullptr;
    arms.push_back({*revision, weighted ? static_cast<int>(kube::int_at(backend, {"weight"})) : 1});
    any = any || arms.back().weight > 0;
  }
  if (!any) return {};  // the gateway answers everything with an error
  return arms;
}

std::optional<Split> split_of(const std::vector<Arm>& arms) {
  if (arms.empty()) return std::nullopt;
  if (arms.size() == 1) return Split{arms[0].revision, "", 0};
  const double sum = static_cast<double>(arms[0].weight) + arms[1].weight;
  return Split{arms[0].revision, arms[1].revision, static_cast<int>(std::lround(100 * arms[1].weight / sum))};
}

// Who else has written last what `wanted` says; empty: nobody.
std::string overwritten_by(const RouteView& live, const nlohmann::json& wanted) {
  for (const SpecWriter& writer : live.foreign_writers) {
    for (const std::string& field : writer.fields) {
      if (wanted.contains(field)) return writer.manager;
    }
  }
  return {};
}

bool belongs_to_other(const api::Rollout& rollout, const RouteView& live) {
  if (!live.owner_uid.empty()) return live.owner_uid != rollout.uid;
  return live.rollout != rollout.key.name;  // an orphan that carries our label may be taken up again
}

class GatewayApi final : public Provider {
 public:
  std::optional<kube::Resource> resource() const override { return kHttpRoutes; }

  Capabilities capabilities() const override { return {.shifts_traffic = true, .marks_responses = true}; }

  nlohmann::json desired(const api::Rollout& rollout, const Split& split) const override {
    return object(rollout, final_arms({}, split));
  }

  std::optional<nlohmann::json> next_write(const api::Rollout& rollout, const RouteView* live,
                                           const Split& wanted) const override {
    if (live == nullptr) return desired(rollout, wanted);
    const RouteState state = observe(rollout, live, wanted);
    if (state.as_wanted || state.owned_by_other || live->deleting) return std::nullopt;
    const std::vector<Arm> arms = arms_in(rollout, nlohmann::json::parse(live->spec, nullptr, false));
    const std::vector<Arm> last = final_arms(arms, wanted);
    // Its answer to the parting step tells that the gateway has let go of the backend.
    auto parting = parting_arms(arms, last);
    if (parting) return object(rollout, *parting);
    const bool unanswered = state.foreign_writer.empty() && state.acceptance == Acceptance::Unknown;
    if (is_parting(arms) && unanswered) return std::nullopt;
    return object(rollout, last);
  }

  RouteState observe(const api::Rollout& rollout, const RouteView* live, const Split& wanted) const override {
    RouteState state;
    if (live == nullptr) {
      state.reason = "Missing";
      state.message = "HTTPRoute " + rollout.key.str() + " does not exist yet";
      return state;
    }
    state.exists = true;
    if (belongs_to_other(rollout, *live)) {
      state.owned_by_other = true;
      state.acceptance = Acceptance::Rejected;
      state.reason = "RouteConflict";
      state.message = "HTTPRoute " + live->key.str() + " exists and belongs to " +
                      (live->owner.empty() ? "nobody that Sluice knows" : live->owner) +
                      ": it is left alone; rename the Rollout, or delete the route";
      return state;
    }
    const nlohmann::json spec = nlohmann::json::parse(live->spec, nullptr, false);
    const std::vector<Arm> arms = arms_in(rollout, spec);
    const nlohmann::json desired_spec = route_spec(rollout, final_arms(arms, wanted));
    state.live = split_of(arms);
    state.foreign_writer = overwritten_by(*live, desired_spec);
    state.as_wanted = state.foreign_writer.empty() && !live->deleting && live->owner_uid == rollout.uid &&
                      live->rollout == rollout.key.name && contained(desired_spec, spec);
    Answer answer = gateway_answer(*live, spec);
    state.acceptance = answer.acceptance;
    state.reason = std::move(answer.reason);
    state.message = std::move(answer.message);
    return state;
  }

 private:
  static nlohmann::json object(const api::Rollout& rollout, const std::vector<Arm>& arms) {
    nlohmann::json owner = {{"apiVersion", api::kRollouts.api_version()},
                            {"kind", api::kRollouts.kind},
                            {"name", rollout.key.name},
                            {"uid", rollout.uid},
                            {"controller", true},
                            {"blockOwnerDeletion", true}};
    nlohmann::json labels = {{api::kRolloutLabel, rollout.key.name},
                             {"app.kubernetes.io/managed-by", "sluice"}};
    return {{"apiVersion", kHttpRoutes.api_version()},
            {"kind", kHttpRoutes.kind},
            {"metadata",
             {{"name", rollout.key.name},
              {"namespace", rollout.key.ns},
              {"labels", std::move(labels)},
              {"ownerReferences", nlohmann::json::array({std::move(owner)})}}},
            {"spec", route_spec(rollout, arms)}};
  }
};

}  // namespace

const Provider& provider_of(const api::GatewayApiTraffic&) {
  static const GatewayApi provider;
  return provider;
}

}  // namespace sluice::traffic
