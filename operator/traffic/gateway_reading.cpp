#include "traffic/gateway_reading.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "traffic/backend.h"
#include "traffic/gateway_cookie.h"
#include "traffic/gateway_rules.h"
#include "traffic/lists.h"

namespace sluice::traffic {
namespace {

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

// The weighted backends; empty: they are not ours, or get nothing.
std::vector<Arm> arms_in(const api::Rollout& rollout, const nlohmann::json& rule) {
  const nlohmann::json& backends = list_at(rule, {"backendRefs"});
  if (backends.empty() || backends.size() > 3) return {};
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

std::optional<int> percent_of(const nlohmann::json& mirror) {
  if (kube::find(mirror, {"percent"}) != nullptr) return static_cast<int>(kube::int_at(mirror, {"percent"}));
  if (kube::find(mirror, {"fraction"}) == nullptr) return std::nullopt;
  const auto parts = static_cast<double>(kube::int_at(mirror, {"fraction", "numerator"}));
  const auto whole = static_cast<double>(kube::int_at(mirror, {"fraction", "denominator"}));
  return static_cast<int>(std::lround(100 * std::clamp(parts / (whole > 0 ? whole : 100), 0.0, 1.0)));
}

// nullopt: there are mirrors that no split of ours asks for.
std::optional<Mirror> mirror_in(const api::Rollout& rollout, const nlohmann::json& rule) {
  Mirror found;
  for (const nlohmann::json& filter : list_at(rule, {"filters"})) {
    const nlohmann::json* mirror = kube::find(filter, {"requestMirror"});
    if (kube::string_at(filter, {"type"}) != "RequestMirror" || mirror == nullptr) continue;
    const nlohmann::json* backend = kube::find(*mirror, {"backendRef"});
    const auto revision = backend == nullptr ? std::nullopt : revision_in(rollout, *backend);
    if (!revision || !found.revision.empty()) return std::nullopt;
    found = {*revision, percent_of(*mirror)};
  }
  return found;
}

// How long the weighted rule says that its cookie lasts; nullopt: it gives none.
std::optional<seconds> ttl_given(const nlohmann::json& rule) {
  for (const nlohmann::json& backend : list_at(rule, {"backendRefs"})) {
    for (const nlohmann::json& filter : list_at(backend, {"filters"})) {
      for (const nlohmann::json& header : list_at(filter, {"responseHeaderModifier", "add"})) {
        if (kube::string_at(header, {"name"}) == "Set-Cookie") return ttl_in(kube::string_at(header, {"value"}));
      }
    }
  }
  return std::nullopt;
}

// What tells the users of an arm: the condition that each match ends with. nullopt: it cannot be read.
struct Users {
  bool nobody = false;
  std::optional<Assignment> assignment;
};

std::optional<Users> users_of(const nlohmann::json& rule, const std::string& revision,
                              const std::optional<seconds>& ttl) {
  HeaderAssignment found;
  for (const nlohmann::json& match : list_at(rule, {"matches"})) {
    const nlohmann::json& headers = list_at(match, {"headers"});
    if (headers.empty()) return std::nullopt;
    const std::string name = kube::string_at(headers.back(), {"name"});
    const std::string value = kube::string_at(headers.back(), {"value"});
    if (name.empty()) return std::nullopt;
    if (name == kRevisionHeader) return Users{.nobody = true};
    if (kube::string_at(headers.back(), {"type"}) == "RegularExpression") {
      const auto cookie = cookie_in_pattern(value, revision);
      if (!cookie || !ttl) return std::nullopt;
      return Users{.assignment = CookieAssignment{*cookie, *ttl}};
    }
    if (!found.values.empty() && found.header != name) return std::nullopt;
    found.header = name;
    if (std::find(found.values.begin(), found.values.end(), value) == found.values.end()) {
      found.values.push_back(value);
    }
  }
  if (found.values.empty()) return std::nullopt;
  return Users{.assignment = std::move(found)};
}

// The rules after the weighted one. False: one of them is not ours.
bool read_assigned(const api::Rollout& rollout, const nlohmann::json& rules, Layout& layout) {
  const std::optional<seconds> ttl = ttl_given(rules[0]);
  for (std::size_t i = 0; i + 1 < rules.size(); ++i) {
    const nlohmann::json& rule = rules[i + 1];
    const nlohmann::json& backends = list_at(rule, {"backendRefs"});
    if (i >= kAssignedRules.size() || kube::string_at(rule, {"name"}) != kAssignedRules[i]) return false;
    if (backends.size() != 1) return false;
    const auto revision = revision_in(rollout, backends[0]);
    if (!revision) return false;
    const auto users = users_of(rule, *revision, ttl);
    if (!users) return false;
    layout.assigned.push_back({*revision, users->nobody});
    if (!users->assignment) continue;
    if (layout.assignment && layout.assignment != users->assignment) return false;
    layout.assignment = users->assignment;
  }
  return true;
}

}  // namespace

Layout layout_in(const api::Rollout& rollout, const nlohmann::json& spec) {
  const nlohmann::json& rules = list_at(spec, {"rules"});
  if (rules.empty()) return {};
  Layout layout;
  layout.arms = arms_in(rollout, rules[0]);
  const auto mirror = mirror_in(rollout, rules[0]);
  if (!mirror || !read_assigned(rollout, rules, layout)) return {};
  layout.mirror = *mirror;
  return layout;
}

}  // namespace sluice::traffic
