#include "app/web_server.h"

#include <CivetServer.h>

#include <utility>
#include <vector>

namespace sluice::app {
namespace {

class Page final : public CivetHandler {
 public:
  explicit Page(std::function<CheckResult()> answer) : answer_(std::move(answer)) {}

  bool handleGet(CivetServer*, mg_connection* connection) override {
    const auto [well, text] = answer_();
    mg_printf(connection,
              "HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
              "Content-Length: %zu\r\nConnection: close\r\n\r\n",
              well ? "200 OK" : "503 Service Unavailable", text.size());
    mg_write(connection, text.data(), text.size());
    return true;
  }

 private:
  std::function<CheckResult()> answer_;
};

std::function<CheckResult()> as_line(std::function<CheckResult()> check) {
  return [check = std::move(check)] {
    CheckResult result = check();
    result.text += '\n';
    return result;
  };
}

class Civet final : public WebServer {
 public:
  Civet(const std::string& port, WebPages pages)
      : healthz_(as_line(std::move(pages.healthz))),
        readyz_(as_line(std::move(pages.readyz))),
        metrics_([text = std::move(pages.metrics)] { return CheckResult{true, text()}; }),
        server_({"listening_ports", port, "num_threads", "4", "request_timeout_ms", "10000"}) {
    server_.addHandler("/healthz", healthz_);
    server_.addHandler("/readyz", readyz_);
    server_.addHandler("/metrics", metrics_);
  }
  int port() const override {
    const auto ports = const_cast<CivetServer&>(server_).getListeningPorts();  // not const in CivetWeb 1.15
    return ports.empty() ? 0 : ports.front();
  }

 private:
  Page healthz_;
  Page readyz_;
  Page metrics_;
  CivetServer server_;
};

}  // namespace

Result<std::unique_ptr<WebServer>> serve(const std::string& address, WebPages pages) {
  const std::string port = !address.empty() && address.front() == ':' ? address.substr(1) : address;
  try {
    return std::unique_ptr<WebServer>(std::make_unique<Civet>(port, std::move(pages)));
  } catch (const CivetException& e) {
    return Error{ErrorCode::Unavailable, "cannot serve on " + address + ": " + e.what() + "; is the port taken?", {}};
  }
}

}  // namespace sluice::app
