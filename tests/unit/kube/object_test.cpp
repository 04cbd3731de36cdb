#include "kube/object.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace sluice::kube {
namespace {

using nlohmann::json;

const json kObject = json::parse(R"({
  "metadata": {"name": "a", "namespace": "ml", "uid": "u-1", "resourceVersion": "42", "generation": 7,
    "labels": {"app": "x"}, "annotations": {"sluice.dev/abort": "6d9f"},
    "creationTimestamp": "2026-01-02T03:04:05Z",
    "managedFields": [{"manager": "kubectl"}],
    "ownerReferences": [
      {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "u-2"},
      {"apiVersion": "sluice.dev/v1alpha1", "kind": "Rollout", "name": "r", "uid": "u-3", "controller": true}]},
  "status": {"ready": true, "ratio": 0.5}})");

TEST(Object, ReadsMetadata) {
  EXPECT_EQ(key_of(kObject), (Key{"ml", "a"}));
  EXPECT_EQ(uid_of(kObject), "u-1");
  EXPECT_EQ(resource_version_of(kObject), "42");
  EXPECT_EQ(generation_of(kObject), 7);
  EXPECT_EQ(label_of(kObject, "app"), "x");
  EXPECT_EQ(label_of(kObject, "none"), "");
  EXPECT_EQ(annotation_of(kObject, "sluice.dev/abort"), "6d9f");
  EXPECT_EQ(format_time(creation_time_of(kObject).value()), "2026-01-02T03:04:05Z");
  EXPECT_FALSE(is_being_deleted(kObject));
  EXPECT_EQ(deletion_time_of(kObject), std::nullopt);
}

TEST(Object, ComparesVersions) {
  EXPECT_TRUE(is_older_version("999", "1000"));
  EXPECT_TRUE(is_older_version("1000", "1001"));
  EXPECT_FALSE(is_older_version("1000", "1000"));
  EXPECT_FALSE(is_older_version("1000", "999"));
  EXPECT_FALSE(is_older_version("", "7"));
  EXPECT_FALSE(is_older_version("7", "eight"));
}

TEST(Object, ReadsOwners) {
  EXPECT_EQ(owners_of(kObject).size(), 2u);
  const auto controller = controller_of(kObject);
  ASSERT_TRUE(controller);
  EXPECT_EQ(controller->kind, "Rollout");
  EXPECT_EQ(controller->uid, "u-3");
  EXPECT_EQ(controller_of(json::object()), std::nullopt);
}

TEST(Object, KnowsWhenItIsBeingDeleted) {
  json object = kObject;
  object["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:06Z";
  EXPECT_TRUE(is_being_deleted(object));
  EXPECT_EQ(*deletion_time_of(object) - *creation_time_of(object), seconds(1));
  object["metadata"]["deletionTimestamp"] = "not a time";
  EXPECT_TRUE(is_being_deleted(object));
  EXPECT_EQ(deletion_time_of(object), std::nullopt);
}

// Whatever has taken the place of an object or of any part of it: no exception, empty answers.
TEST(Object, OddShapesReadAsEmpty) {
  const char* odd[] = {
      "null",
      "7",
      "\"text\"",
      "[]",
      "{}",
      R"({"metadata":null})",
      R"({"metadata":[]})",
      R"({"metadata":{"name":7,"namespace":{},"generation":"x","labels":[],"ownerReferences":{}}})",
      R"({"metadata":{"generation":1.5,"ownerReferences":[7,null,[]]}})",
      R"({"metadata":{"generation":18446744073709551615}})"};
  for (const char* text : odd) {
    json object = json::parse(text);
    EXPECT_EQ(key_of(object), Key()) << text;
    EXPECT_EQ(generation_of(object), 0) << text;
    EXPECT_EQ(label_of(object, "a"), "") << text;
    EXPECT_EQ(controller_of(object), std::nullopt) << text;
    EXPECT_FALSE(is_being_deleted(object)) << text;
    strip_managed_fields(object);
    EXPECT_EQ(object, json::parse(text));
  }
  EXPECT_EQ(find(json::parse("null"), {"a", "b"}), nullptr);
  EXPECT_EQ(generation_of(json::parse(R"({"metadata":{"generation":-3}})")), -3);
}

TEST(Object, FindsByPath) {
  EXPECT_TRUE(bool_at(kObject, {"status", "ready"}));
  EXPECT_FALSE(bool_at(kObject, {"status", "ratio"}));
  EXPECT_EQ(int_at(kObject, {"status", "ratio"}), 0);
  EXPECT_EQ(find(kObject, {}), &kObject);
}

TEST(Object, StripsManagedFieldsAndNothingElse) {
  json object = kObject;
  strip_managed_fields(object);
  EXPECT_FALSE(object["metadata"].contains("managedFields"));
  object["metadata"]["managedFields"] = kObject["metadata"]["managedFields"];
  EXPECT_EQ(object, kObject);
}

}  // namespace
}  // namespace sluice::kube
