#include "workload/revision.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "rollouts.h"

namespace sluice::workload {
namespace {

using nlohmann::json;

struct Vector {
  const char* name;
  const char* pod_template;
  int collisions;
  const char* revision;
};

class RevisionVectors : public testing::TestWithParam<Vector> {};

// Computed by an independent implementation of the definition in revision.h. They must never change: every
// revision of every Rollout in every cluster would be renamed.
TEST_P(RevisionVectors, NeverChange) {
  EXPECT_EQ(revision_of(json::parse(GetParam().pod_template), GetParam().collisions), GetParam().revision);
}

constexpr const char* kDigits =
    R"({"metadata":{"labels":{"app":"digits"}},"spec":{"containers":[{"name":"model",
  "image":"localhost/digits:1","ports":[{"name":"http","containerPort":8080}]}]}})";

INSTANTIATE_TEST_SUITE_P(, RevisionVectors,
                         testing::Values(Vector{"empty", "{}", 0, "wv7q2vjt"},
                                         Vector{"digits", kDigits, 0, "twl7sgl8"},
                                         Vector{"collided", kDigits, 1, "bz8kx5pr"},
                                         Vector{"collidedOften", kDigits, 12, "jb56j6q6"},
                                         Vector{"utf8",
                                                R"({"metadata":{"annotations":{"note":"größer als 5 %"}}})",
                                                0, "xcjhbzsl"},
                                         Vector{"fraction", R"({"spec":{"x":1.5,"y":2}})", 0, "vxg4n77t"}),
                         [](const auto& test) { return test.param.name; });

struct Pair {
  const char* name;
  const char* one;
  const char* other;
};

class SameRevision : public testing::TestWithParam<Pair> {};
TEST_P(SameRevision, ForTemplatesThatMeanTheSame) {
  EXPECT_EQ(revision_of(json::parse(GetParam().one), 0), revision_of(json::parse(GetParam().other), 0));
}
INSTANTIATE_TEST_SUITE_P(
    , SameRevision,
    testing::Values(Pair{"order", R"({"a":1,"b":{"c":2,"d":3}})", R"({"b":{"d":3,"c":2},"a":1})"},
                    Pair{"null", R"({"a":1,"metadata":{"creationTimestamp":null}})", R"({"a":1})"},
                    Pair{"emptyObject", R"({"spec":{"a":1,"securityContext":{}}})", R"({"spec":{"a":1}})"},
                    Pair{"emptyList", R"({"spec":{"a":1,"args":[]}})", R"({"spec":{"a":1}})"},
                    Pair{"nested", R"({"a":1,"s":{"capabilities":{"drop":[],"add":null}}})", R"({"a":1})"},
                    Pair{"nothingAtAll", "null", "{}"}, Pair{"wholeNumber", R"({"a":2.0})", R"({"a":2})"},
                    Pair{"inAList", R"({"c":[{"n":"x","resources":{}}]})", R"({"c":[{"n":"x"}]})"}),
    [](const auto& test) { return test.param.name; });

class OtherRevision : public testing::TestWithParam<Pair> {};
TEST_P(OtherRevision, ForTemplatesThatMeanSomethingElse) {
  EXPECT_NE(revision_of(json::parse(GetParam().one), 0), revision_of(json::parse(GetParam().other), 0));
}
INSTANTIATE_TEST_SUITE_P(
    , OtherRevision,
    testing::Values(Pair{"value", R"({"image":"a:1"})", R"({"image":"a:2"})"},
                    Pair{"listOrder", R"({"args":["a","b"]})", R"({"args":["b","a"]})"},
                    Pair{"emptyString", R"({"args":["a"],"x":""})", R"({"args":["a"]})"},
                    Pair{"emptyDir", R"({"volumes":[{"name":"x","emptyDir":{}}]})",
                         R"({"volumes":[{"name":"x"}]})"},
                    Pair{"selectsAll", R"({"term":{"topologyKey":"zone","labelSelector":{}}})",
                         R"({"term":{"topologyKey":"zone"}})"},
                    Pair{"allNamespaces", R"({"t":{"k":"z","namespaceSelector":{}}})", R"({"t":{"k":"z"}})"},
                    Pair{"elementOfAList", R"({"terms":[{}]})", R"({"terms":[]})"},
                    Pair{"zero", R"({"a":0})", R"({})"}, Pair{"no", R"({"a":false})", R"({})"},
                    Pair{"type", R"({"cpu":1})", R"({"cpu":"1"})"}),
    [](const auto& test) { return test.param.name; });

TEST(Revision, IsALabelValueOfEightCharactersThatSpellsNoWords) {
  std::set<std::string> seen;
  for (int i = 0; i < 2000; ++i) {
    const std::string revision = revision_of(digits_template("digits:" + std::to_string(i)), 0);
    ASSERT_EQ(revision.size(), 8u);
    ASSERT_EQ(revision.find_first_not_of("bcdfghjklmnpqrstvwxz2456789"), std::string::npos) << revision;
    seen.insert(revision);
  }
  EXPECT_EQ(seen.size(), 2000u);
}

TEST(Revision, ACollisionCountGivesAnotherOneEachTime) {
  std::set<std::string> seen;
  for (int count = 0; count < 50; ++count) seen.insert(revision_of(digits_template(), count));
  EXPECT_EQ(seen.size(), 50u);
}

TEST(Revision, SurvivesTextThatIsNotUtf8) {
  EXPECT_EQ(revision_of(json{{"a", "\xff\xfe"}}, 0).size(), 8u);
}

TEST(Revision, NamesFitEveryObject) {
  EXPECT_EQ(deployment_name("digits", "twl7sgl8"), "digits-twl7sgl8");
  EXPECT_EQ(revision_service_name("digits", "twl7sgl8"), "digits-twl7sgl8");
  EXPECT_EQ(stable_service_name("digits"), "digits");
  EXPECT_LE(deployment_name(std::string(52, 'a'), revision_of(json::object(), 0)).size(), 63u);
}

}  // namespace
}  // namespace sluice::workload
