#include "support/http_server.h"

#include <array>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstring>
#include <optional>
#include <stdexcept>

namespace sluice::test {

namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

Bio reader(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free);
}

std::shared_ptr<X509> certificate_from(const std::string& pem) {
  return {PEM_read_bio_X509(reader(pem).get(), nullptr, nullptr, nullptr), &X509_free};
}

bool same_text(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

// The server's side of TLS: one context for all connections.
struct HttpServer::Tls {
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_server_method()), &SSL_CTX_free};

  explicit Tls(const ServerTls& options) {
    const auto certificate = certificate_from(options.certificate_pem);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        PEM_read_bio_PrivateKey(reader(options.key_pem).get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
    SSL_CTX_use_certificate(context.get(), certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), key.get());
    if (options.client_ca_pem.empty()) return;
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), certificate_from(options.client_ca_pem).get());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    const unsigned char id[] = "sluice-test";
    SSL_CTX_set_session_id_context(context.get(), id, sizeof(id) - 1);
  }
};

// One accepted socket. Only its own thread reads and writes; shut_down may come from any.
class ServerConnection {
 public:
  ServerConnection(HttpServer& server, int socket, int number)
      : server_(server), socket_(socket), number_(number) {}
  ~ServerConnection() { close_socket(); }

  void run() {
    if (server_.tls_ && !handshake()) return close_socket();
    while (open_) {
      auto request = read_request();
      if (!request) break;
      {
        const std::lock_guard lock(server_.mutex_);
        server_.requests_.push_back(*request);
      }
      HttpExchange exchange(*this, std::move(*request));
      server_.script_(exchange);
    }
    close_socket();
  }

  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      const long sent = ssl_ ? SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                             : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  void close_socket() {
    const std::lock_guard lock(mutex_);
    open_ = false;
    if (socket_ < 0) return;
    // Without TLS's own goodbye: an abrupt end is what a crashed server gives.
    ::shutdown(socket_, SHUT_RDWR);
    ::close(socket_);
    socket_ = -1;
  }

  void reset() {
    const std::lock_guard lock(mutex_);
    open_ = false;
    if (socket_ < 0) return;
    const linger at_once{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    ::close(socket_);
    socket_ = -1;
  }

  // From another thread: wakes whatever the connection's own thread waits for.
  void shut_down() {
    const std::lock_guard lock(mutex_);
    open_ = false;
    if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
  }

  // Closing with bytes unread resets the connection, and the alert that says why may then never be read. So: no
  // more from here, and wait until the other side is done as well.
  void end_politely() {
    ::shutdown(socket_, SHUT_WR);
    std::array<char, 4096> unread{};
    pollfd poll_for{socket_, POLLIN, 0};
    while (::poll(&poll_for, 1, 2000) > 0 && ::read(socket_, unread.data(), unread.size()) > 0) {
    }
  }

  bool wait_for_close(std::chrono::milliseconds longest) {
    const auto until = std::chrono::steady_clock::now() + longest;
    while (open_ && socket_ >= 0) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      if (left.count() <= 0) return false;
      pollfd poll_for{socket_, POLLIN | POLLRDHUP, 0};
      if (::poll(&poll_for, 1, static_cast<int>(left.count())) <= 0) continue;
      if ((poll_for.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) return true;
      // Bytes that nobody asked for (a TLS alert): drop them.
      char scratch[256];
      if (::recv(socket_, scratch, sizeof(scratch), 0) <= 0) return true;
    }
    return true;
  }

 private:
  bool handshake() {
    ssl_.reset(SSL_new(server_.tls_->context.get()), &SSL_free);
    SSL_set_fd(ssl_.get(), socket_);
    const bool done = SSL_accept(ssl_.get()) == 1;
    const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
    if (!done) end_politely();
    const std::lock_guard lock(server_.mutex_);
    server_.server_names_.emplace_back(name != nullptr ? name : "");
    if (!done) return false;
    if (const std::unique_ptr<X509, decltype(&X509_free)> peer(SSL_get1_peer_certificate(ssl_.get()),
                                                               &X509_free);
        peer) {
      char text[256] = "";
      X509_NAME_get_text_by_NID(X509_get_subject_name(peer.get()), NID_commonName, text, sizeof(text));
      server_.client_subjects_.emplace_back(text);
    }
    return true;
  }

  bool read_more() {
    char piece[16384];
    const long got =
        ssl_ ? SSL_read(ssl_.get(), piece, sizeof(piece)) : ::recv(socket_, piece, sizeof(piece), 0);
    if (got <= 0) return false;
    buffer_.append(piece, static_cast<std::size_t>(got));
    return true;
  }

  std::optional<ReceivedRequest> read_request() {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!read_more()) return std::nullopt;
    }
    ReceivedRequest out;
    out.connection = number_;
    parse_head(buffer_.substr(0, end), out);
    buffer_.erase(0, end + 4);
    const std::string length = out.header("Content-Length");
    const std::size_t size = length.empty() ? 0 : std::stoul(length);
    while (buffer_.size() < size) {
      if (!read_more()) return std::nullopt;
    }
    out.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return out;
  }

  static void parse_head(const std::string& head, ReceivedRequest& out) {
    std::size_t begin = 0;
    for (bool first = true; begin < head.size(); first = false) {
      const std::size_t end = std::min(head.find("\r\n", begin), head.size());
      const std::string line = head.substr(begin, end - begin);
      begin = end + 2;
      if (first) {
        const std::size_t a = line.find(' ');
        const std::size_t b = line.rfind(' ');
        out.method = line.substr(0, a);
        out.target = line.substr(a + 1, b - a - 1);
        continue;
      }
      const std::size_t colon = line.find(':');
      if (colon == std::string::npos) continue;
      const std::size_t value = line.find_first_not_of(' ', colon + 1);
      out.headers.emplace_back(line.substr(0, colon), value == std::string::npos ? "" : line.substr(value));
    }
  }

  HttpServer& server_;
  std::mutex mutex_;  // guards closing against shut_down
  std::atomic<int> socket_;
  std::atomic<bool> open_{true};
  const int number_;
  std::shared_ptr<SSL> ssl_;
  std::string buffer_;
};

