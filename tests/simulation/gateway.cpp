#include "gateway.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kube/object.h"
#include "traffic/route_view.h"
#include "workload/views.h"

namespace sluice::simulation {

using nlohmann::json;

namespace {

std::vector<Backend> backends_in(const json& rule) {
  std::vector<Backend> backends;
  const json* refs = kube::find(rule, {"backendRefs"});
  if (refs == nullptr) return backends;
  for (const json& ref : *refs) {
    backends.push_back({kube::string_at(ref, {"name"}), static_cast<int>(kube::int_at(ref, {"weight"}))});
  }
  return backends;
}

bool asks_for_a_header(const json& rule) {
  const json* matches = kube::find(rule, {"matches"});
  if (matches == nullptr || matches->empty()) return false;
  const json* headers = kube::find((*matches)[0], {"headers"});
  return headers != nullptr && !headers->empty() && kube::string_at(headers->back(), {"name"}) == "x-user-bucket";
}

}  // namespace

std::vector<Backend> backends_of(const json& route) {
  const json* rules = kube::find(route, {"spec", "rules"});
  return rules == nullptr || rules->empty() ? std::vector<Backend>{} : backends_in((*rules)[0]);
}

std::vector<Backend> all_backends_of(const json& route) {
  std::vector<Backend> backends = backends_of(route);
  const json* rules = kube::find(route, {"spec", "rules"});
  if (rules == nullptr || rules->size() < 2 || !asks_for_a_header((*rules)[1])) return backends;
  int sum = 0;
  for (Backend& backend : backends) {
    sum += backend.weight;
    backend.weight *= 100 - kWithHeader;
  }
  for (const Backend& backend : backends_in((*rules)[1])) backends.push_back({backend.service, sum * kWithHeader});
  return backends;
}

Mirror mirror_of(const json& route) {
  const json* rules = kube::find(route, {"spec", "rules"});
  const json* filters = rules == nullptr || rules->empty() ? nullptr : kube::find((*rules)[0], {"filters"});
  if (filters == nullptr) return {};
  for (const json& filter : *filters) {
    const json* request = kube::find(filter, {"requestMirror"});
    if (request == nullptr) continue;
    const int percent = request->contains("percent") ? static_cast<int>(kube::int_at(*request, {"percent"})) : 100;
    return {kube::string_at(*request, {"backendRef", "name"}), percent};
  }
  return {};
}

Gateway::Gateway(test::MemoryApiServer& server, const Clock& clock, Random random)
    : server_(server), clock_(clock), random_(random) {}

void Gateway::notice(const kube::Key& key) {
  const auto live = server_.get(traffic::kHttpRoutes, key);
  if (!live) {
    routes_.erase(key);
    return;
  }
  Route& route = routes_[key];
  if (route.uid != kube::uid_of(*live)) route = {};
  route.uid = kube::uid_of(*live);
  if (route.generation == kube::generation_of(*live)) return;
  route.generation = kube::generation_of(*live);
  route.asked = all_backends_of(*live);
  route.asked_mirror = mirror_of(*live);
  const json* parents = kube::find(*live, {"spec", "parentRefs"});
  route.parents = parents == nullptr ? json::array() : *parents;
  route.due = clock_.now() + random_.between(milliseconds(100), seconds(4));
}

std::optional<Time> Gateway::next_due() const {
  std::optional<Time> first;
  for (const auto& [key, route] : routes_) {
    if (route.due && (!first || due(route) < *first)) first = due(route);
  }
  return first;
}

void Gateway::act() {
  for (auto& [key, route] : routes_) {
    if (route.due && due(route) <= clock_.now()) answer(key, route);
  }
}

void Gateway::answer(const kube::Key& key, Route& route) {
  route.due.reset();
  const bool resolved = std::all_of(route.asked.begin(), route.asked.end(), [&](const Backend& backend) {
    return server_.get(workload::kServices, {key.ns, backend.service}).ok();
  });
  route.routed = route.asked;
  route.mirrored = route.asked_mirror;
  json parents = json::array();
  for (const json& parent : route.parents) {
    const auto condition = [&](const char* type, bool holds, const char* otherwise) {
      return json{{"type", type},
                  {"status", holds ? "True" : "False"},
                  {"reason", holds ? type : otherwise},
                  {"observedGeneration", route.generation}};
    };
    parents.push_back({{"parentRef", parent},
                       {"controllerName", "example.com/gateway"},
                       {"conditions", json::array({condition("Accepted", true, ""),
                                                   condition("ResolvedRefs", resolved, "BackendNotFound")})}});
  }
  // A reference that cannot be resolved is looked at again: its Service may come.
  if (!resolved) route.due = clock_.now() + seconds(5);
  (void)server_.patch(traffic::kHttpRoutes, key, {{"status", {{"parents", std::move(parents)}}}},
                      {.subresource = "status", .field_manager = "gateway"});
}

const std::vector<Backend>& Gateway::routed(const kube::Key& key) const {
  static const std::vector<Backend> kNone;
  const auto found = routes_.find(key);
  return found == routes_.end() ? kNone : found->second.routed;
}

Mirror Gateway::mirrored(const kube::Key& key) const {
  const auto found = routes_.find(key);
  return found == routes_.end() ? Mirror{} : found->second.mirrored;
}

}  // namespace sluice::simulation
