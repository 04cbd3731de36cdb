#include "cli/manifest.h"

#include <gmock/gmock.h>

#include "rollout_text.h"

namespace sluice::cli {
namespace {

using testing::HasSubstr;

TEST(Manifest, FindsTheRolloutAmongOtherObjects) {
  const std::string text = "# ours\napiVersion: v1\nkind: Namespace\nmetadata: {name: ml}\n---\n" +
                           std::string(kRolloutText) + "---\nkind: Service\n";
  const auto rollout = parse_manifest(text, "all.yaml");
  ASSERT_TRUE(rollout.ok()) << rollout.error().message;
  EXPECT_EQ(rollout->key.name, "digits");
  ASSERT_EQ(rollout->spec.analysis.metrics.size(), 2U);
  EXPECT_DOUBLE_EQ(rollout->spec.analysis.metrics[0].margin.ratio, 1.4);
}

TEST(Manifest, SaysWhatIsWrongAndWhere) {
  const auto none = parse_manifest("kind: Service\n", "svc.yaml");
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.error().message, HasSubstr("svc.yaml: there is no Rollout"));

  std::string text = kRolloutText;
  text.replace(text.find("\"1.4\""), 5, "\"big\"");
  const auto bad = parse_manifest(text, "bad.yaml");
  ASSERT_FALSE(bad.ok());
  EXPECT_THAT(bad.error().message, HasSubstr("bad.yaml: spec.analysis.metrics[0].margin.ratio"));

  EXPECT_FALSE(parse_manifest("a: [1", "cut.yaml").ok());
  EXPECT_THAT(read_manifest("/nowhere/rollout.yaml").error().message, HasSubstr("/nowhere/rollout.yaml"));
}

}  // namespace
}  // namespace sluice::cli
