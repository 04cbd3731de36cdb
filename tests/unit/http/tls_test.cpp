#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <cstdlib>

#include "http/transport.h"
#include "support/certificates.h"
#include "support/http_server.h"

namespace sluice::http {
namespace {

using test::CertificateAuthority;
using test::HttpExchange;
using test::HttpServer;
using test::KeyPair;

void say_hello(HttpExchange& http) {
  http.respond(200, "hello");
}

Result<Response> fetch(const std::string& url, const TlsOptions& tls) {
  auto transport = make_transport({url, tls, "sluice-test/1"});
  if (!transport) return transport.error();
  Request request;
  request.path = "/";
  return (*transport)->send(request, {});
}

TlsOptions trusting(const CertificateAuthority& ca) {
  return {ca.pem(), false, nullptr};
}

void expect_refused(const Result<Response>& result, const std::string& why) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::Invalid) << result.error().message;
  EXPECT_NE(result.error().message.find(why), std::string::npos) << result.error().message;
}

class TlsTest : public ::testing::Test {
 protected:
  CertificateAuthority ca_{"ca"};
  CertificateAuthority other_ca_{"other ca"};
};

TEST_F(TlsTest, TrustsTheGivenAuthorityOnly) {
  const KeyPair pair = ca_.issue_for_loopback();
  HttpServer server(say_hello, {pair.certificate_pem, pair.key_pem, ""});
  const auto good = fetch(server.url(), trusting(ca_));
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ(good->body, "hello");
  // A bundle is used whole.
  EXPECT_TRUE(fetch(server.url(), {other_ca_.pem() + ca_.pem(), false, nullptr}));
  expect_refused(fetch(server.url(), trusting(other_ca_)), "issuer certificate");
  expect_refused(fetch(server.url(), {}), "issuer certificate");
}

TEST_F(TlsTest, TheNameMustFit) {
  const KeyPair wrong = ca_.issue({"127.0.0.1", {"example.com"}, {"10.0.0.1"}});
  HttpServer server(say_hello, {wrong.certificate_pem, wrong.key_pem, ""});
  expect_refused(fetch(server.url(), trusting(ca_)), "IP address mismatch");
  expect_refused(fetch(server.url("localhost"), trusting(ca_)), "hostname mismatch");
}

TEST_F(TlsTest, NamesAreSentButAddressesAreNot) {
  const KeyPair pair = ca_.issue_for_loopback();
  HttpServer server(say_hello, {pair.certificate_pem, pair.key_pem, ""});
  ASSERT_TRUE(fetch(server.url("localhost"), trusting(ca_)));
  ASSERT_TRUE(fetch(server.url("127.0.0.1"), trusting(ca_)));
  EXPECT_EQ(server.server_names(), (std::vector<std::string>{"localhost", ""}));
}

TEST_F(TlsTest, AnExpiredCertificateIsRefused) {
  test::CertificateRequest expired{"server", {}, {"127.0.0.1"}};
  expired.valid_until_seconds = -60;
  const KeyPair pair = ca_.issue(expired);
  HttpServer server(say_hello, {pair.certificate_pem, pair.key_pem, ""});
  expect_refused(fetch(server.url(), trusting(ca_)), "expired");
}

TEST_F(TlsTest, VerificationCanBeSwitchedOff) {
  const KeyPair pair = ca_.issue({"x", {"example.com"}, {}});
  HttpServer server(say_hello, {pair.certificate_pem, pair.key_pem, ""});
  const auto answer = fetch(server.url(), {"", true, nullptr});
  EXPECT_TRUE(answer) << answer.error().message;
}

TEST_F(TlsTest, AClientCertificateIsShownWhenAsked) {
  const KeyPair pair = ca_.issue_for_loopback();
  HttpServer server(say_hello, {pair.certificate_pem, pair.key_pem, ca_.pem()});
  expect_refused(fetch(server.url(), trusting(ca_)), "certificate required");

  const KeyPair mine = ca_.issue({"operator", {}, {}});
  TlsOptions tls = trusting(ca_);
  tls.client_certificate = [&] { return std::make_pair(mine.certificate_pem, mine.key_pem); };
  const auto answer = fetch(server.url(), tls);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(server.client_subjects(), (std::vector<std::string>{"operator"}));
}

