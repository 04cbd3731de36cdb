// A Prometheus server (or Thanos, Mimir, VictoriaMetrics: anything with its HTTP API) as a SampleSource.
//
// Each question is one instant query of a range selector, `SELECTOR[Nms]` at a time, as a POST of a form to
// /api/v1/query; that returns the raw samples. A query that the network loses before an answer is sent once
// more, as the connection may have been one that the server had closed. Warnings of the server are logged
// once each.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "base/result.h"
#include "http/transport.h"
#include "metrics/sample.h"

namespace sluice::metrics {

struct PrometheusOptions {
  std::size_t max_body = 32u << 20;  // bytes of one answer; more is ErrorCode::TooLarge
};

class Prometheus final : public SampleSource {
 public:
  // `address` is for messages only; `transport` already points there.
  Prometheus(std::string address, std::unique_ptr<http::Transport> transport, PrometheusOptions options = {});

  // See SampleSource. Invalid carries Prometheus' own words.
  Result<Matrix> samples(std::string_view selector, Time end, Duration window, Duration deadline,
                         std::stop_token stop) override;

  // By a subquery: `(QUERY)[window:step]`.
  Result<Matrix> values(std::string_view query, Time end, Duration window, Duration step, Duration deadline,
                        std::stop_token stop) override;

 private:
  Result<Matrix> ask(const std::string& query, Time end, Duration deadline, std::stop_token stop);
  Result<http::Response> post(const http::Request& request, std::stop_token stop);
  void warn_once(const std::string& warning);

  std::string address_;
  std::unique_ptr<http::Transport> transport_;
  PrometheusOptions options_;
  std::mutex mutex_;
  std::set<std::string> warned_;  // guarded by mutex_
};

// Checks an address as users write it: http:// or https://, a host, perhaps a port and a base path
// ("http://prometheus.monitoring:9090", "https://metrics.example.com/prometheus/"); nothing else. Returns it
// without a slash at its end. Errors: Invalid, in words for the user.
Result<std::string> check_address(std::string_view address);

// A Prometheus at `address`, with a connection pool of its own. Connects at the first question. Errors:
// Invalid.
Result<std::unique_ptr<SampleSource>> connect_prometheus(const std::string& address,
                                                         PrometheusOptions options = {});

}  // namespace sluice::metrics
