#include "http/endpoint.h"

#include <gtest/gtest.h>

#include "http/transport.h"

namespace sluice::http {
namespace {

TEST(ParseAddress, TakesTheURLApart) {
  const auto plain = parse_address("http://prometheus.monitoring");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->tls);
  EXPECT_EQ(plain->host, "prometheus.monitoring");
  EXPECT_EQ(plain->port, 80);
  EXPECT_EQ(plain->prefix, "");
  EXPECT_FALSE(plain->host_is_ip);

  const auto full = parse_address("https://API.Example.com:6443/k8s/clusters/c-1//");
  ASSERT_TRUE(full);
  EXPECT_TRUE(full->tls);
  EXPECT_EQ(full->host, "api.example.com");
  EXPECT_EQ(full->port, 6443);
  EXPECT_EQ(full->prefix, "/k8s/clusters/c-1");
  EXPECT_EQ(full->origin(), "https://api.example.com:6443");

  const auto ip = parse_address("https://10.0.0.1");
  ASSERT_TRUE(ip);
  EXPECT_TRUE(ip->host_is_ip);
  EXPECT_EQ(ip->port, 443);
}

TEST(ParseAddress, RefusesWhatCannotWorkAndSaysWhy) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "http://"},
      {"example.com:6443", "http://"},
      {"ftp://example.com", "http://"},
      {"https://", "no host"},
      {"https://:6443", "no host"},
      {"https://[::1]:6443", "IPv6"},
      {"https://fd00::1", "IPv6"},
      {"https://host:0", "port"},
      {"https://host:65536", "port"},
      {"https://host:", "port"},
      {"https://host:64x", "port"},
      {"https://ho st", "characters"},
      {"https://host/path?query", "query"},
      {"https://host/path#fragment", "fragment"},
      {"https://user:secret@host", "password"},
  };
  for (const auto& [url, why] : cases) {
    const auto address = parse_address(url);
    ASSERT_FALSE(address) << url;
    EXPECT_EQ(address.error().code, ErrorCode::Invalid) << url;
    EXPECT_NE(address.error().message.find(why), std::string::npos) << url << ": " << address.error().message;
    EXPECT_EQ(address.error().message.find("secret"), std::string::npos);
  }
}

TEST(MakeTransport, RefusesABundleWithoutCertificates) {
  const auto transport = make_transport({"https://host", {"not a certificate", false, nullptr}, "test"});
  ASSERT_FALSE(transport);
  EXPECT_EQ(transport.error().code, ErrorCode::Invalid);
}

TEST(ChildEnvironment, HasWhatThisProcessWasStartedWith) {
  bool path = false;
  for (const std::string& variable : child_environment()) path = path || variable.starts_with("PATH=");
  EXPECT_TRUE(path);
}

}  // namespace
}  // namespace sluice::http
