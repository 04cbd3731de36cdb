#include "http/environment.h"

#include <openssl/x509.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <optional>
#include <vector>

#include "http/transport.h"

namespace sluice::http {

namespace {

constexpr const char* kNothing = "/nonexistent";

struct Snapshot {
  std::vector<std::string> variables;  // "NAME=value"
  std::optional<std::string> ca_file;
  std::optional<std::string> ca_directory;
};

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

Snapshot take_snapshot() {
  Snapshot out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
    out.variables.emplace_back(*entry);
  out.ca_file = variable("SSL_CERT_FILE");
  out.ca_directory = variable("SSL_CERT_DIR");
  return out;
}

// Written once, before threads start; read-only after that.
std::optional<Snapshot>& before_hiding() {
  static std::optional<Snapshot> snapshot;
  return snapshot;
}

}  // namespace

void hide_system_certificates() {
  static std::once_flag once;
  std::call_once(once, [] {
    before_hiding() = take_snapshot();
    ::setenv("SSL_CERT_FILE", kNothing, 1);
    ::setenv("SSL_CERT_DIR", kNothing, 1);
  });
}

std::vector<std::string> child_environment() {
  return before_hiding() ? before_hiding()->variables : take_snapshot().variables;
}

std::string system_ca_file() {
  const auto set = before_hiding() ? before_hiding()->ca_file : variable("SSL_CERT_FILE");
  return set ? *set : X509_get_default_cert_file();
}

std::string system_ca_directory() {
  const auto set = before_hiding() ? before_hiding()->ca_directory : variable("SSL_CERT_DIR");
  return set ? *set : X509_get_default_cert_dir();
}

}  // namespace sluice::http
