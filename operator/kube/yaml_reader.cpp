#include "kube/yaml_reader.h"

#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>

namespace sluice::kube {

namespace {

using nlohmann::json;

constexpr int kDeepest = 100;

json scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  // "!" is what yaml-cpp notes for a quoted scalar.
  if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") return text;
  if (text == "true" || text == "false") return text == "true";
  if (text.empty() || text == "null" || text == "~") return nullptr;
  // What JSON calls a number is one; 0o17, 1_000 and 12:30 stay text.
  json number = json::parse(text, nullptr, false);
  if (number.is_number()) return number;
  return text;
}

// Throws YAML::Exception when the tree is too deep, as one of a hostile file may be.
json to_json(const YAML::Node& node, int depth) {
  if (depth > kDeepest) throw YAML::Exception(node.Mark(), "nested too deeply");
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      return scalar(node);
    case YAML::NodeType::Sequence: {
      json out = json::array();
      for (const YAML::Node& item : node) out.push_back(to_json(item, depth + 1));
      return out;
    }
    case YAML::NodeType::Map: {
      json out = json::object();
      for (const auto& member : node) out[member.first.Scalar()] = to_json(member.second, depth + 1);
      return out;
    }
    default:
      return nullptr;
  }
}

}  // namespace

Result<json> parse_yaml(const std::string& text) {
  try {
    return to_json(YAML::Load(text), 0);
  } catch (const YAML::Exception& e) {
    return Error{ErrorCode::Invalid, "line " + std::to_string(e.mark.line + 1) + ": " + e.msg, {}};
  } catch (const std::exception& e) {
    return Error{ErrorCode::Invalid, e.what(), {}};
  }
}

}  // namespace sluice::kube
