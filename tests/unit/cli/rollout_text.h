// A manifest with two guardrails and two weights, for the tests of the commands that read one.
#pragma once

namespace sluice::cli {

inline constexpr const char* kRolloutText = R"yaml(apiVersion: sluice.dev/v1alpha1
kind: Rollout
metadata: {name: digits, namespace: ml}
spec:
  replicas: 2
  port: 8080
  template:
    metadata: {labels: {app: digits}}
    spec: {containers: [{name: model, image: "localhost/digits:1", ports: [{containerPort: 8080}]}]}
  traffic: {gatewayAPI: {parentRefs: [{name: public}]}}
  stages:
  - name: canary
    canary: {weights: [10, 50], minLooks: 4}
    maxDuration: 21m
  analysis:
    prometheus: {address: "http://prometheus:9090"}
    interval: 20s
    warmup: 60s
    falseRollback: "2%"
    metrics:
    - name: errors
      counter: {events: 'errors_total{pod=~"$(pods)"}', total: 'requests_total{pod=~"$(pods)"}'}
      margin: {ratio: "1.4", orBelow: "0.2%"}
    - name: latency
      histogram: {buckets: 'seconds_bucket{pod=~"$(pods)"}', above: 250ms}
)yaml";

}  // namespace sluice::cli
