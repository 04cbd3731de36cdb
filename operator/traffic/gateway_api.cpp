// Kubernetes Gateway API: an HTTPRoute that Sluice creates and owns, named like the Rollout.
//
// It has one rule, `model`: the parents, hostnames and matches of the user as written, and as backends the
// Services of the revisions with their weights.
//  - Fields for which the CRD has a default are written out, so that the live spec equals ours.
//  - While there is a candidate both revisions are listed, also at weight 0: a gateway sends nothing there
//  and
//    needs no endpoints for it, but checks the reference, so that one that is wrong is seen before the
//    candidate takes its first request. (The Service must therefore exist before it is listed.)
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
  nlohmann::json parents = without_nulls(traffic.parent_refs);
  if (!parents.is_array()) parents = nlohmann::json::array();
  for (nlohmann::json& parent : parents) {
    default_member(parent, "group", "gateway.networking.k8s.io");
    default_member(parent, "kind", "Gateway");
  }
  return parents;
}

nlohmann::json matches(const api::GatewayApiTraffic& traffic) {
  nlohmann::json all = without_nulls(traffic.matches);
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

nlohmann::json backend_refs(const api::Rollout& rollout, const Split& split) {
  if (split.candidate.empty() || split.candidate == split.stable) {
    return nlohmann::json::array({backend_ref(rollout, split.stable, 100)});
  }
  const int share = std::clamp(split.candidate_percent, 0, 100);
  return nlohmann::json::array(
      {backend_ref(rollout, split.stable, 100 - share), backend_ref(rollout, split.candidate, share)});
}

nlohmann::json route_spec(const api::Rollout& rollout, const Split& split) {
  static const api::GatewayApiTraffic kNone;
  const auto* traffic = std::get_if<api::GatewayApiTraffic>(&rollout.spec.traffic);
  if (traffic == nullptr) traffic = &kNone;
  nlohmann::json rule = {
      {"name", kRule}, {"matches", matches(*traffic)}, {"backendRefs", backend_refs(rollout, split)}};
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

// The split in a spec that may have been written by anybody.
std::optional<Split> split_in(const api::Rollout& rollout, const nlohmann::json& spec) {
  const nlohmann::json& rules = list_at(spec, {"rules"});
  if (rules.size() != 1) return std::nullopt;
  const nlohmann::json& backends = list_at(rules[0], {"backendRefs"});
  if (backends.empty() || backends.size() > 2) return std::nullopt;
  std::vector<std::pair<std::string, double>> arms;
  double sum = 0;
  for (const nlohmann::json& backend : backends) {
    const auto revision = revision_in(rollout, backend);
    if (!revision) return std::nullopt;
    const bool weighted = kube::find(backend, {"weight"}) != nullptr;
    arms.emplace_back(*revision, weighted ? static_cast<double>(kube::int_at(backend, {"weight"})) : 1.0);
    sum += arms.back().second;
  }
  if (!(sum > 0)) return std::nullopt;  // the gateway answers everything with an error
  if (arms.size() == 1) return Split{arms[0].first, "", 0};
  return Split{arms[0].first, arms[1].first, static_cast<int>(std::lround(100 * arms[1].second / sum))};
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
            {"spec", route_spec(rollout, split)}};
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
    const nlohmann::json desired_spec = route_spec(rollout, wanted);
    state.live = split_in(rollout, spec);
    state.foreign_writer = overwritten_by(*live, desired_spec);
    state.as_wanted = state.foreign_writer.empty() && !live->deleting && live->owner_uid == rollout.uid &&
                      live->rollout == rollout.key.name && contained(desired_spec, spec);
    Answer answer = gateway_answer(*live, spec);
    state.acceptance = answer.acceptance;
    state.reason = std::move(answer.reason);
    state.message = std::move(answer.message);
    return state;
  }
};

}  // namespace

const Provider& provider_of(const api::GatewayApiTraffic&) {
  static const GatewayApi provider;
  return provider;
}

}  // namespace sluice::traffic
