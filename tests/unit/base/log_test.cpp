// What the lines of a thread are about.
#include "base/log.h"

#include <gtest/gtest.h>

#include <thread>

namespace sluice::log {
namespace {

std::string fields(Fields own = {}) {
  std::string text;
  for (const auto& [name, value] : with_context(own)) text += (text.empty() ? "" : " ") + name + "=" + value;
  return text;
}

TEST(LogContext, EachLineCarriesIt) {
  EXPECT_EQ(fields({{"a", 1}}), "a=1");
  {
    const Context about({{"rollout", "ml/digits"}});
    Context::add({"revision", "6d9f"});
    Context::add({"stage", ""});  // not known
    EXPECT_EQ(fields({{"a", 1}}), "a=1 rollout=ml/digits revision=6d9f");
    Context::add({"revision", "77aa"});
    EXPECT_EQ(fields(), "rollout=ml/digits revision=77aa");
  }
  EXPECT_EQ(fields(), "");
}

TEST(LogContext, OfTwoFieldsOfOneNameTheNearerCounts) {
  const Context outer({{"rollout", "a"}, {"stage", "canary"}});
  {
    const Context inner({{"rollout", "b"}});
    Context::add({"revision", "r"});
    EXPECT_EQ(fields(), "stage=canary rollout=b revision=r");
    EXPECT_EQ(fields({{"rollout", "c"}}), "rollout=c stage=canary revision=r");
  }
  EXPECT_EQ(fields(), "rollout=a stage=canary");
}

TEST(LogContext, BelongsToItsThread) {
  const Context about({{"rollout", "a"}});
  std::string elsewhere = "?";
  std::thread([&] {
    Context::add({"rollout", "b"});  // there is none here
    elsewhere = fields();
  }).join();
  EXPECT_EQ(elsewhere, "");
  EXPECT_EQ(fields(), "rollout=a");
}

}  // namespace
}  // namespace sluice::log
