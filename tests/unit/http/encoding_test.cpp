#include <gtest/gtest.h>

#include "http/transport.h"

namespace sluice::http {
namespace {

TEST(PercentEncode, KeepsOnlyUnreservedCharacters) {
  EXPECT_EQ(percent_encode("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(percent_encode("a=b,c in (d,e)"), "a%3Db%2Cc%20in%20%28d%2Ce%29");
  EXPECT_EQ(percent_encode("a/b?c#d&e+f%g"), "a%2Fb%3Fc%23d%26e%2Bf%25g");
  EXPECT_EQ(percent_encode("\xC3\xA4"), "%C3%A4");
  EXPECT_EQ(percent_encode(std::string_view("\0", 1)), "%00");
  EXPECT_EQ(percent_encode(""), "");
}

TEST(FindHeader, IgnoresCaseAndTakesTheFirst) {
  const Headers headers{{"Retry-After", "3"}, {"retry-after", "4"}, {"X", ""}};
  EXPECT_EQ(find_header(headers, "retry-AFTER"), "3");
  EXPECT_EQ(find_header(headers, "x"), "");
  EXPECT_EQ(find_header(headers, "Retry"), std::nullopt);
}

}  // namespace
}  // namespace sluice::http
