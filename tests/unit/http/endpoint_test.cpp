#include "http/endpoint.h"

#include <gtest/gtest.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "http/environment.h"
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

// The environment is hidden once in a process, before it has other threads: each of these has a process of its own.
class SystemCertificates : public ::testing::Test {
 protected:
  SystemCertificates() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  template <typename Body>
  static void in_a_process(const Body& body) {
    const auto run = [&] {
      body();
      const auto& result = *::testing::UnitTest::GetInstance()->current_test_info()->result();
      for (int i = 0; i < result.total_part_count(); ++i) std::cerr << result.GetTestPartResult(i).message() << '\n';
      std::_Exit(result.Failed() ? 1 : 0);
    };
    EXPECT_EXIT(run(), ::testing::ExitedWithCode(0), "");
  }
  static void expect_hidden() {
    for (const char* name : {"SSL_CERT_FILE", "SSL_CERT_DIR"}) {
      const char* value = std::getenv(name);
      ASSERT_NE(value, nullptr) << name;
      EXPECT_STRNE(value, "") << name;
      EXPECT_FALSE(std::filesystem::exists(value)) << name << " is " << value;
    }
  }
};

TEST_F(SystemCertificates, TheUsersOwnStillCountAndReachTheProgramsThatAreStarted) {
  in_a_process([] {
    ::setenv("SSL_CERT_FILE", "/dev/null", 1);
    ::setenv("SSL_CERT_DIR", "/dev", 1);
    const auto before = child_environment();
    prepare_network();
    expect_hidden();
    prepare_network();  // what it has hidden itself is not the user's
    EXPECT_TRUE(child_environment() == before);  // not EXPECT_EQ, which would print secrets
    EXPECT_EQ(std::ranges::count(before, "SSL_CERT_FILE=/dev/null"), 1);
    EXPECT_EQ(std::ranges::count(before, "SSL_CERT_DIR=/dev"), 1);
    EXPECT_EQ(system_ca_file(), "/dev/null");
    EXPECT_EQ(system_ca_directory(), "/dev");
  });
}

TEST_F(SystemCertificates, AreThoseOfOpenSSLWhenTheUserHasSetNone) {
  in_a_process([] {
    ::setenv("SSL_CERT_FILE", "", 1);
    ::unsetenv("SSL_CERT_DIR");
    hide_system_certificates();
    expect_hidden();
    for (const std::string& variable : child_environment()) {
      EXPECT_FALSE(variable.starts_with("SSL_CERT_DIR=")) << variable;
    }
    EXPECT_EQ(system_ca_file(), X509_get_default_cert_file());
    EXPECT_EQ(system_ca_directory(), X509_get_default_cert_dir());
  });
}

}  // namespace
}  // namespace sluice::http
