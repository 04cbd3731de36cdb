#include "http/transport.h"

#include <cpprest/http_client.h>
#include <openssl/crypto.h>
#include <pplx/threadpool.h>

#include <algorithm>
#include <boost/asio/ssl/context.hpp>
#include <boost/system/system_error.hpp>
#include <cctype>
#include <charconv>

#include "base/log.h"
#include "http/endpoint.h"
#include "http/environment.h"
#include "http/exchange.h"
#include "http/push_buffer.h"
#include "http/tls.h"

namespace sluice::http {

namespace {

using web::http::client::http_client;
using SteadyClock = std::chrono::steady_clock;

// The library's own timeout must never fire: when it does on a kept-alive connection, the library takes that
// for a server that closed it and sends the request once more, a POST included. (0 would mean "at once".)
constexpr auto kNever = std::chrono::hours(24 * 365);

// An answer that ends a stream with an error is small; it must not take longer than this to read.
constexpr auto kErrorBodyTime = seconds(10);

SteadyClock::time_point after(Duration duration) {
  return SteadyClock::now() + std::clamp<Duration>(duration, Duration::zero(), kNever);
}

const char* method_name(Method method) {
  switch (method) {
    case Method::Get:
      return "GET";
    case Method::Post:
      return "POST";
    case Method::Put:
      return "PUT";
    case Method::Patch:
      return "PATCH";
    case Method::Delete:
      return "DELETE";
  }
  return "GET";
}

// The library lets a lone '%' through, and servers disagree about what it means.
bool percents_are_escapes(std::string_view path) {
  const auto is_hex = [&](std::size_t at) {
    return at < path.size() && std::isxdigit(static_cast<unsigned char>(path[at])) != 0;
  };
  for (std::size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1)) {
    if (!is_hex(at + 1) || !is_hex(at + 2)) return false;
  }
  return true;
}

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return std::iscntrl(c) != 0; });
}

Headers copy_headers(const web::http::http_headers& headers) {
  Headers out;
  for (const auto& [name, value] : headers) out.emplace_back(name, value);
  return out;
}

std::size_t content_length(const Headers& headers) {
  const auto text = find_header(headers, "Content-Length");
  std::size_t out = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), out);
  return out;
}

// Starts the request; what becomes of it arrives at `exchange`, from the library's threads.
void start(http_client& client, const web::http::http_request& request,
           const std::shared_ptr<Exchange>& exchange, const pplx::cancellation_token& token) {
  client.request(request, token).then([exchange](const pplx::task<web::http::http_response>& headers) {
    try {
      const web::http::http_response response = headers.get();
      exchange->on_head({response.status_code(), copy_headers(response.headers())});
      response.content_ready().then([exchange](const pplx::task<web::http::http_response>& body) {
        try {
          body.get();
          exchange->on_finished();
        } catch (...) {
          exchange->on_failed(current_fault());
        }
      });
    } catch (...) {
      exchange->on_failed(current_fault());
    }
  });
}

// The library closes the socket of a request that is cancelled, from whatever thread cancels it, while another may
// be in the middle of a read or a write that takes several steps; then boost::asio follows a null pointer
// (microsoft/cpprestsdk#1547). So all that touches a socket once its request is on its way happens on one thread:
// the library's pool has no other, and what we cancel is cancelled there.
constexpr std::size_t kNetworkThreads = 1;

void start_network_thread() {
  static std::once_flag once;
  std::call_once(once, [] {
    // When a process exits, OpenSSL frees all that it has, unless its first user says this; and the network thread,
    // which is joined only later, may still be closing connections: it would wait for ever for a lock that is gone.
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
    try {
      crossplat::threadpool::initialize_with_threads(kNetworkThreads);
    } catch (const std::exception&) {
      log::warn("something else in this process started the network library's threads; to give up a request is unsafe");
    }
  });
}

void cancel_on_network_thread(const pplx::cancellation_token_source& cancel) {
  pplx::create_task([cancel] { cancel.cancel(); });
}

