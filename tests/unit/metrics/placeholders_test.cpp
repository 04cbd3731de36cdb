#include "metrics/placeholders.h"

#include <gtest/gtest.h>

#include <regex>

namespace sluice::metrics {
namespace {

using Values = std::map<std::string, std::string>;

TEST(Fill, ReplacesEveryPlaceholder) {
  const auto out = fill(R"q(http_requests_total{namespace="$(namespace)",pod=~"$(pods)",code=~"5.."})q",
                        {{"namespace", "ml"}, {"pods", "digits-6d9f-.*"}});
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(*out, R"q(http_requests_total{namespace="ml",pod=~"digits-6d9f-.*",code=~"5.."})q");
}

struct FillCase {
  const char* what;
  std::string selector;
  std::string value;  // of $(v)
  std::string expected;
};

TEST(Fill, EscapesForThePlace) {
  const FillCase cases[] = {
      {"backslash of a regex", R"q(m{a=~"$(v)"})q", R"q(a\.b)q", R"q(m{a=~"a\\.b"})q"},
      {"double quote", R"q(m{a="$(v)"})q", R"q(x"} or up{b=")q", R"q(m{a="x\"} or up{b=\""})q"},
      {"newline", R"q(m{a="$(v)"})q", "x\ny", R"q(m{a="x\ny"})q"},
      {"the other quote stays", R"q(m{a="$(v)"})q", "it's", R"q(m{a="it's"})q"},
      {"single quotes", "m{a='$(v)'}", R"q(it's "so" \)q", R"q(m{a='it\'s "so" \\'})q"},
      {"backticks know no escapes", "m{a=~`$(v)`}", R"q(a\.b)q", R"q(m{a=~`a\.b`})q"},
      {"an escaped quote does not end the string", R"q(m{a="x\"$(v)"})q", "\"", R"q(m{a="x\"\""})q"},
      {"a quote inside the other kind", R"q(m{a='"',b="$(v)"})q", "'", R"q(m{a='"',b="'"})q"},
      {"a metric's name", R"q($(v)_total{a="b"})q", "istio_requests", R"q(istio_requests_total{a="b"})q"},
      {"a lonely dollar", R"q(m{a=~"b$",c="$(v)"})q", "1", R"q(m{a=~"b$",c="1"})q"},
      {"a value is not filled again", R"q(m{a="$(v)"})q", "$(v)", R"q(m{a="$(v)"})q"},
      {"a backslash at the very end", R"q(m{a="$(v)\)q", "x", R"q(m{a="x\)q"},
  };
  for (const auto& c : cases) {
    const auto out = fill(c.selector, {{"v", c.value}});
    ASSERT_TRUE(out.ok()) << c.what << ": " << out.error().message;
    EXPECT_EQ(*out, c.expected) << c.what;
  }
}

TEST(Fill, NamesWhatIsWrong) {
  const auto unknown = fill(R"q(m{a="$(pod)"})q", {{"pods", "x"}, {"namespace", "y"}});
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::Invalid);
  EXPECT_EQ(unknown.error().message, "unknown placeholder $(pod); known: $(namespace), $(pods)");
  EXPECT_FALSE(fill("m{a=\"$()\"}", {{"pods", "x"}}).ok());
  EXPECT_NE(fill("m{a=\"$(pods\"}", {{"pods", "x"}}).error().message.find("closing"), std::string::npos);
  EXPECT_FALSE(fill("m{a=`$(v)`}", {{"v", "a`b"}}).ok());
  EXPECT_FALSE(fill("$(v)", {{"v", "up or down"}}).ok()) << "no expression by the back door";
}

bool matches(const std::string& regex, const std::string& name) {
  return std::regex_match(name, std::regex(regex));
}

TEST(PodsRegex, MatchesTheRevisionsPodsOnly) {
  const std::string regex = pods_regex("digits", "6d9f01ab");
  EXPECT_TRUE(matches(regex, "digits-6d9f01ab-7c5ddbdf54-x2x7k"));
  EXPECT_TRUE(matches(regex, "digits-6d9f01ab-84f8-zzzzz"));
  EXPECT_FALSE(matches(regex, "digits-6d9f01ac-7c5ddbdf54-x2x7k"));
  EXPECT_FALSE(matches(regex, "more-digits-6d9f01ab-7c5ddbdf54-x2x7k"));
  EXPECT_FALSE(matches(regex, "digits-6d9f01ab-loadtest-7c5ddbdf54-x2x7k"));
  EXPECT_FALSE(matches(regex, "digits-6d9f01ab"));
}

TEST(PodsRegex, QuotesDots) {
  const std::string regex = pods_regex("llama.3", "6d9f01ab");
  EXPECT_TRUE(matches(regex, "llama.3-6d9f01ab-7c5ddbdf54-x2x7k"));
  EXPECT_FALSE(matches(regex, "llamax3-6d9f01ab-7c5ddbdf54-x2x7k"));
}

// As Kubernetes makes them: the ReplicaSet's name and a dash, cut at 58 characters, then five random ones.
std::string pod_name(const std::string& rollout, const std::string& revision, const std::string& hash) {
  std::string base = rollout + "-" + revision + "-" + hash + "-";
  if (base.size() > 58) base.resize(58);
  return base + "x2x7k";
}

TEST(PodsRegex, HoldsForEveryLengthOfName) {
  for (std::size_t length = 1; length <= 52; ++length) {
    const std::string rollout(length, 'r');
    for (const char* hash : {"7c5ddbdf54", "84f8bc9d7", "54b9d8c5"}) {
      EXPECT_TRUE(matches(pods_regex(rollout, "6d9f01ab"), pod_name(rollout, "6d9f01ab", hash)))
          << length << hash;
      EXPECT_FALSE(matches(pods_regex(rollout, "6d9f01ab"), pod_name(rollout, "7d9f01ab", hash)))
          << length << hash;
    }
  }
}

}  // namespace
}  // namespace sluice::metrics
