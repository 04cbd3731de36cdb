#include "table_stages.h"

#include <nlohmann/json.hpp>

namespace sluice::simulation {
namespace {

using nlohmann::json;

json& stage_in(json& stages, Kind kind) {
  std::size_t i = 0;
  while (stages[i]["name"] != about(kind).stage) ++i;
  return stages[i];
}

json patch_of(json stages, Kind metrics_of) {
  return {{"stages", std::move(stages)},
          {"analysis", {{"metrics", spec_of(choose(metrics_of))["analysis"]["metrics"]}}}};
}

}  // namespace

KindOfStage about(Kind kind) {
  switch (kind) {
    case Kind::SystemTest: return {"systemTest", "acceptance"};
    case Kind::LoadTest: return {"loadTest", "load"};
    case Kind::Shadow: return {"shadow", "shadow"};
    case Kind::Canary: return {"canary", "canary"};
    case Kind::AbTest: return {"abTest", "experiment"};
    case Kind::Approval: return {"approval", "sign-off"};
  }
  return {"", ""};
}

RolloutChoice choose(Kind kind) {
  RolloutChoice choice;
  choice.name = "model";
  choice.max_duration = "2h";
  choice.tested = kind == Kind::SystemTest;
  choice.loaded = kind == Kind::LoadTest;
  choice.shadow = kind == Kind::Shadow;
  choice.canary = kind == Kind::Canary || kind == Kind::Approval;  // a person is waited for with users on both
  choice.approved = kind == Kind::Approval;
  if (kind == Kind::AbTest) choice.experiment = RolloutChoice::Experiment::ByCookie;
  return choice;
}

json edited(Kind kind) {
  RolloutChoice other = choose(kind);
  other.weights = {5, 30};
  json stages = spec_of(other)["stages"];
  json& stage = stage_in(stages, kind);
  switch (kind) {
    case Kind::SystemTest: stage["systemTest"]["job"]["template"]["spec"]["containers"][0]["args"] = {"--all"}; break;
    case Kind::LoadTest: stage["loadTest"]["rate"] = 20; break;
    case Kind::Shadow: stage["shadow"]["percent"] = 20; break;
    case Kind::AbTest: stage["abTest"]["weight"] = 20; break;
    case Kind::Canary: break;
    case Kind::Approval: break;  // it holds what the canary before it gives
  }
  return patch_of(std::move(stages), kind);
}

json as_another_kind(Kind kind) {
  const Kind other = kind == Kind::AbTest ? Kind::SystemTest : Kind::AbTest;
  RolloutChoice choice = choose(other);
  if (other == Kind::AbTest) choice.experiment = RolloutChoice::Experiment::ByHeader;
  json stages = spec_of(choose(kind))["stages"];
  json& stage = stage_in(stages, kind);
  stage = spec_of(choice)["stages"][0];
  stage["name"] = about(kind).stage;
  return patch_of(std::move(stages), other);
}

json without(Kind kind) {
  RolloutChoice next = choose(Kind::Canary);
  next.weights = {5, 30};
  json stages = spec_of(choose(kind))["stages"];
  json& stage = stage_in(stages, kind);
  stage = spec_of(next)["stages"][0];
  stage["name"] = "next";
  return patch_of(std::move(stages), Kind::Canary);
}

}  // namespace sluice::simulation
