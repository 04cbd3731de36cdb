#include "api/spec_stages.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

namespace sluice::api {
namespace {

constexpr const char* kBodies = "canary, shadow and approval";

void read_canary(const FieldReader& in, CanaryStage& out) {
  if (const auto* weights = in.find("weights"); weights != nullptr && weights->is_array()) {
    for (std::size_t i = 0; i < weights->size(); ++i) {
      const auto weight = whole_number((*weights)[i]);
      if (weight && *weight >= 0 && *weight <= 100) {
        out.weights.push_back(static_cast<int>(*weight));
      } else {
        in.problem(("weights[" + std::to_string(i) + "]").c_str(),
                   shown((*weights)[i]) + " is not a weight: write whole percents from 1 to 99");
      }
    }
  } else {
    in.problem("weights", "is required: a list of rising percentages such as [1, 5, 25, 50]");
  }
  in.read("minLooks", out.min_looks);
}

void read_shadow(const FieldReader& in, ShadowStage& out) {
  in.read("percent", out.percent);
  in.read("minLooks", out.min_looks);
}

std::string at(const std::string& list, std::size_t index) { return list + "[" + std::to_string(index) + "]"; }

void check_weights(const std::vector<int>& weights, const std::string& path, std::vector<FieldError>& out) {
  if (weights.empty()) {
    out.push_back({path, "write at least one percentage, such as [1, 5, 25, 50]"});
    return;
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] < 1 || weights[i] > 99) {
      out.push_back({at(path, i), "must be from 1 to 99: 100 is the promotion that follows the last one"});
    } else if (i > 0 && weights[i] <= weights[i - 1]) {
      out.push_back({at(path, i), "must be above the one before it, " + std::to_string(weights[i - 1])});
    }
  }
}

// Checks one body; returns how many looks the stage takes at least.
struct CheckBody {
  const std::string& path;
  std::vector<FieldError>& out;

  void looks(int min_looks, const char* body) const {
    if (min_looks < 1) out.push_back({path + "." + body + ".minLooks", "must be at least 1"});
  }

  std::int64_t operator()(const CanaryStage& canary) const {
    check_weights(canary.weights, path + ".canary.weights", out);
    looks(canary.min_looks, "canary");
    return static_cast<std::int64_t>(canary.weights.size()) * canary.min_looks;
  }
  std::int64_t operator()(const ShadowStage& shadow) const {
    if (shadow.percent < 1 || shadow.percent > 100) {
      out.push_back({path + ".shadow.percent", "must be from 1 to 100"});
    }
    looks(shadow.min_looks, "shadow");
    return shadow.min_looks;
  }
  std::int64_t operator()(const ApprovalStage&) const { return 0; }
};

// A stage that ends before its looks can be taken would always be inconclusive.
void check_time(const StageSpec& stage, const AnalysisSpec& analysis, std::int64_t looks, const std::string& path,
                std::vector<FieldError>& out) {
  if (stage.min_duration < Duration(0)) out.push_back({path + ".minDuration", "must not be negative"});
  if (stage.max_duration <= Duration(0)) {
    out.push_back({path + ".maxDuration", "must be longer than 0s, such as 2h"});
    return;
  }
  if (stage.max_duration < stage.min_duration) {
    out.push_back({path + ".maxDuration", "must be at least minDuration, " + format_duration(stage.min_duration)});
  }
  const Duration least = analysis.warmup + looks * analysis.interval;
  if (looks > 0 && stage.max_duration < least) {
    out.push_back({path + ".maxDuration", "must be at least " + format_duration(least) + ": the warm-up and " +
                                              std::to_string(looks) + " looks of " +
                                              format_duration(analysis.interval) + " take that long"});
  }
}

}  // namespace

StageSpec read_stage(const FieldReader& in) {
  StageSpec stage;
  in.require("name");
  in.read("name", stage.name);
  in.read("minDuration", stage.min_duration);
  in.read("maxDuration", stage.max_duration);
  const std::array<const char*, 3> bodies{"canary", "shadow", "approval"};
  const auto written = std::count_if(bodies.begin(), bodies.end(), [&](const char* body) { return in.has(body); });
  if (written != 1) {
    in.problem("canary", std::string(written == 0 ? "is required" : "is not alone") + ": write exactly one of " + kBodies);
    return stage;
  }
  if (in.has("canary")) {
    read_canary(in.child("canary"), stage.body.emplace<CanaryStage>());
  } else if (in.has("shadow")) {
    read_shadow(in.child("shadow"), stage.body.emplace<ShadowStage>());
  } else {
    in.child("approval");  // says so when it is not an object
    stage.body.emplace<ApprovalStage>();
  }
  return stage;
}

void check_stages(const Spec& spec, std::vector<FieldError>& out) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < spec.stages.size(); ++i) {
    const StageSpec& stage = spec.stages[i];
    const std::string path = at("spec.stages", i);
    if (stage.name.empty()) {
      out.push_back({path + ".name", "is required"});
    } else if (!names.insert(stage.name).second) {
      out.push_back({path + ".name", "\"" + stage.name + "\" is there twice: give each its own name"});
    }
    if (std::holds_alternative<ShadowStage>(stage.body) && std::holds_alternative<ManualTraffic>(spec.traffic)) {
      out.push_back({path + ".shadow", "needs traffic.gatewayAPI: with manual nobody makes the copies"});
    }
    const std::int64_t looks = std::visit(CheckBody{path, out}, stage.body);
    check_time(stage, spec.analysis, looks, path, out);
  }
}

}  // namespace sluice::api