TEST_F(TlsTest, ARotatedClientCertificateIsUsedByTheNextConnection) {
  const KeyPair pair = ca_.issue_for_loopback();
  HttpServer server(say_hello, {pair.certificate_pem, pair.key_pem, ca_.pem()});
  KeyPair mine = ca_.issue({"before", {}, {}});
  TlsOptions tls = trusting(ca_);
  tls.client_certificate = [&] { return std::make_pair(mine.certificate_pem, mine.key_pem); };
  auto transport = make_transport({server.url(), tls, "sluice-test/1"});
  ASSERT_TRUE(transport);
  Request request;
  request.path = "/";
  ASSERT_TRUE((*transport)->send(request, {}));
  mine = ca_.issue({"after", {}, {}});
  request.fresh_connection = true;
  ASSERT_TRUE((*transport)->send(request, {}));
  EXPECT_EQ(server.client_subjects(), (std::vector<std::string>{"before", "after"}));
}

TEST_F(TlsTest, AnUnusableClientCertificateIsAnErrorNotACrash) {
  const KeyPair pair = ca_.issue_for_loopback();
  HttpServer server(say_hello, {pair.certificate_pem, pair.key_pem, ca_.pem()});
  const KeyPair mine = ca_.issue({"operator", {}, {}});
  const KeyPair another = ca_.issue({"another", {}, {}});
  const std::pair<std::string, std::string> bad[] = {{"rubbish", mine.key_pem},
                                                     {mine.certificate_pem, "rubbish"},
                                                     {mine.certificate_pem, another.key_pem},
                                                     {mine.certificate_pem, ""}};
  for (const auto& material : bad) {
    TlsOptions tls = trusting(ca_);
    tls.client_certificate = [&] { return material; };
    expect_refused(fetch(server.url(), tls), "client certificate");
  }
  EXPECT_EQ(server.request_count(), 0u);
}

TEST_F(TlsTest, TlsAndPlainHttpDoNotMix) {
  HttpServer plain(say_hello);
  const auto answer = fetch("https://127.0.0.1:" + std::to_string(plain.port()), trusting(ca_));
  ASSERT_FALSE(answer);
  const KeyPair pair = ca_.issue_for_loopback();
  HttpServer tls(say_hello, {pair.certificate_pem, pair.key_pem, ""});
  EXPECT_FALSE(fetch("http://127.0.0.1:" + std::to_string(tls.port()), {}));
}

TEST_F(TlsTest, AServerThatClosesIdleConnectionsIsNotNoticed) {
  const KeyPair pair = ca_.issue_for_loopback();
  HttpServer server(say_hello, {pair.certificate_pem, pair.key_pem, ""});
  auto transport = make_transport({server.url(), trusting(ca_), "sluice-test/1"});
  ASSERT_TRUE(transport);
  Request request;
  request.method = Method::Put;
  request.path = "/";
  request.body = "{}";
  request.repeatable = true;
  for (int i = 0; i < 20; ++i) {
    const auto answer = (*transport)->send(request, {});
    ASSERT_TRUE(answer) << i << ": " << answer.error().message;
    server.close_connections();
  }
}

TEST_F(TlsTest, StreamsComeThroughWhole) {
  const KeyPair pair = ca_.issue_for_loopback();
  HttpServer server(
      [](HttpExchange& http) {
        http.begin_chunked();
        for (int i = 0; i < 200; ++i) http.chunk(std::string(1000, 'x'));
        http.end_chunked();
      },
      {pair.certificate_pem, pair.key_pem, ""});
  auto transport = make_transport({server.url(), trusting(ca_), "sluice-test/1"});
  ASSERT_TRUE(transport);
  Request request;
  request.path = "/";
  std::size_t read = 0;
  const auto end = (*transport)
                       ->stream(request, seconds(10),
                                [&](std::string_view bytes) { return read += bytes.size(), true; }, {});
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(read, 200'000u);
}

// At exit the network thread may still be closing connections, and would wait for ever for a lock that is freed.
[[noreturn]] void exit_with_3_if_openssl_cleans_up() {
  prepare_network();
  (void)CertificateAuthority("ca");  // uses it
  OPENSSL_atexit([] { std::_Exit(3); });
  std::exit(0);
}

TEST(TlsAtExit, NothingIsFreedUnderTheHandsOfTheNetworkThread) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(exit_with_3_if_openssl_cleans_up(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace sluice::http