// Ends an exchange on every way out: what the library still holds is let go and its connection closed, some moments
// later. After a complete answer both are without effect.
class Ending {
 public:
  Ending(Exchange& exchange, pplx::cancellation_token_source& cancel)
      : exchange_(exchange), cancel_(cancel) {}
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;
  ~Ending() {
    if (!complete_) cancel_on_network_thread(cancel_);
    exchange_.abandon();
  }
  void complete() { complete_ = true; }

 private:
  Exchange& exchange_;
  pplx::cancellation_token_source& cancel_;
  bool complete_ = false;
};

// How one attempt ended. `lost`: the connection went away before there was an answer.
struct Attempt {
  std::optional<Error> error;
  bool lost = false;
  int status = 0;
  Headers headers;
};

// How the body of an attempt is read.
struct Reader {
  SteadyClock::time_point head_deadline;
  std::function<SteadyClock::time_point(int status)> body_deadline;  // asked before each wait
  std::function<std::optional<Error>(int status, const Headers&)> on_head;
  std::function<bool(int status, std::string_view)> on_piece;  // false: enough
  std::function<Error()> refused;                              // what a false of on_piece means
};

class CpprestTransport final : public Transport {
 public:
  CpprestTransport(Address address, std::string user_agent, std::shared_ptr<TlsSettings> tls, bool verify)
      : address_(std::move(address)),
        user_agent_(std::move(user_agent)),
        tls_(std::move(tls)),
        verify_(verify) {
    unary_.client = new_client();
    streams_.client = new_client();
  }
  ~CpprestTransport() override { tls_->detach(); }

  Result<Response> send(const Request& request, std::stop_token stop) override;
  Result<StreamEnd> stream(const Request& request, Duration idle,
                           const std::function<bool(std::string_view)>& on_bytes,
                           std::stop_token stop) override;

 private:
  using Client = std::shared_ptr<http_client>;

  // A client is a pool of connections. Two of them, so that connections which streams leave behind are not
  // mixed with those of short calls.
  struct Pool {
    Client client;
    bool answered = false;  // so that it may hold a kept-alive connection; without one nothing is sent twice
  };

  Client new_client() const;
  Pool current(const Pool& pool) const;
  Client replace(Pool& pool, const Client& stale);
  void note_answer(Pool& pool, const Client& client);

  Result<web::http::http_request> build(const Request& request) const;
  Attempt perform(const Request& request, Pool& pool, const Reader& reader, const std::stop_token& stop);
  Attempt attempt(const Request& request, const Client& client, const Reader& reader,
                  const std::stop_token& stop);
  Attempt read_body(Exchange& exchange, const Reader& reader, const std::stop_token& stop);
  Attempt failed(const Exchange& exchange) const;
  Attempt ended(Exchange::Event event, const char* waiting_for) const;

  const Address address_;
  const std::string user_agent_;
  const std::shared_ptr<TlsSettings> tls_;
  const bool verify_;
  mutable std::mutex mutex_;
  Pool unary_;
  Pool streams_;
};

CpprestTransport::Client CpprestTransport::new_client() const {
  web::http::client::http_client_config config;
  config.set_timeout(std::chrono::duration_cast<std::chrono::microseconds>(kNever));
  config.set_max_redirects(0);  // it would send all headers, the token among them, to wherever it is told
  config.set_validate_certificates(verify_);
  config.set_tlsext_sni_enabled(!address_.host_is_ip);
  config.set_ssl_context_callback(
      [tls = tls_](boost::asio::ssl::context& context) { tls->configure(context.native_handle()); });
  return std::make_shared<http_client>(address_.origin(), config);
}

CpprestTransport::Pool CpprestTransport::current(const Pool& pool) const {
  const std::lock_guard lock(mutex_);
  return pool;
}

// A server that closed one idle connection has most likely closed them all (it was restarted): drop the pool.
CpprestTransport::Client CpprestTransport::replace(Pool& pool, const Client& stale) {
  const std::lock_guard lock(mutex_);
  if (pool.client == stale) pool = {new_client(), false};
  return pool.client;
}

void CpprestTransport::note_answer(Pool& pool, const Client& client) {
  const std::lock_guard lock(mutex_);
  if (pool.client == client) pool.answered = true;
}

