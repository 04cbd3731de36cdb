// The Client that talks to a real API server.
//
// What it does by itself, within a call's deadline:
// - a 401: forgets the cached token and tries once more;
// - a 429 or 5xx with Retry-After: waits as asked and tries again, a few times;
// - a kept-alive connection that turns out to be closed: once more on a new one (http/).
// It does not list again, back off or reconnect a watch: that is runtime/'s part.
//
// Writes are sent with fieldValidation=Strict: a field that the server does not know is an error (Invalid),
// not silently dropped; and with the time that is left as timeout, after which the server gives them up as well.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "http/transport.h"
#include "kube/client.h"
#include "kube/config.h"

namespace sluice::kube {

// One HTTP exchange, for metrics. A watch is reported when it ends.
struct RequestRecord {
  std::string verb;      // get list watch create update patch apply delete
  const char* method;    // GET POST PUT PATCH DELETE
  std::string resource;  // "deployments", "rollouts/status", "version"
  int status = 0;        // 0: no answer
  std::chrono::nanoseconds duration{};
};

struct ClientOptions {
  std::string user_agent;                // empty: kube::user_agent()
  Duration deadline = seconds(10);  // of a whole call, with all its tries
  // The same for a write. What passed the fence of a leader election must not be sent when another process may
  // act: this is at most its lease - renew.
  Duration write_deadline = seconds(5);
  Duration list_deadline = seconds(60);  // of one page
  double requests_per_second = 0;        // client-side limit, watches included; 0: off
  int burst = 20;
  std::function<void(const RequestRecord&)> observer;  // called on the caller's thread; quick, does not throw
  // Whether the server was reached by a try: false when there was no answer at all; of a watch, true once it begins.
  // As `observer`, from any thread.
  std::function<void(bool)> reached;
  // Asked before each try, watches excepted; false: it is not sent and the call ends with Unavailable. Null: always
  // true. From any thread.
  std::function<bool()> admits;
  std::stop_token stop;                                // ends all calls but watches, with Cancelled
  std::shared_ptr<const Clock> clock;                  // null: the machine's
  // Waits, or returns early when stopped. Null: really waits. For tests.
  std::function<void(Duration, const std::stop_token&)> pause;
};

// Errors: Invalid when the configuration cannot be used. Does not connect yet.
Result<std::unique_ptr<Client>> connect(const Config& config, const ClientOptions& options = {});

// Over a given transport. `credentials` may be null: anonymous.
std::unique_ptr<Client> make_client(std::unique_ptr<http::Transport> transport,
                                    std::shared_ptr<Credentials> credentials,
                                    const ClientOptions& options = {});

}  // namespace sluice::kube