std::string ReceivedRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (same_text(key, name)) return value;
  }
  return {};
}

void HttpExchange::respond(int status, std::string_view body, const Headers& headers) {
  std::string head = "HTTP/1.1 " + std::to_string(status) + " X\r\n";
  for (const auto& [name, value] : headers) head += name + ": " + value + "\r\n";
  head += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  write(head + std::string(body));
}

void HttpExchange::respond_json(int status, std::string_view body, Headers headers) {
  headers.emplace_back("Content-Type", "application/json");
  respond(status, body, headers);
}

void HttpExchange::begin_chunked(int status, const Headers& headers) {
  std::string head = "HTTP/1.1 " + std::to_string(status) + " X\r\nTransfer-Encoding: chunked\r\n";
  for (const auto& [name, value] : headers) head += name + ": " + value + "\r\n";
  write(head + "\r\n");
}

void HttpExchange::chunk(std::string_view data) {
  char size[32];
  std::snprintf(size, sizeof(size), "%zx\r\n", data.size());
  write(size + std::string(data) + "\r\n");
}

void HttpExchange::end_chunked() {
  write("0\r\n\r\n");
}
bool HttpExchange::write(std::string_view bytes) {
  return connection_.write(bytes);
}
void HttpExchange::close() {
  connection_.close_socket();
}
void HttpExchange::reset() {
  connection_.reset();
}
bool HttpExchange::wait_for_close(std::chrono::milliseconds longest) {
  return connection_.wait_for_close(longest);
}

HttpServer::HttpServer(Script script, const ServerTls& tls)
    : HttpServer(std::move(script), std::make_shared<Tls>(tls)) {}

HttpServer::HttpServer(Script script, std::shared_ptr<Tls> tls)
    : script_(std::move(script)), tls_(std::move(tls)) {
  std::signal(SIGPIPE, SIG_IGN);  // SSL_write has no MSG_NOSIGNAL
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 256) != 0 ||
      ::getsockname(listener_, generic, &size) != 0) {
    throw std::runtime_error(std::string("test server: ") + std::strerror(errno));
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_loop(); });
}

HttpServer::~HttpServer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  close_connections();
  for (std::thread& thread : threads_) thread.join();
}

void HttpServer::accept_loop() {
  for (;;) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0 || stopping_) {
      if (socket >= 0) ::close(socket);
      return;
    }
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    auto connection = std::make_shared<ServerConnection>(*this, socket, ++connections_made_);
    const std::lock_guard lock(mutex_);
    connections_.push_back(connection);
    threads_.emplace_back([connection] { connection->run(); });
  }
}

void HttpServer::close_connections() {
  std::vector<std::shared_ptr<ServerConnection>> open;
  {
    const std::lock_guard lock(mutex_);
    open = connections_;
  }
  for (const auto& connection : open) connection->shut_down();
}

std::string HttpServer::url(const std::string& host) const {
  return (tls_ ? "https://" : "http://") + host + ":" + std::to_string(port_);
}

std::vector<ReceivedRequest> HttpServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::size_t HttpServer::request_count() const {
  const std::lock_guard lock(mutex_);
  return requests_.size();
}

std::vector<std::string> HttpServer::server_names() const {
  const std::lock_guard lock(mutex_);
  return server_names_;
}

std::vector<std::string> HttpServer::client_subjects() const {
  const std::lock_guard lock(mutex_);
  return client_subjects_;
}

}  // namespace sluice::test