Result<web::http::http_request> CpprestTransport::build(const Request& request) const {
  const auto invalid = [this](const char* why) {
    return Error{ErrorCode::Invalid, address_.origin() + ": " + why, {}};
  };
  if (!request.path.starts_with('/')) return invalid("the path of a request must begin with a slash");
  if (!percents_are_escapes(request.path)) return invalid("the path of a request has a % without two hex digits");
  for (const auto& [name, value] : request.headers) {
    if (has_control_character(name) || has_control_character(value)) {
      return invalid("a header of the request has a control character");
    }
  }
  try {
    web::http::http_request out(method_name(request.method));
    out.set_request_uri(web::uri(address_.prefix + request.path));
    if (!request.body.empty()) out.set_body(request.body, "application/json");
    out.headers()["User-Agent"] = user_agent_;
    for (const auto& [name, value] : request.headers) out.headers()[name] = value;
    return out;
  } catch (const std::exception& e) {
    return invalid(e.what());
  }
}

Attempt CpprestTransport::failed(const Exchange& exchange) const {
  Attempt out;
  out.error = to_error(exchange.fault(), address_.origin(), tls_->verification_failure());
  out.lost = is_lost_connection(exchange.fault());
  return out;
}

Attempt CpprestTransport::ended(Exchange::Event event, const char* waiting_for) const {
  Attempt out;
  if (event == Exchange::Event::Stopped) {
    out.error = Error{ErrorCode::Cancelled, address_.origin() + ": cancelled", {}};
  } else {
    out.error =
        Error{ErrorCode::Timeout, address_.origin() + ": timed out while waiting for " + waiting_for, {}};
  }
  return out;
}

Attempt CpprestTransport::read_body(Exchange& exchange, const Reader& reader, const std::stop_token& stop) {
  Attempt out;
  out.status = exchange.head().status;
  out.headers = exchange.head().headers;
  if (auto refusal = reader.on_head(out.status, out.headers)) {
    out.error = std::move(refusal);
    return out;
  }
  const auto consume = [&](std::string_view bytes) { return reader.on_piece(out.status, bytes); };
  for (;;) {
    const Exchange::Event event = exchange.wait_for_body(reader.body_deadline(out.status), stop);
    switch (event) {
      case Exchange::Event::Finished:
        return out;
      case Exchange::Event::Piece:
        if (!exchange.consume_piece(consume)) {
          out.error = reader.refused();
          return out;
        }
        break;
      case Exchange::Event::Failed:
        out.error = failed(exchange).error;  // not `lost`: there was an answer
        return out;
      default:
        out.error = ended(event, "the rest of the answer").error;
        return out;
    }
  }
}

Attempt CpprestTransport::attempt(const Request& request, const Client& client, const Reader& reader,
                                  const std::stop_token& stop) {
  auto message = build(request);
  if (!message) return Attempt{message.error(), false, 0, {}};
  auto exchange = std::make_shared<Exchange>();
  message->set_response_stream(make_push_stream(exchange));
  // One source a request: registrations on a shared token pile up.
  pplx::cancellation_token_source cancel;
  Ending ending(*exchange, cancel);
  start(*client, *message, exchange, cancel.get_token());

  const Exchange::Event event = exchange->wait_for_head(reader.head_deadline, stop);
  if (event == Exchange::Event::Failed) {
    ending.complete();
    return failed(*exchange);
  }
  if (event != Exchange::Event::Head) return ended(event, "an answer");
  Attempt out = read_body(*exchange, reader, stop);
  if (!out.error) ending.complete();
  return out;
}

Attempt CpprestTransport::perform(const Request& request, Pool& pool, const Reader& reader,
                                  const std::stop_token& stop) {
  if (stop.stop_requested()) return ended(Exchange::Event::Stopped, "");
  if (reader.head_deadline <= SteadyClock::now()) return ended(Exchange::Event::TimedOut, "a connection");
  const bool repeatable = request.repeatable || request.method == Method::Get;
  // On a connection of its own the library has no reason to send it again either.
  if (!repeatable) return attempt(request, new_client(), reader, stop);

  Pool used = current(pool);
  if (request.fresh_connection) used = {replace(pool, used.client), false};
  Attempt out = attempt(request, used.client, reader, stop);
  if (out.lost && used.answered) {
    used.client = replace(pool, used.client);
    out = attempt(request, used.client, reader, stop);
  }
  if (out.status != 0) note_answer(pool, used.client);
  return out;
}

