// The operator's own pages: /healthz, /readyz and /metrics.
//
//   /healthz  no reconcile hangs (not: the API server can be reached)
//   /readyz   the caches hold a complete copy of the cluster, for the leader and standbys alike
//   /metrics  own metrics in the text format of Prometheus
//
// A check answers 200 with "ok" and perhaps more, or 503 with what is wrong, in one line.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace sluice::app {

struct CheckResult {
  bool well = true;
  std::string text = "ok";
};

struct WebPages {
  std::function<CheckResult()> healthz;
  std::function<CheckResult()> readyz;
  std::function<std::string()> metrics;
};

class WebServer {
 public:
  virtual ~WebServer() = default;  // stops it
  virtual int port() const = 0;
};

// `address` is "host:port" or ":port"; port 0 takes a free one. The functions are called on the server's threads.
// Errors: Unavailable when the port cannot be bound.
Result<std::unique_ptr<WebServer>> serve(const std::string& address, WebPages pages);

}  // namespace sluice::app
