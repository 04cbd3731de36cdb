#include "base/base64.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

// The vectors of RFC 4648 section 10.
TEST(Base64, KnownVectors) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(base64_encode(plain), encoded);
    EXPECT_EQ(base64_decode(encoded), plain);
    const std::string unpadded = std::string(encoded).substr(0, std::string(encoded).find('='));
    EXPECT_EQ(base64url_encode(plain), unpadded);
    EXPECT_EQ(base64url_decode(unpadded), plain);
  }
}

TEST(Base64, TheTwoAlphabetsDifferInTheLastTwoDigits) {
  EXPECT_EQ(base64_encode("\xFB\xFF\xBF"), "+/+/");
  EXPECT_EQ(base64url_encode("\xFB\xFF\xBF"), "-_-_");
  EXPECT_EQ(base64_decode("-_-_"), std::nullopt);
  EXPECT_EQ(base64url_decode("+/+/"), std::nullopt);
}

TEST(Base64, AllBytesComeBack) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes += static_cast<char>(i);
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    EXPECT_EQ(base64url_decode(base64url_encode(bytes)), bytes);
  }
}

TEST(Base64, RefusesWhatIsNone) {
  EXPECT_EQ(base64_decode(" Zm\n9v "), "foo");
  for (const char* bad : {"Zm9", "Z", "Zg=", "Zg===", "Z=g=", "Zm9v!", "Zg==Zg=="}) {
    EXPECT_EQ(base64_decode(bad), std::nullopt) << bad;
  }
}

TEST(Base64, ForUrlsThereIsOneTextForTheSameBytes) {
  // "Zh" and "Zg" differ in bits that no byte holds.
  for (const char* bad : {"Zh", "Zm9", "Z", "Zg==", "Zm 9v", "Zm9v\n", "Zm9vZ"}) {
    EXPECT_EQ(base64url_decode(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace sluice
