// The Rollout that the tests of workload/ use.
#pragma once

#include <nlohmann/json.hpp>

#include "api/types.h"

namespace sluice::workload {

inline nlohmann::json digits_template(const std::string& image = "localhost/digits:1") {
  return {{"metadata", {{"labels", {{"app", "digits"}}}}},
          {"spec",
           {{"containers",
             nlohmann::json::array(
                 {{{"name", "model"},
                   {"image", image},
                   {"ports", nlohmann::json::array({{{"name", "http"}, {"containerPort", 8080}}})}}})}}}};
}

inline api::Rollout digits() {
  api::Rollout rollout;
  rollout.key = {"ml", "digits"};
  rollout.uid = "6f0c7d0a-3a53-4c54-9c8e-0a8f5a2d1b11";
  rollout.spec.replicas = 3;
  rollout.spec.pod_template = digits_template();
  rollout.spec.port = 8080;
  rollout.spec.progress_deadline = minutes(10);
  return rollout;
}

}  // namespace sluice::workload
