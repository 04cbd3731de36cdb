#include "metrics/selector.h"

#include <gtest/gtest.h>

#include <array>
#include <regex>

namespace sluice::metrics {
namespace {

std::string with_edge(std::string_view selector, double edge) { return with_edges(selector, std::array{edge}); }

TEST(WithEdge, AddsAMatcherWhereverTheSelectorEnds) {
  const std::string matcher = with_edge("m", 1).substr(1);
  EXPECT_EQ(matcher.substr(0, 6), "{le=~\"");
  const std::string inner = matcher.substr(1);  // le=~"..."}
  EXPECT_EQ(with_edge(R"(m{a="b"})", 1), R"(m{a="b",)" + inner);
  EXPECT_EQ(with_edge(R"(m{a="b", } )", 1), R"(m{a="b", )" + inner);
  EXPECT_EQ(with_edge("m{ }", 1), "m{ " + inner);
  EXPECT_EQ(with_edge(R"({__name__="m",a="}"})", 1), R"({__name__="m",a="}",)" + inner);
  EXPECT_EQ(with_edge("", 1), "");
}

// The regular expression inside le=~"...", unescaped.
std::string regex_of(double edge) {
  const std::string selector = with_edge("m", edge);
  std::string out;
  for (std::size_t i = selector.find('"') + 1; i < selector.rfind('"'); ++i) {
    if (selector[i] == '\\') ++i;
    out += selector[i];
  }
  return out;
}

TEST(WithEdge, OfSeveralAsksForAllOfThem) {
  const std::string both = with_edges("m", std::array{0.25, 5.0});
  const std::string first = with_edge("m", 0.25);
  const std::string second = with_edge("m", 5.0);
  const std::string alternative = second.substr(second.find('|'));  // |5...."}
  EXPECT_EQ(both, first.substr(0, first.rfind('"')) + alternative);
  EXPECT_EQ(with_edges("m", {}), R"(m{le=~"\\+?[iI]nf"})");
}

TEST(WithEdge, FindsTheUsualSpellings) {
  const struct {
    double edge;
    std::vector<const char*> yes, no;
  } cases[] = {
      {0.25,
       {"0.25", "0.250", ".25", "2.5e-01", "2.5e-1", "2.50E-1", "+Inf", "Inf"},
       {"0.025", "1.25", "0.251", "2.5"}},
      {1, {"1", "1.0", "1.000", "1e0", "1e+00"}, {"10", "0.1", "1.05", "11", "1e01"}},
      {250, {"250", "250.0", "2.5e+02", "2.5E2"}, {"25", "2500", "250.1"}},
      {1e6, {"1000000", "1000000.0", "1e+06", "1.0E6", "1e6"}, {"1e+05", "100000", "1e-06"}},
      {0.005, {"0.005", "5e-03", "5.0E-3"}, {"0.05", "0.0051"}},
  };
  for (const auto& c : cases) {
    const std::regex regex(regex_of(c.edge));
    for (const char* text : c.yes) EXPECT_TRUE(std::regex_match(text, regex)) << c.edge << " " << text;
    for (const char* text : c.no) EXPECT_FALSE(std::regex_match(text, regex)) << c.edge << " " << text;
  }
}

}  // namespace
}  // namespace sluice::metrics