Result<Response> CpprestTransport::send(const Request& request, std::stop_token stop) {
  Response response;
  const auto too_large = [&] {
    return Error{
        ErrorCode::TooLarge,
        address_.origin() + ": the answer is larger than " + std::to_string(request.max_body) + " bytes",
        {}};
  };
  Reader reader;
  reader.head_deadline = after(request.deadline);
  reader.body_deadline = [&](int) { return reader.head_deadline; };
  reader.on_head = [&](int, const Headers& headers) -> std::optional<Error> {
    if (content_length(headers) > request.max_body) return too_large();
    return std::nullopt;
  };
  reader.on_piece = [&](int, std::string_view bytes) {
    if (bytes.size() > request.max_body - response.body.size()) return false;
    response.body.append(bytes);
    return true;
  };
  reader.refused = too_large;

  Attempt attempt = perform(request, unary_, reader, stop);
  if (attempt.error) return *std::move(attempt.error);
  response.status = attempt.status;
  response.headers = std::move(attempt.headers);
  return response;
}

Result<StreamEnd> CpprestTransport::stream(const Request& request, Duration idle,
                                           const std::function<bool(std::string_view)>& on_bytes,
                                           std::stop_token stop) {
  const auto is_success = [](int status) { return status >= 200 && status < 300; };
  StreamEnd end;
  SteadyClock::time_point error_deadline{};
  Reader reader;
  reader.head_deadline = after(request.deadline);
  // Asked anew before each wait: time that on_bytes takes is not silence of the server.
  reader.body_deadline = [&](int status) { return is_success(status) ? after(idle) : error_deadline; };
  reader.on_head = [&](int status, const Headers&) -> std::optional<Error> {
    error_deadline = after(kErrorBodyTime);
    if (is_success(status) && request.begun) request.begun();
    return std::nullopt;
  };
  reader.on_piece = [&](int status, std::string_view bytes) {
    if (is_success(status)) return on_bytes(bytes);
    end.error_body.append(bytes.substr(0, request.max_body - end.error_body.size()));
    return end.error_body.size() < request.max_body;
  };
  reader.refused = [&] {
    return Error{ErrorCode::Cancelled, address_.origin() + ": the reader ended the stream", {}};
  };

  Attempt attempt = perform(request, streams_, reader, stop);
  // An error answer that is cut off is still the answer.
  const bool truncated =
      attempt.error && attempt.status != 0 && !is_success(attempt.status) && !stop.stop_requested();
  if (attempt.error && !truncated) return *std::move(attempt.error);
  end.status = attempt.status;
  end.headers = std::move(attempt.headers);
  return end;
}

}  // namespace

Fault current_fault() {
  try {
    throw;
  } catch (const TlsSetupError& e) {
    return {Fault::Origin::TlsSetup, 0, e.what()};
  } catch (const web::http::http_exception& e) {
    return {Fault::Origin::Network, e.error_code().value(), e.what()};
  } catch (const boost::system::system_error& e) {
    return {Fault::Origin::Network, e.code().value(), e.what()};
  } catch (const std::exception& e) {
    return {Fault::Origin::Network, 0, e.what()};
  } catch (...) {
    return {Fault::Origin::Network, 0, "an unknown failure"};
  }
}

Result<std::unique_ptr<Transport>> make_transport(const Endpoint& endpoint) {
  auto address = parse_address(endpoint.base_url);
  if (!address) return address.error();
  start_network_thread();
  auto tls = TlsSettings::make(*address, endpoint.tls);
  if (!tls) return tls.error();
  try {
    return std::unique_ptr<Transport>(std::make_unique<CpprestTransport>(*address, endpoint.user_agent, *tls,
                                                                         !endpoint.tls.insecure_skip_verify));
  } catch (const std::exception& e) {
    return Error{ErrorCode::Invalid, "the URL " + endpoint.base_url + " cannot be used: " + e.what(), {}};
  }
}

void prepare_network() {
  hide_system_certificates();
  start_network_thread();
}

}  // namespace sluice::http
