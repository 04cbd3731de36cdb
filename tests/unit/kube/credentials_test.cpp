#include "kube/credentials.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/temporary_folder.h"
#include "support/virtual_clock.h"

namespace sluice::kube {
namespace {

class TokenFileTest : public ::testing::Test {
 protected:
  test::TemporaryFolder folder_;
  std::shared_ptr<test::VirtualClock> clock_ = std::make_shared<test::VirtualClock>();
};

TEST_F(TokenFileTest, IsReadAgainAfterAMinute) {
  TokenFile token(folder_.write("token", "one\n"), "", clock_);
  EXPECT_EQ(*token.authorization(), "Bearer one");
  folder_.write("token", "two");
  clock_->advance(seconds(59));
  EXPECT_EQ(*token.authorization(), "Bearer one");
  clock_->advance(seconds(1));
  EXPECT_EQ(*token.authorization(), "Bearer two");
}

TEST_F(TokenFileTest, IsReadAgainAtOnceWhenTheServerRefusedIt) {
  TokenFile token(folder_.write("token", "one"), "", clock_);
  EXPECT_EQ(*token.authorization(), "Bearer one");
  folder_.write("token", "two");
  EXPECT_TRUE(token.forget("Bearer one"));
  EXPECT_EQ(*token.authorization(), "Bearer two");
  folder_.write("token", "three");
  EXPECT_TRUE(token.forget("Bearer one"));  // by a request that was sent before
  EXPECT_EQ(*token.authorization(), "Bearer two");
}

TEST_F(TokenFileTest, AFileThatVanishesLeavesTheLastToken) {
  TokenFile token(folder_.write("token", "one"), "", clock_);
  EXPECT_EQ(*token.authorization(), "Bearer one");
  std::filesystem::remove(folder_.path("token"));
  clock_->advance(minutes(5));
  EXPECT_EQ(*token.authorization(), "Bearer one");
  folder_.write("token", "");
  clock_->advance(minutes(5));
  EXPECT_EQ(*token.authorization(), "Bearer one");
}

TEST_F(TokenFileTest, WithoutAnyTokenItIsAnError) {
  TokenFile missing(folder_.path("missing"), "", clock_);
  ASSERT_FALSE(missing.authorization());
  EXPECT_EQ(missing.authorization().error().code, ErrorCode::Unauthorized);
  TokenFile empty(folder_.write("empty", " \n"), "", clock_);
  EXPECT_FALSE(empty.authorization());
  TokenFile fallback(folder_.path("missing"), "spare", clock_);
  EXPECT_EQ(*fallback.authorization(), "Bearer spare");
}

TEST_F(TokenFileTest, ReadFileTellsWhatIsWrong) {
  EXPECT_EQ(*read_file(folder_.write("empty", "")), "");
  EXPECT_EQ(*read_file(folder_.write("full", std::string("a\0b\n", 4))), std::string("a\0b\n", 4));
  for (const std::string& path : {folder_.path("missing"), folder_.path()}) {
    const auto text = read_file(path);
    ASSERT_FALSE(text) << path;
    EXPECT_NE(text.error().message.find(path), std::string::npos);
  }
}

TEST(Credentials, BasicAndFixed) {
  EXPECT_EQ(basic_authorization("user", "pass"), "Basic dXNlcjpwYXNz");
  const auto fixed = fixed_credentials("Bearer x");
  EXPECT_EQ(*fixed->authorization(), "Bearer x");
  EXPECT_FALSE(fixed->forget("Bearer x"));
}

}  // namespace
}  // namespace sluice::kube
