#include "app/web_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace sluice::app {
namespace {

// "200 body". Without the network library, whose thread would outlive this test: others fork.
std::string get_page(int port, const std::string& path) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  std::string answer;
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  if (connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      send(connection, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
    std::array<char, 1024> piece{};
    for (ssize_t size = 0; (size = recv(connection, piece.data(), piece.size(), 0)) > 0;) {
      answer.append(piece.data(), static_cast<std::size_t>(size));
    }
  }
  close(connection);
  const auto body = answer.find("\r\n\r\n");
  if (body == std::string::npos) return "no answer: " + answer;
  return answer.substr(answer.find(' ') + 1, 4) + answer.substr(body + 4);
}

TEST(WebServer, AnswersOfChecksAreLinesAndTellByTheirStatus) {
  CheckResult health;
  WebPages pages;
  pages.healthz = [&health] { return health; };
  pages.readyz = [] { return CheckResult{true, "ok: stands by"}; };
  pages.metrics = [] { return std::string("up 1\n"); };
  const auto server = serve("127.0.0.1:0", std::move(pages));
  ASSERT_TRUE(server) << server.error().message;
  const auto get = [&](const std::string& path) { return get_page((*server)->port(), path); };
  EXPECT_EQ(get("/healthz"), "200 ok\n");
  EXPECT_EQ(get("/readyz"), "200 ok: stands by\n");
  EXPECT_EQ(get("/metrics"), "200 up 1\n");
  health = {false, "a reconcile hangs"};
  EXPECT_EQ(get("/healthz"), "503 a reconcile hangs\n");
}

}  // namespace
}  // namespace sluice::app
