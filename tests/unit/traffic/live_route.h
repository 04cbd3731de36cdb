// A Rollout, and its HTTPRoute as a Kubernetes API server with the Gateway API 1.6 returns it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "api/types.h"
#include "traffic/provider.h"

namespace sluice::traffic {

inline const Split kOnlyStable{"twl7sgl8", "", 0};

inline api::Rollout digits() {
  api::Rollout rollout;
  rollout.key = {"ml", "digits"};
  rollout.uid = "6f0c7d0a-3a53-4c54-9c8e-0a8f5a2d1b11";
  rollout.spec.port = 8080;
  api::GatewayApiTraffic traffic;
  traffic.parent_refs = nlohmann::json::parse(R"([{"name": "public"}])");
  traffic.hostnames = {"digits.example.com"};
  traffic.matches = nlohmann::json::parse(R"([{"path": {"value": "/v1/digits"}}])");
  rollout.spec.traffic = traffic;
  return rollout;
}

inline const Provider& gateway_api() {
  return provider_for(api::GatewayApiTraffic{});
}

// At generation 4: 5 % to the candidate 2hf642c4; applied by us and accepted by Envoy Gateway.
inline nlohmann::json live_route() {
  return nlohmann::json::parse(R"({
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {
      "creationTimestamp": "2026-03-01T10:00:00Z",
      "generation": 4,
      "labels": {"app.kubernetes.io/managed-by": "sluice", "sluice.dev/rollout": "digits"},
      "managedFields": [
        {"apiVersion": "gateway.networking.k8s.io/v1", "fieldsType": "FieldsV1",
         "fieldsV1": {"f:metadata": {"f:labels": {"f:app.kubernetes.io/managed-by": {}, "f:sluice.dev/rollout": {}},
                                     "f:ownerReferences": {"k:{\"uid\":\"6f0c7d0a-3a53-4c54-9c8e-0a8f5a2d1b11\"}": {}}},
                      "f:spec": {"f:hostnames": {}, "f:parentRefs": {}, "f:rules": {}}},
         "manager": "sluice", "operation": "Apply", "time": "2026-03-01T10:05:00Z"},
        {"apiVersion": "gateway.networking.k8s.io/v1", "fieldsType": "FieldsV1",
         "fieldsV1": {"f:status": {".": {}, "f:parents": {}}},
         "manager": "envoy-gateway", "operation": "Update", "subresource": "status",
         "time": "2026-03-01T10:05:00Z"}],
      "name": "digits",
      "namespace": "ml",
      "ownerReferences": [
        {"apiVersion": "sluice.dev/v1alpha1", "blockOwnerDeletion": true, "controller": true, "kind": "Rollout",
         "name": "digits", "uid": "6f0c7d0a-3a53-4c54-9c8e-0a8f5a2d1b11"}],
      "resourceVersion": "98231",
      "uid": "0c1f7c1e-57c5-4b4e-8c9f-8b9a3f6b7a10"
    },
    "spec": {
      "hostnames": ["digits.example.com"],
      "parentRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public"}],
      "rules": [
        {"backendRefs": [
           {"filters": [{"responseHeaderModifier": {"set": [{"name": "x-sluice-revision", "value": "twl7sgl8"}]},
                         "type": "ResponseHeaderModifier"}],
            "group": "", "kind": "Service", "name": "digits-twl7sgl8", "port": 8080, "weight": 95},
           {"filters": [{"responseHeaderModifier": {"set": [{"name": "x-sluice-revision", "value": "2hf642c4"}]},
                         "type": "ResponseHeaderModifier"}],
            "group": "", "kind": "Service", "name": "digits-2hf642c4", "port": 8080, "weight": 5}],
         "matches": [{"path": {"type": "PathPrefix", "value": "/v1/digits"}}],
         "name": "model"}]
    },
    "status": {
      "parents": [
        {"conditions": [
           {"lastTransitionTime": "2026-03-01T10:00:00Z", "message": "Route is accepted",
            "observedGeneration": 4, "reason": "Accepted", "status": "True", "type": "Accepted"},
           {"lastTransitionTime": "2026-03-01T10:00:00Z", "message": "Resolved all the Object references for the Route",
            "observedGeneration": 4, "reason": "ResolvedRefs", "status": "True", "type": "ResolvedRefs"}],
         "controllerName": "gateway.envoyproxy.io/gatewayclass-controller",
         "parentRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public"}}]
    }})");
}

inline const Split kFivePercent{"twl7sgl8", "2hf642c4", 5};

inline RouteState observe(const nlohmann::json& live, const Split& wanted,
                          const api::Rollout& rollout = digits()) {
  const auto view = project_route(live);
  return gateway_api().observe(rollout, view ? &*view : nullptr, wanted);
}

// A desired object as the server would store it when we apply it.
inline nlohmann::json stored(nlohmann::json object) {
  object["metadata"]["uid"] = "0c1f7c1e-57c5-4b4e-8c9f-8b9a3f6b7a10";
  object["metadata"]["resourceVersion"] = "1";
  object["metadata"]["generation"] = 1;
  nlohmann::json fields = nlohmann::json::object();
  for (const auto& [name, value] : object["spec"].items()) fields["f:" + name] = nlohmann::json::object();
  object["metadata"]["managedFields"] = nlohmann::json::array(
      {{{"manager", kFieldManager}, {"operation", "Apply"}, {"fieldsV1", {{"f:spec", fields}}}}});
  return object;
}

}  // namespace sluice::traffic
