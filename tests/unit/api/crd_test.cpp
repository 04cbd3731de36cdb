// The CRD and the code say the same: what one of them knows, defaults or requires, so does the other.
#include <gtest/gtest.h>

#include <functional>

#include "api/json.h"
#include "api/selector.h"
#include "manifest.h"
#include "random_status.h"

namespace sluice::api {
namespace {

using nlohmann::json;

json schema() {
  return rollout_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
}

using Visit = std::function<void(const json& field_schema, const json::json_pointer& field)>;

// Visits each field of the schema that `value` could have there. Lists are followed into each of their items.
void each_field(const json& object_schema, const json& value, const json::json_pointer& at,
                const Visit& visit) {
  if (object_schema.contains("items")) {
    for (std::size_t i = 0; i < value.size(); ++i)
      each_field(object_schema["items"], value[i], at / i, visit);
  }
  if (!object_schema.contains("properties")) return;
  for (const auto& [name, field] : object_schema["properties"].items()) {
    visit(field, at / name);
    if (value.contains(name)) each_field(field, value[name], at / name, visit);
  }
}

// Pod templates, Jobs and the Gateway API's own types are passed on as written.
bool passed_on(const json::json_pointer& field) {
  const std::string text = field.to_string();
  for (const char* job : {"/systemTest/job/", "/loadTest/job/"}) {
    if (text.find(job) != std::string::npos) return true;
  }
  return text.starts_with("/spec/template/") || text.starts_with("/spec/traffic/gatewayAPI/parentRefs/") ||
         text.starts_with("/spec/traffic/gatewayAPI/matches/");
}

json without(const json& object, const json::json_pointer& field) {
  json copy = object;
  copy[field.parent_pointer()].erase(field.back());
  return copy;
}

TEST(Crd, IsSmall) {
  EXPECT_LT(rollout_crd().dump().size(), 90'000U);
}

TEST(Crd, EveryFieldIsDescribed) {
  int fields = 0;
  const std::function<void(const json&, const std::string&)> walk = [&](const json& node,
                                                                        const std::string& path) {
    if (node.contains("items")) walk(node["items"], path + "[]");
    if (!node.contains("properties")) return;
    for (const auto& [name, field] : node["properties"].items()) {
      ++fields;
      EXPECT_TRUE(field.contains("description")) << path << "." << name;
      walk(field, path + "." + name);
    }
  };
  walk(schema()["spec"], "spec");
  walk(schema()["status"], "status");
  EXPECT_GT(fields, 100);
}

TEST(Crd, DefaultsAreThoseOfTheCode) {
  const json full = full_manifest();
  int defaults = 0;
  each_field(schema()["spec"], full["spec"], json::json_pointer("/spec"),
             [&](const json& field_schema, const json::json_pointer& field) {
               if (!field_schema.contains("default")) return;
               ++defaults;
               json written = without(full, field);
               const Spec absent = read_good(written).spec;
               written[field] = field_schema["default"];
               EXPECT_EQ(read_good(written).spec, absent) << field << " = " << field_schema["default"];
             });
  EXPECT_GT(defaults, 15);
}

TEST(Crd, TheSampleHasEveryFieldAndTheCodeReadsIt) {
  const json full = full_manifest();
  const Spec spec = read_good(full).spec;
  std::set<std::string> seen;
  std::set<std::string> known;
  each_field(
      schema()["spec"], full["spec"], json::json_pointer("/spec"),
      [&](const json& field_schema, const json::json_pointer& field) {
        if (passed_on(field) || field.back() == "manual") return;
        std::string name = field.to_string();
        for (char& c : name) {
          if (c >= '0' && c <= '9') c = '#';
        }
        known.insert(name);
        if (!full.contains(field)) return;
        // A value like the default shows nothing; another item of the list may have a better one.
        const bool as_default = field_schema.contains("default") && full[field] == field_schema["default"];
        if (as_default) return;
        seen.insert(name);
        const RolloutReading reading = read_rollout(without(full, field));
        EXPECT_TRUE(!reading.problems.empty() || reading.rollout.spec != spec) << field << " is not read";
      });
  EXPECT_EQ(known, seen) << "these are missing from tests/testdata/rollout.yaml, or have their default there";
}

TEST(Crd, RequiredFieldsAreRequiredByTheCode) {
  const json full = full_manifest();
  const std::function<void(const json&, const json::json_pointer&)> walk = [&](const json& node,
                                                                               const json::json_pointer& at) {
    if (passed_on(at / "x") || !full.contains(at)) return;
    const json required = node.value("required", json::array());
    for (const json& name : required) {
      // Without an address validate() complains, when there is something to ask it for.
      if (at.back() == "prometheus" || at.back() == "analysis") continue;
      const auto rollout = rollout_from_json(without(full, at / name.get<std::string>()));
      EXPECT_FALSE(rollout) << at / name.get<std::string>();
    }
    const json properties = node.value("properties", json::object());
    for (const auto& [name, field] : properties.items()) walk(field, at / name);
    if (node.contains("items")) walk(node["items"], at / 0);
  };
  walk(schema()["spec"], json::json_pointer("/spec"));
}

TEST(Crd, KnowsThePlaceholders) {
  const std::string text = rollout_crd().dump();
  for (const char* placeholder : kPlaceholders) {
    EXPECT_NE(text.find(std::string("'$(") + placeholder + ")'"), std::string::npos) << placeholder;
  }
}

// What the schema does not know the API server drops without a word, and what has another type it refuses.
void expect_known(const json& value, const json& node, const std::string& path) {
  const std::string type = node.value("type", "");
  if (value.is_object()) {
    EXPECT_EQ(type, "object") << path;
    for (const auto& [name, item] : value.items()) {
      if (node.contains("additionalProperties")) {
        expect_known(item, node["additionalProperties"], path + "." + name);
      } else {
        ASSERT_TRUE(node.contains("properties") && node["properties"].contains(name)) << path << "." << name;
        expect_known(item, node["properties"][name], path + "." + name);
      }
    }
  } else if (value.is_array()) {
    EXPECT_EQ(type, "array") << path;
    for (const json& item : value) expect_known(item, node["items"], path + "[]");
  } else if (value.is_string()) {
    EXPECT_EQ(type, "string") << path;
    if (node.contains("enum")) {
      EXPECT_TRUE(std::count(node["enum"].begin(), node["enum"].end(), value)) << path << " = " << value;
    }
  } else if (value.is_boolean()) {
    EXPECT_EQ(type, "boolean") << path;
  } else if (value.is_number_float()) {
    EXPECT_EQ(type, "number") << path;
  } else {
    EXPECT_EQ(type, "integer") << path;
  }
}

TEST(Crd, EveryStatusFitsTheSchema) {
  std::mt19937 random(6);
  const json status = schema()["status"];
  for (int i = 0; i < 200; ++i) expect_known(status_to_json(random_status(random)), status, "status");
}

TEST(Crd, ColumnsPointAtFieldsOfTheSchema) {
  const json known = schema();
  const json crd = rollout_crd();
  for (const json& column : crd["spec"]["versions"][0]["additionalPrinterColumns"]) {
    std::string path = column["jsonPath"];
    if (path == ".metadata.creationTimestamp") continue;
    std::string pointer;
    for (const char c : path) pointer += c == '.' ? std::string("/properties/") : std::string(1, c);
    pointer.erase(0, std::string("/properties").size());
    EXPECT_TRUE(known.contains(json::json_pointer(pointer))) << path;
  }
}

}  // namespace
}  // namespace sluice::api
