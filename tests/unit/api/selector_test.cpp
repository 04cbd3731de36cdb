#include "api/selector.h"

#include <gtest/gtest.h>

namespace sluice::api {
namespace {

TEST(Selector, PlainOnesAreTaken) {
  for (const char* good : {R"(requests_total{pod=~"$(pods)"})
    ", R"(requests_total{namespace="$(namespace)", pod=~"$(pods)",code=~"5.."})",
        R"({__name__="requests_total",service="$(service)"
})", R"(  a:b_c { pod =~ '$(pods)' , x!=`a\`, y!~"}" , }  )",
        R"(requests_total{revision="$(revision)",path="/a\"}b"
})", R"(r{pod=~"$(pods)",code=~"5..$"})",
        "r{\n  pod=~\"$(pods)\",\n  code=\"$\",\n}"
}) {
  EXPECT_EQ(selector_problem(good, SelectorUse::Counter), std::nullopt) << good;
}
  EXPECT_EQ(selector_problem(R"(latency_bucket{pod=~"$(pods)"
  })", SelectorUse::Buckets), std::nullopt);
  EXPECT_EQ(selector_problem(R"({__name__=~"latency_bucket",pod=~"$(pods)"
  })", SelectorUse::Buckets), std::nullopt);
  }

  struct Bad {
    const char* selector;
    const char* part;  // of the message
  };

  TEST(Selector, OthersAreRefusedWithWhatToDo) {
  const Bad cases[] = {
      {"", "write a plain selector"},
      {"$(pods)", "write a plain selector"},
      {R"(rate(requests_total{pod=~"$(pods)"}[5m]))", "leave out rate()"},
      {R"(requests_total{pod=~"$(pods)"}[5m])", "leave out rate()"},
      {R"(requests_total{pod=~"$(pods)"} offset 5m)", "leave out rate()"},
      {R"(requests_total{pod=~"$(pods)"} + 1)", "leave out rate()"},
      {R"(requests_total{pod=~"$(pods)")", "write a plain selector"},
      {R"(requests_total{pod=~"$(pods)})", "write a plain selector"},
      {R"(requests_total{pod=$(pods)})", "write a plain selector"},
      {R"(requests_total{pod~"$(pods)"})", "write a plain selector"},
      {R"(requests_total{"$(pods)"})", "write a plain selector"},
      {R"(requests_total{a="$(pods)" b="c"})", "write a plain selector"},
      {R"(5xx_total{pod=~"$(pods)"})", "write a plain selector"},
      {R"({pod=~"$(pods)"})", "names no metric"},
      {R"(requests_total{pod=~"$(pod)"})", "unknown placeholder $(pod): write $(pods), $(service)"},
      {R"(requests_total{pod=~"$(pods)",x="$()"})", "unknown placeholder $()"},
      {R"(requests_total{pod=~"$(pods"})", "unknown placeholder $(pods\"}"},
      {R"(requests_total{pod=~"$(Pods)"})", "unknown placeholder $(Pods)"},
      {R"(requests_total{version="$(version)"})", "unknown placeholder $(version)"},
      {"requests_total", "tell them apart by a matcher with $(pods), $(service) or $(revision)"},
      {R"(requests_total{namespace="$(namespace)",app="$(rollout)"})", "counts both revisions alike"},
  };
  for (const Bad& bad : cases) {
    const auto problem = selector_problem(bad.selector, SelectorUse::Counter);
    ASSERT_TRUE(problem) << bad.selector;
    EXPECT_NE(problem->find(bad.part), std::string::npos) << bad.selector << " -> " << *problem;
  }
  }

TEST(Selector, BucketsAreASeriesOfTheirOwn) {
  EXPECT_EQ(selector_problem(R"(latency_bucket{le="0.25",pod=~"$(pods)"})", SelectorUse::Buckets),
            "remove the matcher of le: `above` chooses the bucket");
  EXPECT_EQ(selector_problem(R"(latency_sum{pod=~"$(pods)"
  })", SelectorUse::Buckets),
            "write the histogram's series of buckets, whose name ends in _bucket");
  EXPECT_EQ(selector_problem(R"(latency_bucket{le="0.25",pod=~"$(pods)"
  })", SelectorUse::Counter), std::nullopt);
  }

  }  // namespace
  }  // namespace sluice::api
