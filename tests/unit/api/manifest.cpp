#include "manifest.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "api/json.h"

namespace sluice::api {
namespace {

using nlohmann::json;

json from_node(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Map: {
      json object = json::object();
      for (const auto& item : node) object[item.first.as<std::string>()] = from_node(item.second);
      return object;
    }
    case YAML::NodeType::Sequence: {
      json list = json::array();
      for (const auto& item : node) list.push_back(from_node(item));
      return list;
    }
    case YAML::NodeType::Scalar:
      break;
    default:
      return nullptr;
  }
  if (node.Tag() == "!") return node.as<std::string>();  // quoted
  std::int64_t whole = 0;
  bool flag = false;
  double number = 0;
  if (YAML::convert<std::int64_t>::decode(node, whole)) return whole;
  if (YAML::convert<bool>::decode(node, flag)) return flag;
  if (YAML::convert<double>::decode(node, number)) return number;
  return node.as<std::string>();
}

}  // namespace

json parse_yaml(const std::string& text) {
  return from_node(YAML::Load(text));
}
json read_yaml(const std::string& path) {
  return from_node(YAML::LoadFile(path));
}

json full_manifest() {
  return read_yaml(SLUICE_TESTDATA "/rollout.yaml");
}

json minimal_manifest() {
  return parse_yaml(R"(
metadata: {name: digits, namespace: ml}
spec:
  template: {spec: {containers: [{name: server, image: digits}]}}
  port: 8080
  traffic: {manual: {}}
)");
}

json rollout_crd() {
  return read_yaml(SLUICE_CRDS "/sluice.dev_rollouts.yaml");
}

Rollout read_good(const json& manifest) {
  auto rollout = rollout_from_json(manifest);
  if (!rollout) {
    ADD_FAILURE() << rollout.error().message;
    return {};
  }
  return *rollout;
}

}  // namespace sluice::api
