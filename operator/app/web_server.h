// The operator's own pages: /healthz, /readyz and /metrics.
//
//   /healthz  the process is alive and its threads tick (not: the API server can be reached)
//   /readyz   the caches hold a complete copy of the cluster, for the leader and standbys alike
//   /metrics  own metrics in the text format of Prometheus
//
// Each check answers 200 "ok", or 503 with what is wrong.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace sluice::app {

struct WebPages {
  std::function<std::string()> healthz;  // empty: well; else what is wrong
  std::function<std::string()> readyz;
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
