// One HTTP server, seen through the narrowest interface that a controller needs.
//
// Calls block on the caller's own thread, carry a deadline for the whole exchange, can be cancelled by a stop
// token, and answer with a value: no exception and no type of the library below leaves this folder. `send`
// reads a whole body up to a limit; `stream` hands over the body piece by piece as it arrives and returns
// when the other side ends it.
//
// A Transport is thread-safe. Requests of one Transport share its connection pool.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace sluice::http {

enum class Method { Get, Post, Put, Patch, Delete };

using Headers = std::vector<std::pair<std::string, std::string>>;

// The first value of a header, compared without regard to case.
std::optional<std::string> find_header(const Headers& headers, std::string_view name);

struct Request {
  Method method = Method::Get;
  std::string
      path;  // with the query, already encoded: "/api/v1/pods?limit=5"; the endpoint's prefix goes before it
  Headers headers;  // no Host, no Content-Length
  std::string body;
  Duration deadline = seconds(10);   // for the whole exchange; for `stream`: until the headers arrived
  std::function<void()> begun;       // for `stream`, may be empty: called as on_bytes once a 2xx answer has begun
  std::size_t max_body = 64u << 20;  // bytes; a larger answer is ErrorCode::TooLarge
  // The server may see this request more than once without harm. It is then sent again when a kept-alive
  // connection turns out to be closed: once by us, and perhaps once by the library; never when the connection
  // was new. GET always is. Anything else travels on a connection of its own instead, so that neither we nor
  // the library below ever send it twice. A request that timed out is never sent again.
  bool repeatable = false;
  bool fresh_connection = false;  // not on a kept-alive one: e.g. after the client certificate has changed
};

struct Response {
  int status = 0;
  Headers headers;  // values of repeated headers joined by ", "
  std::string body;
};

// What `stream` learned: the status, and the body when the status is not 2xx (capped at Request::max_body).
struct StreamEnd {
  int status = 0;
  Headers headers;
  std::string error_body;
};

class Transport {
 public:
  virtual ~Transport() = default;

  // Any HTTP status is a success here; redirects are not followed. Errors: Timeout, Cancelled, TooLarge,
  // Unavailable (refused, reset, closed early, name not found, not HTTP), Invalid (the request cannot be sent
  // as it is; or TLS: the peer is not who it should be, or wants a certificate; the message says what).
  virtual Result<Response> send(const Request& request, std::stop_token stop) = 0;

  // Calls `on_bytes` on the caller's thread, before this call returns, for each piece of a 2xx body as it
  // arrives. While `on_bytes` runs nothing more is read. Silence longer than `idle` between pieces ends it
  // with Timeout. `on_bytes` returns false to end the stream (Cancelled); it must not throw. Success: the
  // body came to its end.
  virtual Result<StreamEnd> stream(const Request& request, Duration idle,
                                   const std::function<bool(std::string_view)>& on_bytes,
                                   std::stop_token stop) = 0;
};

struct TlsOptions {
  std::string ca_pem;  // a bundle of certificates; empty: the system's certificate authorities
  bool insecure_skip_verify = false;
  // Asked for each new connection, so that rotated client certificates are picked up; must return quickly,
  // may be called from any thread. Both empty: none.
  std::function<std::pair<std::string, std::string>()>
      client_certificate;  // {certificate chain PEM, key PEM}
};

struct Endpoint {
  std::string base_url;  // scheme://host[:port][/prefix]
  TlsOptions tls;
  std::string user_agent = "sluice";
};

// Errors: Invalid when the URL cannot be used (IPv6 addresses among them) or the CA bundle cannot be read.
// A Transport may be destroyed when no call is inside it.
Result<std::unique_ptr<Transport>> make_transport(const Endpoint& endpoint);

// Readies the network library in this process; call first thing in main, before there are other threads: it sets
// environment variables (http/environment.h says why). Without it all works, with about 40 ms of CPU more for each
// new TLS connection. The library has one thread in any case: what waits, waits on the caller's. Who uses OpenSSL
// before this, or before the first make_transport, must not let main return while connections are being closed:
// OpenSSL then cleans up after itself at exit, under the hands of that thread.
void prepare_network();

// "NAME=value" of each variable that this process was started with: what programs that we start should get.
std::vector<std::string> child_environment();

// Percent-encodes a query value or a path segment.
std::string percent_encode(std::string_view text);

}  // namespace sluice::http
