#include "choice.h"

#include <nlohmann/json.hpp>

namespace sluice::simulation {
namespace {

using nlohmann::json;

// The counters of one arm.
const std::string kArm = "{rollout=\"$(rollout)\",revision=\"$(revision)\"}";

json share_of(const char* events) { return {{"events", events + kArm}, {"total", "http_requests_total" + kArm}}; }

json test_stage(bool initial) {
  const json job = {{"template", {{"spec", {{"containers", json::array({{{"name", "test"}}})}}}}}};
  const json test = {{"job", job}, {"retries", 2}, {"initial", initial}};
  return {{"name", "acceptance"}, {"systemTest", test}, {"maxDuration", "2h"}};
}

// Its memory is read from Prometheus, so that it cannot be judged without it.
json load_stage(bool initial) {
  const json criteria = json::array({{{"responseTime", {{"quantile", "95%"}, {"max", "300ms"}}}},
                                     {{"failures", {{"max", "1%"}}}},
                                     {{"memoryGrowth", {{"max", "20%"}}}}});
  const json test = {{"rate", 50},           {"duration", "1m"},
                     {"criteria", criteria}, {"locust", {{"image", "locust"}, {"model", "m"}}},
                     {"retries", 2},         {"initial", initial}};
  return {{"name", "load"}, {"loadTest", test}, {"maxDuration", "2h"}};
}

json experiment_stage(const RolloutChoice& choice) {
  const bool by_header = choice.experiment == RolloutChoice::Experiment::ByHeader;
  const json assignment = by_header ? json{{"header", "x-user-bucket"}, {"values", json::array({"b"})}}
                                    : json{{"cookie", "arm"}, {"ttl", "1h"}};
  return {{"name", "experiment"},
          {"abTest", {{"weight", 30}, {"assignment", assignment}, {"minLooks", 2}}},
          {"maxDuration", choice.max_duration}};
}

json stages_of(const RolloutChoice& choice) {
  json stages = json::array();
  if (choice.tested) stages.push_back(test_stage(choice.initial));
  if (choice.loaded) stages.push_back(load_stage(choice.initial));
  if (choice.shadow) {
    stages.push_back({{"name", "shadow"},
                      {"shadow", {{"percent", 50}, {"minLooks", 2}}},
                      {"maxDuration", choice.max_duration}});
  }
  if (choice.canary) {
    stages.push_back({{"name", "canary"},
                      {"canary", {{"weights", choice.weights}, {"minLooks", 2}}},
                      {"maxDuration", choice.max_duration}});
  }
  if (choice.experiment != RolloutChoice::Experiment::None) stages.push_back(experiment_stage(choice));
  if (choice.approved) {
    stages.push_back({{"name", "sign-off"}, {"approval", json::object()}, {"maxDuration", "10h"}});
  }
  return stages;
}

}  // namespace

json spec_of(const RolloutChoice& choice) {
  json metrics = json::array({{{"name", "errors"}, {"counter", share_of("http_errors_total")}}});
  if (choice.experiment != RolloutChoice::Experiment::None) {
    metrics.push_back({{"name", "orders"}, {"role", "goal"}, {"counter", share_of("orders_total")}});
  }
  if (choice.predictions) {
    metrics.push_back({{"name", "predictions"},
                       {"classes", {{"counter", "predictions_total" + kArm}, {"label", "class"}}},
                       {"drift", {{"above", "0.05"}}}});
  }
  json spec = {
      {"replicas", choice.replicas},
      {"template", {{"spec", {{"containers", json::array({{{"name", "model"}, {"image", choice.image}}})}}}}},
      {"port", 8080},
      {"traffic", {{"gatewayAPI", {{"parentRefs", json::array({{{"name", "public"}}})}}}}},
      {"stages", stages_of(choice)},
      {"analysis",
       {{"prometheus", {{"address", "http://prometheus:9090"}}},
        {"interval", "15s"},
        {"warmup", "15s"},
        {"metrics", metrics}}},
      {"onInconclusive", choice.roll_back_when_inconclusive ? "RollBack" : "Pause"},
      {"scaleDownDelay", "1m"},
      {"progressDeadline", "2m"},
      {"revisionHistoryLimit", 2}};
  if (choice.rollback_window > 0) spec["rollbackWindow"] = {{"revisions", choice.rollback_window}};
  return spec;
}

}  // namespace sluice::simulation
