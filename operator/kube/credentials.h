// Who we are to the API server.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/time.h"

namespace sluice::kube {

// Thread-safe. Secrets that it hands out are never logged, and never part of an error's message.
class Credentials {
 public:
  virtual ~Credentials() = default;

  // The value of the Authorization header for the next request; empty: none. May read a file or run a
  // program. Errors: Unauthorized, when there is no way to get one.
  virtual Result<std::string> authorization() = 0;

  // {certificate chain PEM, key PEM} for the next connection, from memory; both empty: none.
  virtual std::pair<std::string, std::string> client_certificate() { return {}; }

  // The server answered 401 to this authorization(): forget it, if it is what is cached. False when asking again
  // would give the same.
  virtual bool forget(const std::string& /*refused*/) { return false; }
};

// One header for ever: a token or a name and a password.
std::shared_ptr<Credentials> fixed_credentials(std::string authorization);

// A bearer token in a file that somebody else renews, as for service accounts. Read again when it was last
// read more than a minute ago; a file that cannot be read (it is being replaced) leaves the last token in
// use. `fallback` is used as long as the file could not be read at all; empty: that is an error.
class TokenFile final : public Credentials {
 public:
  static constexpr auto kReadAgainAfter = std::chrono::minutes(1);

  TokenFile(std::string path, std::string fallback, std::shared_ptr<const Clock> clock)
      : path_(std::move(path)), token_(std::move(fallback)), clock_(std::move(clock)) {}

  Result<std::string> authorization() override;
  bool forget(const std::string& refused) override;

 private:
  const std::string path_;
  std::mutex mutex_;
  std::string token_;
  const std::shared_ptr<const Clock> clock_;
  std::optional<std::chrono::steady_clock::time_point> read_at_;
};

// "Basic ..." for a name and a password.
std::string basic_authorization(const std::string& user, const std::string& password);

// The whole file. Errors: Invalid, with the path and the reason.
Result<std::string> read_file(const std::string& path);

}  // namespace sluice::kube
