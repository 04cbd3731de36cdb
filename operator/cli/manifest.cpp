#include "cli/manifest.h"

#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "api/json.h"
#include "api/validate.h"
#include "kube/yaml_reader.h"

namespace sluice::cli {
namespace {

constexpr std::size_t kLargest = 4 << 20;  // far more than an API server would take

// The documents of a YAML stream: a line that begins with three dashes starts the next one.
std::vector<std::string> documents(const std::string& text) {
  std::vector<std::string> out(1);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("---")) {
      out.emplace_back();
    } else {
      out.back() += line + "\n";
    }
  }
  return out;
}

Error invalid(const std::string& name, const std::string& what) {
  return Error{ErrorCode::Invalid, name + ": " + what, {}};
}

bool is_rollout(const nlohmann::json& object) {
  if (!object.is_object()) return false;
  const auto kind = object.find("kind");
  return kind != object.end() && *kind == api::kRollouts.kind;
}

}  // namespace

Result<api::Rollout> parse_manifest(const std::string& text, const std::string& name) {
  for (const std::string& document : documents(text)) {
    const auto object = kube::parse_yaml(document);
    if (!object) return invalid(name, object.error().message);
    if (!is_rollout(*object)) continue;
    auto rollout = api::rollout_from_json(*object);
    if (!rollout) return invalid(name, rollout.error().message);
    const auto findings = api::validate(*rollout);
    if (!findings.empty()) return invalid(name, api::join(findings));
    return rollout;
  }
  return invalid(name, "there is no Rollout in it");
}

Result<api::Rollout> read_manifest(const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) return Error{ErrorCode::NotFound, path + ": cannot be opened", {}};
  }
  std::istream& in = path == "-" ? std::cin : file;
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (text.size() > kLargest) return Error{ErrorCode::TooLarge, path + ": larger than any manifest", {}};
  return parse_manifest(text, path == "-" ? "standard input" : path);
}

}  // namespace sluice::cli
