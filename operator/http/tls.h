// TLS of one endpoint: whom to trust, what to show, and why a peer was refused.
#pragma once

#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

#include "base/result.h"
#include "http/endpoint.h"
#include "http/transport.h"

typedef struct ssl_ctx_st SSL_CTX;
typedef struct x509_store_st X509_STORE;

namespace sluice::http {

// Thrown inside the library's callback (the only way out of it) and caught again by current_fault.
class TlsSetupError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Thread-safe. Shared by the transport and by the connections that it opened: one may outlive the other.
class TlsSettings : public std::enable_shared_from_this<TlsSettings> {
 public:
  // Errors: Invalid when the CA bundle holds no certificate.
  static Result<std::shared_ptr<TlsSettings>> make(const Address& address, const TlsOptions& options);

  // Prepares the context of a new connection: TLS 1.2 at least, only our authorities, the host's name, the
  // client certificate of this moment. Throws TlsSetupError.
  void configure(SSL_CTX* context);

  // Why the last certificate was refused; empty when none was.
  std::string verification_failure() const;
  void record_verification(std::string failure);

  // The owner of the client certificate goes away: do not ask it any more.
  void detach();

 private:
  TlsSettings(Address address, TlsOptions options)
      : address_(std::move(address)), options_(std::move(options)) {}
  void use_client_certificate(SSL_CTX* context);

  const Address address_;
  mutable std::mutex mutex_;
  TlsOptions options_;
  std::string failure_;
  std::shared_ptr<X509_STORE> store_;
};

}  // namespace sluice::http
