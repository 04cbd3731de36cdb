#include "traffic/gateway_rules.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "traffic/backend.h"
#include "traffic/gateway_cookie.h"
#include "traffic/lists.h"

namespace sluice::traffic {
namespace {

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

nlohmann::json header_condition(const char* type, const std::string& name, const std::string& value) {
  return {{"type", type}, {"name", name}, {"value", value}};
}

bool same_header(const std::string& a, const std::string& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

// What tells the users of one revision from the others: they meet one of these.
std::vector<nlohmann::json> conditions_of(const Assignment& assignment, const std::string& revision) {
  if (const auto* cookie = std::get_if<CookieAssignment>(&assignment)) {
    return {header_condition("RegularExpression", "Cookie", cookie_pattern(cookie->cookie, revision))};
  }
  const auto& header = std::get<HeaderAssignment>(assignment);
  std::vector<nlohmann::json> conditions;
  for (const std::string& value : header.values) {
    conditions.push_back(header_condition("Exact", header.header, value));
  }
  return conditions;
}

// Of the user's matches each with each of the conditions; one that nobody meets when there is none.
nlohmann::json assigned_matches(const api::GatewayApiTraffic& traffic,
                                const std::vector<nlohmann::json>& conditions) {
  nlohmann::json all = nlohmann::json::array();
  for (const nlohmann::json& match : matches(traffic)) {
    for (const nlohmann::json& condition : conditions) {
      const nlohmann::json& headers = list_at(match, {"headers"});
      const bool taken = std::any_of(headers.begin(), headers.end(), [&](const nlohmann::json& other) {
        return same_header(kube::string_at(other, {"name"}), kube::string_at(condition, {"name"}));
      });
      if (taken || !match.is_object()) continue;
      nlohmann::json both = match;
      both["headers"] = headers;
      both["headers"].push_back(condition);
      all.push_back(std::move(both));
    }
  }
  if (!all.empty()) return all;
  nlohmann::json nobody = {{"path", {{"type", "PathPrefix"}, {"value", "/"}}}};
  nobody["headers"] = nlohmann::json::array({header_condition("Exact", kRevisionHeader, kPartedValue)});
  return nlohmann::json::array({std::move(nobody)});
}

nlohmann::json reference_to(const api::Rollout& rollout, const std::string& revision) {
  const Backend backend = backend_of(rollout, revision);
  return {{"group", backend.group}, {"kind", backend.kind}, {"name", backend.name}, {"port", backend.port}};
}

// `cookie` is given to users of the weighted rule only; nullptr: none.
nlohmann::json backend_ref(const api::Rollout& rollout, const Arm& arm, const CookieAssignment* cookie) {
  nlohmann::json header = {{"name", kRevisionHeader}, {"value", arm.revision}};
  nlohmann::json change = {{"set", nlohmann::json::array({std::move(header)})}};
  if (cookie != nullptr) {
    // Added, not set: the model may have cookies of its own.
    nlohmann::json given = {{"name", "Set-Cookie"}, {"value", set_cookie(*cookie, arm.revision)}};
    change["add"] = nlohmann::json::array({std::move(given)});
  }
  nlohmann::json filter = {{"type", "ResponseHeaderModifier"}, {"responseHeaderModifier", std::move(change)}};
  nlohmann::json backend = reference_to(rollout, arm.revision);
  backend["weight"] = arm.weight;
  backend["filters"] = nlohmann::json::array({std::move(filter)});
  return backend;
}

nlohmann::json mirror_filter(const api::Rollout& rollout, const Mirror& mirror) {
  nlohmann::json request = {{"backendRef", reference_to(rollout, mirror.revision)}};
  if (mirror.percent) request["percent"] = *mirror.percent;
  return {{"type", "RequestMirror"}, {"requestMirror", std::move(request)}};
}

nlohmann::json rules(const api::Rollout& rollout, const api::GatewayApiTraffic& traffic, const Layout& layout) {
  const CookieAssignment* cookie = layout.assignment ? std::get_if<CookieAssignment>(&*layout.assignment) : nullptr;
  nlohmann::json backends = nlohmann::json::array();
  for (const Arm& arm : layout.arms) backends.push_back(backend_ref(rollout, arm, cookie));
  nlohmann::json weighted = {{"name", kWeightedRule}, {"matches", matches(traffic)}, {"backendRefs", backends}};
  if (!layout.mirror.revision.empty()) {
    weighted["filters"] = nlohmann::json::array({mirror_filter(rollout, layout.mirror)});
  }
  nlohmann::json all = nlohmann::json::array({std::move(weighted)});
  for (std::size_t i = 0; i < layout.assigned.size() && i < kAssignedRules.size(); ++i) {
    const AssignedArm& arm = layout.assigned[i];
    std::vector<nlohmann::json> conditions;
    if (!arm.parted && layout.assignment) conditions = conditions_of(*layout.assignment, arm.revision);
    nlohmann::json whole = backend_ref(rollout, {arm.revision, 100}, nullptr);
    all.push_back({{"name", kAssignedRules[i]},
                   {"matches", assigned_matches(traffic, conditions)},
                   {"backendRefs", nlohmann::json::array({std::move(whole)})}});
  }
  return all;
}

}  // namespace

nlohmann::json route_spec(const api::Rollout& rollout, const Layout& layout) {
  static const api::GatewayApiTraffic kNone;
  const auto* traffic = std::get_if<api::GatewayApiTraffic>(&rollout.spec.traffic);
  if (traffic == nullptr) traffic = &kNone;
  // `hostnames` is written even when it is empty: whoever adds one would narrow the route behind our back,
  // and an apply undoes only what it names.
  return {{"parentRefs", parent_refs(*traffic)},
          {"hostnames", traffic->hostnames},
          {"rules", rules(rollout, *traffic, layout)}};
}

nlohmann::json complete_spec(const api::Rollout& rollout, const Layout& layout) {
  const nlohmann::json nothing = nlohmann::json::array();
  nlohmann::json spec = route_spec(rollout, layout);
  for (nlohmann::json& rule : spec["rules"]) {
    default_member(rule, "filters", nothing);
    for (nlohmann::json& filter : rule["filters"]) default_member(filter["requestMirror"], "fraction", nullptr);
    for (nlohmann::json& backend : rule["backendRefs"]) {
      for (nlohmann::json& filter : backend["filters"]) {
        nlohmann::json& change = filter["responseHeaderModifier"];
        for (const char* kind : {"add", "remove"}) default_member(change, kind, nothing);
      }
    }
  }
  return spec;
}

}  // namespace sluice::traffic
