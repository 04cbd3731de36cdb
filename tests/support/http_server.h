// A tiny HTTP/1.1 server for tests, on a free port of 127.0.0.1, that does exactly what its script says:
// answer, answer slowly, cut a chunk in two, close in the middle, reset, or say nothing.
//
//   HttpServer server([](HttpExchange& http) { http.respond(200, "hello"); });
//   get(server.url() + "/x");
//
// One thread a connection; the script runs once a request, on the connection's thread. Scripts wait with
// `wait_for_close` or on the test's own latches, never by sleeping blindly; the destructor closes all
// connections, which wakes them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::test {

struct ReceivedRequest {
  std::string method;
  std::string target;  // path and query as sent
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  int connection = 0;  // which connection of the server it came by, from 1 on

  // Empty when missing; compared without regard to case.
  std::string header(std::string_view name) const;
};

class ServerConnection;

// One request and the means to answer it.
class HttpExchange {
 public:
  HttpExchange(ServerConnection& connection, ReceivedRequest request)
      : connection_(connection), request_(std::move(request)) {}

  const ReceivedRequest& request() const { return request_; }

  using Headers = std::vector<std::pair<std::string, std::string>>;
  // A whole answer with Content-Length.
  void respond(int status, std::string_view body = "", const Headers& headers = {});
  // The same with Content-Type: application/json.
  void respond_json(int status, std::string_view body, Headers headers = {});

  void begin_chunked(int status = 200, const Headers& headers = {});
  void chunk(std::string_view data);
  void end_chunked();

  // Bytes as they are. False when the client is gone.
  bool write(std::string_view bytes);

  void close();  // FIN, after this answer or in the middle of it
  void reset();  // RST
  // Waits until the client closes its side, the server is destroyed, or the time is over (false).
  bool wait_for_close(std::chrono::milliseconds longest = std::chrono::seconds(20));

 private:
  ServerConnection& connection_;
  ReceivedRequest request_;
};

struct ServerTls {
  std::string certificate_pem;
  std::string key_pem;
  std::string client_ca_pem;  // not empty: a client certificate of this authority is required
};

class HttpServer {
 public:
  using Script = std::function<void(HttpExchange&)>;

  explicit HttpServer(Script script) : HttpServer(std::move(script), nullptr) {}
  HttpServer(Script script, const ServerTls& tls);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const { return port_; }
  // "http://127.0.0.1:port", https with TLS.
  std::string url(const std::string& host = "127.0.0.1") const;

  std::vector<ReceivedRequest> requests() const;  // all so far, in the order of their arrival
  std::size_t request_count() const;
  int connection_count() const { return connections_made_; }
  std::vector<std::string> server_names() const;     // SNI of each TLS handshake; "" when none was sent
  std::vector<std::string> client_subjects() const;  // common name of each client certificate shown

  // Closes the connections that are open now, as a server does with idle ones.
  void close_connections();

 private:
  friend class ServerConnection;
  struct Tls;
  HttpServer(Script script, std::shared_ptr<Tls> tls);
  void accept_loop();

  Script script_;
  std::shared_ptr<Tls> tls_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_made_{0};
  mutable std::mutex mutex_;
  std::vector<ReceivedRequest> requests_;
  std::vector<std::string> server_names_;
  std::vector<std::string> client_subjects_;
  std::vector<std::shared_ptr<ServerConnection>> connections_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace sluice::test
