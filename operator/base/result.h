// Result<T>: the outcome of something that is expected to fail now and then.
//
// Exceptions are for bugs and for the edges of third-party libraries, where they are turned into an Error at
// once; everything that crosses a folder returns a Result. The codes are those that a caller can act upon; they
// follow the reasons of a Kubernetes Status where one exists.
//
//   Result<int> parse(std::string_view text);
//   auto n = parse("12");
//   if (!n) return n.error();
//   use(*n);
#pragma once

#include <cassert>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace sluice {

enum class ErrorCode {
  NotFound,
  AlreadyExists,
  Conflict,          // a stale resourceVersion, or another field manager
  Gone,              // a watch or a page that is too old: list anew
  Invalid,           // the request itself is wrong: trying again does not help
  Unauthorized,
  Forbidden,
  TooManyRequests,
  Timeout,
  Unavailable,       // refused, reset, 5xx: the other side is not there; try again later
  Cancelled,
  TooLarge,          // an answer beyond the limit that the caller set
  Internal,
};

// The code as one CamelCase word, e.g. for a log field or a condition reason.
constexpr const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::NotFound: return "NotFound";
    case ErrorCode::AlreadyExists: return "AlreadyExists";
    case ErrorCode::Conflict: return "Conflict";
    case ErrorCode::Gone: return "Gone";
    case ErrorCode::Invalid: return "Invalid";
    case ErrorCode::Unauthorized: return "Unauthorized";
    case ErrorCode::Forbidden: return "Forbidden";
    case ErrorCode::TooManyRequests: return "TooManyRequests";
    case ErrorCode::Timeout: return "Timeout";
    case ErrorCode::Unavailable: return "Unavailable";
    case ErrorCode::Cancelled: return "Cancelled";
    case ErrorCode::TooLarge: return "TooLarge";
    case ErrorCode::Internal: return "Internal";
  }
  return "Internal";
}

struct Error {
  ErrorCode code = ErrorCode::Internal;
  std::string message;                                  // a sentence for a person
  std::optional<std::chrono::milliseconds> retry_after; // what the server asked for
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}     // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {} // NOLINT: implicit by design

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Precondition: ok().
  const T& value() const { assert(ok()); return std::get<0>(state_); }
  T& value() { assert(ok()); return std::get<0>(state_); }
  T&& take() && { assert(ok()); return std::get<0>(std::move(state_)); }
  const T& operator*() const { return value(); }
  T& operator*() { return value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

  // Precondition: !ok().
  const Error& error() const { assert(!ok()); return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

// For calls that return nothing but success.
struct Ok {};
using Outcome = Result<Ok>;

}  // namespace sluice
