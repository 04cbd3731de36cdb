// docs/rollout.md says what the CRD says: each field in the table of its section, with its default.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "api/conditions.h"
#include "api/types.h"
#include "manifest.h"

namespace sluice::api {
namespace {

using nlohmann::json;

std::string reference() {
  std::ifstream file(SLUICE_DOCS "/rollout.md");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// What stands between the first two backticks; empty: there are none.
std::string code_in(const std::string& text) {
  const auto open = text.find('`');
  if (open == std::string::npos) return "";
  return text.substr(open + 1, text.find('`', open + 1) - open - 1);
}

// The cells of a row of a table; empty: it is none.
std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> found;
  if (!line.starts_with("| ")) return found;
  std::stringstream rest(line.substr(2));
  for (std::string cell; std::getline(rest, cell, '|');) found.push_back(cell);
  return found;
}

// By path, the row of each field: "spec.stages[].name". A section's heading is the path of its table's fields.
std::map<std::string, std::vector<std::string>> documented() {
  std::map<std::string, std::vector<std::string>> rows;
  std::stringstream text(reference());
  std::string section;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("#")) {
      section = code_in(line);
    } else if (const auto row = cells(line); !section.empty() && !row.empty()) {
      const std::string field = code_in(row.front());
      const bool placeholder = field.starts_with("$");
      if (!field.empty() && !placeholder) rows[section + "." + field] = row;
    }
  }
  return rows;
}

// What the table's second column of a field must hold.
std::string default_of(const json& parent, const std::string& name, const json& field) {
  if (field.contains("default")) {
    const json& value = field["default"];
    return "`" + (value.is_string() ? value.get<std::string>() : value.dump()) + "`";
  }
  const json required = parent.value("required", json::array());
  return std::find(required.begin(), required.end(), name) != required.end() ? "required" : "";
}

using Visit = std::function<void(const std::string& path, const std::string& column)>;

void each_field(const json& schema, const std::string& path, const Visit& visit) {
  if (schema.contains("items")) each_field(schema["items"], path + "[]", visit);
  if (!schema.contains("properties")) return;
  for (const auto& [name, field] : schema["properties"].items()) {
    visit(path + "." + name, default_of(schema, name, field));
    each_field(field, path + "." + name, visit);
  }
}

TEST(Reference, HasEachFieldOfTheCrdWithItsDefaultAndNoOther) {
  const json schema = rollout_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
  auto rows = documented();
  const Visit check = [&](const std::string& path, const std::string& column) {
    const auto row = rows.find(path);
    if (row == rows.end()) {
      ADD_FAILURE() << path << " is not in docs/rollout.md";
      return;
    }
    if (path.starts_with("spec.")) {
      std::string written = row->second[1];
      std::erase(written, ' ');
      EXPECT_EQ(written, column) << path;
    }
    rows.erase(row);
  };
  each_field(schema["spec"], "spec", check);
  each_field(schema["status"], "status", check);
  for (const auto& [path, row] : rows) ADD_FAILURE() << path << " is in docs/rollout.md but not in the CRD";
}

TEST(Reference, HasEachConditionAndAnnotation) {
  const std::string text = reference();
  for (const char* condition :
       {kReady, kReconciling, kStalled, kPromoted, kTrafficAccepted, kMetricsAvailable, kSplitVerified}) {
    EXPECT_NE(text.find("| `" + std::string(condition) + "` |"), std::string::npos) << condition;
  }
  for (const char* annotation : {kPromoteAnnotation, kAbortAnnotation, kResumeAnnotation, kRetryAnnotation}) {
    EXPECT_NE(text.find("| `" + std::string(annotation) + ": <revision>` |"), std::string::npos) << annotation;
  }
}

}  // namespace
}  // namespace sluice::api
