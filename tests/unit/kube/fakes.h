// A Transport that answers from a list: for tests of the REST client that are about what it decides, not
// about the network.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "http/transport.h"

namespace sluice::kube {

// What a FakeTransport has seen and is going to say; outlives it.
struct Script {
  std::vector<http::Request> requests;
  std::vector<Duration> idles;  // how long each watch may be silent
  std::deque<Result<http::Response>> answers;
  std::vector<std::string> pieces;  // of a watch's body
  std::function<void()> on_request = [] {};

  void answer(int status, std::string body, http::Headers headers = {}) {
    answers.push_back(http::Response{status, std::move(headers), std::move(body)});
  }
  void fail(ErrorCode code) { answers.push_back(Error{code, "the network says no", {}}); }
};

class FakeTransport final : public http::Transport {
 public:
  explicit FakeTransport(std::shared_ptr<Script> script) : script_(std::move(script)) {}

  Result<http::Response> send(const http::Request& request, std::stop_token stop) override {
    script_->requests.push_back(request);
    script_->on_request();
    if (stop.stop_requested()) return Error{ErrorCode::Cancelled, "cancelled", {}};
    if (script_->answers.empty()) return Error{ErrorCode::Internal, "the script is at its end", {}};
    auto answer = script_->answers.front();
    script_->answers.pop_front();
    return answer;
  }

  Result<http::StreamEnd> stream(const http::Request& request, Duration idle,
                                 const std::function<bool(std::string_view)>& on_bytes,
                                 std::stop_token stop) override {
    script_->idles.push_back(idle);
    auto answer = send(request, stop);
    if (!answer) return answer.error();
    if (answer->status != 200) return http::StreamEnd{answer->status, answer->headers, answer->body};
    if (request.begun) request.begun();
    for (const std::string& piece : script_->pieces) {
      if (!on_bytes(piece) || stop.stop_requested())
        return Error{ErrorCode::Cancelled, "ended by the reader", {}};
    }
    return http::StreamEnd{200, answer->headers, ""};
  }

 private:
  std::shared_ptr<Script> script_;
};

}  // namespace sluice::kube
