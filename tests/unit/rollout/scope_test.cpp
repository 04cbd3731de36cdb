#include "rollout/scope.h"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::rollout {
namespace {

// Published test vectors of FNV-1a: processes of different releases must agree.
TEST(StableHash, IsFnv1a) {
  EXPECT_EQ(stable_hash(""), 0xcbf29ce484222325);
  EXPECT_EQ(stable_hash("a"), 0xaf63dc4c8601ec8c);
  EXPECT_EQ(stable_hash("foobar"), 0x85944171f73967e8);
}

TEST(Shard, EachRolloutIsOfExactlyOneAndTheyAreAboutEqual) {
  for (const unsigned count : {1U, 2U, 3U, 7U, 16U}) {
    std::vector<int> sizes(count);
    for (int i = 0; i < 4000; ++i) {
      const kube::Key key{"team-" + std::to_string(i % 40), "model-" + std::to_string(i)};
      unsigned owners = 0;
      for (unsigned index = 0; index < count; ++index) {
        if (!Shard{index, count}.owns(key)) continue;
        ++owners;
        ++sizes[index];
      }
      ASSERT_EQ(owners, 1U) << key.str();
    }
    for (const int size : sizes) {
      EXPECT_GT(size, 4000 / static_cast<int>(count) * 3 / 4) << count;
      EXPECT_LT(size, 4000 / static_cast<int>(count) * 5 / 4 + 1) << count;
    }
  }
}

TEST(Shard, TheNamespaceCounts) {
  int moved = 0;
  for (int i = 0; i < 100; ++i) {
    const std::string name = "model-" + std::to_string(i);
    if (Shard{0, 2}.owns({"a", name}) != Shard{0, 2}.owns({"b", name})) ++moved;
  }
  EXPECT_GT(moved, 20);
}

TEST(ParseShard, TakesOneOfSeveral) {
  EXPECT_EQ(*parse_shard("0/1"), (Shard{0, 1}));
  EXPECT_EQ(*parse_shard("2/3"), (Shard{2, 3}));
}

TEST(ParseShard, SaysWhatToWriteInstead) {
  const auto refused = [](const std::string& text) {
    const auto parsed = parse_shard(text);
    return parsed ? "was taken" : parsed.error().message;
  };
  EXPECT_EQ(refused("3/2"), "3/2: shards are counted from 0, so the last of 2 is 1/2");
  EXPECT_EQ(refused("2/2"), "2/2: shards are counted from 0, so the last of 2 is 1/2");
  for (const char* text : {"", "1", "/", "1/", "/2", "a/b", "-1/2", "1/2/3", "1 /2", "0x1/2", "99999999999/2"}) {
    EXPECT_EQ(refused(text), std::string(text) + ": write which shard of how many, as in 0/3");
  }
  EXPECT_EQ(refused("0/0"), "0/0: the number of shards must be from 1 to 1000");
  EXPECT_EQ(refused("0/1001"), "0/1001: the number of shards must be from 1 to 1000");
}

TEST(LabelSelector, KnowsTheForms) {
  for (const char* text : {"", "team", "!team", "team=a", "team==a", "team!=a", "team=", "a.b/c-d_e=1,x=y", "size>3",
                           "team in (a,b), !x", "team notin (a)", "team in(a)", "team in (a,)"}) {
    EXPECT_EQ(label_selector_problem(text), "") << text;
  }
  for (const char* text : {"team a", "=a", "team=a b", "team in a", "team on (a)", "team=a,", ",", "(a)", "team in (a",
                           "team=a)b", "te$m"}) {
    EXPECT_NE(label_selector_problem(text), "") << text;
  }
}

TEST(Scope, TheLeaseTellsItFromOthers) {
  EXPECT_EQ(Scope{}.lease_suffix(), "");
  EXPECT_EQ((Scope{.ns = "ml"}).lease_suffix(), ".ml");
  EXPECT_EQ((Scope{.ns = "ml", .shard = {1, 3}}).lease_suffix(), "-1-of-3.ml");
  EXPECT_EQ((Scope{.shard = {1, 3}}).lease_suffix(), "-1-of-3");
  EXPECT_EQ((Scope{.selector = "team=a"}).lease_suffix(), (Scope{.selector = "team=a"}).lease_suffix());
  EXPECT_NE((Scope{.selector = "team=a"}).lease_suffix(), (Scope{.selector = "team=b"}).lease_suffix());
  EXPECT_EQ((Scope{.selector = "team=a"}).lease_suffix().size(), 9U);
  EXPECT_EQ((Scope{.selector = "team=a", .shard = {0, 2}}).lease_suffix(),
            (Scope{.selector = "team=a"}).lease_suffix() + "-0-of-2");
}

TEST(Scope, SelectorsThatMeanTheSameShareALease) {
  const auto suffix = [](const std::string& selector) { return Scope{.selector = selector}.lease_suffix(); };
  EXPECT_EQ(suffix("team==a"), suffix("team=a"));
  EXPECT_EQ(suffix("b, team==a"), suffix("team=a,b"));
  EXPECT_NE(suffix("team!=a"), suffix("team=a"));
  EXPECT_NE(suffix("team in (a,b)"), suffix("team in (a),b"));
}

}  // namespace
}  // namespace sluice::rollout
