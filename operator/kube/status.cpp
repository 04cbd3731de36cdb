#include "kube/status.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "kube/object.h"

namespace sluice::kube {

namespace {

constexpr std::size_t kForeignWords = 200;           // bytes kept of a body that is not a Status
// Seconds. However long a server, or a proxy before it, asks us to wait: look again after this.
constexpr std::int64_t kLongestRetryAfter = 120;

// metav1.StatusReason. Those that are not here are judged by the HTTP status alone.
constexpr std::array<std::pair<std::string_view, ErrorCode>, 18> kReasons = {{
    {"NotFound", ErrorCode::NotFound},
    {"AlreadyExists", ErrorCode::AlreadyExists},
    {"Conflict", ErrorCode::Conflict},
    {"Gone", ErrorCode::Gone},
    {"Expired", ErrorCode::Gone},
    {"Invalid", ErrorCode::Invalid},
    {"BadRequest", ErrorCode::Invalid},
    {"MethodNotAllowed", ErrorCode::Invalid},
    {"NotAcceptable", ErrorCode::Invalid},
    {"UnsupportedMediaType", ErrorCode::Invalid},
    {"RequestEntityTooLarge", ErrorCode::Invalid},
    {"Unauthorized", ErrorCode::Unauthorized},
    {"Forbidden", ErrorCode::Forbidden},
    {"TooManyRequests", ErrorCode::TooManyRequests},
    {"Timeout", ErrorCode::Timeout},
    {"ServerTimeout", ErrorCode::Unavailable},
    {"ServiceUnavailable", ErrorCode::Unavailable},
    {"InternalError", ErrorCode::Unavailable},
}};

ErrorCode code_of_http(std::int64_t status) {
  switch (status) {
    case 401:
      return ErrorCode::Unauthorized;
    case 403:
      return ErrorCode::Forbidden;
    case 404:
      return ErrorCode::NotFound;
    case 408:
      return ErrorCode::Timeout;
    case 409:
      return ErrorCode::Conflict;
    case 410:
      return ErrorCode::Gone;
    case 429:
      return ErrorCode::TooManyRequests;
    case 504:
      return ErrorCode::Timeout;
    default:
      break;
  }
  if (status >= 500) return ErrorCode::Unavailable;
  // Redirects are not followed: the address in the configuration is wrong. 4xx: so is the request.
  return status >= 300 ? ErrorCode::Invalid : ErrorCode::Internal;
}

ErrorCode code_of(std::string_view reason, std::int64_t status) {
  const auto known =
      std::find_if(kReasons.begin(), kReasons.end(), [&](const auto& r) { return r.first == reason; });
  return known != kReasons.end() ? known->second : code_of_http(status);
}

std::optional<Duration> whole_seconds(std::int64_t count) {
  if (count <= 0) return std::nullopt;
  return seconds(std::min(count, kLongestRetryAfter));
}

// Only the form in seconds; the API server sends no dates.
std::optional<Duration> retry_after_header(const http::Headers& headers) {
  const auto text = http::find_header(headers, "Retry-After");
  if (!text) return std::nullopt;
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), count);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return whole_seconds(count);
}

// The beginning of a foreign body on one line.
std::string excerpt(const std::string& body) {
  std::string out = body.substr(0, kForeignWords);
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return std::iscntrl(c) != 0; }, ' ');
  while (out.ends_with(' ')) out.pop_back();
  return body.size() > kForeignWords ? out + "..." : out;
}

bool is_status(const nlohmann::json& body) {
  return string_at(body, {"kind"}) == "Status";
}

}  // namespace

Error error_from_status(const nlohmann::json& status) {
  const std::int64_t http_status = int_at(status, {"code"});
  const std::string reason = string_at(status, {"reason"});
  Error out;
  out.code = code_of(reason, http_status);
  out.message = string_at(status, {"message"});
  if (out.message.empty()) {
    out.message =
        "the API server answered " + std::to_string(http_status) + (reason.empty() ? "" : " " + reason);
  }
  out.retry_after = whole_seconds(int_at(status, {"details", "retryAfterSeconds"}));
  return out;
}

Error error_from_answer(int http_status, const http::Headers& headers, const std::string& body) {
  Error out;
  const auto parsed = nlohmann::json::parse(body, nullptr, false);
  if (is_status(parsed)) {
    out = error_from_status(parsed);
    if (int_at(parsed, {"code"}) == 0) out.code = code_of(string_at(parsed, {"reason"}), http_status);
  } else {
    out.code = code_of_http(http_status);
    const std::string words = excerpt(body);
    out.message = "the server answered " + std::to_string(http_status) + (words.empty() ? "" : ": " + words);
  }
  if (const auto asked = retry_after_header(headers)) out.retry_after = asked;
  return out;
}

}  // namespace sluice::kube
