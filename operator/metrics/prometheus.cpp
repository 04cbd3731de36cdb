#include "metrics/prometheus.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <utility>

#include "base/log.h"
#include "metrics/query_answer.h"

namespace sluice::metrics {
namespace {

constexpr std::size_t kMessageLimit = 300;  // bytes of somebody else's text in a message of ours

std::string shortened(std::string_view text) {
  std::string out(text.substr(0, kMessageLimit));
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  return out;
}

// Unix time, or a duration, in seconds with milliseconds.
std::string in_seconds(Duration value) {
  const long long ms = std::max<long long>(value.count(), 0);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%lld.%03lld", ms / 1000, ms % 1000);
  return text.data();
}

// Retry-After in its form as a number of seconds; the form as a date is not used by metrics stores.
std::optional<Duration> retry_after(const http::Headers& headers) {
  const auto text = http::find_header(headers, "Retry-After");
  if (!text) return std::nullopt;
  int value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  constexpr int longest = 3600;
  if (error != std::errc() || end != text->data() + text->size() || value < 0) return std::nullopt;
  return seconds(std::min(value, longest));
}

ErrorCode code_of(int status, std::string_view error_type) {
  switch (status) {
    case 400:
    case 422:
      return ErrorCode::Invalid;
    case 401:
      return ErrorCode::Unauthorized;
    case 403:
      return ErrorCode::Forbidden;
    case 404:
      return ErrorCode::NotFound;
    case 408:
      return ErrorCode::Timeout;
    case 413:
      return ErrorCode::TooLarge;
    case 429:
      return ErrorCode::TooManyRequests;
    default:
      break;
  }
  if (error_type == "timeout" || status == 504) return ErrorCode::Timeout;
  return status >= 500 ? ErrorCode::Unavailable : ErrorCode::Invalid;
}

// What a status other than 200 means, in Prometheus' own words if it has any.
Error error_of(const http::Response& response) {
  const auto answer = parse_answer(response.body);
  const bool own_words = answer && !answer->error.empty();
  std::string message = "HTTP " + std::to_string(response.status);
  if (own_words) {
    message += " " + answer->error_type + ": " + shortened(answer->error);
  } else if (response.status == 404) {
    message += ": no query API there; is the path of the address right?";
  } else if (response.status >= 300 && response.status < 400) {
    message += ": redirects to " +
               shortened(http::find_header(response.headers, "Location").value_or("elsewhere")) +
               ", which is not followed";
  } else if (!response.body.empty()) {
    message += ": " + shortened(response.body);
  }
  return {code_of(response.status, own_words ? answer->error_type : ""), std::move(message),
          retry_after(response.headers)};
}

}  // namespace

Prometheus::Prometheus(std::string address, std::unique_ptr<http::Transport> transport,
                       PrometheusOptions options)
    : address_(std::move(address)), transport_(std::move(transport)), options_(options) {}

Result<Matrix> Prometheus::samples(std::string_view selector, Time end, Duration window, Duration deadline,
                                   std::stop_token stop) {
  return ask(std::string(selector) + "[" + std::to_string(window.count()) + "ms]", end, deadline, std::move(stop));
}

Result<Matrix> Prometheus::values(std::string_view query, Time end, Duration window, Duration step, Duration deadline,
                                  std::stop_token stop) {
  const std::string range = "[" + std::to_string(window.count()) + "ms:" + std::to_string(step.count()) + "ms]";
  return ask("(" + std::string(query) + ")" + range, end, deadline, std::move(stop));
}

Result<Matrix> Prometheus::ask(const std::string& query, Time end, Duration deadline, std::stop_token stop) {
  http::Request request;
  request.method = http::Method::Post;
  request.path = "/api/v1/query";
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
  request.body = "query=" + http::percent_encode(query) + "&time=" + in_seconds(end.time_since_epoch()) +
                 "&timeout=" + in_seconds(deadline);
  request.deadline = deadline;
  request.max_body = options_.max_body;

  const auto failed = [&](Error error) {
    error.message = "Prometheus at " + address_ + ": " + error.message + " (query: " + shortened(query) + ")";
    return error;
  };
  const auto response = post(request, stop);
  if (!response) return failed(response.error());
  if (response->status != 200) return failed(error_of(*response));

  auto answer = parse_answer(response->body);
  if (!answer)
    return failed({ErrorCode::Invalid, "not an answer of its query API: " + answer.error().message, {}});
  for (const std::string& warning : answer->warnings) warn_once(warning);
  if (answer->status != "success") {
    return failed({ErrorCode::Invalid, answer->error_type + ": " + shortened(answer->error), {}});
  }
  if (answer->result_type != "matrix") {
    return failed(
        {ErrorCode::Invalid, "the query is no selector of series: it gives a " + answer->result_type, {}});
  }
  return std::move(answer->matrix);
}

Result<http::Response> Prometheus::post(const http::Request& request, std::stop_token stop) {
  auto response = transport_->send(request, stop);
  const bool lost = !response && response.error().code == ErrorCode::Unavailable;
  if (!lost || stop.stop_requested()) return response;
  return transport_->send(request, stop);  // a query changes nothing: it may run twice
}

void Prometheus::warn_once(const std::string& warning) {
  constexpr std::size_t remembered = 100;
  {
    const std::lock_guard lock(mutex_);
    if (warned_.size() >= remembered || !warned_.insert(shortened(warning)).second) return;
  }
  log::warn("Prometheus warns", {{"address", address_}, {"warning", shortened(warning)}});
}

Result<std::string> check_address(std::string_view address) {
  const auto invalid = [&](const std::string& why) {
    return Error{ErrorCode::Invalid, "the Prometheus address \"" + shortened(address) + "\" " + why,
                 std::nullopt};
  };
  const std::size_t scheme_end = address.find("://");
  const std::string_view scheme = address.substr(0, scheme_end);
  if (scheme_end == std::string_view::npos || (scheme != "http" && scheme != "https")) {
    return invalid("must begin with http:// or https://");
  }
  const std::string_view rest = address.substr(scheme_end + 3);
  const std::string_view authority = rest.substr(0, rest.find('/'));
  if (authority.empty() || authority.front() == ':') return invalid("has no host");
  if (authority.find('@') != std::string_view::npos) return invalid("must not contain a user or password");
  const bool plain = std::none_of(address.begin(), address.end(), [](unsigned char c) {
    return c <= 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>';
  });
  if (!plain) return invalid("contains a character that a URL may not have");
  if (rest.find_first_of("?#") != std::string_view::npos)
    return invalid("must not have a query or a fragment");
  std::string out(address);
  while (out.back() == '/') out.pop_back();
  return out;
}

Result<std::unique_ptr<SampleSource>> connect_prometheus(const std::string& address,
                                                         PrometheusOptions options) {
  auto checked = check_address(address);
  if (!checked) return checked.error();
  auto transport = http::make_transport({*checked, {}, "sluice"});
  if (!transport) return transport.error();
  return std::unique_ptr<SampleSource>(
      std::make_unique<Prometheus>(*checked, std::move(transport).take(), options));
}

}  // namespace sluice::metrics
