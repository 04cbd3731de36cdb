#include "api/selector.h"

#include <gtest/gtest.h>

namespace sluice::api {
namespace {

TEST(Selector, PlainOnesAreTaken) {
  for (const char* good : {
           R"x(requests_total{pod=~"$(pods)"})x",
           R"x(requests_total{namespace="$(namespace)", pod=~"$(pods)",code=~"5.."})x",
           R"x({__name__="requests_total",service="$(service)"})x",
           // Blanks wherever PromQL takes them, each kind of quote, and a comma at the end.
           R"x(  a:b_c { pod =~ '$(pods)' , x!=`a\`, y!~"}" , }  )x",
           R"x(requests_total{revision="$(revision)",path="/a\"}b"})x",
           // A dollar sign that starts no placeholder is the end of a regular expression.
           R"x(r{pod=~"$(pods)",code=~"5..$"})x",
           "r{\n  pod=~\"$(pods)\",\n  code=\"$\",\n}",
       }) {
    EXPECT_EQ(selector_problem(good, SelectorUse::Counter), std::nullopt) << good;
  }
}

TEST(Selector, EachPlaceholderIsKnownAndThreeOfThemTellTheRevisionsApart) {
  std::size_t enough = 0;
  for (const char* name : kPlaceholders) {
    const std::string alone = "requests_total{x=\"$(" + std::string(name) + ")\"}";
    const auto problem = selector_problem(alone, SelectorUse::Counter);
    if (problem) {
      EXPECT_NE(problem->find("counts both revisions alike"), std::string::npos) << alone << " -> " << *problem;
    } else {
      ++enough;
    }
  }
  EXPECT_EQ(enough, kArmPlaceholders);
}

struct Bad {
  const char* selector;
  const char* part;  // of the message
};

void expect_refused(std::initializer_list<Bad> cases) {
  for (const Bad& bad : cases) {
    const auto problem = selector_problem(bad.selector, SelectorUse::Counter);
    ASSERT_TRUE(problem) << bad.selector;
    EXPECT_NE(problem->find(bad.part), std::string::npos) << bad.selector << " -> " << *problem;
  }
}

TEST(Selector, ExpressionsAreRefusedSinceSluiceComputesIncreases) {
  expect_refused({
      {R"x(rate(requests_total{pod=~"$(pods)"}[5m]))x", "leave out rate()"},
      {R"x(requests_total{pod=~"$(pods)"}[5m])x", "leave out rate()"},
      {R"x(requests_total{pod=~"$(pods)"} offset 5m)x", "leave out rate()"},
      {R"x(requests_total{pod=~"$(pods)"} + 1)x", "leave out rate()"},
      {R"x(a_total{pod=~"$(pods)"} or b_total{pod=~"$(pods)"})x", "leave out rate()"},
  });
}

TEST(Selector, BrokenOnesAreRefused) {
  expect_refused({
      {"", "write a plain selector"},
      {"   ", "write a plain selector"},
      {"$(pods)", "write a plain selector"},
      {R"x(requests_total{pod=~"$(pods)")x", "write a plain selector"},   // no brace at the end
      {R"x(requests_total{pod=~"$(pods)})x", "write a plain selector"},   // no quote at the end
      {R"x(requests_total{pod=$(pods)})x", "write a plain selector"},     // no quotes
      {R"x(requests_total{pod~"$(pods)"})x", "write a plain selector"},   // no such comparison
      {R"x(requests_total{pod=="$(pods)"})x", "write a plain selector"},
      {R"x(requests_total{"$(pods)"})x", "write a plain selector"},       // no label
      {R"x(requests_total{a="$(pods)" b="c"})x", "write a plain selector"},
      {R"x(requests_total{,pod="$(pods)"})x", "write a plain selector"},
      {R"x(5xx_total{pod=~"$(pods)"})x", "write a plain selector"},
      {R"x(requests_total{pod=~"$(pods)\"})x", "write a plain selector"}, // the quote is escaped
      {R"x({pod=~"$(pods)"})x", "names no metric"},
  });
}

TEST(Selector, UnknownPlaceholdersAreNamed) {
  expect_refused({
      {R"x(requests_total{pod=~"$(pod)"})x",
       "unknown placeholder $(pod): write $(pods), $(service), $(revision), $(namespace) or $(rollout)"},
      {R"x(requests_total{pod=~"$(pods)",x="$()"})x", "unknown placeholder $()"},
      {R"x(requests_total{pod=~"$(pods"})x", "unknown placeholder $(pods\"}"},
      {R"x(requests_total{pod=~"$(Pods)"})x", "unknown placeholder $(Pods)"},
      {R"x(requests_total{pod=~"$( pods )"})x", "unknown placeholder $( pods )"},
      {R"x(requests_total{version="$(version)"})x", "unknown placeholder $(version)"},
  });
}

TEST(Selector, WhatCountsBothRevisionsAlikeIsRefused) {
  expect_refused({
      {"requests_total", "tell them apart by a matcher with $(pods), $(service) or $(revision)"},
      {R"x(requests_total{namespace="$(namespace)",app="$(rollout)"})x", "counts both revisions alike"},
  });
}

TEST(Selector, BucketsAreASeriesOfTheirOwn) {
  for (const char* good :
       {R"x(latency_bucket{pod=~"$(pods)"})x", R"x({__name__=~"latency_bucket",pod=~"$(pods)"})x"}) {
    EXPECT_EQ(selector_problem(good, SelectorUse::Buckets), std::nullopt) << good;
  }
  const char* one_edge = R"x(latency_bucket{le="0.25",pod=~"$(pods)"})x";
  EXPECT_EQ(selector_problem(one_edge, SelectorUse::Buckets),
            "remove the matcher of le: `above` chooses the bucket");
  EXPECT_EQ(selector_problem(one_edge, SelectorUse::Counter), std::nullopt);
  EXPECT_EQ(selector_problem(R"x(latency_sum{pod=~"$(pods)"})x", SelectorUse::Buckets),
            "write the histogram's series of buckets, whose name ends in _bucket");
}

}  // namespace
}  // namespace sluice::api
